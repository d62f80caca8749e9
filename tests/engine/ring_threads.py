"""A ring whose processes are threads of this one: blocks are handed on, results are laid side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

from longdoc.engine.kernels import Part, precise
from longdoc.engine.ring.transport import Ring, summed

Result = TypeVar("Result")


class ThreadRing(Ring):
    """One of several threads. board: where they lay what the others may take."""

    def __init__(self, rank: int, size: int, board: list[Any], barrier: threading.Barrier) -> None:
        super().__init__(rank, size, sharded_from=0)
        self._board, self._barrier = board, barrier

    def _exchanged(self, mine: Any) -> list[Any]:
        self._board[self.rank] = mine
        self._barrier.wait()
        everyones = list(self._board)
        self._barrier.wait()
        return everyones

    def blocks(
        self, held: Sequence[tuple[Tensor, Tensor]], counts: Sequence[int]
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        keys, values = zip(*held, strict=True)
        everyones = self._exchanged((torch.cat(keys, 2), torch.cat(values, 2)))
        assert [block[0].shape[2] for block in everyones] == list(counts)
        for step in range(self.size):
            origin = (self.rank - step) % self.size
            yield origin, *everyones[origin]

    def combined(self, part: Part) -> Part:
        outs, lses = zip(*self._exchanged((precise(part[0]), part[1])), strict=True)
        return summed(torch.stack(outs), torch.stack(lses))


def in_threads(size: int, work: Callable[[Ring], Result]) -> list[Result]:
    """What `work` gives in each of `size` threads, in their order."""
    board, barrier = [None] * size, threading.Barrier(size, timeout=60)
    with ThreadPoolExecutor(size) as pool:

        def run(rank: int) -> Result:
            try:
                return work(ThreadRing(rank, size, board, barrier))
            except BaseException:
                barrier.abort()
                raise

        return list(pool.map(run, range(size)))
