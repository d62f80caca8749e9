"""Sinks, window and highlights as a plain loop in float64: one query after the other, scores kept by position.

Written from the rules in `longdoc.engine.highlights`'s docstring; no code is shared. It reads the whole text once and
knows nothing of calls.

Shapes: G query heads of one key/value head, T tokens, D head dim.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

WITNESS_EVERY = 8
RESERVOIR_SHARE = 0.25
FADE = 0.5
_LONGEST_TURN = 128


def attend_head(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    rotate: Callable[[Tensor, int], Tensor],
    sizes: tuple[int, int, int],
    scaling: float,
    softcap: float | None,
) -> Tensor:
    """Un-rotated (G, T, D), (T, D) x2 -> (T, G, D). sizes: sinks, window, highlights."""
    sinks, window, most = sizes
    turn = max(1, min(_LONGEST_TURN, window // 4))
    reach = window + most + turn - 1  # of the nearest sink
    mass = [0.0] * len(keys)  # by position
    scores: dict[int, float] = {}  # of the highlights, by position
    used: dict[int, float] = {}  # what they received since the last turn
    turned = cache(lambda distance: rotate(queries, distance))
    keys = rotate(keys, 0)
    outputs = []
    for t in range(len(keys)):
        if t and t % turn == 0:
            scores = {j: max(used[j] * WITNESS_EVERY / turn, FADE * score) for j, score in scores.items()}
            for j in range(max(sinks, t - turn - window + 1), t - window + 1):  # left the window since the last turn
                scores[j] = mass[j] * WITNESS_EVERY / (window - window // 2)
            scores = {j: scores[j] for j in chosen(scores, most)}
            used = dict.fromkeys(scores, 0.0)
        distances = {j: t - j for j in range(t + 1) if j < sinks or t - j < window}
        if t >= sinks + window:
            distances |= {j: reach + sinks - 1 - j for j in range(sinks)}
        for rank, j in enumerate(sorted(scores, reverse=True)):
            distances[j] = t % turn + window + rank
        seen = list(distances)
        near = torch.stack([turned(distance)[:, t] for distance in distances.values()], 1)
        logits = (near * keys[seen]).sum(-1) * scaling
        if softcap is not None:
            logits = softcap * torch.tanh(logits / softcap)
        share = logits.softmax(-1)
        outputs.append(share @ values[seen])
        if t % WITNESS_EVERY == WITNESS_EVERY - 1:
            for j, received in zip(seen, share.sum(0).tolist(), strict=True):
                if j in used:
                    used[j] += received
                elif j >= sinks and t - j >= window // 2:
                    mass[j] += received
    return torch.stack(outputs)


def chosen(scores: dict[int, float], most: int) -> list[int]:
    """The positions that stay: those of the highest priority, then those of the highest score; in order."""
    drawn = sorted(scores, key=priority, reverse=True)[: int(most * RESERVOIR_SHARE)]
    others = sorted((j for j in sorted(scores) if j not in drawn), key=lambda j: -scores[j])
    return sorted((drawn + others)[:most])


def priority(position: int) -> int:
    """Wellons' `lowbias32` of a position."""
    x = position & 0xFFFFFFFF
    x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
    return x ^ (x >> 16)
