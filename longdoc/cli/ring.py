"""A command in a ring: whether this process starts the others, is one of them, or goes on alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from longdoc.cli.report import Report
from longdoc.core import started
from longdoc.core.errors import LongdocError, RingLost, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def in_ring(command: Command) -> Command:
    """The command with `--attention ring`: above all options: who only serves opens nothing."""

    @wraps(command)
    def called(*args: Any, **values: Any) -> Any:
        processes: int | None = values["processes"]
        if values["attention"] == "ring":
            if values["offline"]:
                os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
            code = _take_part(processes, values["device"], as_json=values["progress"] == "json")
            if code is not None:
                return code
        elif processes is not None:
            raise UsageError(
                "--gpus is for --attention ring.",
                why="every other way of reading takes one device",
                fix="add --attention ring, or leave --gpus out",
            )
        return command(*args, **values)

    return called  # type: ignore[return-value]


def refuse_ring(attention: str, command: str) -> None:
    """Raise UsageError for a command that reads many documents by itself."""
    if attention == "ring":
        raise UsageError(
            f"longdoc {command} does not read in a ring.",
            why="a ring gives all its processes to one document",
            fix="longdoc summarize or longdoc ask with --attention ring, a document at a time",
        )


def _take_part(processes: int | None, device: str, *, as_json: bool) -> int | None:
    """None for the process that runs the command; else the exit code, once it is over. as_json: errors as JSON."""
    if not started.is_joined():
        size = _size(processes, device)
        if size == 1:
            return None
        from longdoc.engine.ring.launch import launch

        report = click.get_current_context().find_object(Report)
        assert report is not None
        report.is_json = as_json
        return launch(report.arguments, size)
    if started.rank():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is begun
    from longdoc.engine.ring.processes import complain, join

    if started.rank() == 0:
        join(processes, device)
        return None
    try:
        group = join(processes, device)
        for number in (signal.SIGINT, signal.SIGTERM):  # the first process ends its step, for which it needs this one
            signal.signal(number, signal.SIG_IGN)
        from longdoc.engine.ring.reader import serve

        serve(group)
    except LongdocError as error:
        complain(error, is_echo=isinstance(error.__cause__, RuntimeError) and error.exit_code == RingLost.exit_code)
        return error.exit_code
    group.leave()
    return 0


def _size(processes: int | None, device: str) -> int:
    """How many to start. Raises UsageError for more than there are GPUs, and for one single device."""
    if device not in {"auto", "cpu", "cuda"}:
        raise UsageError(
            f"--device {device} is not for a ring.",
            why="each process takes the GPU of its own number",
            fix="--device cuda with CUDA_VISIBLE_DEVICES, or --device cpu",
        )
    there = 0 if device == "cpu" else _num_gpus()
    if there and processes and processes > there:
        raise UsageError(
            f"{processes} processes are asked for, and {there} GPUs are here.",
            fix=f"--gpus {there}, or --device cpu; torchrun for GPUs of several machines",
        )
    cores = os.cpu_count() or 1
    if not there and processes and processes > max(4, 2 * cores):
        raise UsageError(
            f"{processes} processes are asked for, and {cores} cores are here.",
            why="each process loads the model, and reads its share of the text at the same time as the others",
            fix=f"--gpus {max(2, cores)}",
        )
    return processes or max(1, there)


def _num_gpus() -> int:
    """That torch can use."""
    if not Path("/dev/nvidiactl").exists() and not Path("/dev/kfd").exists():  # torch need not be asked
        return 0
    from longdoc.engine.machine import gpus

    return len(gpus())
