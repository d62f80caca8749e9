"""Where tokens stand, and their rotation by the model's own rotary embedding.

Shapes: B batch, H heads, T new tokens, S sinks, K kept tokens before the call, N positions, D head dim.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from longdoc.engine.cache import Tiers


def positions(num_seen: int, num_new: int, num_keys: int, tiers: Tiers, device: torch.device) -> tuple[Tensor, Tensor]:
    """-> (T,) absolute positions of the queries, (K + T,) of the keys: the sinks are 0 ... S - 1."""
    total = num_seen + num_new
    num_sinks = min(tiers.sinks, total)
    queries = torch.arange(num_seen, total, device=device)
    local = torch.arange(total - (num_keys - num_sinks), total, device=device)
    return queries, torch.cat([torch.arange(num_sinks, device=device), local])


def rotate(module: nn.Module, states: Tensor, position: Tensor) -> Tensor:
    """(B, H, N, D), (N,) -> (B, H, N, D), by the family's own rotation (half-split, interleaved, partial)."""
    rope: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = module.longdoc_rope  # type: ignore[assignment]
    if rope is None:
        return states
    cos, sin = rope(states, position[None])
    apply = sys.modules[type(module).__module__].apply_rotary_pos_emb
    partial = getattr(module, "rotary_ndims", None)  # Phi and StableLM split the pass-through dims off themselves
    if partial is not None and partial < states.shape[-1]:
        turned = apply(states[..., :partial], states[:, :0, :, :partial], cos, sin)[0]
        return torch.cat([turned, states[..., partial:]], -1)
    rotated: Tensor = apply(states, states[:, :0], cos, sin)[0]
    return rotated
