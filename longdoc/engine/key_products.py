"""Keys with more room: products of a key's own numbers beside them, without a parameter more.

A memory of Dk dimensions tells Dk keys apart at most. With n Dk products beside them it is (n + 1) Dk, and two keys
that overlap by c then overlap by about (c + c^2) / 2: what is asked for still answers, its neighbours answer less.

The products are DPFP's (Schlag et al. 2021, arXiv 2102.11174, section 5.3): each number with the one d places on.
Departures: no ReLU in front of them, and the key itself stays, so weights that were trained without them read on.
Shapes: Dk key dim.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def widened(keys: Tensor, num_products: int) -> Tensor:
    """(..., Dk) -> (..., (1 + n) Dk), of unit length as they were; half of it in the products."""
    return torch.cat([*parts(keys, num_products)], -1) if num_products else keys


def parts(keys: Tensor, num_products: int) -> Iterator[Tensor]:
    """(..., Dk) -> 1 + n times (..., Dk), one at a time: what `widened` puts side by side."""
    if num_products == 0:
        yield keys
        return
    squares = keys.square() * sum(keys.roll(places, -1).square() for places in range(1, num_products + 1))
    length = squares.sum(-1, keepdim=True).clamp_min(1e-24).sqrt()  # of a key of zeros, too, it has a gradient
    scaled = keys / (2**0.5 * length)
    yield keys * 0.5**0.5
    for places in range(1, num_products + 1):
        yield scaled * keys.roll(places, -1)
