"""Questions that ask what somebody or something is, and sentences that say it.

"Who is Royer?" has one word to search for, and every sentence that names him has it. What he is stands where a text
says "Royer was a", "Royer, the" or "their minister, Royer", and most often where he is first named. English only.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from longdoc.core.sentences import Span

SAYS_WEIGHT, FIRST_WEIGHT = 1.5, 1.0  # beside the sentence ranker's score
ONLY_WEIGHT = 4.0  # where the question's other words, "function" or "difference", are not those of the answer

_SUBJECT = r"(?:(?:a|an|the)\s+)?(?P<subject>[^?]+?)"
_ASKS = tuple(
    re.compile(rf"^(?:so|and|but)?\s*{words}\s*[?.]?\s*$", re.IGNORECASE)
    for words in (
        rf"(?:who|what)\s+(?:is|are|was|were|’s|'s)\s+{_SUBJECT}",
        rf"what\s+(?:do|does)\s+{_SUBJECT}\s+(?:do|mean|stand\s+for)",
        rf"what\s+(?:is|are|was|were)\s+the\s+(?:functions?|role|purpose|job|meaning|definition)\s+of\s+{_SUBJECT}",
        rf"what\s+is\s+meant\s+by\s+{_SUBJECT}",
        rf"define\s+{_SUBJECT}",
    )
)
_DIFFERENCE = re.compile(
    r"^(?:what\s+(?:is|are|was|were)\s+the\s+differences?\s+between|how\s+(?:do|does|did))"
    r"\s+(?:(?:a|an|the)\s+)?(?P<one>[^?]+?)\s+(?:and|differ\s+from)\s+(?:(?:a|an|the)\s+)?(?P<other>[^?]+?)(?P<differ>\s+differ)?\s*\??\s*$",
    re.IGNORECASE,
)
# A subject with one of these is a description of what is asked for, not its name.
_DESCRIBES = re.compile(
    r"\b(of|in|on|at|to|for|from|by|with|that|who|which|what|how|why|when|he|she|they|about|between|during|after|before|"
    r"and|or|his|her|their|its|most|first|last|one|called|\w+ing|\w+ed)\b"
)
_PRONOUNS = frozenset(["he", "she", "it", "they", "we", "you", "i", "this", "that", "these", "those", "one"])
_MAX_SUBJECT_WORDS = 4
_MAX_MENTIONS = 60
_BE = (
    r"(?:is|was|are|were|has been|had been|became|means|refers to|stands for|(?:proved|turned out|seems|seemed) to be)"
)
_A = r"(?:a|an|the|one of|my|his|her|our|their|its|some)"


def subject_of(question: str) -> str | None:
    """The name in "Who is NAME?", "What is a NAME?" and "What does NAME do?"; None for any other question."""
    asked = _asked(question)
    return asked[1] if asked is not None else None


def _asked(question: str) -> tuple[int, str] | None:
    """Which form of question it is, and its subject."""
    for number, form in enumerate(_ASKS):
        match = form.match(question)
        if match is not None and (subject := _named(match["subject"])) is not None:
            return number, subject
    return None


def subjects_of(question: str) -> list[str]:
    """The names that a question asks about: one, or the two of "What is the difference between NAME and NAME?"."""
    subject = subject_of(question)
    if subject is not None:
        return [subject]
    match = _DIFFERENCE.match(question)
    if match is None or not (match["differ"] or "differ" in match[0].lower()):
        return []
    named = [_named(match["one"]), _named(match["other"])]
    return [name for name in named if name is not None] if None not in named else []


def without_asking(question: str) -> str:
    """The question in words that the answer may share: "What is X?" for "What is the function of X?"."""
    if _is_plain(question):
        return question
    return " ".join(f"What is {subject}?" for subject in subjects_of(question)) or question


def first_weight(question: str) -> float:
    """What is added for the sentence that introduces a subject of the question."""
    return FIRST_WEIGHT if _is_plain(question) else ONLY_WEIGHT


def _is_plain(question: str) -> bool:
    """Whether it is asked "What is X?", and nothing else."""
    asked = _asked(question)
    return asked is not None and asked[0] == 0


def _named(words: str) -> str | None:
    """A name, when the words are one and no description."""
    subject = " ".join(words.split())
    if subject.lower() in _PRONOUNS or len(subject.split()) > _MAX_SUBJECT_WORDS or _DESCRIBES.search(subject):
        return None
    return subject


def pattern_of(subject: str) -> re.Pattern[str]:
    """Finds the subject, or the last word of a name of several, and what is said of it in its sentence."""
    words = _patterns(subject)
    name = r"\s+".join(words)
    if len(words) > 1 and subject.split()[-1][:1].isupper():
        name = rf"(?:{name}|{words[-1]})"
    name = rf"\b{name}\b[”\"’]?"
    return re.compile(
        rf"(?P<says>{name}\)?(?:\s\([^)]*\))?,?\s{_BE}\s(?:\w+ly\s)?{_A}\b"
        rf"|{name}\s?(?:,|—|–|\(|\s-)\s?(?:{_A}|who|which)\s"
        rf"|\b{_A}\s(?:[\w’'-]+\s){{0,4}}[\w’'-]+(?:,|\s?—|\scalled|\snamed|\sknown as)\s?(?:(?:the|an?)\s)?{name})"
        rf"|{name}",
        re.IGNORECASE,
    )


def says(pattern: re.Pattern[str], sentence: str) -> float:
    """1 when the sentence says what the subject is, 1/2 when it names it, else 0."""
    found = [match.group("says") is not None for match in pattern.finditer(sentence)]
    return 0.0 if not found else 1.0 if any(found) else 0.5


def introductions(subject: str, text: str, sentences: Sequence[Span]) -> list[int]:
    """Numbers of the first sentence that names the subject, and of the first that says what it is."""
    pattern = pattern_of(subject)
    words = _patterns(subject)
    found = _naming(r"\s+".join(words), text, sentences)
    if not found and words[-1][:1].isupper():
        found = _naming(words[-1], text, sentences)
    said = [number for number in found if says(pattern, text[slice(*sentences[number])]) == 1]
    return list(dict.fromkeys(found[:1] + said[:1]))


def _patterns(subject: str) -> list[str]:
    """The words of a name, the last one in singular and plural."""
    *others, last = subject.split()
    if len(last) > 4 and last.endswith("ies"):
        ending = rf"{re.escape(last[:-3])}(?:y|ies)"
    elif len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        ending = rf"{re.escape(last[:-1])}s?"
    else:
        ending = rf"{re.escape(last)}s?"
    return [*map(re.escape, others), ending]


def definition_of(subject: str, text: str, sentences: Sequence[Span]) -> int | None:
    """The number of the first sentence that introduces the subject.

    A thing (in lower case) is introduced where the text first says what it is, anybody else where it first names him.
    """
    found = introductions(subject, text, sentences)
    if subject[:1].islower():
        mentions = _naming(r"\s+".join(_patterns(subject)), text, sentences)
        defines = _defines(subject)
        defined = [number for number in mentions if defines.search(text[slice(*sentences[number])])]
        pattern = pattern_of(subject)
        said = [number for number in found if says(pattern, text[slice(*sentences[number])]) == 1]
        found = defined or said or found
    return found[0] if found else None


def _defines(subject: str) -> re.Pattern[str]:
    """Finds "X is a", "X refers to" and "known as X"; not "the Y, an X", which may be said of the Y."""
    name = r"\s+".join(_patterns(subject))
    return re.compile(
        rf"\b{name}\)?(?:\s\([^)]*\))?,?\s(?:{_BE}\s(?:\w+ly\s)?{_A}|means|refers?\s+to)\b"
        rf"|\b(?:is|are)\s(?:known\sas|called|termed)\s(?:(?:the|an?)\s)?{name}\b",
        re.IGNORECASE,
    )


def _naming(name: str, text: str, sentences: Sequence[Span]) -> list[int]:
    """Sentences with a name, in order; at most _MAX_MENTIONS, for what is not introduced by then never is."""
    found: dict[int, None] = {}
    for match in re.finditer(rf"\b{name}", text, re.IGNORECASE):
        number = bisect_right(sentences, match.start(), key=lambda span: span[0]) - 1
        if number >= 0 and match.start() < sentences[number][1]:
            found[number] = None
        if len(found) >= _MAX_MENTIONS:
            break
    return list(found)
