"""The workers of a batch on this machine: processes that are started, given documents, replaced when they die.

`Crew` is what `batch.run` needs of any kind of workers; `batch_ray` has another one. Knows nothing of results.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

from longdoc.core.batch import BatchTask, Item
from longdoc.core.errors import LongdocError, OutOfMemory
from longdoc.pipeline.batch_process import (
    STOP,
    Began,
    Finished,
    Heard,
    Message,
    Place,
    Ready,
    Refused,
    Stopped,
    main,
)

_STOP_SECONDS = 600.0  # of the longest step: a worker that takes longer is ended
_END_SECONDS = 5.0
_MOST_FAILED_STARTS = 2


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died while it made this document. why: in words."""

    item: Item
    why: str
    is_memory: bool


class Crew(Protocol):
    """Workers. Numbers are from 0."""

    num_workers: int
    where: str

    def start(self) -> None:
        """Start them; their models may still be loading."""

    def has_room(self) -> bool:
        """Whether one can take another document."""

    def is_idle(self) -> bool:
        """Whether none has a document."""

    def give(self, item: Item) -> None:
        """A document for the one that has least to do."""

    def wait(self, seconds: float) -> Iterator[tuple[int, Message | Lost]]:
        """What happened, with the number of the worker; nothing when nothing did in this time."""

    def stop(self) -> Iterator[tuple[int, Message | Lost]]:
        """Let each keep what it has read, and end; what happens meanwhile."""

    def close(self) -> None:
        """End them now."""


@dataclass(slots=True)
class _Worker:
    number: int
    process: SpawnProcess
    connection: Connection
    is_ready: bool = False
    given: deque[Item] = field(default_factory=deque)
    begun: Item | None = None


class LocalCrew:
    """Processes on this machine, each with the model. A worker alone gets its next document ahead of time."""

    where = "on this machine"

    def __init__(self, task: BatchTask, num_workers: int | None) -> None:
        self.num_workers = num_workers or 1
        self._is_counted = num_workers is not None  # else one for each GPU
        self._task = task
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._failed_starts = 0  # one after the other
        self._returned: deque[Item] = deque()  # given to a worker that died before it began with them

    def start(self) -> None:
        self._workers = [self._started(number) for number in range(self.num_workers)]

    def _started(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=main, args=(theirs, self._task, Place(number, self.num_workers)), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(number, process, ours)

    def _most(self) -> int:
        """Documents that a worker may have: a second one waits for a worker that is alone."""
        return 2 if self.num_workers == 1 else 1

    def has_room(self) -> bool:
        self._give_returned()
        return not self._returned and any(len(worker.given) < self._most() for worker in self._workers)

    def is_idle(self) -> bool:
        return not self._returned and not any(worker.given for worker in self._workers)

    def give(self, item: Item) -> None:
        worker = min(self._workers, key=lambda worker: (len(worker.given), not worker.is_ready))
        worker.given.append(item)
        with suppress(OSError):  # it has died: `wait` finds that out
            worker.connection.send(item)

    def _give_returned(self) -> None:
        while self._returned and any(len(worker.given) < self._most() for worker in self._workers):
            self.give(self._returned.popleft())

    def wait(self, seconds: float) -> Iterator[tuple[int, Message | Lost]]:
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait([*by_connection], seconds):
            worker = by_connection[connection]  # type: ignore[index]
            try:
                message: Message = worker.connection.recv()
            except (EOFError, OSError):
                lost = self._bury(worker)
                if lost is not None:
                    yield worker.number, lost
                continue
            self._note(worker, message)
            yield worker.number, message

    def _note(self, worker: _Worker, message: Message) -> None:
        match message:
            case Ready(num_gpus):
                worker.is_ready = True
                self._failed_starts = 0
                if not self._is_counted:
                    self._is_counted = True
                    self._grow(num_gpus if self._task.model.device == "auto" else 1)
            case Began(item):
                worker.begun = item
            case Finished(item):
                worker.begun = None
                worker.given.remove(item)
            case Heard() | Refused() | Stopped():
                pass

    def _grow(self, num_workers: int) -> None:
        first = self.num_workers
        self.num_workers = max(first, num_workers)
        self._workers += [self._started(number) for number in range(first, self.num_workers)]

    def _bury(self, worker: _Worker) -> Lost | None:
        """A worker is dead: another in its place, unless none comes to life. -> the document that it had begun."""
        worker.process.join(_END_SECONDS)
        if worker.process.is_alive():  # it talks no more, and would work on beside the one that takes its place
            worker.process.kill()
            worker.process.join(_END_SECONDS)
        worker.connection.close()
        code = worker.process.exitcode
        why, is_memory = _why(code)
        self._failed_starts += not worker.is_ready
        if self._failed_starts > _MOST_FAILED_STARTS:
            kind = OutOfMemory if is_memory else LongdocError
            raise kind(
                "Workers die while they load the model.",
                why=why,
                fix="fewer of them (--jobs 1), or a smaller model",
            )
        self._workers[self._workers.index(worker)] = self._started(worker.number)
        self._returned.extend(item for item in worker.given if item != worker.begun)
        return Lost(worker.begun, why, is_memory) if worker.begun is not None else None

    def stop(self) -> Iterator[tuple[int, Message | Lost]]:
        for worker in self._workers:
            with suppress(OSError):
                worker.connection.send(STOP)
        end_s = time.monotonic() + _STOP_SECONDS
        left = {worker.connection: worker for worker in self._workers}
        while left and time.monotonic() < end_s:
            for connection in wait([*left], 0.2):
                worker = left[connection]  # type: ignore[index]
                try:
                    message: Message = worker.connection.recv()
                except (EOFError, OSError):
                    del left[worker.connection]
                    continue
                self._note(worker, message)
                yield worker.number, message

    def close(self) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join(_END_SECONDS)
        self._workers = []


def _why(exit_code: int | None) -> tuple[str, bool]:
    """How a process ended, in words, and whether memory may have run out."""
    if exit_code is None or exit_code >= 0:
        return f"the worker ended with exit code {exit_code}", False
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if -exit_code == signal.SIGKILL:
        return "the worker was killed (SIGKILL), most likely because memory ran out", True
    return f"the worker crashed ({name})", False
