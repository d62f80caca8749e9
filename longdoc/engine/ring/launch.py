"""The processes of a ring on one machine: started, watched and ended by torch's elastic launcher.

Each runs the command that was given. Ours is the translation alone: Ctrl-C and SIGTERM are handed to the first process,
which ends its step and keeps what was read, and what the launcher raises becomes an exit code or one clear error.
Across machines the user starts them with `torchrun`.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from longdoc.core import started
from longdoc.core.errors import INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE, LongdocError, OutOfMemory, RingLost
from longdoc.engine.ring.pulse import STUCK

LOST = "A process of the ring is lost."
FIX = "run the same command again; longdoc doctor --ring tries the links"
_LISTENED_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # by the launcher, or by us
_KILLED = (signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT)  # the last one may follow from another's

_STOPPED = {-signal.SIGINT: INTERRUPTED_EXIT_CODE}


@dataclass(frozen=True, slots=True)
class _Said:
    """What a process left to say about its end. is_echo: of another one's."""

    words: str
    exit_code: int
    is_echo: bool


def launch(arguments: Sequence[str], processes: int, module: str = "longdoc") -> int:
    """Run `longdoc ARGUMENTS` in so many processes on this machine; -> the exit code of the first.

    module: that is run in the place of longdoc's own. It is not looked for in the current folder.
    Raises RingLost when one of them was killed or lost the others, OutOfMemory when one had no room.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what went wrong is said once, by us
    try:
        with tempfile.TemporaryDirectory(prefix="longdoc-ring-") as name, _surroundings(Path(name)):
            given: dict[str, Any] = {
                "min_nodes": 1,
                "max_nodes": 1,
                "nproc_per_node": processes,
                "rdzv_backend": "c10d",
                "rdzv_endpoint": "localhost:0",
                "run_id": f"longdoc-{os.getpid()}",
                "max_restarts": 0,
                "monitor_interval": 0.1,
                "local_addr": "localhost",
                "logs_specs": DefaultLogsSpecs(log_dir=str(Path(name) / "logs")),
            }
            if "signals_to_handle" in {field.name for field in fields(LaunchConfig)}:
                given["signals_to_handle"] = "SIGHUP,SIGQUIT"
            elastic_launch(LaunchConfig(**given), sys.executable)("-P", "-m", module, *arguments)
    except ChildFailedError as failed:
        return _code(failed.failures, processes)
    except SignalException as stopped:
        return INTERRUPTED_EXIT_CODE if stopped.sigval == signal.SIGINT else TERMINATED_EXIT_CODE
    except _StoppedEarly as stopped:
        return stopped.exit_code
    finally:
        logging.disable(level)
    return 0


class _StoppedEarly(BaseException):
    """Ctrl-C or SIGTERM before there was a process to hand it to."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


@contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """What the processes find in their environment, and who hears of signals meanwhile."""
    folder.chmod(0o700)
    ours = {started.PARENT: str(os.getpid()), started.FOLDER: str(folder)}
    if "GLOO_SOCKET_IFNAME" not in os.environ and (name := _loopback()):
        ours["GLOO_SOCKET_IFNAME"] = name  # nobody else is to talk to them
    handlers = {number: signal.getsignal(number) for number in _LISTENED_TO}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)

    def hand_on(number: int, frame: Any) -> None:
        if number == signal.SIGTERM:
            started.mark_terminated(folder)
        first = started.first_process(folder)
        if first is None:
            raise _StoppedEarly(INTERRUPTED_EXIT_CODE if number == signal.SIGINT else TERMINATED_EXIT_CODE)
        with suppress(OSError):
            os.kill(first, number)

    if handlers[signal.SIGINT] != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGINT, hand_on)
    signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _loopback() -> str | None:
    """The name of the interface that leads nowhere else."""
    return next((name for _, name in socket.if_nameindex() if name in {"lo", "lo0"}), None)


def _code(failures: dict[int, Any], processes: int) -> int:
    """The exit code of the first process when it ended by itself. Raises for whatever else happened."""
    first = failures.get(0)
    if first is not None and first.exitcode in _STOPPED:  # a signal that it had no time to catch
        return _STOPPED[first.exitcode]
    said = [words for _, failure in sorted(failures.items()) if (words := _said(failure)) is not None]
    causes = [one for one in said if not one.is_echo]
    killed = _killed(failures)
    if first is not None and 0 < first.exitcode != RingLost.exit_code and not causes and killed is None:
        return int(first.exitcode)
    stuck = [one for one in causes if STUCK in one.words]  # and the launcher has killed it for that
    if stuck or (causes and killed is None):
        raise _error((stuck or causes)[0])
    if killed is not None:
        name = signal.Signals(-failures[killed].exitcode).name
        memory = ", as the system does when memory is full" if name == "SIGKILL" else ""
        raise RingLost(LOST, why=f"process {killed} of {processes} was ended by {name}{memory}", fix=FIX)
    if said:
        raise _error(said[0])
    rank, failure = min(failures.items())
    raise RingLost(LOST, why=f"process {rank} of {processes} ended with {failure.exitcode}", fix=FIX)


def _killed(failures: dict[int, Any]) -> int | None:
    """The process that was killed, and did not end because another one did."""
    for number in _KILLED:
        for rank, failure in sorted(failures.items()):
            if failure.exitcode == -number:
                return rank
    return None


def _said(failure: Any) -> _Said | None:
    """What a process has left (`processes.complain`)."""
    try:
        message = failure.error_file_data["message"]
        more = message["extraInfo"]
        return _Said(str(message["message"]), int(more["exit_code"]), bool(more["is_echo"]))
    except (KeyError, TypeError, ValueError):
        return None


def _error(said: _Said) -> LongdocError:
    if said.exit_code == OutOfMemory.exit_code:
        return OutOfMemory(
            "A process of the ring has no memory left.",
            why=said.words,
            fix="a smaller --segment, more processes (--gpus), or --quantize 4bit",
        )
    return RingLost(LOST, why=said.words.removeprefix(f"{LOST} "), fix=FIX)
