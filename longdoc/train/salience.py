"""Fits the ranker that chooses summary sentences, from human summaries of five kinds of text.

The target is an oracle: the sentences that, added greedily, cover most of the words of the human summary.
Documents, not summaries, are held out. Knows nothing of language models.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from longdoc.search import ranker as ranker_file
from longdoc.search.joined import Row, is_held_out, is_of_the_whole
from longdoc.search.measures import rouge_n
from longdoc.search.ranker import Array, Ranker, RankerFile
from longdoc.search.salience import COLUMNS, features, score_part
from longdoc.search.selection import select
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_stems, usual_share
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
        added = dict(extra(terms, part) if extra else {})
        columns = features(terms, part, document.title) | added
        names = [*COLUMNS, *added]
        weight = in_source[document.source] ** -0.5
        groups.append(Group(np.stack([columns[name] for name in names], 1), oracle(terms, document.summaries), weight))
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
        if is_of_the_whole(row):
            by_document.setdefault((row["source"], row["document"]), []).append(row)
    kept: Counter[str] = Counter()
    total = Counter(source for source, _ in by_document)
    for number, ((source, document), own) in enumerate(by_document.items()):
        if kept[source] < max_per_source and number % max(1, total[source] // max_per_source) == 0:
            kept[source] += 1
            title = own[0].get("title") or ""
            yield Summarised(source, own[0]["doc_id"], document, title, tuple(row["summary"] for row in own))


def oracle(terms: DocumentTerms, summaries: Sequence[str]) -> Array:
    """(N,): what each sentence of a greedy best summary adds to it; 0 for the others.

    Plain ROUGE rewards "that", "their" and "with"; here a shared stem counts by how rare it is in English.
    """
    target = np.zeros(len(terms.sentences))
    lengths = [b - a for a, b in terms.sentences]
    found = [content_stems(terms.text[a:b]) for a, b in terms.sentences]
    for summary in summaries:
        gold = content_stems(summary)
        left = {stem: -math.log(usual_share(stem)) / 10 for stem in gold}
        pairs = set(pairwise(gold))
        budget = 1.3 * len(summary)
        rest = {
            i for i, own in enumerate(found) if len(own) >= 3 and 30 <= lengths[i] <= 400 and left.keys() & set(own)
        }
        for _ in range(_ORACLE_SENTENCES):
            gains = {i: _gain(found[i], left, pairs, lengths[i]) for i in rest if lengths[i] <= budget}
            best = max(gains, key=lambda i: (gains[i], -i), default=None)
            if best is None or gains[best] <= 0:
                break
            target[best] += gains[best]
            for stem in found[best]:
                left.pop(stem, None)
            pairs -= set(pairwise(found[best]))
            budget -= lengths[best]
            rest.discard(best)
    return target


def _gain(own: Sequence[str], left: Mapping[str, float], pairs: Set[tuple[str, str]], num_chars: int) -> float:
    """What a sentence adds that the summary still lacks; long ones must bring more (root of the length)."""
    value = sum(left.get(stem, 0.0) for stem in set(own)) + sum(pair in pairs for pair in pairwise(own))
    return float(value / num_chars**0.5)


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
