"""The passages that most likely hold an answer: BM25 proposes many, a small ranker over named columns keeps the best.

BM25 counts words wherever they stand; the ranker sees how much of the question one sentence covers, or three in a row,
whether the names are there, what the neighbouring passages have, and whether something stands there of the kind that
is asked for. Knows nothing of sentences that answer, nor of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from longdoc.core.types import Passage
from longdoc.search import reading, similarity
from longdoc.search.candidates import K1, B, Question, fits_kind, parse
from longdoc.search.encoder import SentenceEncoder
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Array, RankerFile
from longdoc.search.reader import Reader

PROPOSED = 24  # passages that BM25 proposes
READ = 8  # of which the reader reads each
KEPT = 5  # of which sentences are ranked
PURPOSE = "passage"
READ_WEIGHT = 0.4  # of the log odds that the reader gives the best sentence
COLUMNS = (
    "bm25_of_best", "coverage", "coverage_1", "coverage_3", "names_present", "bigrams", "neighbours", "in_scope",
    "flat_bm25_of_best", "fits_kind", "related", "related_1", "related_3",
)  # fmt: skip


def find_passages(question: str, index: PassageIndex, rankers: RankerFile, k: int) -> list[Passage]:
    """The k best passages, best first, by the ranker "passage"; those that introduce what is asked for come last.

    Scores are shares of the best one's odds, in (0, 1]. Without that ranker the passages of BM25 stand.
    """
    if PURPOSE not in rankers.rankers:
        return index.search(question, k)
    proposed = propose(question, index, max(PROPOSED, 2 * k))
    if not proposed:
        return []
    columns = passage_columns(question, index, proposed, rankers.encoder)
    scores = rankers.best(PURPOSE, columns).score(columns)
    reader = reading.reader_for(question, index, rankers)
    if reader is not None:
        scores = _reread(scores, question, index, proposed, reader)
    order = np.argsort(-scores, kind="stable")
    odds = np.exp(np.maximum(scores - scores.max(), -20.0))
    return index.with_introductions(question, [replace(proposed[i], score=float(odds[i])) for i in order[:k]], k)


def _reread(scores: Array, question: str, index: PassageIndex, proposed: Sequence[Passage], reader: Reader) -> Array:
    """(P,): the READ best in the order that the reader gives them, before all others."""
    best, rest = np.split(np.argsort(-scores, kind="stable"), [READ])
    told = reading.of_passages(question, index, [proposed[i] for i in best], reader)
    read = scores[best] + READ_WEIGHT * told
    changed = scores.copy()
    changed[best] = read
    if len(rest):
        changed[rest] += min(0.0, float(read.min() - scores[rest].max()))
    return changed


def propose(question: str, index: PassageIndex, k: int = PROPOSED) -> list[Passage]:
    """Passages to rank: k by BM25; of a short text all."""
    found = index.propose(question, k)
    return found + index.others(found, k - len(found))


def passage_columns(
    question: str, index: PassageIndex, proposed: Sequence[Passage], encoder: SentenceEncoder | None = None
) -> dict[str, Array]:
    """COLUMNS -> (P,) each, for P passages; with an encoder "similarity", too.

    coverage: share of the question's weight in the passage; coverage_1, coverage_3: in its best sentence, or in three.
    related...: the same with what related words cover.   flat_bm25: BM25 that hardly minds the length.
    neighbours: the BM25 of the better passage beside it.
    """
    asked = parse(question, index, as_expected=True)
    _, named = index.scope_of(question)
    by_start = {passage.start: passage.score for passage in proposed}
    best = max(by_start.values(), default=0.0) or 1.0
    stems = [[index.stems_of(number) for number in index.sentences_of(passage)] for passage in proposed]
    mean_length = float(np.mean([sum(map(len, own)) for own in stems])) or 1.0
    table = np.zeros((len(proposed), len(COLUMNS)))
    for row, (passage, own) in enumerate(zip(proposed, stems, strict=True)):
        sentences = [set(sentence) for sentence in own]
        threes = [set().union(*sentences[i : i + 3]) for i in range(len(sentences))]
        everything = set().union(*sentences)
        flat = [stem for sentence in own for stem in sentence]
        middle = (passage.start + passage.end) // 2
        table[row] = (
            passage.score / best,
            asked.share(everything),
            max(map(asked.share, sentences), default=0.0),
            max(map(asked.share, threes), default=0.0),
            len(asked.names & everything) / len(asked.names) if asked.names else 1.0,
            _bigrams(asked, flat),
            max(by_start.get(start, 0.0) for start in index.neighbours(passage)) / best,
            float(named is None or any(a <= middle < b for a, b in named.spans)),
            _flat_bm25(asked, flat, mean_length),
            fits_kind(asked, index.text[passage.start : passage.end]),
            asked.share(everything) + asked.related_share(everything),
            max((asked.share(one) + asked.related_share(one) for one in sentences), default=0.0),
            max((asked.share(three) + asked.related_share(three) for three in threes), default=0.0),
        )
    column = table[:, COLUMNS.index("flat_bm25_of_best")]
    column /= max(1e-9, float(column.max()))
    found = {name: table[:, i] for i, name in enumerate(COLUMNS)}
    if encoder is not None and index.is_english:
        found["similarity"] = similarity.of_passages(question, index, proposed, encoder)
    return found


def _bigrams(asked: Question, stems: Sequence[str]) -> float:
    """The share of the question's neighbouring words that follow each other here, whatever stands between them."""
    pairs = set(pairwise(asked.stems))
    return len(pairs & set(pairwise(s for s in stems if s in asked.weights))) / max(1, len(pairs))


def _flat_bm25(asked: Question, stems: Sequence[str], mean_length: float) -> float:
    """BM25 with a small b."""
    norm = K1 * (1 - B + B * len(stems) / mean_length)
    counts = dict.fromkeys(asked.weights, 0)
    for stem in stems:
        if stem in counts:
            counts[stem] += 1
    return sum(asked.weights[stem] * n * (K1 + 1) / (n + norm) for stem, n in counts.items())
