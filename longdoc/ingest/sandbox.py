"""Work on hostile data in processes of its own, with limits of memory and time.

A parser can be made to run for ever, to ask for all memory, or to crash. Here it does so in a worker process, and the
caller gets one exception with the reason. A worker is a fresh interpreter (never a fork of a process that has loaded
torch), has no network, may not write large files, and ends with its parent, whatever ends that one.

    # in some module, "longdoc.ingest.pdf_pages" say
    def open_pages(setup: dict) -> Callable[[Any, Listener], Any]:     # called once in each worker, with `setup`
        pdf = pypdfium2.PdfDocument(os.fdopen(setup["descriptor"], "rb"))
        def read_pages(job: list[int], on_event: Listener) -> list:    # called for each job
            ...
        return read_pages

    limits = Limits(seconds=20)
    setup = {"descriptor": descriptor}
    with Worker("longdoc.ingest.pdf_pages:open_pages", setup, limits=limits, descriptors=[descriptor]) as worker:
        lines = worker.submit([0, 1, 2], on_event)      # raises JobFailed, or the LongdocError that the target raised

For many jobs and several processes there is `sandbox_pool.Pool`.
- The target is named, "module:function", and imported in the worker. Setup, jobs and results are plain data: see
  `sandbox_wire`. Events that a target tells go to `on_event` of the job.
- A job that fails by its limits takes its process with it; the next job starts a new one and is not harmed.
- `Limits.seconds` counts for each job, from the moment that its worker begins with it (a new worker's start counts).
  With `Limits.total_seconds` it counts from the last event on: what goes on lives on, up to that many seconds in all.
  Time in which a busy machine let the worker wait for a processor is not counted, where the system tells (Linux).
- `descriptors` are open files that the workers get under the same numbers. Each process shares their position: use
  `os.pread`, or one worker at a time.
- Workers may start workers, which are forks of themselves on Linux. All end when the outermost is killed. Linux ends
  a worker when the thread that started it ends: begin and end a `Worker` in one thread.
- A start costs about 0.1 s, mostly to import the target; a fork some milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from longdoc.core.errors import LongdocError
from longdoc.core.events import Event, Listener, ignore
from longdoc.ingest import sandbox_wire as wire
from longdoc.ingest.sandbox_child import ON_LINUX, resident_bytes, waited_seconds
from longdoc.ingest.sandbox_fork import IN_WORKER, Forked, can_fork, is_worker

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from longdoc.ingest.sandbox_child import main; main(int(sys.argv[2]))"
)
Cause = Literal["time", "memory", "crash", "garbage", "error"]  # of a failure
_WATCH_EVERY_S = 0.2
_MOST_WAITING = 20.0  # times the limit
_BLOCK_BYTES = 1 << 20
_HEADROOM_BYTES = 128 << 20  # a process that ended so near to its limit ended by it


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may take.

    memory_bytes: address space of the process, or resident memory where the system limits that only.
    seconds: of one job, by the clock on the wall and by the processor's.
    total_seconds: if given, of one job in all, and `seconds` from one event of it to the next.
    result_bytes: of one answer, packed.
    """

    memory_bytes: int = 1920 << 20
    seconds: float = 25.0
    total_seconds: float | None = None
    result_bytes: int = 512 << 20


_LIMITS = Limits()


class JobFailed(Exception):
    """A job without a result. kind: what ended it.   why: a predicate, "took longer than 20 s".   trace: for -v."""

    def __init__(self, kind: Cause, why: str, trace: str | None = None):
        super().__init__(why)
        self.kind = kind
        self.why = why
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: `value`, unless there is a `failure`. seconds: by the clock on the wall."""

    job: Any
    value: Any = None
    failure: JobFailed | LongdocError | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class _Task:
    """A job under way. sending: what the process has not taken yet.   received: what is no whole frame yet.

    seconds: from `heard`, the beginning or the last event that counts, to the next.   most_s: in all.
    waited_s, waited_before_s: how long the process had waited for a processor at `heard`, and at the beginning.
    """

    job: Any
    seconds: float
    most_s: float
    on_event: Listener
    sending: memoryview
    waited_s: float
    waited_before_s: float
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    received: bytearray = field(default_factory=bytearray)
    looked: float = field(default_factory=time.monotonic)


class Worker:
    """One process at a time that does jobs, started with the first one and again after a job that failed.

    target, setup, limits, descriptors: see the module.
    """

    def __init__(
        self, target: str, setup: Any = None, *, limits: Limits = _LIMITS, descriptors: Sequence[int] = ()
    ) -> None:
        self.limits = limits
        self._peaks_bytes = [0, 0]  # of the processes before, and of this one
        self._setup = {"target": target, "setup": setup, "memory_bytes": limits.memory_bytes}
        self._descriptors = tuple(descriptors)
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._task: _Task | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def peak_bytes(self) -> int:
        """Memory of the largest process so far."""
        return max(self._peaks_bytes)

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    def submit(self, job: Any, on_event: Listener = ignore, *, seconds: float | None = None) -> Any:
        """Do a job and wait for its result. seconds: in all, instead of the limits'.

        Raises JobFailed, or the LongdocError that the target raised.
        """
        self.begin(job, on_event, seconds=seconds)
        outcome = None
        try:
            while outcome is None:
                outcome = wait_for([self])
        finally:
            if outcome is None:  # Ctrl-C, or a listener that raised
                self.close()
        if outcome.failure is not None:
            raise outcome.failure
        return outcome.value

    def begin(self, job: Any, on_event: Listener = ignore, *, seconds: float | None = None) -> None:
        """Give a job to the process, which must not be busy; `wait_for` brings the outcome."""
        assert self._task is None, "one job at a time"
        most_s = (self.limits.total_seconds or self.limits.seconds) if seconds is None else seconds
        seconds = min(most_s, self.limits.seconds if seconds is None else seconds)
        message = wire.frame(wire.JOB, {"job": job, "seconds": most_s})
        if self._process is None or self._process.poll() is not None:
            message = self._start() + message
        assert self._process is not None
        waited_s = waited_seconds(self._process.pid)
        self._task = _Task(job, seconds, most_s, on_event, memoryview(message), waited_s, waited_s)

    def close(self) -> None:
        """End the process, whatever it does, and those that it started."""
        process, self._process, self._task = self._process, None, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL) if is_worker() else os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it did not take any more
                    pipe.close()

    def _start(self) -> bytes:
        """-> what the new process has to be told first."""
        self.close()
        self._peaks_bytes = [max(self._peaks_bytes), 0]
        if can_fork():
            self._process = Forked(self._setup, self._descriptors)
            told = b""
        else:
            self._process = self._spawned()
            told = wire.frame(wire.SETUP, self._setup)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return told

    def _spawned(self) -> subprocess.Popen[bytes]:
        path = [str(Path(entry or ".").absolute()) for entry in sys.path]
        package = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-P", "-S", "-X", IN_WORKER, "-c", _START]
        return subprocess.Popen(
            [*command, json.dumps([*path, *([] if package in path else [package])]), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=self._descriptors,
            start_new_session=not is_worker(),  # Ctrl-C is for the parent, which ends all of them at once
            bufsize=0,
        )

    # What `wait_for` asks for.

    def _pipes(self) -> tuple[int, int | None]:
        """The descriptor to read from, and the one to write to as long as there is something to send."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._task is not None
        return self._process.stdout.fileno(), self._process.stdin.fileno() if self._task.sending else None

    def _seconds_left(self) -> float:
        """By the clock on the wall, less the time in which the process stood in the queue for a processor."""
        assert self._process is not None
        assert self._task is not None
        task, now = self._task, time.monotonic()
        left_s, total_left_s = task.heard + task.seconds - now, task.began + task.most_s - now
        if left_s > 0 and total_left_s > 0:
            return min(left_s, total_left_s)
        waited_s = waited_seconds(self._process.pid)
        return min(
            left_s + min(waited_s - task.waited_s, _MOST_WAITING * task.seconds),
            total_left_s + min(waited_s - task.waited_before_s, _MOST_WAITING * task.most_s),
        )

    def _send(self) -> None:
        task, (_, pipe) = self._task, self._pipes()
        assert task is not None
        if pipe is not None:
            try:
                task.sending = task.sending[os.write(pipe, task.sending[:_BLOCK_BYTES]) :]
            except BlockingIOError:
                pass
            except OSError:  # it has ended: reading tells
                task.sending = memoryview(b"")

    def _receive(self) -> Outcome | None:
        """Take what is there. The outcome, when it was the last of it."""
        task, (pipe, _) = self._task, self._pipes()
        assert task is not None
        try:
            block = os.read(pipe, _BLOCK_BYTES)
        except BlockingIOError:
            return None
        if not block:
            return self._failed(*self._end())
        task.received += block
        try:
            for kind, value in self._frames(task.received):
                if kind == wire.EVENT and isinstance(value, Event):
                    task.on_event(value)
                    if self._task is not task:
                        return None  # the listener closed us
                    self._heard(task)
                elif kind in (wire.RESULT, wire.ERROR, wire.FAILURE):
                    return self._answered(kind, value)
                else:
                    raise wire.GarbageError("an answer of no known kind")
        except (wire.GarbageError, TypeError, ValueError) as error:
            return self._failed("garbage", f"gave an answer that makes no sense ({error})")
        return None

    def _heard(self, task: _Task) -> None:
        """The job goes on: its time counts anew, where there is a limit of all its time."""
        now = time.monotonic()
        if self.limits.total_seconds is not None and now - task.heard > _WATCH_EVERY_S:
            assert self._process is not None
            task.heard, task.waited_s = now, waited_seconds(self._process.pid)

    def _frames(self, received: bytearray) -> Iterator[tuple[bytes, Any]]:
        """The whole frames at the front, which are taken away. Raises GarbageError."""
        while len(received) >= wire.HEADER.size:
            kind, num_bytes = wire.HEADER.unpack_from(received)
            if kind not in (wire.EVENT, wire.RESULT, wire.ERROR, wire.FAILURE):
                raise wire.GarbageError("no frame of ours")
            if num_bytes > self.limits.result_bytes:
                raise wire.GarbageError(f"more than {self.limits.result_bytes >> 20:,} MiB")
            end = wire.HEADER.size + num_bytes
            if len(received) < end:
                return
            payload = bytes(memoryview(received)[wire.HEADER.size : end])
            del received[:end]
            yield kind, wire.value_of(payload)

    def _answered(self, kind: bytes, value: Any) -> Outcome:
        peak, *told = value
        assert self._process is not None
        packed = resident_bytes(self._process.pid, peak=True) if ON_LINUX else 0  # it packed the answer after it looked
        self._peaks_bytes[1] = max(self._peaks_bytes[1], int(peak), packed)
        if kind == wire.RESULT:
            return self._done(told[0])
        if kind == wire.ERROR:
            return self._done(failure=wire.error_of(told[0]))
        what, why, trace = told
        if what == "memory":
            return self._failed("memory", self._too_much())
        return self._done(failure=JobFailed("error", str(why), trace))

    def _done(self, value: Any = None, failure: JobFailed | LongdocError | None = None) -> Outcome:
        task, self._task = self._task, None
        assert task is not None
        return Outcome(task.job, value, failure, time.monotonic() - task.began)

    def _failed(self, kind: Cause, why: str) -> Outcome:
        outcome = self._done(failure=JobFailed(kind, why))
        self.close()
        return outcome

    def _end(self) -> tuple[Cause, str]:
        """Why the process ended in the middle of a job."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "crash", "stopped answering"
        if code == -signal.SIGXCPU:
            return "time", self._too_long()
        if self._peaks_bytes[1] > self.limits.memory_bytes - _HEADROOM_BYTES:
            return "memory", self._too_much()
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        return "crash", f"crashed ({name})"

    def _look(self) -> Outcome | None:
        """Time and memory, as seen from outside, now and then."""
        assert self._process is not None
        assert self._task is not None
        now = time.monotonic()
        if self._seconds_left() <= 0:
            return self._failed("time", self._too_long())
        if now - self._task.looked < _WATCH_EVERY_S:
            return None
        self._task.looked = now
        resident = resident_bytes(self._process.pid, peak=ON_LINUX)
        self._peaks_bytes[1] = max(self._peaks_bytes[1], resident)
        if resident > self.limits.memory_bytes:
            return self._failed("memory", self._too_much())
        return None

    def _too_long(self) -> str:
        assert self._task is not None
        task, now = self._task, time.monotonic()
        if now - task.began >= task.most_s:
            return f"took longer than {round(task.most_s, 1):g} s"
        if task.heard - task.began > _WATCH_EVERY_S:
            return f"stood still for {round(task.seconds, 1):g} s"
        return f"took longer than {round(task.seconds, 1):g} s"

    def _too_much(self) -> str:
        return f"took more than {self.limits.memory_bytes / (1 << 30):.3g} GiB of memory"


def wait_for(workers: Sequence[Worker]) -> Outcome | None:
    """Wait a moment for busy workers: the outcome of one, which is then free, or None."""
    poll = select.poll()
    readable = {worker._pipes()[0]: worker for worker in workers}
    writable = {pipe: worker for worker in workers if (pipe := worker._pipes()[1]) is not None}
    for pipe in readable:
        poll.register(pipe, select.POLLIN)
    for pipe in writable:
        poll.register(pipe, select.POLLOUT)
    patience_s = min(_WATCH_EVERY_S, *(max(worker._seconds_left(), 0.0) for worker in workers))
    ready = poll.poll(1000 * patience_s)
    for pipe, _ in ready:
        if pipe in writable:
            writable[pipe]._send()
    for pipe, _ in ready:
        if pipe in readable and (outcome := readable[pipe]._receive()) is not None:
            return outcome
    for worker in workers:
        if (outcome := worker._look()) is not None:
            return outcome
    return None
