"""How much of human summaries a system's summaries hold, and from where in the document they are drawn.

ROUGE-1, -2 and -L are F1 over folded words without articles and without stemming, so they are lower than
those of tools that stem. Content recall is the share of the human summary's content stems that are found,
each weighed by how rare it is in English. `ranked`, `lead` and `central` stand in the same table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longdoc.core.sentences import Span
from longdoc.core.types import CitationCount
from longdoc.search.joined import is_held_out, is_of_the_whole, read_rows
from longdoc.search.measures import rouge_l, rouge_n
from longdoc.search.ranker import RankerFile
from longdoc.search.salience import features, score_part
from longdoc.search.selection import select
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_stems, usual_share

SCHEMA = "longdoc.bench/1"


@dataclass(frozen=True, slots=True)
class Made:
    """A summary with its receipt. drawn: spans of the document, or any text.   citations: of the whole and the parts.

    sections_told: the share of the document's parts that have a statement with a verified citation inside the part.
    """

    drawn: Sequence[Span] | str
    citations: CitationCount
    sections_told: float


# (document, title, budget in words) -> spans of the document, or any text of about that length.
System = Callable[[str, str, int], "Sequence[Span] | str | Made"]


def lead(document: str, title: str, budget_words: int) -> list[Span]:
    """The first sentences."""
    terms = DocumentTerms(document)
    return _within(terms, range(len(terms.sentences)), budget_words)


def central(document: str, title: str, budget_words: int) -> list[Span]:
    """The sentences most like the others (LexRank)."""
    terms = DocumentTerms(document)
    ranks = features(terms, range(len(terms.sentences)), title)["lexrank"]
    return _within(terms, sorted(range(len(ranks)), key=lambda i: (-ranks[i], i)), budget_words)


def ranked(rankers: RankerFile) -> System:
    """The fitted ranker with selection: no repetition, no dangling sentences."""

    def system(document: str, title: str, budget_words: int) -> list[Span]:
        scored = score_part(DocumentTerms(document), 0, len(document), rankers, title=title)
        return [(s.start, s.end) for s in select(scored, budget_words)]

    return system


def run(
    paths: Sequence[Path],
    systems: Mapping[str, System],
    *,
    max_documents: int = 60,
    held_out_only: bool = True,
) -> dict[str, Any]:
    """One row per source and system, at the length of the human summaries.

    paths: JSONL of summaries; rows that answer a narrower query are left out.
    """
    summaries: dict[tuple[str, str, str], list[str]] = {}
    for row in read_rows(paths):
        if is_of_the_whole(row) and (not held_out_only or is_held_out(row["doc_id"])):
            key = (row["source"], row["document"], row.get("title") or "")
            summaries.setdefault(key, []).append(row["summary"])
    results = []
    for source in sorted({source for source, _, _ in summaries}):
        own = [(document, title, texts) for (s, document, title), texts in summaries.items() if s == source]
        step = max(1, len(own) // max_documents)
        for name, system in systems.items():
            results.append({"source": source, "system": name} | measure(own[::step][:max_documents], system))
    return {"schema": SCHEMA, "bench": "summaries", "stemming": False, "results": results}


def measure(documents: Sequence[tuple[str, str, Sequence[str]]], system: System) -> dict[str, Any]:
    """Means over documents; several human summaries of one are averaged. drawn_from: share of words per tenth.

    Of a system that cites: the share of its citations that hold, of statements with one, of sections told.
    """
    rows: list[tuple[float, ...]] = []
    cited: list[Made] = []
    tenths = [0] * 10
    started = time.perf_counter()
    for document, title, texts in documents:
        budget = max(1, round(sum(len(text.split()) for text in texts) / len(texts)))
        reply = system(document, title, budget)
        if isinstance(reply, Made):
            cited.append(reply)
            reply = reply.drawn
        if isinstance(reply, str):
            summary = reply
        else:
            summary = " ".join(document[start:end] for start, end in reply)
            for start, end in reply:
                tenths[min(9, 10 * start // len(document))] += len(document[start:end].split())
        scores = [
            (rouge_n(summary, t, 1), rouge_n(summary, t, 2), rouge_l(summary, t), content_recall(summary, t))
            for t in texts
        ]
        means = [sum(column) / len(scores) for column in zip(*scores, strict=True)]
        rows.append((*means, len(summary.split()) / budget))
    names = ("rouge_1", "rouge_2", "rouge_l", "content_recall", "length")
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    drawn = [round(n / max(1, sum(tenths)), 3) for n in tenths]
    figures = {name: round(value, 4) for name, value in zip(names, means, strict=True)}
    seconds = (time.perf_counter() - started) / max(1, len(rows))
    told = _cited(cited) if cited else {}
    return {"num_documents": len(rows), **figures, **told, "drawn_from": drawn, "s_per_document": round(seconds, 3)}


def _cited(made: Sequence[Made]) -> dict[str, float]:
    """Over all documents together."""
    counts = [one.citations for one in made]
    verified, total = sum(c.verified for c in counts), sum(c.total for c in counts)
    covered, statements = sum(c.statements_cited for c in counts), sum(c.statements for c in counts)
    return {
        "citation_accuracy": round(verified / max(1, total), 4),
        "citation_coverage": round(covered / max(1, statements), 4),
        "sections_told": round(sum(one.sections_told for one in made) / len(made), 4),
    }


def content_recall(summary: str, reference: str) -> float:
    """The share of the reference's content stems that the summary has, rare ones counting more."""
    own = set(content_stems(summary))
    weights = {stem: -math.log(usual_share(stem)) for stem in content_stems(reference)}
    return sum(w for stem, w in weights.items() if stem in own) / max(1e-9, sum(weights.values()))


def _within(terms: DocumentTerms, order: Iterable[int], budget_words: int) -> list[Span]:
    """Sentences in the given order as far as they fit; the first one in any case."""
    spans: list[Span] = []
    for number in order:
        start, end = terms.sentences[number]
        num_words = len(terms.text[start:end].split())
        if num_words <= budget_words or not spans:
            spans.append((start, end))
            budget_words -= num_words
    return sorted(spans)
