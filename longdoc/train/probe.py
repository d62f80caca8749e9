"""Fits the salience probe: a linear read-out of a model's hidden states for sentences that summaries share most with.

Stretches of documents with human summaries; in each, the sentence that shares most words with the summary should have
the highest mean over its tokens. Listwise, with weight decay; documents held out from the model's training measure it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longdoc.core.sentences import sentence_spans
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import LoadedModel
from longdoc.engine.probe import SalienceProbe
from longdoc.pipeline.framing import tokens_of
from longdoc.train.config import DataConfig
from longdoc.train.corpus import add_extracts, is_held_out, rows

MIN_WORDS, MAX_WORDS = 6, 50
WEIGHT_DECAY = 0.03


@dataclass(frozen=True, slots=True)
class _Stretch:
    """sentences: (N, F) mean features of each, less those of the stretch.   best: the one to choose."""

    source: str
    sentences: Tensor
    best: int


def train_probe(
    data: Path, config: DataConfig, loaded: LoadedModel, most: int, report: Callable[[str], None]
) -> tuple[SalienceProbe, dict[str, Any]]:
    """Fit on at most `most` stretches per source; -> the probe, and per source n, AUC and share of first places."""
    layers = (int(loaded.model.config.num_hidden_layers) // 2, int(loaded.model.config.num_hidden_layers))
    generator = random.Random(0)
    kept: dict[bool, list[_Stretch]] = {False: [], True: []}
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in rows(data, config.summaries):
        by_source.setdefault(row["source"], []).append(row)
    for source, own in by_source.items():
        generator.shuffle(own)
        for held_out in (False, True):
            texts: list[str] = []
            wanted: list[str] = []
            for row in own:
                if is_held_out(row["doc_id"], config) == held_out and len(texts) < most:
                    add_extracts(row["document"], row["summary"], 6, texts, wanted)
            found = [_features(loaded, layers, source, t, w) for t, w in zip(texts, wanted, strict=True)]
            kept[held_out] += [f for f in found if f is not None]
        report(f"{source}: {len(kept[False])} stretches, {len(kept[True])} held out")
    weight = _fit(kept[False])
    return SalienceProbe(layers, weight), _measure(kept[True], weight)


def _features(loaded: LoadedModel, layers: tuple[int, ...], source: str, text: str, wanted: str) -> _Stretch | None:
    """Read a stretch; None when the wanted sentence is not among its candidates."""
    spans = [s for s in sentence_spans(text)[1:-1] if MIN_WORDS <= len(text[slice(*s)].split()) <= MAX_WORDS]
    quotes = [text[slice(*s)] for s in spans]
    if len(spans) < 4 or wanted not in quotes:
        return None
    tokens = tokens_of(loaded.tokenizer, text)
    ids = torch.tensor([[token for token, _, _ in tokens]], device=loaded.device)
    tiers = loaded.adapter.tiers if loaded.adapter else Tiers()
    with torch.inference_mode():
        cache = StreamingCache(loaded.model.config, tiers)
        out = loaded.model.model(ids, past_key_values=cache, use_cache=True, output_hidden_states=True)
        features = SalienceProbe(layers, torch.empty(0)).features(out.hidden_states).cpu()
    ends = np.array([end for _, _, end in tokens])
    first = np.searchsorted(ends, [start for start, _ in spans], "right")
    last = np.searchsorted(ends, [end for _, end in spans], "left") + 1
    means = torch.stack([features[a:b].mean(0) for a, b in zip(first, last, strict=True)])
    return _Stretch(source, means.clone() - features.mean(0), quotes.index(wanted))


def _fit(stretches: Sequence[_Stretch], num_epochs: int = 12, batch: int = 16) -> Tensor:
    """(F,) weights for raw features, by AdamW on the listwise cross-entropy."""
    torch.manual_seed(0)
    deviation = torch.cat([s.sentences for s in stretches]).std(0) + 1e-3
    weight = torch.zeros_like(deviation, requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=3e-3, weight_decay=0.0)
    order = list(stretches)
    generator = random.Random(0)
    for _ in range(num_epochs):
        generator.shuffle(order)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            losses = [-torch.log_softmax((s.sentences / deviation) @ weight, 0)[s.best] for s in chosen]
            loss = torch.stack(losses).mean() + WEIGHT_DECAY * (weight**2).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return (weight / deviation).detach()


def _measure(stretches: Sequence[_Stretch], weight: Tensor) -> dict[str, Any]:
    """AUC: share of the other sentences that the wanted one is above."""
    found: dict[str, list[tuple[float, float]]] = {}
    for stretch in stretches:
        scores = stretch.sentences @ weight
        below = float((scores < scores[stretch.best]).sum()) / (len(scores) - 1)
        found.setdefault(stretch.source, []).append((below, float(int(scores.argmax()) == stretch.best)))
    figures = {}
    for source, pairs in found.items():
        auc, first = np.mean(pairs, 0).round(3).tolist()
        figures[source] = {"n": len(pairs), "auc": auc, "first": first}
    return figures
