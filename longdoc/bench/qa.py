"""How well questions about long documents are answered, and whether foreign ones are declined.

Questions written for a paragraph are asked of a long text joined from the paragraphs of many documents, so
that the right place must be found first. Three tables: answers, evidence, declining. The system is any
callable; `bm25` and `lexical` are the baselines in the same table.

Exact match and token F1 are those of SQuAD (folded, no articles, no punctuation), against the best gold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longdoc.core.sentences import Span
from longdoc.search.answers import answerability, enough, rank_sentences
from longdoc.search.candidates import candidates, features, parse
from longdoc.search.index import PassageIndex
from longdoc.search.joined import JoinedDocument, JoinedQuestion, is_held_out, join, read_rows, strangers
from longdoc.search.measures import contains, exact_match, token_f1
from longdoc.search.passages import KEPT, find_passages
from longdoc.search.ranker import RankerFile

SCHEMA = "longdoc.bench/1"
DECLINE_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system says. text: "" when it declines.   passages: spans that it looked at, best first.

    confidence: that the document answers, 0 to 1.
    """

    text: str
    passages: tuple[Span, ...] = ()
    confidence: float = 1.0


Ask = Callable[[str], Reply]
System = Callable[[JoinedDocument], Ask]


def bm25(document: JoinedDocument) -> Ask:
    """The sentence with the best BM25 in five passages. It declines only when no word is found."""
    index = PassageIndex(document.text, document.sections)

    def ask(question: str) -> Reply:
        passages = index.search(question, 5)
        found = candidates(index, passages)
        if not found:
            return Reply("", confidence=0.0)
        scores = features(parse(question, index), index, passages, found)["bm25"]
        best = found[int(scores.argmax())]
        return Reply(document.text[best.start : best.end], tuple((p.start, p.end) for p in passages))

    return ask


def lexical(rankers: RankerFile, *, sentences: int = 2) -> System:
    """The rankers' passages and of their sentences those that `enough` takes."""

    def system(document: JoinedDocument) -> Ask:
        index = PassageIndex(document.text, document.sections)

        def ask(question: str) -> Reply:
            passages = find_passages(question, index, rankers, KEPT)
            ranked = rank_sentences(question, index, passages, rankers)
            if not ranked:
                return Reply("", confidence=0.0)
            said = [document.text[s.start : s.end] for s in enough(ranked, sentences)]
            confidence = answerability(question, index, passages, ranked, rankers)
            return Reply(" ".join(said), tuple((p.start, p.end) for p in passages), confidence)

        return ask

    return system


def run(
    paths: Sequence[Path],
    systems: Mapping[str, System],
    *,
    num_questions: int = 250,
    max_words: int = 120_000,
    held_out_only: bool = True,
    naming: bool = False,
) -> dict[str, Any]:
    """One row per source and system.

    paths: JSONL of questions.   held_out_only: leave out the documents that rankers are fitted on.
    naming: ask with the title of the short document, as in a collection of tales.
    """
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in read_rows(paths):
        if not held_out_only or is_held_out(row["doc_id"]):
            by_source.setdefault(row["source"], []).append(row)
    documents = {
        source: join(rows, source, max_words=max_words, max_questions=2 * num_questions, naming=naming)[0]
        for source, rows in by_source.items()
    }
    results: list[dict[str, Any]] = []
    for source, document in documents.items():
        foreign = strangers(document, list(documents.values()), num_questions)
        for name, system in systems.items():
            figures = measure(document, foreign, system, num_questions)
            results.append({"source": source, "system": name, **figures})
    return {"schema": SCHEMA, "bench": "qa", "decline_below": DECLINE_BELOW, "results": results}


def measure(
    document: JoinedDocument, foreign: Sequence[JoinedQuestion], system: System, num_questions: int
) -> dict[str, float | None]:
    """All figures of one system on one long document."""
    ask = system(document)
    own = [q for q in document.questions if not q.is_trick][:num_questions]
    tricks = [q for q in document.questions if q.is_trick][:num_questions]
    started = time.perf_counter()
    replies = [ask(q.question) for q in own]
    seconds = time.perf_counter() - started
    confidences = [reply.confidence for reply in replies]
    foreign_confidences = [ask(q.question).confidence for q in foreign]
    declined = [c < DECLINE_BELOW for c in foreign_confidences]
    declined_own = sum(c < DECLINE_BELOW for c in confidences)
    num_declined = sum(declined) + declined_own
    return {
        "num_words": len(document.text.split()),
        "num_questions": len(own),
        "exact_match": _mean([exact_match(r.text, q.answers) for r, q in zip(replies, own, strict=True)]),
        "token_f1": _mean([token_f1(r.text, q.answers) for r, q in zip(replies, own, strict=True)]),
        "contained": _mean([contains(r.text, q.answers) for r, q in zip(replies, own, strict=True)]),
        "answer_words": _mean([len(r.text.split()) for r in replies]),
        "evidence_at_1": _mean([_hit(r, q, 1) for r, q in zip(replies, own, strict=True)]),
        "evidence_at_5": _mean([_hit(r, q, 5) for r, q in zip(replies, own, strict=True)]),
        "decline_precision": round(sum(declined) / num_declined, 4) if num_declined else 0.0,
        "decline_recall": _mean(declined),
        "declined_wrongly": round(declined_own / max(1, len(own)), 4),
        "decline_auc": auc(confidences, foreign_confidences),
        "trick_auc": auc(confidences, [ask(q.question).confidence for q in tricks]),
        "ms_per_question": round(1000 * seconds / max(1, len(own)), 2),
    }


def auc(own: Sequence[float], foreign: Sequence[float]) -> float | None:
    """The chance that a question of the document gets more confidence than a foreign one; None without both."""
    if not own or not foreign:
        return None
    wins = sum((a > b) + 0.5 * (a == b) for a in own for b in foreign)
    return round(wins / len(own) / len(foreign), 4)


def _hit(reply: Reply, question: JoinedQuestion, k: int) -> bool:
    return any(question.is_found_in(passage) for passage in reply.passages[:k])


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
