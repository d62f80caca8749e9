"""Attention that can be differentiated: the same function as the streamed one, for training and as a reference.

Shapes: B batch, Hkv key/value heads, G query heads for each, H = Hkv G, T new tokens, S sinks, W window, D head dim,
N blocks of W tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longdoc.engine.cache import Tiers
from longdoc.engine.positions import positions, rotate


def differentiable(
    module: nn.Module,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    num_seen: int,
    tiers: Tiers,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, T, D), (B, Hkv, K + T, D) x2 -> (B, H, T, D): whichever form below is cheapest."""
    num_new = query.shape[2]
    if num_seen == 0 and num_new <= tiers.sinks + tiers.window and softcap is None:
        position = torch.arange(num_new, device=query.device)
        rotated = rotate(module, query, position), rotate(module, keys, position)
        has_groups = query.shape[1] > keys.shape[1]
        return F.scaled_dot_product_attention(*rotated, values, is_causal=True, scale=scale, enable_gqa=has_groups)
    if num_seen == 0 and num_new > 2 * tiers.window:
        return banded(module, query, keys, values, tiers, scale, softcap)
    return dense(module, query, keys, values, num_seen, tiers, scale, softcap)


def banded(
    module: nn.Module, query: Tensor, keys: Tensor, values: Tensor, tiers: Tiers, scale: float, softcap: float | None
) -> Tensor:
    """(B, H, T, D), (B, Hkv, T, D) x2 -> (B, H, T, D) of a whole sequence, in time and memory O(T (S + 2 W)).

    Blocks of W queries see the S sinks, their own block and the one before it; the mask cuts the window out of them.
    """
    batch, heads, num_new, _ = query.shape
    kv_heads, window, num_sinks = keys.shape[1], tiers.window, min(tiers.sinks, num_new)
    blocks = -(-num_new // window)
    padding = blocks * window - num_new
    position = torch.arange(num_new, device=query.device)

    def in_blocks(states: Tensor) -> Tensor:
        """(B, H, T, D) -> (B, Hkv, H / Hkv, N, W, D), zeros after the last token."""
        return F.pad(states, (0, 0, 0, padding)).view(batch, kv_heads, -1, blocks, window, states.shape[-1])

    def with_block_before(states: Tensor) -> Tensor:
        """(B, Hkv, T, D) -> (B, Hkv, 1, N, 2 W, D)."""
        own = in_blocks(states)
        return torch.cat([F.pad(own, (0, 0, 0, 0, 1, 0))[:, :, :, :-1], own], -2)

    slot = torch.arange(blocks * window, device=query.device).view(blocks, window, 1)
    local = (
        torch.arange(2 * window, device=query.device) + (torch.arange(blocks, device=query.device) * window)[:, None]
    )
    local = local[:, None] - window  # (N, 1, 2 W) positions of the keys, negative before the text
    visible = (slot - local >= 0) & (slot - local < window) & (local >= num_sinks)
    sink = torch.arange(num_sinks, device=query.device)
    seen = sink <= slot  # (N, W, S)

    local_keys = with_block_before(rotate(module, keys, position))
    local_scores = in_blocks(rotate(module, query, position)) @ local_keys.transpose(-1, -2) * scale
    clamped = in_blocks(rotate(module, query, position.clamp(max=tiers.sinks + window - 1)))
    sink_keys = rotate(module, keys[:, :, :num_sinks], sink)[:, :, None, None]
    score = torch.cat([clamped @ sink_keys.transpose(-1, -2) * scale, local_scores], -1)
    score = score.to(torch.promote_types(query.dtype, torch.float32))
    if softcap is not None:
        score = softcap * torch.tanh(score / softcap)
    score = score.masked_fill(~torch.cat([seen, visible], -1), float("-inf"))
    weights = score.softmax(-1).to(values.dtype)
    sink_values = values[:, :, None, None, :num_sinks]
    out = weights[..., :num_sinks] @ sink_values + weights[..., num_sinks:] @ with_block_before(values)
    return out.reshape(batch, heads, blocks * window, values.shape[-1])[:, :, :num_new]


def dense(
    module: nn.Module,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    num_seen: int,
    tiers: Tiers,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, T, D), (B, Hkv, K + T, D) x2 -> (B, H, T, D), in time and memory O(T (K + T)); after any history."""
    position, key_position = positions(num_seen, query.shape[2], keys.shape[2], tiers, query.device)
    repeats = query.shape[1] // keys.shape[1]
    total = num_seen + query.shape[2]
    distance = position[:, None] - key_position[None]
    is_sink = key_position < tiers.sinks
    visible = (distance >= 0) & (is_sink | (distance < tiers.window))
    base = int(key_position[min(tiers.sinks, total - 1)])

    def scores(query_position: Tensor, at: Tensor) -> Tensor:
        rotated = rotate(module, keys, at).repeat_interleave(repeats, 1)
        return rotate(module, query, query_position) @ rotated.transpose(-1, -2) * scale

    local = scores(position - base, (key_position - base).clamp(min=0))
    sinks = scores(position.clamp(max=tiers.sinks + tiers.window - 1), key_position.clamp(max=tiers.sinks))
    score = torch.where(is_sink, sinks, local).to(torch.promote_types(query.dtype, torch.float32))
    if softcap is not None:
        score = softcap * torch.tanh(score / softcap)
    weights = score.masked_fill(~visible, float("-inf")).softmax(-1).to(values.dtype)
    return weights @ values.repeat_interleave(repeats, 1)
