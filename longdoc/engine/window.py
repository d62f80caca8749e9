"""The window's keys or values as they are kept: as they came, or in 8 bits.

In 8 bits each token of each head has one scale, its largest magnitude over 127, so an entry is wrong by at most half of
that: 1/254 of the token's largest entry. A token is encoded once, when it comes, and attended to as it was encoded also
by its own call; so the result does not depend on how the text is cut into calls, but for entries that rounding puts on
the other side of a step.

Shapes: B batch, Hkv key/value heads, N tokens, D head dim.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LARGEST = 127


@dataclass(frozen=True, slots=True)
class Kept:
    """codes: (B, Hkv, N, D) in the model's dtype, or int8.   scales: (B, Hkv, N, 1) float32 for int8, else None."""

    codes: Tensor
    scales: Tensor | None

    def read(self, dtype: torch.dtype) -> Tensor:
        """-> (B, Hkv, N, D)."""
        return self.codes if self.scales is None else (self.codes * self.scales).to(dtype)

    def extended(self, new: Kept) -> Kept:
        """With the tokens of `new` at the end."""
        codes = torch.cat([self.codes, new.codes], 2)
        if self.scales is None or new.scales is None:
            return Kept(codes, None)
        return Kept(codes, torch.cat([self.scales, new.scales], 2))

    def without_first(self, count: int) -> Kept:
        """Without the oldest tokens; a copy, because a view would keep their bytes alive."""
        if count == 0:
            return self
        scales = None if self.scales is None else self.scales[:, :, count:].clone()
        return Kept(self.codes[:, :, count:].clone(), scales)


def keep(states: Tensor, bits: int) -> Kept:
    """(B, Hkv, N, D) as they are, or in 8 bits."""
    if bits != 8:
        return Kept(states, None)
    precise = states.float()
    scales = precise.abs().amax(-1, keepdim=True).clamp_min(1e-30) / _LARGEST
    return Kept((precise / scales).round().to(torch.int8), scales)
