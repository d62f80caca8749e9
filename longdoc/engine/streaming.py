"""The attention of one layer over its tiers while reading: exact, in a few fused calls, without gradients.

Three sets of keys, each attended to by itself (`kernels.py`) and merged by their log-sum-exp:

- local: the window and the new tokens, at their true distances; query t sees the last W.
- sinks: once a token has been dropped, they stand right behind the window's reach (`Frame.turn_back`).
- while nothing has been dropped for a query, sinks and window are one run of tokens at true distances.

So a call of T tokens costs O(T (S + W)), and the result does not depend on how the text is cut into calls. Departure
from StreamingLLM (Xiao et al. 2023, arXiv 2309.17453, section 3.2), which numbers tokens by their place in the cache:
there the distance to a sink depends on the size of the call.

Shapes: B batch, H query heads, Hkv key/value heads, T new tokens, S sinks, W window, K kept tokens before the call,
D head dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longdoc.engine.cache import KEEP_ALL, StreamingLayer
from longdoc.engine.kernels import Part, attend_all, attend_band, merge
from longdoc.engine.positions import Frame


def streamed(
    module: nn.Module,
    layer: StreamingLayer,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    num_seen: int,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, T, D), (B, Hkv, K + T, D) x2 -> (B, H, T, D). keys, values: what `layer.update` gave; un-rotated.

    num_seen: tokens read before the call.
    """
    tiers, num_new = layer.tiers, query.shape[2]
    num_sinks = min(tiers.sinks, num_seen + num_new)
    start = tiers.sinks + tiers.reach - min(tiers.window, tiers.reach)  # of the local tokens in the frame
    num_positions = start + keys.shape[2] - num_sinks
    frame = Frame(module, num_positions, query)
    turned_query = frame.turn(query, num_positions - num_new)
    turned_keys = frame.turn(keys, start - num_sinks)
    parts: list[Part] = []
    covered = min(max(0, tiers.sinks + tiers.window - num_seen), num_new)  # queries for which nothing was dropped
    if covered:
        seen = num_seen + covered
        parts.append(
            attend_band(turned_query[:, :, :covered], turned_keys[:, :, :seen], values[:, :, :seen], KEEP_ALL, scale,
                        softcap)
        )  # fmt: skip
    if covered < num_new:
        local = attend_band(
            turned_query[:, :, covered:], turned_keys[:, :, num_sinks:], values[:, :, num_sinks:], tiers.window, scale,
            softcap,
        )  # fmt: skip
        both = [local]
        if num_sinks:
            sinks = frame.turn_back(keys[:, :, :num_sinks], tiers.reach)
            both.append(attend_all(query[:, :, covered:], sinks, values[:, :, :num_sinks], scale, softcap))
        parts.append(merge(both))
    return torch.cat([out.to(query.dtype) for out, _ in parts], 2)
