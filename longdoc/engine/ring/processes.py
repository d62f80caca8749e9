"""The processes of a ring: how they join, what the first tells the others, and how they part.

They are torch.distributed's: NCCL between GPUs, gloo between processors. The first one runs the command; the others
wait for its messages (`Message`) and do the same calls of the model with their share of the tokens. Messages go by
gloo, so that they need no GPU.

A process that is lost (`pulse.py`), or that leaves another one in the middle of a call, ends them all: exit code 75.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from longdoc import __version__
from longdoc.core import started
from longdoc.core.errors import LongdocError, RingLost, UsageError
from longdoc.engine.ring.launch import FIX, LOST
from longdoc.engine.ring.pulse import Pulse
from longdoc.engine.ring.transport import Ring

_JOIN_S = timedelta(seconds=120)  # for the others to come
_NEVER = timedelta(days=30)  # a long call is not a lost process: the pulse tells


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
        self.is_broken = False  # a call ended early: the others are somewhere else in it, and are told nothing more
        self._has_left = False
        self._pulse = Pulse(rank, size, store, self._end)
        self._messages: Any = None

    def open(self) -> None:
        """For every process at once: groups for messages and for blocks, which wait as long as it takes."""
        if self.size == 1:
            return
        self._pulse.start()
        self._messages = dist.new_group(backend="gloo", timeout=_NEVER)
        self.ring.group = dist.new_group(backend=_backend(self.device), timeout=_NEVER)

    @property
    def is_first(self) -> bool:
        """Whether this one runs the command."""
        return self.rank == 0

    def tell(self, message: Message) -> None:
        """From the first process, to all others."""
        if self.size == 1:
            return
        if self.is_broken:
            raise self.lost("an earlier call did not end in all of them")
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
        if self.size == 1:
            return [words]
        mine = torch.tensor(list(words.encode()), dtype=torch.uint8)
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(mine)]), group=self._messages)
        longest = max(1, *(int(length) for length in lengths))
        rows = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.size)]
        dist.all_gather(rows, torch.nn.functional.pad(mine, (0, longest - len(mine))), group=self._messages)
        return [bytes(row[: int(n)].tolist()).decode() for row, n in zip(rows, lengths, strict=True)]

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
        """In order: the first process lets the others go, and they leave when they were let go."""
        if self._has_left or self.size == 1:
            return
        self._has_left = True
        if self.is_broken:  # the others are in the middle of a call: that this one is gone will end them
            self._pulse.stop()
            return
        with suppress(Exception):  # whoever is gone needs not be told
            if self.is_first:
                self.let_go()
            self._pulse.leave()
            dist.destroy_process_group()

    def lost(self, why: str) -> RingLost:
        """The error for a process that is gone; nobody is told any more."""
        self.is_broken = True
        return RingLost(LOST, why=why, fix=FIX)

    def _end(self, why: str) -> None:
        """From a thread of the pulse: the main one may be waiting for ever."""
        complain(self.lost(why), is_echo=not self.is_first)
        with suppress(OSError, ValueError):
            if self.is_first and sys.stderr.isatty():
                os.write(sys.stderr.fileno(), b"\x1b[?25h\r\n")  # a bar has hidden the cursor
        os._exit(RingLost.exit_code)


def is_disconnected(error: BaseException) -> bool:
    """Whether torch.distributed says that another process is gone."""
    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and ("gloo" in str(error) or "NCCL" in str(error))


def complain(error: LongdocError, *, is_echo: bool = False) -> None:
    """For whoever started the processes, else on standard error. is_echo: it is of another process's end."""
    words = " ".join(filter(None, [error.what, error.why]))
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if started.is_started() and path:
        more = {"timestamp": str(int(time.time())), "exit_code": error.exit_code, "is_echo": is_echo}
        said = {"message": {"message": words, "extraInfo": more}}
        with suppress(OSError):
            Path(path).write_text(json.dumps(said), encoding="utf-8")
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"error: {words}\n")
        sys.stderr.flush()


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
    if not started.is_joined():
        return Group(0, 1, None, torch.device("cpu"))
    rank, size = started.rank(), started.size()
    with_gpus = device != "cpu" and torch.cuda.is_available()
    where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank))) if with_gpus else torch.device("cpu")
    try:
        if with_gpus:
            torch.cuda.set_device(where)
        store, _, _ = next(dist.rendezvous("env://", timeout=_JOIN_S))
        pulse = dist.PrefixStore("longdoc/pulse", store)
        mine = f"longdoc {__version__}, torch {torch.__version__}, {where.type}"
        pulse.set(f"here/{rank}", mine)
        pulse.wait([f"here/{other}" for other in range(size)], _JOIN_S)
        for other in range(size):
            theirs = pulse.get(f"here/{other}").decode()
            if theirs != mine:
                raise RuntimeError(f"process {rank} has {mine}, and process {other} {theirs}")
        dist.init_process_group(
            "gloo", store=dist.PrefixStore("longdoc", store), rank=rank, world_size=size, timeout=_JOIN_S
        )
        dist.barrier()
        group = Group(rank, size, pulse, where)
        group.open()
    except (RuntimeError, ValueError, OSError) as error:
        raise RingLost(
            f"The {size} processes of the ring do not come together.",
            why=str(error).split("\n")[0],
            fix="longdoc doctor --ring, or --attention stream",
        ) from error
    return group


def _backend(device: torch.device) -> str:
    return "nccl" if device.type == "cuda" else "gloo"
