"""The processes of a ring on one machine: started, watched and ended by torch's elastic launcher.

Each runs the command that was given. Nothing of ours but the translation: what the launcher raises, to an exit code and
one clear error. Across machines the user starts them with `torchrun`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from longdoc.core.errors import INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE, RingLost
from longdoc.engine.ring.processes import LOST, PARENT, STUCK

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # which the launcher listens to
_STOP_S = 600  # after Ctrl-C, to finish a step and to keep what was read
_SHUTDOWN = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"


def launch(arguments: Sequence[str], processes: int, module: str = "longdoc", stop_s: int = _STOP_S) -> int:
    """Run `longdoc ARGUMENTS` in so many processes on this machine; -> the exit code of the first.

    module: that is run in the place of longdoc's own.   stop_s: that a process has to end when it is asked to.
    Raises RingLost when one of them was killed or lost the others.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    log_level = logging.root.manager.disable
    handlers = {number: signal.getsignal(number) for number in _STOPPING}
    logging.disable(logging.CRITICAL)  # what went wrong is said once, by us
    os.environ[PARENT] = str(os.getpid())
    shutdown = os.environ.get(_SHUTDOWN)
    os.environ[_SHUTDOWN] = shutdown or str(stop_s)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id=f"longdoc-{os.getpid()}",
        max_restarts=0,
        monitor_interval=0.1,
        local_addr="localhost",
    )
    try:
        elastic_launch(config, sys.executable)("-m", module, *arguments)
    except ChildFailedError as failed:
        return _code(failed.failures, processes)
    except SignalException as stopped:
        return INTERRUPTED_EXIT_CODE if stopped.sigval == signal.SIGINT else TERMINATED_EXIT_CODE
    finally:
        del os.environ[PARENT]
        if shutdown is None:
            del os.environ[_SHUTDOWN]
        logging.disable(log_level)
        for number, handler in handlers.items():  # the launcher leaves its own
            signal.signal(number, handler)
    return 0


def _code(failures: dict[int, Any], processes: int) -> int:
    """The exit code of the first process when it ended by itself. Raises RingLost for whatever else happened."""
    first = failures.get(0)
    others = [failure for rank, failure in failures.items() if rank]
    if first is not None and 0 < first.exitcode != RingLost.exit_code and not any(_was_lost(one) for one in others):
        return int(first.exitcode)
    killed = [rank for rank, failure in failures.items() if failure.exitcode in _KILLED]
    raise RingLost(
        LOST,
        why=_why(failures, killed, processes),
        fix="run the same command again: it goes on from what was kept; longdoc doctor --ring tries the links",
    )


_KILLED = frozenset(-number for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT))


def _was_lost(failure: Any) -> bool:
    """Whether a process did not end because the first one did."""
    return failure.exitcode in _KILLED


def _why(failures: dict[int, Any], killed: list[int], processes: int) -> str:
    said = [f.error_file_data["message"]["message"] for _, f in sorted(failures.items()) if _has_said(f)]
    stuck = [words for words in said if STUCK in words]  # and the launcher has killed it for that
    if killed and not stuck:
        name = signal.Signals(-failures[killed[0]].exitcode).name
        memory = ", as the system does when memory is full" if name == "SIGKILL" else ""
        return f"process {killed[0]} of {processes} was ended by {name}{memory}"
    if said:
        return str((stuck or said)[0]).removeprefix(f"{LOST} ")
    rank, failure = min(failures.items())
    return f"process {rank} of {processes} ended with {failure.exitcode}"


def _has_said(failure: Any) -> bool:
    """Whether the process has left words (`processes.complain`)."""
    data = failure.error_file_data
    return isinstance(data, dict) and isinstance(data.get("message"), dict)
