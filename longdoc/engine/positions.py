"""Where tokens stand, and their rotation by the model's own rotary embedding.

A frame is what one call counts its positions in. Only distances matter to a rotation, so a frame begins where the
cache does: no angle grows with the document. The first local token stands at S + reach - W, the others follow without
gaps up to the last. Before it stand the sinks while nothing has been dropped, and the highlights after that; the sinks
are then turned back by their distance instead (`Frame.turn_back`).

Shapes: B batch, H heads, T new tokens, S sinks, W window, K kept tokens before the call, N positions, D head dim,
R rotated dims.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn

from longdoc.engine.tiers import Tiers


class Rope:
    """The rotary embedding of one kind of layers, with the last table that was asked for: all layers ask for it."""

    def __init__(self, rotary: Any, layer_type: str | None = None) -> None:
        self._rotary = rotary
        self._arguments = () if layer_type is None else (layer_type,)
        self._table: tuple[Any, tuple[Tensor, Tensor]] | None = None
        self._at: tuple[Any, tuple[Tensor, Tensor]] | None = None

    def __call__(self, states: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """(1, N) -> cos, sin (1, N, R) in the dtype of `states`."""
        cos, sin = self._rotary(states, position, *self._arguments)
        return cos, sin

    def table(self, num_positions: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """-> cos, sin (1, N, R) of the positions 0 ... N - 1."""
        fixed = getattr(self._rotary, "longdoc_tokens", None)  # `rope.py` changed the frequencies
        asked = (num_positions, like.dtype, like.device, fixed)
        if self._table is None or self._table[0] != asked:
            position = torch.arange(num_positions, device=like.device)[None]
            self._table = asked, self(like, position)
        return self._table[1]

    def at(self, position: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) -> cos, sin (1, N, R) of these positions, remembered while the same tensor is asked for."""
        fixed = getattr(self._rotary, "longdoc_tokens", None)
        asked = (position, like.dtype, fixed)
        known = self._at
        if known is None or known[0][0] is not position or known[0][1:] != asked[1:]:
            known = self._at = asked, self(like, position[None])
        return known[1]


class Frame:
    """The rotations of one call of one layer: cos, sin (1, N, R) of the positions 0 ... N - 1, None without rope."""

    def __init__(self, module: nn.Module, num_positions: int, like: Tensor) -> None:
        rope: Rope | None = module.longdoc_rope  # type: ignore[assignment]
        self._module = module
        self._table = None if rope is None else rope.table(num_positions, like)

    def turn(self, states: Tensor, first: int) -> Tensor:
        """(B, H, n, D) -> (B, H, n, D), standing at first ... first + n - 1."""
        if self._table is None:
            return states
        cos, sin = self._table
        last = first + states.shape[2]
        assert 0 <= first <= last <= cos.shape[1]
        return _apply(self._module, states, cos[:, first:last], sin[:, first:last])

    def turn_back(self, states: Tensor, nearest: int) -> Tensor:
        """(B, H, n, D) -> (B, H, n, D), for queries that are not rotated: the last token at the distance `nearest`.

        A rotation by minus the distance. The embedding's own scale (YaRN) counts twice, as for a rotated query.
        """
        if self._table is None:
            return states
        cos, sin = self._table
        furthest = nearest + states.shape[2]
        assert 0 <= nearest <= furthest <= cos.shape[1]
        scale = cos[:, :1]  # cos(0) times the embedding's scale
        cos, sin = cos[:, nearest:furthest].flip(1) * scale, sin[:, nearest:furthest].flip(1) * scale
        return _apply(self._module, states, cos, -sin)


def positions(num_seen: int, num_new: int, num_keys: int, tiers: Tiers, device: torch.device) -> tuple[Tensor, Tensor]:
    """-> (T,) absolute positions of the queries, (K + T,) of the keys: the sinks are 0 ... S - 1."""
    total = num_seen + num_new
    num_sinks = min(tiers.sinks, total)
    queries = torch.arange(num_seen, total, device=device)
    local = torch.arange(total - (num_keys - num_sinks), total, device=device)
    return queries, torch.cat([torch.arange(num_sinks, device=device), local])


def rotate(module: nn.Module, states: Tensor, position: Tensor) -> Tensor:
    """(B, H, N, D), (N,) -> (B, H, N, D), by the family's own rotation (half-split, interleaved, partial)."""
    rope: Rope | None = module.longdoc_rope  # type: ignore[assignment]
    if rope is None:
        return states
    return _apply(module, states, *rope.at(position, states))


def _apply(module: nn.Module, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(B, H, N, D), (1, N, R) x2 -> (B, H, N, D)."""
    apply = sys.modules[type(module).__module__].apply_rotary_pos_emb
    partial = getattr(module, "rotary_ndims", None)  # Phi and StableLM split the pass-through dims off themselves
    if partial is not None and partial < states.shape[-1]:
        turned = apply(states[..., :partial], states[:, :0, :, :partial], cos, sin)[0]
        return torch.cat([turned, states[..., partial:]], -1)
    rotated: Tensor = apply(states, states[:, :0], cos, sin)[0]
    return rotated
