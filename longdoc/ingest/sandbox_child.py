"""The worker process of `sandbox`: sets its own limits, then does jobs until its standard input ends.

Knows nothing of documents. Started by `sandbox.Worker` with nothing but the standard library's import cost.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from longdoc.core.errors import LongdocError
from longdoc.core.events import Event
from longdoc.ingest import sandbox_wire as wire

ON_LINUX: bool = sys.platform == "linux"
_ON_MAC: bool = sys.platform == "darwin"
_PARENT_EVERY_S = 0.5
_MAX_FILE_BYTES = 16 << 20  # compiled modules may be written, and no document is unpacked to the disk
_PR_SET_PDEATHSIG = 1
_REFUSED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")


def main(parent: int) -> None:
    """Do the jobs that come in. parent: id of the process whose end is ours."""
    _end_with(parent)
    jobs, results = _own_pipes()
    kind, setup = _receive(jobs)
    if kind != wire.SETUP:
        return
    _limit(setup["memory_bytes"])
    sys.addaudithook(_refuse_network)
    _serve(jobs, results, setup)


def serve_forked(parent: int, jobs: int, results: int, setup: dict[str, Any]) -> None:
    """As `main`, in a process that a worker has made of itself: its limits and its hooks are there already."""
    _end_with(parent)
    with os.fdopen(jobs, "rb") as incoming, os.fdopen(results, "wb") as outgoing:
        _limit(setup["memory_bytes"])
        _serve(incoming, outgoing, setup)


def _serve(jobs: BinaryIO, results: BinaryIO, setup: dict[str, Any]) -> None:
    target = None
    while True:
        kind, job = _receive(jobs)
        if kind != wire.JOB:
            return
        _limit_processor(job["seconds"])
        try:
            if target is None:
                target = _target(setup["target"])(setup["setup"])
            result = target(job["job"], _listener(results))
            answer = wire.pieces(wire.RESULT, [_peak_bytes(), result])
            del result
        except LongdocError as error:
            answer = wire.pieces(wire.ERROR, [_peak_bytes(), wire.error_fields(error, traceback.format_exc())])
        except MemoryError:
            answer = wire.pieces(wire.FAILURE, [_peak_bytes(), "memory", "MemoryError", None])
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            answer = wire.pieces(wire.FAILURE, [_peak_bytes(), "error", said, traceback.format_exc()])
        results.writelines(answer)
        results.flush()
        del answer


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output under numbers of our own: a library that prints or asks must not disturb the frames."""
    jobs, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return jobs, results


def _receive(stream: BinaryIO) -> tuple[bytes, Any]:
    """The next frame's kind and value; b"" when the parent has closed the pipe."""
    header = stream.read(wire.HEADER.size)
    if len(header) < wire.HEADER.size:
        return b"", None
    kind, num_bytes = wire.HEADER.unpack(header)
    return kind, wire.value_of(stream.read(num_bytes))


def _listener(results: BinaryIO) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        results.write(wire.frame(wire.EVENT, event))
        results.flush()

    return tell


def _target(name: str) -> Callable[[Any], Callable[..., Any]]:
    module, _, function = name.partition(":")
    factory = getattr(importlib.import_module(module), function)
    assert callable(factory)
    return factory  # type: ignore[no-any-return]


def _end_with(parent: int) -> None:
    """No orphans, whatever ends the parent: the kernel's signal on Linux, a look at the parent's id elsewhere."""
    if ON_LINUX:
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_EVERY_S)
    os._exit(1)


def _limit(memory_bytes: int) -> None:
    """Address space, core dumps, files. macOS knows no limit of address space: the parent watches there."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _MAX_FILE_BYTES)
    if not _ON_MAC:
        _lower(resource.RLIMIT_AS, memory_bytes)


def _lower(which: int, most: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # it is lower already, or the system has no such limit
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(which, (most, most))


def _limit_processor(seconds: float) -> None:
    """A soft limit on the processor time of this job: the parent's clock would not see a stopped machine's."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def _peak_bytes() -> int:
    """Of this process, or of the largest that it started and that ended.

    Linux counts the parent's own pages in the `ru_maxrss` of a process that it starts, so that is asked elsewhere only.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if ON_LINUX:
        return max(resident_bytes(os.getpid(), peak=True), children * 1024)
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children)  # bytes on macOS


def resident_bytes(pid: int, *, peak: bool = False) -> int:
    """Memory of a process that is there: now, or (on Linux) at most so far. 0 when nobody tells."""
    if ON_LINUX:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            found = re.search(r"^VmHWM:\s*(\d+) kB" if peak else r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
            return int(found[1]) * 1024 if found else 0
        return 0
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, timeout=5, check=False)
        return int(told.stdout) * 1024
    return 0


def waited_seconds(pid: int) -> float:
    """How long the process, or the one it waits for, was ready to run and others had the processors.

    0 where nobody tells.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        own_s = int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
        children = Path(f"/proc/{pid}/task/{pid}/children")
        started = children.read_text(encoding="ascii").split() if children.exists() else []
        return own_s + max((waited_seconds(int(child)) for child in started), default=0.0)
    return 0.0


def _refuse_network(event: str, _: tuple[Any, ...]) -> None:
    """No document is a reason to ask the network, whatever its XML or its PDF actions say."""
    if event.startswith(_REFUSED):
        raise PermissionError(f"readers have no network ({event})")
