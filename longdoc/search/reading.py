"""What the reader makes of passages and their sentences: columns for the rankers, beside those of words and of meaning.

Only for questions about English text, and only with a reader beside the rankers: it has seen no mere words of a search.
A passage is read once a question. Knows nothing of how the columns are weighed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from longdoc.core.types import Passage
from longdoc.search.candidates import Candidate
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Array, RankerFile
from longdoc.search.reader import Reader

_MOST = 8.0  # log odds, both ways: beyond it only says how sure the reader is of itself
_MOST_READINGS = 512  # that an index keeps
_QUESTION = re.compile(
    r"\?\W*$|\b(who|whom|whose|what|which|when|where|why|how)\b|"
    r"^\W*(am|is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)


def reader_for(question: str, index: PassageIndex, rankers: RankerFile) -> Reader | None:
    """The reader, where there is one and this is a question that it can read for."""
    return rankers.reader if index.is_english and _QUESTION.search(question) else None


def of_passages(question: str, index: PassageIndex, passages: Sequence[Passage], reader: Reader) -> Array:
    """(P,): the log odds of the sentence of each that most likely answers."""
    return np.array([max(_read(question, index, p, reader).values(), default=-_MOST) for p in passages])


def of_sentences(
    question: str, index: PassageIndex, passages: Sequence[Passage], found: Sequence[Candidate], reader: Reader
) -> Array:
    """(N,): log odds in the passage in which each looks best."""
    best: dict[int, float] = {}
    for passage in passages:
        for number, odds in _read(question, index, passage, reader).items():
            best[number] = max(odds, best.get(number, -_MOST))
    return np.array([best.get(candidate.number, -_MOST) for candidate in found])


def _read(question: str, index: PassageIndex, passage: Passage, reader: Reader) -> Mapping[int, float]:
    """Log odds by the number of the sentence."""
    rest, named = index.scope_of(question)
    asked = named.rest if named else rest
    key = (asked, passage.start, passage.end)
    if key not in index.readings:
        if len(index.readings) >= _MOST_READINGS:
            index.readings.clear()
        numbers = list(index.sentences_of(passage))
        spans = [(a - passage.start, b - passage.start) for a, b in (index.sentences[n] for n in numbers)]
        odds = reader.of_sentences(asked, index.text[passage.start : passage.end], spans)
        index.readings[key] = dict(zip(numbers, np.clip(odds, -_MOST, _MOST).tolist(), strict=True))
    return index.readings[key]
