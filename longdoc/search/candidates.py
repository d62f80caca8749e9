"""Sentences of found passages and what can be said about each of them without a language model.

Every column is comparable between questions: shares of the question's idf, not sums, because a
ranker sees many questions. Knows nothing of how the columns are weighed.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from longdoc.core.types import Passage
from longdoc.search import apparatus
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Array
from longdoc.search.related import related
from longdoc.search.words import content_words, expected_share, fold, stem, words

K1, B = 1.2, 0.3  # sentences: length says little, so b is far below BM25's usual .75
_NONE: frozenset[str] = frozenset()
_NAME = re.compile(r"\b[A-Z][\w'’-]+")
_YEAR = re.compile(
    r"\b(1\d{3}|20\d\d)\b|\b(January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_WHEN = re.compile(
    r"\b(when|after|before|until|during|century|years?|months?|weeks?|days?|night|morning|evening|noon|midnight|"
    r"o'clock|spring|summer|autumn|winter|christmas|today|yesterday|tomorrow)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|"
    r"half|once|twice)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(in|at|from|near|to|into|on|under|behind|beneath|inside|through|of)\s+(the|a|an|his|her|their|[A-Z])",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(because|since|for|so that|in order to|therefore|due to|cause[sd]?|reason|as|to)\b", re.IGNORECASE
)
_QUOTE = re.compile(r'["“”«»]')
_KINDS = (
    ("who", re.compile(r"\b(who|whom|whose)\b")),
    ("when", re.compile(r"\bwhen\b|\b(what|which|in what|in which) (year|date|day|month|century|decade|time)\b")),
    (
        "number",
        re.compile(r"\bhow (many|much|long|far|old|tall|big|large|often|high|deep)\b|\bwhat (percentage|number)\b"),
    ),
    ("where", re.compile(r"\bwhere\b|\b(what|which) (country|city|place|state|town|region|river|continent)\b")),
    ("why", re.compile(r"\bwhy\b|\bfor what reason\b|\bhow come\b")),
)


class _Row(NamedTuple):
    """What is said of one candidate, by column."""

    bm25: float
    bm25_of_best: float
    coverage: float
    coverage_wide: float
    coverage_passage: float
    coverage_before: float
    coverage_after: float
    coverage_of_best: float
    related: float
    related_wide: float
    related_passage: float
    rarest_word: float
    bigrams: float
    density: float
    names_present: float
    passage_score: float
    passage_rank: float
    fits_kind: float
    new_words: float
    length: float
    position: float
    is_heading: float
    is_question: float
    quotes: float


COLUMNS = _Row._fields


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of the index. number: its place in `index.sentences`. passage: the best that holds it."""

    number: int
    start: int
    end: int
    passage: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. weights: by stem, summing to `total`. names: capitalised words and numbers, stems.

    A weight is the idf in the document, where so asked less for words that the place of an answer seldom has.
    absent: stems that no passage has.   related: to each stem, in an English text.
    """

    kind: str
    stems: tuple[str, ...]
    weights: dict[str, float]
    names: frozenset[str]
    absent: frozenset[str] = frozenset()
    related: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.weights.values())

    def share(self, stems: set[str]) -> float:
        """The share of the question's weight that a set of stems covers."""
        return sum(w for s, w in self.weights.items() if s in stems) / self.total if self.total else 0.0

    def related_share(self, stems: set[str]) -> float:
        """The share of the question's weight that the set covers by related words only."""
        unsaid = (w for s, w in self.weights.items() if s not in stems and self.is_related(s, stems))
        return sum(unsaid) / self.total if self.total else 0.0

    def is_related(self, stem: str, stems: set[str]) -> bool:
        """Whether a word related to the stem is among these."""
        return not self.related.get(stem, _NONE).isdisjoint(stems)


def parse(question: str, index: PassageIndex, *, as_expected: bool = False) -> Question:
    """The question without the names of a section and of the narrator; idf from the document that is asked.

    as_expected: weights are multiplied by the `expected_share` of their word. It helps to find the passage; for its
    sentences, and for declining, the plain idf is as good or better.
    """
    question, named = index.scope_of(question)
    rest = named.rest if named else question
    found = content_words(rest) or words(rest)
    idf: dict[str, float] = {}
    for word in found:
        idf[stem(word)] = max(idf.get(stem(word), 0.0), index.idf(word))
    there = {stem(word) for word in found if not index.is_absent(word)}
    lowered = fold(question)
    kind = next((name for name, pattern in _KINDS if pattern.search(lowered)), "what")
    capitals = {stem(w) for match in _NAME.finditer(rest) if match.start() > 0 for w in words(match[0])}
    numbers = {word for word in found if word[0].isdigit()}
    return Question(
        kind,
        tuple(stem(w) for w in found),
        {one: value * expected_share(one) for one, value in idf.items()} if as_expected else idf,
        frozenset((capitals | numbers) & set(idf)),
        frozenset(idf.keys() - there),
        {one: related(one) for one in idf} if index.is_english else {},
    )


def candidates(index: PassageIndex, passages: Sequence[Passage]) -> list[Candidate]:
    """Every sentence of the passages once, under the best passage that holds it. Headings only if there is no other."""
    seen: set[int] = set()
    found: list[Candidate] = []
    for rank, passage in enumerate(passages):
        for number in index.sentences_of(passage):
            if number not in seen:
                seen.add(number)
                found.append(Candidate(number, *index.sentences[number], rank))
    return [c for c in found if not apparatus.is_title(index.text[c.start : c.end], index.titles)] or found


def features(
    question: Question, index: PassageIndex, passages: Sequence[Passage], found: Sequence[Candidate]
) -> dict[str, Array]:
    """COLUMNS -> (N,) each, for N candidates."""
    table = np.zeros((len(found), len(COLUMNS)))
    if not found:
        return {name: table[:, i] for i, name in enumerate(COLUMNS)}
    text = index.text
    stems_of = index.stems_of
    mean_length = max(1.0, float(np.mean([len(stems_of(c.number)) for c in found])))
    best_score = max(passage.score for passage in passages) or 1.0
    of_passages = [{s for n in index.sentences_of(passage) for s in stems_of(n)} for passage in passages]
    in_passage = [(question.share(stems), question.related_share(stems)) for stems in of_passages]
    pairs = set(zip(question.stems, question.stems[1:], strict=False))
    rarest = max(question.weights, key=lambda s: question.weights[s], default="")
    for row, candidate in enumerate(found):
        sentence = text[candidate.start : candidate.end]
        own = stems_of(candidate.number)
        before, after = set(stems_of(candidate.number - 1)), set(stems_of(candidate.number + 1))
        own_set = set(own)
        passage = passages[candidate.passage]
        hits = [i for i, s in enumerate(own) if s in question.weights]
        table[row] = _Row(
            bm25=_bm25(question, own, mean_length),
            bm25_of_best=0.0,  # known when all rows are
            coverage=question.share(own_set),
            coverage_wide=question.share(own_set | before | after),
            coverage_passage=in_passage[candidate.passage][0],
            coverage_before=question.share(before),
            coverage_after=question.share(after),
            coverage_of_best=0.0,
            related=question.related_share(own_set),
            related_wide=question.related_share(own_set | before | after),
            related_passage=in_passage[candidate.passage][1],
            rarest_word=float(rarest in own_set),
            bigrams=len(pairs & _pairs(own, question)) / max(1, len(pairs)),
            density=len({own[i] for i in hits}) / (hits[-1] - hits[0] + 1) if len(hits) > 1 else 0.0,
            names_present=len(question.names & own_set) / len(question.names) if question.names else 1.0,
            passage_score=passage.score / best_score,
            passage_rank=1 / (1 + candidate.passage),
            fits_kind=fits_kind(question, sentence),
            new_words=math.log1p(len({s for s in own_set if s not in question.weights and len(s) > 3})),
            length=math.log1p(len(own)),
            position=(candidate.start - passage.start) / max(1, passage.end - passage.start),
            is_heading=float(sentence[-1] not in ".!?…\"'”’)"),
            is_question=float(sentence.rstrip("\"'”’)").endswith("?")),
            quotes=min(2, len(_QUOTE.findall(sentence))) / 2,
        )
    for raw, relative in (("bm25", "bm25_of_best"), ("coverage", "coverage_of_best")):
        column = table[:, COLUMNS.index(raw)]
        table[:, COLUMNS.index(relative)] = column / max(1e-9, float(column.max()))
    return {name: table[:, i] for i, name in enumerate(COLUMNS)}


def _bm25(question: Question, stems: Sequence[str], mean_length: float) -> float:
    """BM25 with b = .3, as a share of what a sentence with all the words would get."""
    counts = Counter(s for s in stems if s in question.weights)
    norm = K1 * (1 - B + B * len(stems) / mean_length)
    total = sum(question.weights[s] * n * (K1 + 1) / (n + norm) for s, n in counts.items())
    return total / question.total if question.total else 0.0


def _pairs(stems: Sequence[str], question: Question) -> set[tuple[str, str]]:
    """Words of the question that follow each other in a sentence, whatever stands between them."""
    kept = [s for s in stems if s in question.weights]
    return set(itertools.pairwise(kept))


def fits_kind(question: Question, sentence: str) -> float:
    """Whether the sentence holds something of the kind that is asked for; 1/2 where the kind says nothing."""
    if question.kind == "who":
        names = {stem(w) for match in _NAME.finditer(sentence) if match.start() > 0 for w in words(match[0])}
        return float(bool(names - set(question.weights)))
    if question.kind == "when":
        return 1.0 if _YEAR.search(sentence) else 0.6 * bool(_WHEN.search(sentence))
    if question.kind == "number":
        return float(bool(_NUMBER.search(sentence)))
    if question.kind == "where":
        return float(bool(_PLACE.search(sentence)))
    if question.kind == "why":
        return float(bool(_REASON.search(sentence)))
    return 0.5
