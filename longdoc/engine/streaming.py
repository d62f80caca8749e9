"""The attention of one layer over its tiers while reading: exact, in a few fused calls, without gradients.

Three sets of keys, each attended to by itself (`kernels.py`) and merged by their log-sum-exp:

- local: the window and the new tokens, at their true distances; query t sees the last W.
- sinks: once a token has been dropped, they stand right behind the window's reach (`Frame.turn_back`).
- highlights: turn by turn, right before the window (`highlights.py`).

While nothing has been dropped for a query, sinks and window are one run of tokens at true distances. So a call of T
tokens costs O(T (S + C + W)), and the result does not depend on how the text is cut into calls. Departure
from StreamingLLM (Xiao et al. 2023, arXiv 2309.17453, section 3.2), which numbers tokens by their place in the cache:
there the distance to a sink depends on the size of the call.

Shapes: B batch, H query heads, Hkv key/value heads, T new tokens, S sinks, C highlights, W window,
K kept tokens before the call, L local tokens (window and new), D head dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longdoc.engine.cache import KEEP_ALL, StreamingLayer
from longdoc.engine.highlights import choose, observe, witnesses
from longdoc.engine.kernels import Part, attend_all, attend_band, merge, precise
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
    start = tiers.sinks + tiers.reach - tiers.window  # of the local tokens in the frame
    num_positions = start + keys.shape[2] - num_sinks
    frame = Frame(module, num_positions, query)
    turned_query = frame.turn(query, num_positions - num_new)
    turned_keys = frame.turn(keys, start - num_sinks)
    local_keys, local_values = turned_keys[:, :, num_sinks:], values[:, :, num_sinks:]
    parts: list[Part] = []
    covered = min(max(0, tiers.sinks + tiers.window - num_seen), num_new)  # queries for which nothing was dropped
    if covered:
        seen = num_seen + covered
        all_keys, all_values = turned_keys[:, :, :seen], values[:, :, :seen]
        parts.append(attend_band(turned_query[:, :, :covered], all_keys, all_values, KEEP_ALL, scale, softcap))
    if covered < num_new:
        rest = turned_query[:, :, covered:]
        both = [attend_band(rest, local_keys, local_values, tiers.window, scale, softcap)]
        if num_sinks:
            sinks = frame.turn_back(keys[:, :, :num_sinks], tiers.reach)
            both.append(attend_all(query[:, :, covered:], sinks, values[:, :, :num_sinks], scale, softcap))
        parts.append(merge(both))
    if layer.highlights is not None:
        whole = torch.cat([precise(out) for out, _ in parts], 2), torch.cat([lse for _, lse in parts], 2)
        parts = _with_highlights(
            layer, frame, start, turned_query, whole, local_keys, keys[:, :, num_sinks:], local_values, num_seen, scale,
            softcap,
        )  # fmt: skip
    return torch.cat([out.to(query.dtype) for out, _ in parts], 2)


def _with_highlights(
    layer: StreamingLayer,
    frame: Frame,
    start: int,
    query: Tensor,
    whole: Part,
    turned_keys: Tensor,
    keys: Tensor,
    values: Tensor,
    num_seen: int,
    scale: float,
    softcap: float | None,
) -> list[Part]:
    """Attention to sinks and window -> to the highlights too, in pieces that end at turns; the turns are taken.

    query, turned_keys: rotated.   keys, values: (B, Hkv, L, D) of the local tokens, un-rotated.
    """
    tiers, held = layer.tiers, layer.highlights
    assert held is not None
    total = num_seen + query.shape[2]
    first_local = total - keys.shape[2]
    held = held.with_local(keys.shape[2])
    parts: list[Part] = []
    begin = num_seen
    while begin < total:
        last_turn = begin // tiers.turn * tiers.turn
        end = min(total, last_turn + tiers.turn)
        rows = slice(begin - num_seen, end - num_seen)
        part = whole[0][:, :, rows], whole[1][:, :, rows]
        turned = held.keys
        if num_held := held.keys.shape[2]:
            newest = start + last_turn - tiers.window - first_local
            turned = frame.turn(held.keys, newest - num_held + 1)
            part = merge([part, attend_all(query[:, :, rows], turned, held.values, scale, softcap)])
        parts.append(part)
        if at := witnesses(begin, end):
            picked = slice(at.start - begin, end - begin, at.step)
            seen = query[:, :, rows][:, :, picked], part[1][:, :, picked]
            held = observe(held, tiers, *seen, at, turned_keys, first_local, turned, scale, softcap)
        if end % tiers.turn == 0:
            held = choose(held, tiers, end, keys, values, first_local)
        begin = end
    assert layer.keys is not None
    layer.highlights = held.with_local(layer.keys.shape[2])
    return parts
