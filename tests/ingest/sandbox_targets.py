"""What workers do in the tests: each name is a target, a job says which misdeed."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longdoc.core.errors import EncryptedInput
from longdoc.core.events import Listener, Opening

Target = Callable[[Any, Listener], Any]


class LockedError(EncryptedInput):
    """An error class that the parent does not know."""


def echo(setup: Any) -> Target:
    def give_back(job: Any, on_event: Listener) -> Any:
        return [setup, job]

    return give_back


def misbehave(setup: Any) -> Target:
    def do(job: str, on_event: Listener) -> Any:
        return _MISDEEDS[job]()

    return do


def tell(setup: Any) -> Target:
    def count(job: int, on_event: Listener) -> int:
        for number in range(job):
            on_event(Opening("book", number, job))
        return job

    return count


def go_on(setup: Any) -> Target:
    """Tells an event now and then, and then stands still."""

    def count(job: list[float], on_event: Listener) -> str:
        steps, step_s, still_s = job
        for number in range(int(steps)):
            time.sleep(step_s)
            on_event(Opening("book", number, int(steps)))
        time.sleep(still_s)
        return "done"

    return count


def pass_through(setup: Any) -> Target:
    """Writes bytes that are no frame where the frames go."""

    def write(job: bytes, on_event: Listener) -> None:
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, job)
            except OSError:
                continue
        time.sleep(30)

    return write


def read_descriptor(setup: int) -> Target:
    def read(job: list[int], on_event: Listener) -> bytes:
        return os.pread(setup, job[1], job[0])

    return read


def nested(setup: Any) -> Target:
    """Starts a worker of its own, tells both process ids, and hangs."""
    from longdoc.ingest.sandbox import Worker

    def do(job: Any, on_event: Listener) -> Any:
        worker = Worker("sandbox_targets:misbehave")
        inner = worker.submit("pid")
        on_event(Opening("pids", os.getpid(), inner))
        worker.submit("sleep")

    return do


def forks(setup: Any) -> Target:
    """Starts workers of its own: what they say of themselves, and how they end."""
    from longdoc.ingest.sandbox import JobFailed, Worker

    def do(job: str, on_event: Listener) -> Any:
        with Worker("sandbox_targets:misbehave") as worker:
            own, found = sorted(sys.modules), []
            for misdeed in ("modules", job, "modules", "descriptors"):
                try:
                    found.append(worker.submit(misdeed, seconds=1))
                except JobFailed as failure:
                    found.append([failure.kind, failure.why])
            return [own, *found]

    return do


def _hang() -> None:
    while True:
        pass


def _take_memory() -> None:
    taken = []
    while True:
        taken.append(bytearray(8 << 20))


def _print() -> str:
    print("noise" * 10_000)  # noqa: T201
    os.write(1, b"more noise")
    subprocess.run(["echo", "and more"], check=True)
    return f"read {len(sys.stdin.buffer.read() if sys.stdin else os.read(0, 10))} bytes"


def _raise_ours() -> None:
    raise LockedError("It is locked.", why="a key is needed", fix="bring the key")


def _raise() -> None:
    raise ValueError("nonsense")


def _connect() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


_MISDEEDS: dict[str, Callable[[], Any]] = {
    "hang": _hang,
    "sleep": lambda: time.sleep(60),
    "memory": _take_memory,
    "crash": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "print": _print,
    "ours": _raise_ours,
    "raise": _raise,
    "connect": _connect,
    "pid": os.getpid,
    "object": object,
    "modules": lambda: sorted(sys.modules),
    "descriptors": lambda: sorted(path.name for path in Path("/proc/self/fd").iterdir()),
}


def parse_bytes(setup: Any) -> Target:
    """Parses documents whose bytes come with the job. -> format and text."""
    from longdoc.core.settings import SourceOptions
    from longdoc.ingest.parsed import Raw
    from longdoc.ingest.read import parse_document

    def parse(job: dict[str, Any], on_event: Listener) -> list[str]:
        document = parse_document(Raw(job["name"], job["data"], SourceOptions(), on_event))
        return [document.source.format, document.text]

    return parse


def misread(setup: Any) -> Target:
    """In the place of the parser: does what the name of the file says."""

    def parse(job: dict[str, Any], on_event: Listener) -> Any:
        return _MISDEEDS[job["source"].rpartition("/")[2].partition(".")[0]]()

    return parse
