"""The links between the processes of a ring: how fast they are, and an end with a reason when one hangs.

Each pair exchanges a large message, and small ones there and back, while the others wait; then all send to their
neighbour at once, as a ring does. Two GPUs whose link is broken do not say so: they wait for ever, and live. So each
step has a time that it may take (`Patience`).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from statistics import median
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from longdoc.core.errors import RingLost
from longdoc.engine.ring.launch import LOST
from longdoc.engine.ring.processes import Group, complain

LIMIT_S = 20.0  # for one exchange
_LARGE_BYTES = {"cpu": 8_000_000, "cuda": 128_000_000}
_RUNS = 3
_PINGS = 20


class Patience:
    """Ends this process, with a complaint, when a step takes longer than it may."""

    def __init__(self) -> None:
        self._step: tuple[str, float, float] | None = None  # its words, its end, the seconds that it may take
        threading.Thread(target=self._watch, name="longdoc-patience", daemon=True).start()

    @contextmanager
    def step(self, words: str, limit_s: float) -> Iterator[None]:
        """words: what is wrong when this takes longer."""
        self._step = words, time.monotonic() + limit_s, limit_s
        try:
            yield
        finally:
            self._step = None

    def _watch(self) -> None:
        while True:
            time.sleep(0.1)
            step = self._step
            if step is not None and time.monotonic() > step[1]:
                complain(RingLost(LOST, why=f"{step[0]} within {step[2]:.0f} s"))
                os._exit(RingLost.exit_code)


def measure_links(group: Group, patience: Patience, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """Every process calls this. -> backend, links of pairs, and the speed at which each sends when all do.

    Speeds are those of one direction while both are used. peer_access: whether a GPU reads the other's memory itself.
    """
    size, rank = group.size, group.rank
    num_bytes = _LARGE_BYTES[group.device.type]
    small, large = (torch.zeros(n, dtype=torch.uint8, device=group.device) for n in (8, num_bytes))
    pairs = list(combinations(range(size), 2))
    others_s = limit_s * (2 * len(pairs) + 2)  # the two that are tried complain first
    with patience.step("the processes did not all send to their neighbours", limit_s):
        _exchange(group, small, (rank + 1) % size, (rank - 1) % size)  # NCCL: the first call is of all
    links = []
    for one, two in pairs:
        mine: dict[str, Any] | None = None
        if rank in (one, two):
            with patience.step(f"processes {one} and {two} did not exchange a message", limit_s):
                mine = _pair(group, one, two, two if rank == one else one, small, large)
        with patience.step(f"process {rank} heard nothing of the others", others_s):
            found = _told(group, mine)
        links.append(found[one])
    with patience.step("the processes did not all send to their neighbours", limit_s):
        seconds = [_timed(group, large, (rank + 1) % size, (rank - 1) % size) for _ in range(_RUNS)]
    with patience.step(f"process {rank} heard nothing of the others", others_s):
        slowest = max(_told(group, median(seconds)))
    return {
        "backend": dist.get_backend(group.ring.group),
        "links": links,
        "ring_bytes_per_s": round(num_bytes / slowest),
    }


def _pair(group: Group, one: int, two: int, other: int, small: Tensor, large: Tensor) -> dict[str, Any]:
    """What one of two processes finds of their link."""
    _timed(group, large, other, other)
    large_s = median(_timed(group, large, other, other) for _ in range(_RUNS))
    small_s = median(_timed(group, small, other, other) for _ in range(_PINGS))
    return {
        "processes": [one, two],
        "bytes_per_s": round(large.numel() / large_s),
        "latency_s": small_s,
        "peer_access": torch.cuda.can_device_access_peer(one, two) if large.is_cuda else None,
    }


def _timed(group: Group, tensor: Tensor, to: int, source: int) -> float:
    began = time.perf_counter()
    _exchange(group, tensor, to, source)
    return time.perf_counter() - began


def _exchange(group: Group, tensor: Tensor, to: int, source: int) -> None:
    """Send a tensor, and receive one of its size."""
    arriving = torch.empty_like(tensor)
    ring = group.ring.group
    operations = [dist.P2POp(dist.isend, tensor, to, ring), dist.P2POp(dist.irecv, arriving, source, ring)]
    for request in dist.batch_isend_irecv(operations):
        request.wait()
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def _told(group: Group, mine: Any) -> list[Any]:
    """What each process has to say."""
    return [json.loads(words) for words in group.everyones(json.dumps(mine))]
