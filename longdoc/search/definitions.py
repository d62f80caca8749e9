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

_ASKS = re.compile(
    r"^(?:so|and|but)?\s*(?:who|what)\s+(?:is|are|was|were|’s|'s)\s+(?:(?:a|an|the)\s+)?(?P<subject>[^?]+?)\s*\??\s*$",
    re.IGNORECASE,
)
# A subject with one of these is a description of what is asked for, not its name.
_DESCRIBES = re.compile(
    r"\b(of|in|on|at|to|for|from|by|with|that|who|which|when|about|between|during|after|before|and|or|his|her|their|"
    r"its|most|first|last|one|called|\w+ing|\w+ed)\b"
)
_MAX_SUBJECT_WORDS = 4
_MAX_MENTIONS = 60
_BE = (
    r"(?:is|was|are|were|has been|had been|became|means|refers to|stands for|(?:proved|turned out|seems|seemed) to be)"
)
_A = r"(?:a|an|the|one of|my|his|her|our|their|its|some)"


def subject_of(question: str) -> str | None:
    """The name in "Who is NAME?" and "What is a NAME?"; None for any other question."""
    match = _ASKS.match(question)
    if match is None:
        return None
    subject = " ".join(match["subject"].split())
    return subject if len(subject.split()) <= _MAX_SUBJECT_WORDS and not _DESCRIBES.search(subject) else None


def pattern_of(subject: str) -> re.Pattern[str]:
    """Finds the subject, or the last word of a name of several, and what is said of it in its sentence."""
    words = [re.escape(word) for word in subject.split()]
    name = r"\s+".join(words)
    if len(words) > 1 and subject.split()[-1][:1].isupper():
        name = rf"(?:{name}|{words[-1]})"
    name = rf"\b{name}s?\b[”\"’]?"
    return re.compile(
        rf"(?P<says>{name}(?:\s\([^)]*\))?,?\s{_BE}\s(?:\w+ly\s)?{_A}\b"
        rf"|{name}\s?(?:,|—|–|\(|\s-)\s?(?:{_A}|who|which)\s"
        rf"|\b{_A}\s(?:[\w’'-]+\s){{0,4}}[\w’'-]+(?:,|\s?—|\scalled|\snamed|\sknown as)\s?(?:the\s)?{name})|{name}",
        re.IGNORECASE,
    )


def says(pattern: re.Pattern[str], sentence: str) -> float:
    """1 when the sentence says what the subject is, 1/2 when it names it, else 0."""
    found = [match.group("says") is not None for match in pattern.finditer(sentence)]
    return 0.0 if not found else 1.0 if any(found) else 0.5


def introductions(subject: str, text: str, sentences: Sequence[Span]) -> list[int]:
    """Numbers of the first sentence that names the subject, and of the first that says what it is."""
    pattern = pattern_of(subject)
    words = [re.escape(word) for word in subject.split()]
    found = _naming(r"\s+".join(words), text, sentences)
    if not found and words[-1][:1].isupper():
        found = _naming(words[-1], text, sentences)
    said = [number for number in found if says(pattern, text[slice(*sentences[number])]) == 1]
    return list(dict.fromkeys(found[:1] + said[:1]))


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
