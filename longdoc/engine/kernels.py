"""Partial attentions: the softmax over one set of keys, with its log-sum-exp, so that disjoint sets can be merged.

Two shapes of sets, and for each the same contract on every device: `attend_all`, where every query sees every key, and
`attend_band`, where a query sees the last W keys up to its own. Keys and values are never repeated for their group.

- CPU: the fused operator. It knows no window, so a band is computed in blocks of rows, each with the keys that it can
  see at all: T (W + 128) instead of T (W + T) products. In bfloat16 such blocks are plain products (`products.py`).
- CUDA, half precision: flash attention, which knows windows and groups. Not run on any GPU so far; its calls are
  checked against the operator's own shape rules.
- Otherwise (soft caps, float32 on a GPU): plain matrix products in float32 or better, in blocks of rows.

Knows nothing of models, caches and positions: queries and keys come rotated.

Shapes: B batch, H query heads, Hkv key/value heads, G = H / Hkv, T queries, K keys, D head dim, W window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from longdoc.engine.products import BlockProducts, is_for_products

# What a partial attention gives: (B, H, T, D) in the queries' dtype or float32, and (B, H, T) log-sum-exp.
Part = tuple[Tensor, Tensor]
_BLOCK_ROWS = 128  # of a band on the CPU; measured with windows of 512 and 4,096
_ALIGNED_KEYS = 32  # a block has a multiple of them: rows that begin anywhere are read at half the speed


def attend_all(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, softcap: float | None = None, *, causal: bool = False
) -> Part:
    """(B, H, T, D), (B, Hkv, K, D) x2 -> the attention of each query to all keys.

    causal: query i sees the keys up to i; only for T = K.
    """
    num_new, heads, kv_heads = query.shape[2], query.shape[1], keys.shape[1]
    assert not causal or num_new == keys.shape[2]
    if num_new == 1 and heads != kv_heads:  # a step of decoding: the heads of a group become rows
        rows = query.reshape(query.shape[0], kv_heads, heads // kv_heads, query.shape[-1])
        out, lse = attend_all(rows, keys, values, scale, softcap)
        return out.reshape(*query.shape[:3], values.shape[-1]), lse.reshape(query.shape[:3])
    if _is_fused_on_cpu(query, values, softcap):
        return _flash_cpu(query, keys, values, scale, None, causal)
    if _is_flash_on_cuda(query, values, softcap):
        return flash_cuda(query, keys, values, scale, causal=causal)
    parts: list[Part] = []
    for start in range(0, num_new, _BLOCK_ROWS):  # all rows at once would take T K scores of every head
        rows, last = query[:, :, start : start + _BLOCK_ROWS], min(start + _BLOCK_ROWS, num_new)
        bias = _band(last - start, last, start, num_new, query.dtype, query.device) if causal else None
        seen = slice(0, last if causal else None)
        parts.append(_plain(rows, keys[:, :, seen], values[:, :, seen], scale, softcap, bias))
    return torch.cat([out for out, _ in parts], 2), torch.cat([lse for _, lse in parts], 2)


def attend_band(
    query: Tensor, keys: Tensor, values: Tensor, window: int, scale: float, softcap: float | None = None
) -> Part:
    """(B, H, T, D), (B, Hkv, K, D) x2 -> the attention of query i to the last `window` keys up to key K - T + i."""
    num_new, num_keys = query.shape[2], keys.shape[2]
    before = num_keys - num_new
    assert before >= 0
    if num_new == 1:
        first = max(0, num_keys - window)
        return attend_all(query, keys[:, :, first:], values[:, :, first:], scale, softcap)
    if _is_flash_on_cuda(query, values, softcap):
        return flash_cuda(query, keys, values, scale, causal=True, window=min(window, num_keys))
    if window >= num_keys:  # nothing slides out: what was there before is seen by all
        own = attend_all(query, keys[:, :, before:], values[:, :, before:], scale, softcap, causal=True)
        if before == 0:
            return own
        return merge([attend_all(query, keys[:, :, :before], values[:, :, :before], scale, softcap), own])
    attend: Callable[..., Part] = _flash_cpu_masked if _is_fused_on_cpu(query, values, softcap) else _plain
    if softcap is None and is_for_products(query):
        attend = BlockProducts()
    return _in_blocks(attend, query, keys, values, window, scale, softcap)


def attend_after(query: Tensor, keys: Tensor, values: Tensor, scale: float, softcap: float | None = None) -> Part:
    """(B, H, T, D), (B, Hkv, K, D) x2 -> the attention of query i to the keys from i on; T <= K. For few rows."""
    assert query.shape[2] <= keys.shape[2]
    bias = _from_own(query.shape[2], keys.shape[2], query.dtype, query.device)
    attend: Callable[..., Part] = _flash_cpu_masked if _is_fused_on_cpu(query, values, softcap) else _plain
    return attend(query, keys, values, scale, softcap, bias)


def merge(parts: list[Part]) -> Part:
    """Attention over the union of disjoint sets of keys; in float32 or better."""
    (out, lse), *others = parts
    if not others:
        return out, lse
    out = precise(out)
    for other, other_lse in others:
        share = torch.sigmoid(lse - other_lse)[..., None].to(out.dtype)
        out = torch.lerp(precise(other), out, share)
        lse = torch.logaddexp(lse, other_lse)
    return out, lse


def _in_blocks(
    attend: Callable[..., Part],
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    window: int,
    scale: float,
    softcap: float | None,
) -> Part:
    """A band as blocks of rows with the keys that any of them sees; most blocks share one bias."""
    num_new, num_keys = query.shape[2], keys.shape[2]
    before = num_keys - num_new
    parts: list[Part] = []
    for start in range(0, num_new, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, num_new)
        first = max(0, before + start - window + 1)
        block_keys = -(-(before + stop - first) // _ALIGNED_KEYS) * _ALIGNED_KEYS
        first = max(0, min(first, num_keys - block_keys))
        near = slice(first, first + block_keys)
        near_keys, near_values = keys[:, :, near], values[:, :, near]
        bias = _band(stop - start, near_keys.shape[2], before + start - first, window, query.dtype, query.device)
        parts.append(attend(query[:, :, start:stop], near_keys, near_values, scale, softcap, bias))
    return torch.cat([out for out, _ in parts], 2), torch.cat([lse for _, lse in parts], 2)


@lru_cache(maxsize=4)  # all layers ask for the same
def _band(num_rows: int, num_keys: int, before: int, window: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """-> (T, K): zero where row i sees a key, from before + i - window + 1 to before + i, else minus infinity."""
    rows = torch.arange(before, before + num_rows, device=device)[:, None]
    distance = rows - torch.arange(num_keys, device=device)
    visible = (distance >= 0) & (distance < window)
    return torch.zeros_like(visible, dtype=dtype).masked_fill_(~visible, float("-inf"))


@lru_cache(maxsize=4)
def _from_own(num_rows: int, num_keys: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """-> (T, K): zero where row i sees a key, from i on, else minus infinity."""
    hidden = torch.ones(num_rows, num_keys, dtype=torch.bool, device=device).tril(-1)
    return torch.zeros(num_rows, num_keys, dtype=dtype, device=device).masked_fill_(hidden, float("-inf"))


def _is_fused_on_cpu(query: Tensor, values: Tensor, softcap: float | None) -> bool:
    return query.device.type == "cpu" and softcap is None and query.shape[-1] == values.shape[-1]


def _flash_cpu(query: Tensor, keys: Tensor, values: Tensor, scale: float, bias: Tensor | None, causal: bool) -> Part:
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, keys, values, 0.0, causal, attn_mask=bias, scale=scale
    )
    return out, lse


def _flash_cpu_masked(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, softcap: float | None, bias: Tensor
) -> Part:
    assert softcap is None
    return _flash_cpu(query, keys, values, scale, bias[None, None], causal=False)


def _is_flash_on_cuda(query: Tensor, values: Tensor, softcap: float | None) -> bool:
    dim = query.shape[-1]
    fits = dim == values.shape[-1] and dim <= 256 and dim % 8 == 0
    return query.device.type == "cuda" and query.dtype in (torch.float16, torch.bfloat16) and softcap is None and fits


def flash_cuda(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, *, causal: bool, window: int | None = None
) -> Part:
    """Flash attention with its log-sum-exp. It aligns causality and window to the last key, as `attend_band` does."""
    out, lse, *_ = torch.ops.aten._flash_attention_forward(
        query.transpose(1, 2),
        keys.transpose(1, 2),
        values.transpose(1, 2),
        None,
        None,
        query.shape[2],
        keys.shape[2],
        0.0,
        causal,
        False,
        scale=scale,
        window_size_left=None if window is None else window - 1,
        window_size_right=None if window is None else 0,
    )
    return out.transpose(1, 2), lse


def _plain(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, softcap: float | None, bias: Tensor | None
) -> Part:
    """The definition. bias: (T, K), zero or minus infinity; every query sees something."""
    batch, heads, num_new, _ = query.shape
    scores = scores_of(query, keys, scale, softcap)
    if bias is not None:
        scores = scores + bias.repeat(heads // keys.shape[1], 1)
    lse = scores.logsumexp(-1)
    out = ((scores - lse[..., None]).exp() @ precise(values)).to(values.dtype)
    return out.reshape(batch, heads, num_new, values.shape[-1]), lse.reshape(batch, heads, num_new)


def scores_of(query: Tensor, keys: Tensor, scale: float, softcap: float | None) -> Tensor:
    """(B, H, T, D), (B, Hkv, K, D) -> (B, Hkv, G T, K) float32 or better: the heads of a group as rows."""
    rows = precise(query).reshape(query.shape[0], keys.shape[1], -1, query.shape[-1])
    scores = rows @ precise(keys).transpose(-1, -2) * scale
    return scores if softcap is None else softcap * torch.tanh(scores / softcap)


def precise(tensor: Tensor) -> Tensor:
    """In float32, or as it is when that is more."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
