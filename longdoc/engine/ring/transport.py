"""Blocks of keys and values that travel round a ring of processes, and partial results that come together.

The ring is a generator of blocks: while the caller attends to one, the next is on its way. So a reading of T tokens
sends (N - 1) / N of the keys and values of all of them from each process, layer by layer. That is for a reading in one
call: each further one sends what was read before once more.

Shapes: B batch, H query heads, Hkv key/value heads, T queries, n tokens of one process, D head dim, N processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from longdoc.engine.kernels import Part, precise


@dataclass(slots=True)
class Traffic:
    """What one process has sent of keys and values and of partial results, in bytes, and how long it waited for it."""

    ring_bytes: int = 0
    reduced_bytes: int = 0
    wait_s: float = 0.0


class Ring:
    """A process's place among others. group: of torch.distributed; None is the default one.

    sharded_from: a text of so many tokens is shared out, a shorter one is given to every process.
    overlaps: attend to a block while the next one is on its way; else wait for that first, which is for measuring.
    """

    def __init__(self, rank: int = 0, size: int = 1, sharded_from: int | None = None, *, overlaps: bool = True) -> None:
        self.rank = rank
        self.size = size
        self.sharded_from = max(2 * size, 128 * size if sharded_from is None else sharded_from)
        self.overlaps = overlaps
        self.group: Any = None
        self.traffic = Traffic()

    def blocks(
        self, held: Sequence[tuple[Tensor, Tensor]], counts: Sequence[int]
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Of each process in turn, its own first: its number, and its keys and values, (B, Hkv, n, D) each.

        held: this process's, in parts.   counts: n of each process. Keys and values travel un-repeated, as they are
        stored, in one message; three blocks of a layer are there at once.
        """
        keys, values = held[0]
        shapes = [*keys.shape[:2], keys.shape[-1]], [*values.shape[:2], values.shape[-1]]
        block = _flat([part[0] for part in held], [part[1] for part in held])
        for step in range(self.size):
            origin = (self.rank - step) % self.size
            pending, arriving = [], block
            if step < self.size - 1:
                follows = counts[(origin - 1) % self.size]
                arriving = block.new_empty(sum(batch * heads * follows * dim for batch, heads, dim in shapes))
                pending = dist.batch_isend_irecv(
                    [
                        dist.P2POp(dist.isend, block, (self.rank + 1) % self.size, self.group),
                        dist.P2POp(dist.irecv, arriving, (self.rank - 1) % self.size, self.group),
                    ]
                )
                self.traffic.ring_bytes += block.numel() * block.element_size()
                if not self.overlaps:
                    self._await(pending)
                    pending = []
            yield origin, *_taken_apart(block, *shapes, counts[origin])
            self._await(pending)
            block = arriving

    def combined(self, part: Part) -> Part:
        """The attention of the same queries to the keys of all processes; the same bits for every process.

        part: to this process's keys; where it has none for a query, its log-sum-exp is minus infinity.
        One message with the result and its log-sum-exp, in float32 or better.
        """
        out, lse = part
        packed = torch.cat([precise(out), lse.to(precise(out).dtype)[..., None]], -1).contiguous()
        if self.size > 1:
            everyones = [torch.empty_like(packed) for _ in range(self.size)]
            began = time.perf_counter()
            dist.all_gather(everyones, packed, group=self.group)
            self.traffic.wait_s += time.perf_counter() - began
            self.traffic.reduced_bytes += packed.numel() * packed.element_size() * (self.size - 1)
        else:
            everyones = [packed]
        return summed(torch.stack([each[..., :-1] for each in everyones]), torch.stack([e[..., -1] for e in everyones]))

    def _await(self, pending: Sequence[dist.Work]) -> None:
        """Until what was sent is gone and what was to come is here."""
        began = time.perf_counter()
        for request in pending:
            request.wait()
        self.traffic.wait_s += time.perf_counter() - began


def summed(outs: Tensor, lses: Tensor) -> Part:
    """(N, B, H, T, D), (N, B, H, T) partial attentions to disjoint sets of keys -> to all of them.

    The largest log-sum-exp is taken out first, so nothing overflows. A query that sees nothing anywhere gets zero and
    minus infinity.
    """
    largest = lses.amax(0)
    largest = torch.where(torch.isneginf(largest), torch.zeros_like(largest), largest)
    weights = (lses - largest).exp()
    total = weights.sum(0)
    out = (weights[..., None] * outs).sum(0) / total.clamp_min(torch.finfo(total.dtype).tiny)[..., None]
    return out, largest + total.log()


def _flat(keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """All keys, then all values, as one row."""
    together = [torch.cat(parts, 2) if len(parts) > 1 else parts[0] for parts in (keys, values)]
    return torch.cat([part.flatten() for part in together])


def _taken_apart(block: Tensor, keys: list[int], values: list[int], count: int) -> tuple[Tensor, Tensor]:
    """A row -> keys and values of `count` tokens. keys, values: their batch, heads and dims."""
    first = keys[0] * keys[1] * count * keys[2]
    return (
        block[:first].view(*keys[:2], count, keys[2]),
        block[first:].view(*values[:2], count, values[2]),
    )
