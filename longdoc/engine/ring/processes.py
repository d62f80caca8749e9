"""The processes of a ring: how they join, what the first tells the others, and what happens when one is lost.

They are torch.distributed's: NCCL between GPUs, gloo between processors. The first one runs the command; the others
wait for its messages (`Message`) and do the same calls of the model with their share of the tokens. Messages go by
gloo, so that they need no GPU.

Each process shows every few seconds that it lives, by a counter in the store where they met. When one shows nothing for
`LOST_S`, was killed or cannot be reached, the others end with exit code 75.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from longdoc.core.errors import LongdocError, RingLost, UsageError
from longdoc.engine.ring.transport import Ring

PARENT = "LONGDOC_RING_PARENT"  # the process that started these, and ends when they do
LOST = "A process of the ring is lost."
STUCK = "has not moved for"
BEAT_S = 2.0
LOST_S = 20.0
_JOIN_S = 120.0  # for the others to come
_NEVER = timedelta(days=30)  # a long call is not a lost process: beats tell


@dataclass(frozen=True, slots=True)
class Message:
    """What the first process has the others do. kind: of the operation.   numbers: its arguments, small integers.

    ids: token ids of a call, or the bytes of a text.
    """

    kind: int
    numbers: tuple[int, ...]
    ids: Tensor


LOAD, FORWARD, GATHER, RESTORE, LEAVE = range(5)
_NUMBERS = 10  # room for them in the head of a message
_FEW = 4  # ids that have room there too: a token that was written
_HEAD = 2 + _NUMBERS + _FEW


class Group:
    """This process among the others. `join` comes first."""

    def __init__(self, rank: int, size: int, store: Any, device: torch.device) -> None:
        self.rank = rank
        self.size = size
        self.device = device
        self.ring = Ring(rank, size)
        self.is_over = False
        self._store = store
        self._pulse = threading.Thread(target=self._watch, name="longdoc-ring", daemon=True)
        self._messages = dist.new_group(backend="gloo", timeout=_NEVER) if size > 1 else None

    @property
    def is_first(self) -> bool:
        """Whether this one runs the command."""
        return self.rank == 0

    def start_pulse(self) -> None:
        """Show from now on that this process lives, and look whether the others do."""
        if self.size > 1:
            self._pulse.start()

    def tell(self, message: Message) -> None:
        """From the first process, to all others."""
        if self.size == 1:
            return
        assert len(message.numbers) <= _NUMBERS
        count, ids = message.ids.numel(), message.ids.to("cpu", torch.int64).contiguous()
        head = torch.zeros(_HEAD, dtype=torch.int64)
        head[0], head[1] = message.kind, count
        head[2 : 2 + len(message.numbers)] = torch.tensor(message.numbers, dtype=torch.int64)
        if count <= _FEW:
            head[_HEAD - _FEW : _HEAD - _FEW + count] = ids
        dist.broadcast(head, 0, group=self._messages)
        if count > _FEW:
            dist.broadcast(ids, 0, group=self._messages)

    def told(self) -> Message:
        """What the first process has to say; waits for it."""
        head = torch.empty(_HEAD, dtype=torch.int64)
        dist.broadcast(head, 0, group=self._messages)
        count = int(head[1])
        ids = head[_HEAD - _FEW : _HEAD - _FEW + count]
        if count > _FEW:
            ids = torch.empty(count, dtype=torch.int64)
            dist.broadcast(ids, 0, group=self._messages)
        return Message(int(head[0]), tuple(head[2 : 2 + _NUMBERS].tolist()), ids)

    def everyones(self, words: str) -> list[str]:
        """What each process says, in their order."""
        said: list[Any] = [words] * self.size
        if self.size > 1:
            dist.all_gather_object(said, words, group=self._messages)
        return said

    def send(self, tensor: Tensor, to: int) -> None:
        """A tensor to one process, by way of the processor."""
        dist.send(tensor.detach().cpu().contiguous(), to, group=self._messages)

    def receive(self, like: Tensor, source: int) -> Tensor:
        """A tensor of that shape and type, on the processor."""
        arrived = torch.empty_like(like, device="cpu")
        dist.recv(arrived, source, group=self._messages)
        return arrived

    def let_go(self) -> None:
        """The first process needs the others no more, for the time being."""
        self.tell(Message(LEAVE, (), torch.empty(0, dtype=torch.int64)))

    def leave(self) -> None:
        """For good; the first process lets the others go. Nothing when one is lost."""
        if self.is_over:
            return
        self.is_over = True
        with suppress(Exception):  # whoever is gone needs not be told
            if self.is_first:
                self.let_go()
        with suppress(Exception):
            self._store.set(f"left/{self.rank}", "1")
        if self.size > 1:
            with suppress(Exception):
                dist.destroy_process_group()

    def lost(self, why: str) -> RingLost:
        """The error for a process that is gone; nobody is told any more."""
        self.is_over = True
        return RingLost(
            LOST,
            why=why,
            fix="run the same command again: it goes on from what was kept; longdoc doctor --ring tries the links",
        )

    def _watch(self) -> None:
        """Beat, look for the others' beats and for the process that started this one; end this one when one is lost."""
        seen: dict[int, tuple[bytes, float]] = {}
        store_failed_at: float | None = None
        parent, beat = int(os.environ.get(PARENT) or 0), 0
        while not self.is_over:
            now = time.monotonic()
            try:
                self._store.set(f"beat/{self.rank}", str(beat))
                beat += 1
                for rank in range(self.size):
                    if rank == self.rank or self._store.check([f"left/{rank}"]):
                        continue
                    last = self._store.get(f"beat/{rank}") if self._store.check([f"beat/{rank}"]) else b""
                    if rank not in seen or seen[rank][0] != last:
                        seen[rank] = last, now
                    elif now - seen[rank][1] > LOST_S:
                        self._end(f"process {rank} of {self.size} {STUCK} {LOST_S:.0f} s")
                store_failed_at = None
            except Exception:  # the store is with one of the processes, or with the one that started them
                store_failed_at = store_failed_at or now
                if now - store_failed_at > LOST_S:
                    self._end("the place where the processes met cannot be reached")
            if parent and os.getppid() != parent:
                self._end("the process that started this one is gone")
            time.sleep(BEAT_S)

    def _end(self, why: str) -> None:
        """From the watching thread: the main one may be waiting for ever."""
        if self.is_over:
            return
        if self.is_first:
            complain(self.lost(why))
        os._exit(RingLost.exit_code)


def complain(error: LongdocError) -> None:
    """For whoever started the processes, else on standard error."""
    words = " ".join(filter(None, [error.what, error.why]))
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if is_started_by_longdoc() and path:
        said = {"message": words, "extraInfo": {"timestamp": str(int(time.time()))}}
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": said}), encoding="utf-8")
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"longdoc: {words}\n")
        sys.stderr.flush()


def is_started_by_longdoc() -> bool:
    """Whether this process is one of several that longdoc has started (`launch.py`)."""
    return bool(os.environ.get(PARENT)) and is_joined_by_environment()


def is_joined_by_environment() -> bool:
    """Whether this process is one of several that `torchrun`, or longdoc itself, has started."""
    return int(os.environ.get("WORLD_SIZE") or 1) > 1 and "RANK" in os.environ


_joined: Group | None = None


def join(processes: int | None, device: str = "auto") -> Group:
    """This process's group; the same for every call. processes: how many there should be, None for all that came.

    Raises UsageError when others came, RingLost when they do not come.
    """
    global _joined
    if _joined is None:
        _joined = _join(device)
        if _joined.is_first:
            atexit.register(_joined.leave)
    if processes is not None and processes != _joined.size:
        raise UsageError(
            f"{processes} processes are asked for, and {_joined.size} are here.",
            why="--gpus counts all processes of the ring, on all machines",
            fix=f"--gpus {_joined.size}, or leave it out",
        )
    return _joined


def _join(device: str) -> Group:
    if not is_joined_by_environment():
        return Group(0, 1, None, torch.device("cpu"))
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    with_gpus = device != "cpu" and torch.cuda.is_available()
    where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank))) if with_gpus else torch.device("cpu")
    if with_gpus:
        torch.cuda.set_device(where)
    try:
        store, _, _ = next(dist.rendezvous("env://", timeout=timedelta(seconds=_JOIN_S)))
        pulse = dist.PrefixStore("longdoc/pulse", store)
        pulse.set(f"here/{rank}", "1")
        pulse.wait([f"here/{other}" for other in range(size)], timedelta(seconds=_JOIN_S))
        dist.init_process_group(
            "nccl" if with_gpus else "gloo", store=dist.PrefixStore("longdoc", store), rank=rank, world_size=size,
            timeout=_NEVER,
        )  # fmt: skip
        group = Group(rank, size, pulse, where)
    except (RuntimeError, ValueError, OSError) as error:
        raise RingLost(
            f"The {size} processes of the ring do not come together.",
            why=str(error).split("\n")[0],
            fix="longdoc doctor --ring, or --attention stream",
        ) from error
    group.start_pulse()
    return group
