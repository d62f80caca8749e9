"""Worker processes that a worker makes of itself: they start in milliseconds, with all that it has imported.

Only a worker of ours does this, on Linux: it is a fresh interpreter of one thread that has loaded no torch, so that
nothing in it holds a lock. The child keeps no open file of its parent but those it is given, and ends with it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, BinaryIO

from longdoc.ingest.sandbox_child import ON_LINUX, serve_forked

IN_WORKER = "longdoc_worker"  # the -X option that a worker is started with
_LOOK_EVERY_S = 0.005


def is_worker() -> bool:
    """Whether this process is a worker itself: what it starts belongs to the group of the outermost one."""
    return IN_WORKER in sys._xoptions


def can_fork() -> bool:
    return ON_LINUX and is_worker() and threading.active_count() == 1


class Forked:
    """A child, with what `sandbox.Worker` asks of a `subprocess.Popen`."""

    def __init__(self, setup: dict[str, Any], descriptors: Sequence[int]) -> None:
        """setup: of `sandbox`; the child has it as it is."""
        jobs, own_stdin = os.pipe()
        own_stdout, results = os.pipe()
        parent = os.getpid()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _close_all_but({0, 1, 2, jobs, results, *descriptors})
                serve_forked(parent, jobs, results, setup)
            finally:  # nothing of the parent's is cleaned up here
                os._exit(0 if sys.exc_info()[0] is None else 1)
        os.close(jobs)
        os.close(results)
        self.stdin: BinaryIO = os.fdopen(own_stdin, "wb", buffering=0)
        self.stdout: BinaryIO = os.fdopen(own_stdout, "rb", buffering=0)

    def poll(self) -> int | None:
        """Its exit code when it has ended: negative by a signal, as subprocess has it."""
        if self.returncode is None:
            self._look(os.WNOHANG)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        until = time.monotonic() + (timeout or 0.0)
        while self.poll() is None:
            if timeout is None:
                self._look(0)
            elif time.monotonic() > until:
                raise TimeoutExpired("a worker", timeout)
            else:
                time.sleep(_LOOK_EVERY_S)
        assert self.returncode is not None
        return self.returncode

    def _look(self, how: int) -> None:
        with contextlib.suppress(InterruptedError):
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:  # somebody else has waited for it
                self.returncode = -1
            else:
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)


def _close_all_but(keep: set[int]) -> None:
    """What the parent had open is none of the child's business: it could write among the parent's answers."""
    try:
        found: Iterable[int] = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    except OSError:  # containers allow a thousand million of them, so trying all is the last resort
        found = range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for descriptor in {*found} - keep:
        with contextlib.suppress(OSError):  # that of the listing itself
            os.close(descriptor)
