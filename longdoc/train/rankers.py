"""Fits the small rankers of the lexical floor: which passages and sentences answer, and which ones a summary needs.

Documents, not questions, are split into fitted and held out. The held-out figures go into the file
that the rankers are written to, with the sources and their licences. Knows nothing of language
models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from longdoc.core.errors import UsageError
from longdoc.core.types import Passage
from longdoc.search import ranker as ranker_file
from longdoc.search.answers import (
    ANSWERABILITY_COLUMNS,
    READ_COLUMNS,
    SIMILARITY_COLUMNS,
    answerability_columns,
    enough,
    rank_sentences,
    sentence_columns,
)
from longdoc.search.candidates import COLUMNS, Candidate, candidates
from longdoc.search.encoder import SentenceEncoder, Vectors
from longdoc.search.encoder import load as load_encoder
from longdoc.search.index import PassageIndex
from longdoc.search.joined import JoinedDocument, JoinedQuestion, Row, is_held_out, join, strangers
from longdoc.search.measures import contains, overlap, token_f1, tokens
from longdoc.search.passages import COLUMNS as PASSAGE_COLUMNS
from longdoc.search.passages import KEPT, find_passages, passage_columns, propose
from longdoc.search.ranker import Array, Ranker, RankerFile
from longdoc.search.reader import load as load_reader
from longdoc.train.fitting import Group, fit_binary, fit_listwise
from longdoc.train.licences import licence_of
from longdoc.train.salience import train_salience

__all__ = ["train_answer_ranker", "train_salience"]

# What declining is fitted on: questions of each kind for each document, and what they weigh beside its own.
_NUM_ASKED = 150
_NUM_SINGLES, _NUM_OF_SINGLE = 24, 16  # and for short documents by themselves
_MOST_OF_SINGLE = 60_000  # characters
_SAME_KIND_WEIGHT = 0.2  # of another document of the same kind: some could be answered here
_TRICK_WEIGHT, _TRICK_WEIGHT_READ = 0.1, 0.3  # words do not tell them from good questions, a reader does a little
# What a cosine adds to a score. Fitted with the other columns on long texts it gets too little for short ones.
_SIMILARITY_WEIGHTS = {"passage": 2.0, "sentence": 3.0}
_READ_WEIGHT = 0.8  # of the reader's log odds for a sentence
_BY_THEMSELVES = frozenset({"everyday"})  # short documents; what they do not answer was asked in earnest
# Of answering a foreign question, beside declining one of the document's own.
_FOREIGN_COST, _FOREIGN_COST_READ = 1.6, 0.9  # without and with a reader


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question put to a long document: its candidates, their columns, and which of them are right."""

    question: JoinedQuestion
    index: PassageIndex
    passages: list[Passage]
    found: list[Candidate]
    columns: dict[str, Array]


class _Remembering(SentenceEncoder):
    """Encodes no sentence twice: each document is asked several times here."""

    @classmethod
    def of(cls, encoder: SentenceEncoder) -> Self:
        """The same encoder, with a memory."""
        return cls(*(getattr(encoder, field.name) for field in fields(encoder)))

    @cached_property
    def _known(self) -> dict[str, Vectors]:
        return {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        known = self._known
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, super().encode(missing), strict=True))
        return np.stack([known[text] for text in texts]) if texts else super().encode(())


def train_answer_ranker(
    rows: Sequence[Row],
    out: Path,
    *,
    encoder: Path | None = None,
    reader: Path | None = None,
    num_hidden: int = 6,
    num_steps: int = 300,
    questions_per_document: int = 300,
) -> dict[str, Any]:
    """Fits "passage", "sentence" and "answerability" (with an encoder also "passage+similarity" ...), and writes `out`.

    rows: questions, with context, answers, source, doc_id.   encoder, reader: in the same folder as `out`. Returns the
    held-out figures.
    """
    fitted: list[list[JoinedDocument]] = []
    held_out: list[list[JoinedDocument]] = []
    for documents, is_kept in _documents(rows, questions_per_document):
        (held_out if is_kept else fitted).append(documents)
    rankers = _fit(fitted, num_hidden, num_steps)
    known = _Remembering.of(load_encoder(encoder)) if encoder else None
    if known is not None:
        weighed = {name: _with(rankers[name], "similarity", weight) for name, weight in _SIMILARITY_WEIGHTS.items()}
        weighed["answerability"] = _fit_answerability(fitted, RankerFile(weighed, {}, known))
        rankers |= {f"{name}+similarity": ranker for name, ranker in weighed.items()}
    if reader and known is None:
        raise UsageError(
            f"The reader {reader} cannot be used.",
            why="it shares the words of an encoder, and there is none",
            fix="put the encoder beside it",
        )
    told = load_reader(reader, known) if reader and known else None
    if told is not None:
        rankers["sentence+read"] = _with(rankers["sentence+similarity"], "read", _READ_WEIGHT)
        rankers["answerability+read"] = _fit_answerability(fitted, RankerFile(rankers, {}, known, told))
    figures = {docs[0].name: _measure(docs, RankerFile(rankers, {}, known, told)) for docs in held_out}
    sources = sorted({row["source"] for row in rows})
    provenance = {
        "what": "ranks passages and their sentences, and tells whether a document answers",
        "sources": {source: licence_of(source) for source in sources},
        "num_questions": sum(len(document.questions) for documents in fitted for document in documents),
        "split": "by document, a quarter held out",
        "held_out": figures,
    }
    files = {kind: path.name for kind, path in (("encoder", encoder), ("reader", reader)) if path}
    ranker_file.save(out, rankers, provenance, files)
    return figures


def _with(ranker: Ranker, column: str, weight: float) -> Ranker:
    """The same ranker, and a column added to its score: the cosine of the question, or what the reader says."""
    return replace(
        ranker,
        columns=(*ranker.columns, column),
        mean=np.append(ranker.mean, 0.0),
        std=np.append(ranker.std, 1.0),
        linear=np.append(ranker.linear, weight),
        w1=np.pad(ranker.w1, ((0, 0), (0, 1))),
    )


def _fit(fitted: Sequence[Sequence[JoinedDocument]], num_hidden: int, num_steps: int) -> dict[str, Ranker]:
    """The three rankers of words, each on what the one before it finds."""
    rankers = {"passage": _fit_passages(fitted, num_hidden, num_steps)}
    groups: list[Group] = []
    for documents in fitted:
        for asked_of in (documents, _singles(documents)):
            file = RankerFile(rankers, {})
            asked = [a for document in asked_of for a in _ask(document, file)]
            for a in asked:
                groups.append(Group(np.stack(list(a.columns.values()), 1), _target(a), len(asked) ** -0.5))
    rankers["sentence"] = fit_listwise(groups, COLUMNS, num_hidden=num_hidden, num_steps=num_steps, decay=0.1)
    rankers["answerability"] = _fit_answerability(fitted, RankerFile(rankers, {}))
    return rankers


def _fit_passages(fitted: Sequence[Sequence[JoinedDocument]], num_hidden: int, num_steps: int) -> Ranker:
    """Right is a passage that shares more than half of the shorter of both with the paragraph of the question."""
    groups: list[Group] = []
    for documents in fitted:
        if _source_of(documents[0]) in _BY_THEMSELVES:
            continue
        own: list[tuple[Array, Array]] = []
        for document in documents:
            with PassageIndex(document.text, document.sections) as index:
                for question in document.questions:
                    proposed = [] if question.is_trick else propose(question.question, index)
                    if proposed:
                        columns = passage_columns(question.question, index, proposed)
                        right = np.array([float(question.is_found_in((p.start, p.end))) for p in proposed])
                        own.append((np.stack(list(columns.values()), 1), right))
        groups += [Group(columns, right, len(own) ** -0.5) for columns, right in own]
    return fit_listwise(groups, PASSAGE_COLUMNS, num_hidden=num_hidden, num_steps=num_steps, decay=0.1)


def _documents(rows: Sequence[Row], max_questions: int) -> Iterator[tuple[list[JoinedDocument], bool]]:
    """Long documents per source: fitted and held out; collections of tales also with questions that name the tale."""
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        simplified = row["source"] == "onestop-qa" and not row["id"].endswith("Adv")
        if not simplified and (not row["answerable"] or contains(row["context"], row["answers"]) or _is_free(row)):
            by_source.setdefault(row["source"], []).append(row)
    for source, all_rows in by_source.items():
        for held_out in (False, True):
            own = [row for row in all_rows if is_held_out(row["doc_id"]) == held_out]
            for naming in (False, True) if source == "fairytaleqa" else (False,):
                name = source + (", tale named" if naming else "")
                max_words = 1 if source in _BY_THEMSELVES else 120_000
                documents = join(own, name, naming=naming, max_questions=max_questions, max_words=max_words)
                if sum(len(document.questions) for document in documents) >= 50:
                    yield documents, held_out


def _is_free(row: Row) -> bool:
    """Sources whose answers are written, not copied: the best sentence is the one that shares most words."""
    return row["source"] in {"fairytaleqa", "onestop-qa"}


def _ask(document: JoinedDocument, rankers: RankerFile) -> Iterator[_Asked]:
    with PassageIndex(document.text, document.sections) as index:
        for question in document.questions:
            if question.is_trick:
                continue
            passages = find_passages(question.question, index, rankers, KEPT)
            found = candidates(index, passages)
            if found:
                columns = sentence_columns(question.question, index, passages, found, rankers)
                yield _Asked(question, index, passages, found, columns)


def _target(asked: _Asked) -> Array:
    """(N,): 1 for sentences of the right paragraph that hold an answer; else the one with most words of it."""
    text, question = asked.index.text, asked.question
    holds = np.zeros(len(asked.found))
    shares = np.zeros(len(asked.found))
    for i, candidate in enumerate(asked.found):
        if question.start <= candidate.start and candidate.end <= question.end:
            sentence = text[candidate.start : candidate.end]
            holds[i] = contains(sentence, question.answers)
            own = tokens(sentence)
            shares[i] = max((overlap(own, g) / len(g) for g in map(tokens, question.answers) if g), default=0.0)
    if holds.any():
        return holds
    return np.where((shares >= 0.5) & (shares == shares.max(initial=0.0)), shares, 0.0)


def _fit_answerability(fitted: Sequence[Sequence[JoinedDocument]], rankers: RankerFile) -> Ranker:
    rows: list[list[float]] = []
    labels: list[float] = []
    weights: list[float] = []
    names = [
        *ANSWERABILITY_COLUMNS,
        *(SIMILARITY_COLUMNS if rankers.encoder else ()),
        *(READ_COLUMNS if rankers.reader else ()),
    ]
    for documents in fitted:
        # A word that is missing says more of a long document, and short ones are asked in all kinds of words.
        lengths = () if _source_of(documents[0]) in _BY_THEMSELVES else (None, 100_000, 30_000)
        asked_of = [(_shortened(documents[0], max_chars), _NUM_ASKED) for max_chars in lengths]
        asked_of += [(single, _NUM_OF_SINGLE) for single in _singles(documents)]
        for document, num in asked_of:
            for columns, question, weight in _belonging(document, documents, fitted, rankers, num):
                rows.append([columns.get(name, 0.0) for name in names])
                labels.append(float(question.belongs))
                weights.append(weight)
    belongs, costs = np.asarray(labels), np.asarray(weights)
    costs[belongs == 1] *= (
        costs[belongs == 0].sum()
        / costs[belongs == 1].sum()
        / (_FOREIGN_COST_READ if rankers.reader else _FOREIGN_COST)
    )
    return fit_binary(np.asarray(rows), belongs, costs / costs.mean(), names)


def _shortened(document: JoinedDocument, max_chars: int | None) -> JoinedDocument:
    """The beginning of a document, whole paragraphs, with the questions on it."""
    if max_chars is None:
        return document
    questions = tuple(q for q in document.questions if q.end <= max_chars)
    end = max((q.end for q in questions), default=max_chars)
    sections = tuple(s for s in document.sections if s.end <= end)
    return JoinedDocument(document.name, document.text[:end], sections, questions)


def _singles(documents: Sequence[JoinedDocument]) -> list[JoinedDocument]:
    """Documents of those that were joined, each by itself with the questions on it, evenly drawn."""
    found: list[JoinedDocument] = []
    for document in documents:
        for section in document.sections:
            own = [q for q in document.questions if section.start <= q.start and q.end <= section.end]
            moved = (replace(q, start=q.start - section.start, end=q.end - section.start) for q in own)
            text = document.text[section.start : section.end]
            if own and len(text) < _MOST_OF_SINGLE:
                found.append(JoinedDocument(document.name, text, (), tuple(moved)))
    return found[:: max(1, len(found) // _NUM_SINGLES)][:_NUM_SINGLES]


def _belonging(
    document: JoinedDocument,
    documents: Sequence[JoinedDocument],
    all_documents: Sequence[Sequence[JoinedDocument]],
    rankers: RankerFile,
    num: int,
) -> Iterator[tuple[dict[str, float], JoinedQuestion, float]]:
    """Columns and weight for a document's own questions, trick questions, and those of others of its kind and not.

    documents: of its kind.   all_documents: of all kinds.
    """
    other_kinds = [d for group in all_documents for d in group[:1] if _source_of(d) != _source_of(document)]
    own = [q for q in document.questions if not q.is_trick]
    tricks = [replace(q, belongs=False) for q in document.questions if q.is_trick]
    same_kind = strangers(document, documents[1:], num // 2)
    foreign = strangers(document, other_kinds, num)
    trick_weight = _TRICK_WEIGHT_READ if rankers.reader else _TRICK_WEIGHT
    trick_weight = 1.0 if _source_of(document) in _BY_THEMSELVES else trick_weight
    weighed = ((own, 1.0), (tricks, trick_weight), (same_kind, _SAME_KIND_WEIGHT), (foreign, 1.0))
    with PassageIndex(document.text, document.sections) as index:
        for questions, weight in weighed:
            for question in questions[:num]:
                passages = find_passages(question.question, index, rankers, KEPT)
                ranked = rank_sentences(question.question, index, passages, rankers)
                yield (
                    answerability_columns(question.question, index, passages, ranked) if ranked else {},
                    question,
                    weight,
                )


def _source_of(document: JoinedDocument) -> str:
    """ "fairytaleqa, tale named-0" and "fairytaleqa-3" hold the same tales."""
    return document.name.rpartition("-")[0].partition(",")[0]


def _measure(documents: Sequence[JoinedDocument], rankers: RankerFile) -> dict[str, float]:
    """Held-out figures on the first long document of a source."""
    rows: list[tuple[float, ...]] = []
    for asked in _ask(documents[0], rankers):
        text, gold = asked.index.text, asked.question.answers
        ranked = rank_sentences(asked.question.question, asked.index, asked.passages, rankers)
        top, plain = ranked[0], asked.found[int(asked.columns["bm25"].argmax())]
        sentence = text[top.start : top.end]
        said = " ".join(text[s.start : s.end] for s in enough(ranked))
        rows.append(
            (
                contains(text[plain.start : plain.end], gold),
                contains(sentence, gold),
                contains(said, gold),
                token_f1(text[plain.start : plain.end], gold),
                token_f1(sentence, gold),
                token_f1(said, gold),
                any(asked.question.is_found_in((p.start, p.end)) for p in asked.passages),
            )
        )
    names = ("contained_bm25", "contained", "contained_in_said", "f1_bm25", "f1", "f1_of_said", "evidence")
    figures = {name: round(float(v), 3) for name, v in zip(names, np.mean(rows, 0), strict=True)}
    return {"num_questions": len(rows), "num_words": len(documents[0].text.split()), **figures}
