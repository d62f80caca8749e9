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
from longdoc.search.joined import JoinedDocument, JoinedQuestion, is_held_out, join, read_rows, rotated, strangers
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
    max_texts: int = 1,
    rotations: int = 1,
    held_out_only: bool = True,
    naming: bool = False,
) -> dict[str, Any]:
    """One row per source and system.

    paths: JSONL of questions.   held_out_only: leave out the documents that rankers are fitted on.
    num_questions: of each text.   max_texts: of each source, as far as its documents go.
    rotations: each text is asked so many times, begun at another of its documents: the same questions elsewhere.
    naming: ask with the title of the short document, as in a collection of tales.
    """
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in read_rows(paths):
        if not held_out_only or is_held_out(row["doc_id"]):
            by_source.setdefault(row["source"], []).append(row)
    texts = {
        source: join(rows, source, max_words=max_words, max_questions=2 * num_questions, naming=naming)[:max_texts]
        for source, rows in by_source.items()
    }
    firsts = [documents[0] for documents in texts.values()]
    results: list[dict[str, Any]] = []
    for source, documents in texts.items():
        others = [first for first in firsts if first is not documents[0]]
        for name, system in systems.items():
            turned = [rotated(one, turn / rotations) for one in documents for turn in range(rotations)]
            figures = measure(turned, others, system, num_questions)
            results.append({"source": source, "system": name, **figures})
    return {"schema": SCHEMA, "bench": "qa", "decline_below": DECLINE_BELOW, "results": results}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One of a text's own questions and what came of it. tenth: of the text, in which its paragraph begins."""

    question: JoinedQuestion
    reply: Reply
    tenth: int

    def holds(self) -> bool:
        return contains(self.reply.text, self.question.answers)

    def found(self, k: int) -> bool:
        return any(self.question.is_found_in(passage) for passage in self.reply.passages[:k])


def measure(
    documents: Sequence[JoinedDocument], others: Sequence[JoinedDocument], system: System, num_questions: int
) -> dict[str, Any]:
    """All figures of one system on the long texts of one source. others: whose questions must be declined."""
    asked: list[_Asked] = []
    foreign_confidences: list[float] = []
    trick_confidences: list[float] = []
    seconds = 0.0
    for document in documents:
        ask = system(document)
        own = _drawn([q for q in document.questions if not q.is_trick], num_questions)
        tricks = _drawn([q for q in document.questions if q.is_trick], num_questions)
        started = time.perf_counter()
        asked += [_Asked(q, ask(q.question), min(9, 10 * q.start // len(document.text))) for q in own]
        seconds += time.perf_counter() - started
        foreign_confidences += [ask(q.question).confidence for q in strangers(document, others, num_questions)]
        trick_confidences += [ask(q.question).confidence for q in tricks]
    confidences = [one.reply.confidence for one in asked]
    declined = [c < DECLINE_BELOW for c in foreign_confidences]
    declined_own = sum(c < DECLINE_BELOW for c in confidences)
    num_declined = sum(declined) + declined_own
    return {
        "num_words": sum(len(document.text.split()) for document in documents),
        "num_questions": len(asked),
        "exact_match": _mean([exact_match(one.reply.text, one.question.answers) for one in asked]),
        "token_f1": _mean([token_f1(one.reply.text, one.question.answers) for one in asked]),
        "contained": _mean([one.holds() for one in asked]),
        "answer_words": _mean([len(one.reply.text.split()) for one in asked]),
        "evidence_at_1": _mean([one.found(1) for one in asked]),
        "evidence_at_5": _mean([one.found(5) for one in asked]),
        "decline_precision": round(sum(declined) / num_declined, 4) if num_declined else 0.0,
        "decline_recall": _mean(declined),
        "declined_wrongly": round(declined_own / max(1, len(asked)), 4),
        "decline_auc": auc(confidences, foreign_confidences),
        "trick_auc": auc(confidences, trick_confidences),
        "trick_declined": _mean([c < DECLINE_BELOW for c in trick_confidences]) if trick_confidences else None,
        **_by_tenth(asked),
        "ms_per_question": round(1000 * seconds / max(1, len(asked)), 2),
    }


def _drawn(questions: Sequence[JoinedQuestion], most: int) -> list[JoinedQuestion]:
    """At most so many, from all over the text."""
    step = max(1.0, len(questions) / most)
    return [questions[int(number * step)] for number in range(min(most, len(questions)))]


def _by_tenth(asked: Sequence[_Asked]) -> dict[str, Any]:
    """Whether it matters where in the text the evidence stands: a value for each tenth, and the worst by the best."""
    tenths = [[one for one in asked if one.tenth == number] for number in range(10)]
    evidence = [_mean([one.found(5) for one in tenth]) for tenth in tenths]
    contained = [_mean([one.holds() for one in tenth]) for tenth in tenths]
    return {
        "questions_by_tenth": [len(tenth) for tenth in tenths],
        "evidence_at_5_by_tenth": evidence,
        "contained_by_tenth": contained,
        "worst_tenth_evidence": _worst_by_best(evidence) if all(tenths) else None,
        "worst_tenth_contained": _worst_by_best(contained) if all(tenths) else None,
    }


def _worst_by_best(shares: Sequence[float]) -> float | None:
    return round(min(shares) / max(shares), 4) if max(shares) else None


def auc(own: Sequence[float], foreign: Sequence[float]) -> float | None:
    """The chance that a question of the document gets more confidence than a foreign one; None without both."""
    if not own or not foreign:
        return None
    wins = sum((a > b) + 0.5 * (a == b) for a in own for b in foreign)
    return round(wins / len(own) / len(foreign), 4)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
