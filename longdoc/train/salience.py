"""Fits the ranker that chooses summary sentences, from human summaries of five kinds of text.

The target is an oracle: the sentences that, added greedily, raise the overlap (ROUGE-1 and -2) with the human
summary most. Documents, not summaries, are held out. Knows nothing of language models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from longdoc.search import ranker as ranker_file
from longdoc.search.joined import Row, is_held_out
from longdoc.search.measures import rouge_n, tokens
from longdoc.search.ranker import Array, Ranker, RankerFile
from longdoc.search.salience import COLUMNS, features, score_part
from longdoc.search.selection import select
from longdoc.search.terms import DocumentTerms
from longdoc.train.fitting import Group, fit_listwise
from longdoc.train.licences import licence_of

_MAX_PER_SOURCE = 400
_ORACLE_SENTENCES = 12

ExtraColumns = Callable[[DocumentTerms, range], Mapping[str, Array]]


@dataclass(frozen=True, slots=True)
class Summarised:
    """A document and what people wrote of it."""

    source: str
    doc_id: str
    document: str
    title: str
    summaries: tuple[str, ...]


def train_salience(
    rows: Sequence[Row],
    out: Path,
    *,
    extra: ExtraColumns | None = None,
    num_hidden: int = 4,
    num_steps: int = 250,
) -> dict[str, Any]:
    """Fits "salience" (and "salience+model" with `extra`) and writes it to `out`. Returns the held-out figures."""
    documents = list(summarised(rows))
    groups: list[Group] = []
    names = list(COLUMNS)
    in_source = Counter(d.source for d in documents if not is_held_out(d.doc_id))
    for document in documents:
        if is_held_out(document.doc_id):
            continue
        terms = DocumentTerms(document.document)
        part = range(len(terms.sentences))
        columns = features(terms, part, document.title) | dict(extra(terms, part) if extra else {})
        names = list(columns)
        weight = in_source[document.source] ** -0.5
        groups.append(Group(np.stack(list(columns.values()), 1), oracle(terms, document.summaries), weight))
    rankers = {"salience": _fit(groups, names, COLUMNS, num_hidden, num_steps)}
    if extra is not None:
        rankers["salience+model"] = _fit(groups, names, names, num_hidden, num_steps)
    figures = measure([d for d in documents if is_held_out(d.doc_id)], RankerFile(rankers, {}), extra)
    sources = sorted({d.source for d in documents})
    provenance = {
        "what": "chooses the sentences of a part of a document that a summary needs",
        "sources": {source: licence_of(source) for source in sources},
        "num_documents": len(groups),
        "split": "by document, a quarter held out",
        "held_out": figures,
    }
    ranker_file.save(out, rankers, provenance)
    return figures


def summarised(rows: Sequence[Row], max_per_source: int = _MAX_PER_SOURCE) -> Iterator[Summarised]:
    """Documents with summaries of the whole: rows that answer a narrower query are left out."""
    by_document: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        query = (row.get("query") or "").lower()
        if row["source"] == "qmsum" and row.get("scope") != "full":
            continue
        if row["source"] == "squality" and "plot" not in query:
            continue
        by_document.setdefault((row["source"], row["document"]), []).append(row)
    kept: Counter[str] = Counter()
    total = Counter(source for source, _ in by_document)
    for number, ((source, document), own) in enumerate(by_document.items()):
        if kept[source] < max_per_source and number % max(1, total[source] // max_per_source) == 0:
            kept[source] += 1
            title = own[0].get("title") or ""
            yield Summarised(source, own[0]["doc_id"], document, title, tuple(row["summary"] for row in own))


def oracle(terms: DocumentTerms, summaries: Sequence[str]) -> Array:
    """(N,): how much each sentence of a greedy best summary raises its ROUGE-1 + ROUGE-2; 0 for the others."""
    target = np.zeros(len(terms.sentences))
    found = [tokens(terms.text[a:b]) for a, b in terms.sentences]
    for summary in summaries:
        gold = tokens(summary)
        left, left_pairs = Counter(gold), Counter(pairwise(gold))
        budget = 1.3 * len(gold)
        rest = {i for i, own in enumerate(found) if 5 <= len(own) <= 60}
        for _ in range(_ORACLE_SENTENCES):
            gains = {i: _gain(found[i], left, left_pairs) for i in rest if len(found[i]) <= budget}
            best = max(gains, key=lambda i: (gains[i], -i), default=None)
            if best is None or gains[best] <= 0:
                break
            target[best] += gains[best]
            left -= Counter(found[best])
            left_pairs -= Counter(pairwise(found[best]))
            budget -= len(found[best])
            rest.discard(best)
    return target


def _gain(own: Sequence[str], left: Counter[str], left_pairs: Counter[tuple[str, str]]) -> float:
    """What a sentence adds that the summary still lacks; long ones must bring more (square root of the length)."""
    num_words = sum(min(n, left[w]) for w, n in Counter(own).items() if len(w) > 3)
    num_pairs = sum(min(n, left_pairs[p]) for p, n in Counter(pairwise(own)).items())
    return float((num_words + 2 * num_pairs - 0.15 * len(own)) / len(own) ** 0.5)


def measure(
    documents: Sequence[Summarised], rankers: RankerFile, extra: ExtraColumns | None = None
) -> dict[str, dict[str, float]]:
    """Per source: mean of ROUGE-1 and ROUGE-2 at the length of the human summary, for the ranker and baselines."""
    figures: dict[str, list[tuple[float, ...]]] = {}
    for document in documents:
        terms = DocumentTerms(document.document)
        part = range(len(terms.sentences))
        scored = score_part(
            terms,
            0,
            len(document.document),
            rankers,
            title=document.title,
            extra=extra(terms, part) if extra else None,
        )
        budget = int(np.mean([len(s.split()) for s in document.summaries]))
        spans = [(s.start, s.end) for s in select(scored, budget)]
        central = sorted(scored, key=lambda s: -s.features["lexrank"])
        figures.setdefault(document.source, []).append(
            tuple(
                _rouge(terms, chosen, document.summaries)
                for chosen in (
                    spans,
                    _within(terms, terms.sentences, budget),
                    _within(terms, [(s.start, s.end) for s in central], budget),
                )
            )
        )
    return {
        source: {"num_documents": len(rows)}
        | {name: round(float(v), 4) for name, v in zip(("ranker", "lead", "centrality"), np.mean(rows, 0), strict=True)}
        for source, rows in figures.items()
    }


def _within(terms: DocumentTerms, spans: Sequence[tuple[int, int]], budget: int) -> list[tuple[int, int]]:
    chosen: list[tuple[int, int]] = []
    for a, b in spans:
        num_words = len(terms.text[a:b].split())
        if num_words <= budget or not chosen:
            budget -= num_words
            chosen.append((a, b))
    return chosen


def _rouge(terms: DocumentTerms, spans: Sequence[tuple[int, int]], summaries: Sequence[str]) -> float:
    text = " ".join(terms.text[a:b] for a, b in spans)
    return float(np.mean([(rouge_n(text, s, 1) + rouge_n(text, s, 2)) / 2 for s in summaries]))


def _fit(
    groups: Sequence[Group], names: Sequence[str], columns: Sequence[str], num_hidden: int, num_steps: int
) -> Ranker:
    picked = [names.index(name) for name in columns]
    chosen = [Group(group.features[:, picked], group.target, group.weight) for group in groups]
    return fit_listwise(chosen, columns, num_hidden=num_hidden, num_steps=num_steps, decay=0.1)
