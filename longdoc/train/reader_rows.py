"""What the reader learns from: questions with passages that answer them or do not, and questions made from sentences.

A question of a set comes with the windows of its paragraph that hold the answer, and with those of the same document
that share most of its words and do not: what a search would have found beside them. Questions that are made take a
sentence, leave out a name, a number or the end, and some of the other words; they teach what stands where.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from longdoc.core.sentences import Span, sentence_spans
from longdoc.ingest.encoding import decode
from longdoc.search.joined import Row, is_held_out
from longdoc.search.measures import overlap, tokens
from longdoc.search.related import related_words
from longdoc.search.words import STOP_WORDS, content_words

_WINDOW = 115  # words
_SHARED = 2  # sentences that a window has from the one before it
_MOST_RIGHT, _MOST_WRONG = 2, 6  # windows of a question
_SHARE_OF_ANSWER = 0.5  # of the words of an answer that was written, not copied, in the sentence that holds it
_STRETCH = 9_000  # characters from which a few questions are made
_PER_STRETCH = 4
_LENGTH = range(8, 46)  # words of a sentence that a question is made from
_NAME = re.compile(r"[A-Z][a-z'’]+(?: (?:of |the |de |von )?[A-Z][a-z'’]+)*")
_NUMBER = re.compile(
    r"\$?\d[\d,.]*(?: ?(?:%|percent|million|billion|thousand|hundred))?|"
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty)\b"
)
_DATE = re.compile("January|February|March|April|May|June|July|August|September|October|November|December|[A-Z]\\w+day")
_ENDS = (
    ("why", re.compile(r"\b(?:because|so that|in order to|to) [a-z][^,;.!?]{12,70}(?=[,;.!?])")),
    ("where", re.compile(r"\b(?:in|at|on|near|into|under) (?:the|a|an|his|her|its) [a-z][\w -]{2,25}(?=[,;.!?])")),
    ("what", re.compile(r"\b(?:the|a|an|his|her|its|some) [a-z]+(?: [a-z]+)?(?=[,;.!?])")),
)
_ASKED_WITH = {
    "name": ("who", "what", "which"),
    "date": ("when", "what day", "what date"),
    "year": ("when", "in what year", "what year"),
    "number": ("how many", "how much", "what number", "how long"),
    "money": ("how much", "what amount", "how much money"),
    "why": ("why", "for what reason", "what for"),
    "where": ("where", "in what place"),
    "what": ("what", "which thing", "what kind of thing"),
}


class Example(NamedTuple):
    """A question and a passage.

    answers: spans in it, none where it does not answer.   whole: any word of them may be the answer, for one that was
    written, not copied: the sentence that has most of its words.
    """

    question: str
    passage: str
    answers: tuple[Span, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """right: windows that answer.   wrong: others, those that share most words with the question first."""

    right: tuple[Example, ...]
    wrong: tuple[Example, ...]


class _Window(NamedTuple):
    text: str
    stems: frozenset[str]
    sentences: tuple[Span, ...]  # in the text of the window


def asked_rows(rows: Iterable[Row]) -> list[Asked]:
    """Of the documents that are not held out. A question whose answer is not found in its paragraph is left out."""
    own = [row for row in rows if not is_held_out(row["doc_id"])]
    windows: dict[str, list[_Window]] = {}
    of_document: dict[str, dict[str, _Window]] = {}
    for row in own:
        if row["context"] not in windows:
            windows[row["context"]] = [*_windows(row["context"])]
        of_document.setdefault(row["doc_id"], {}).update((w.text, w) for w in windows[row["context"]])
    everywhere = [w for document in of_document.values() for w in document.values()]
    counts = Counter(word for window in everywhere for word in window.stems)
    weights = {word: math.log(len(everywhere) / (1 + count)) for word, count in counts.items()}
    found = (_asked(row, windows[row["context"]], [*of_document[row["doc_id"]].values()], weights) for row in own)
    return [asked for asked in found if asked is not None]


def made_rows(texts: Sequence[Path], most: int, seed: int = 0) -> list[Example]:
    """About so many examples of questions made from sentences, as many from each text, some with a passage that does
    not answer.
    """
    rng = random.Random(seed)
    found: list[Example] = []
    for path in texts:
        text = decode(path.read_bytes()).text
        starts = [*range(0, len(text), _STRETCH)]
        rng.shuffle(starts)
        own: list[Example] = []
        for start in starts:
            if len(own) >= most / len(texts):
                break
            own += _made(text[start : start + _STRETCH], rng)
        found += own
    return found


def _windows(text: str) -> Iterator[_Window]:
    sentences = sentence_spans(text)
    lengths = [len(text[a:b].split()) for a, b in sentences]
    first = 0
    while first < len(sentences):
        last, size = first, lengths[first]
        while last + 1 < len(sentences) and size + lengths[last + 1] <= _WINDOW:
            last += 1
            size += lengths[last]
        start, end = sentences[first][0], sentences[last][1]
        spans = tuple((a - start, b - start) for a, b in sentences[first : last + 1])
        yield _Window(text[start:end], frozenset(content_words(text[start:end])), spans)
        if last + 1 == len(sentences):
            return
        first = max(first + 1, last + 1 - _SHARED)


def _asked(row: Row, own: Sequence[_Window], document: Sequence[_Window], weights: Mapping[str, float]) -> Asked | None:
    question = row["question"]
    words = set(content_words(question))

    def shared(window: _Window) -> float:
        return sum(weights.get(word, 0.0) for word in words & window.stems)

    right = _right(question, row["answers"], own) if row["answerable"] else []
    if row["answerable"] and not right:
        return None
    right = sorted(right, key=lambda pair: -shared(pair[0]))[:_MOST_RIGHT]
    answering = {window.text for window, _ in right}
    telling = [a for a in row["answers"] if len(a) > 3]
    others = [w for w in document if w.text not in answering and not any(a in w.text for a in telling)]
    others.sort(key=lambda window: -shared(window))
    if not row["answerable"]:  # its own paragraph first: it was written for that
        others = [*sorted(own, key=lambda w: -shared(w))[:1], *others]
    return Asked(tuple(example for _, example in right), tuple(Example(question, w.text) for w in others[:_MOST_WRONG]))


def _right(question: str, answers: Sequence[str], own: Sequence[_Window]) -> list[tuple[_Window, Example]]:
    """Windows in which an answer stands word for word; failing that, those with the sentence that has most of it."""
    found = []
    for window in own:
        spans = tuple(
            m.span()
            for a in answers
            if a.strip()
            for m in re.finditer(rf"(?<!\w){re.escape(a.strip())}(?!\w)", window.text)
        )
        if spans:
            found.append((window, Example(question, window.text, spans)))
    if found:
        return found
    wanted = [t for t in map(tokens, answers) if t]
    scored = []
    for window in own:
        for start, end in window.sentences:
            said = tokens(window.text[start:end])
            share = max((overlap(said, one) / len(one) for one in wanted), default=0.0)
            scored.append((share, window, (start, end)))
    most = max((share for share, _, _ in scored), default=0.0)
    if most < _SHARE_OF_ANSWER:
        return []
    return [(w, Example(question, w.text, (span,), whole=True)) for share, w, span in scored if share == most]


def _made(text: str, rng: random.Random) -> list[Example]:
    """A few questions from one stretch of text, and with some of them a passage of it that does not answer."""
    sentences = sentence_spans(text)[1:-1]
    found: list[Example] = []
    num = 0
    for i in rng.sample(range(len(sentences)), min(len(sentences), 3 * _PER_STRETCH)):
        sentence = text[slice(*sentences[i])]
        gaps = [*_gaps(sentence)]
        if num == _PER_STRETCH or len(sentence.split()) not in _LENGTH or not gaps:
            continue
        kind, (start, end) = rng.choice(gaps)
        question = _question(sentence[:start], sentence[end:], kind, rng)
        first, last = _around(text, sentences, i, rng.randrange(50, 150), rng)
        passage = text[sentences[first][0] : sentences[last][1]]
        if question is None or "<<<" in passage:  # a mark of a collection
            continue
        offset = sentences[i][0] - sentences[first][0]
        found.append(Example(question, passage, ((offset + start, offset + end),)))
        num += 1
        asked = set(content_words(question))
        elsewhere = [n for n in range(0, len(sentences), 6) if not first - 6 <= n <= last]
        others = [text[sentences[n][0] : sentences[min(n + 5, len(sentences) - 1)][1]] for n in elsewhere]
        others = [other for other in others if "<<<" not in other]
        if others and rng.random() < 0.6:
            found.append(Example(question, max(others, key=lambda other: len(asked & set(content_words(other))))))
    return found


def _gaps(sentence: str) -> Iterator[tuple[str, Span]]:
    """What may be left out of a sentence and asked for, by kind."""
    for match in _NAME.finditer(sentence):
        if match.start() > 0 or " " in match[0]:
            yield ("date" if _DATE.search(match[0]) else "name"), match.span()
    for match in _NUMBER.finditer(sentence):
        is_year = re.fullmatch(r"1\d{3}|20\d\d", match[0])
        yield ("year" if is_year else "money" if "$" in match[0] else "number"), match.span()
    for kind, pattern in _ENDS:
        yield from ((kind, match.span()) for match in pattern.finditer(sentence))


def _question(before: str, after: str, kind: str, rng: random.Random) -> str | None:
    """From the words beside what was left out, some of them missing or replaced by related ones."""
    sides = [re.findall(r"[\w'’-]+", side) for side in (before, after)]
    left = _noisy(sides[0][-rng.choice((5, 8, 12, 20)) :], rng)
    right = _noisy(sides[1][: rng.choice((0, 4, 8, 12))], rng)
    if sum(word.lower() not in STOP_WORDS for word in left + right) < 2:
        return None
    asked = rng.choice(_ASKED_WITH[kind]).split()
    order = rng.choices((asked + left + right, left + asked + right, asked + right + left), (0.55, 0.25, 0.2))[0]
    text = " ".join(order)
    return text[0].upper() + text[1:] + ("?" if rng.random() < 0.9 else "")


def _noisy(words: Sequence[str], rng: random.Random) -> list[str]:
    found = []
    for word in words:
        lowered = word.lower()
        others = related_words(lowered)
        if others and rng.random() < 0.4:
            lowered = word = rng.choice(others)
        if rng.random() >= (0.35 if lowered in STOP_WORDS else 0.22):
            found.append(word if word[0].isupper() and rng.random() < 0.9 else lowered)
    return found


def _around(text: str, sentences: Sequence[Span], i: int, most: int, rng: random.Random) -> tuple[int, int]:
    """The first and the last sentence of a passage of about so many words, in which the given one stands anywhere."""
    first = last = i
    size = len(text[slice(*sentences[i])].split())
    while size < most and (first > 0 or last + 1 < len(sentences)):
        if last + 1 == len(sentences) or (first > 0 and rng.random() < 0.5):
            first -= 1
            size += len(text[slice(*sentences[first])].split())
        else:
            last += 1
            size += len(text[slice(*sentences[last])].split())
    return first, last
