"""Fits the ranker over the lexical score and the model's columns, on documents that the model was not trained on.

A handful of weights and no hidden units: the documents that a training kept back are few. Measured by cross-validation
over documents, so that the figure in the file is one on questions that neither the model nor the ranker has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.rerank import COLUMNS, PURPOSE, model_columns
from longdoc.pipeline.session import Session
from longdoc.search import ranker as ranker_file
from longdoc.search.answers import rank_sentences
from longdoc.search.index import PassageIndex
from longdoc.search.joined import JoinedDocument, Row, join
from longdoc.search.measures import contains, token_f1
from longdoc.search.passages import KEPT, find_passages
from longdoc.search.ranker import Ranker, RankerFile
from longdoc.train.fitting import Group, fit_listwise

Array = npt.NDArray[np.float64]
NUM_FOLDS = 5


@dataclass(frozen=True, slots=True)
class _Question:
    """table: (N, columns).   holds: (N,) 1 where the sentence holds an answer.   f1: (N,)."""

    source: str
    section: str
    table: Array
    holds: Array
    f1: Array


def train_reranker(
    rows: Sequence[Row],
    session: Session,
    rankers: RankerFile,
    out: Path,
    *,
    num_questions: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Add the ranker PURPOSE to a ranker file. rows: questions on held-out documents.

    Returns, per source, the share of first sentences that hold an answer, before and after, cross-validated.
    """
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        if row["answerable"]:
            by_source.setdefault(row["source"], []).append(row)
    asked: list[_Question] = []
    for source, own in sorted(by_source.items()):
        documents = join(own, source, max_questions=num_questions)
        for document in documents[:1]:
            asked += _ask(document, source, session, rankers)
            report(f"{source}: {len(asked)} questions")
    asked = [q for q in asked if q.holds.any()]
    figures = _cross_validate(asked)
    fitted = _fit(asked)
    provenance = {**rankers.provenance, PURPOSE: {"num_questions": len(asked), "cross_validated": figures}}
    ranker_file.save(out, {**rankers.rankers, PURPOSE: fitted}, provenance, rankers.files)
    return figures


def _ask(document: JoinedDocument, source: str, session: Session, rankers: RankerFile) -> list[_Question]:
    reader = Reader(session.loaded, plan_reading(session.loaded, session.options, 1 << 20))
    framing = Framing(session.loaded.tokenizer, "embedded")
    result = []
    with PassageIndex(document.text, document.sections) as index:
        for question in document.questions:
            passages = find_passages(question.question, index, rankers, KEPT)
            ranked = rank_sentences(question.question, index, passages, rankers)
            if not ranked:
                continue
            columns = model_columns(reader, framing, document.text, question.question, passages, ranked)
            sentences = [document.text[s.start : s.end] for s in ranked]
            inside = [question.start <= s.start and s.end <= question.end for s in ranked]
            holds = [i and contains(t, question.answers) for i, t in zip(inside, sentences, strict=True)]
            section = next(s.title for s in document.sections if s.start <= question.start < s.end)
            result.append(
                _Question(
                    source,
                    section,
                    np.stack([columns[name] for name in COLUMNS], 1),
                    np.array(holds, dtype=np.float64),
                    np.array([token_f1(t, question.answers) for t in sentences]),
                )
            )
    return result


def _fit(asked: Sequence[_Question]) -> Ranker:
    groups = [Group(q.table, q.holds / q.holds.sum(), 1.0) for q in asked]
    return fit_listwise(groups, COLUMNS, num_hidden=0, num_steps=300, decay=0.1)


def _cross_validate(asked: Sequence[_Question]) -> dict[str, Any]:
    """Per source: questions whose answer is among the candidates, and how often the first sentence holds it."""
    names = sorted({(q.source, q.section) for q in asked})
    fold_of = {name: i % NUM_FOLDS for i, name in enumerate(names)}
    hits: dict[str, list[tuple[float, float, float]]] = {}
    for fold in range(NUM_FOLDS):
        fitted = _fit([q for q in asked if fold_of[q.source, q.section] != fold])
        for q in asked:
            if fold_of[q.source, q.section] == fold:
                first = int(np.argmax(fitted.score(dict(zip(COLUMNS, q.table.T, strict=True)))))
                gain = int(np.argmax(q.table[:, COLUMNS.index("question_gain")]))
                hits.setdefault(q.source, []).append((q.holds[0], q.holds[first], float(q.holds[gain])))
    return {
        source: dict(
            zip(
                ("n", "lexical", "reranked", "gain_alone"),
                (len(h), *(round(float(mean), 3) for mean in np.mean(h, 0))),
                strict=True,
            )
        )
        for source, h in hits.items()
    }
