"""A command in a ring: whether this process starts the others, is one of them, or goes on alone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from longdoc.cli.report import Report
from longdoc.core.errors import LongdocError, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def in_ring(command: Command) -> Command:
    """The command with `--attention ring`: above all options: who only serves opens nothing."""

    @wraps(command)
    def called(*args: Any, **values: Any) -> Any:
        processes: int | None = values["processes"]
        if values["attention"] == "ring":
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
    from longdoc.engine.ring.processes import complain, is_joined_by_environment, join
    from longdoc.engine.ring.reader import serve

    if not is_joined_by_environment():
        size = processes or _num_gpus(device)
        if size == 1:
            return None
        from longdoc.engine.ring.launch import launch

        report = click.get_current_context().find_object(Report)
        assert report is not None
        report.is_json = as_json
        return launch(report.arguments, size)
    group = join(processes, device)
    if group.is_first:
        return None
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process ends its step, for which it needs this one
        signal.signal(number, signal.SIG_IGN)
    try:
        serve(group)
    except LongdocError as error:
        complain(error)
        return error.exit_code
    finally:
        group.leave()
    return 0


def _num_gpus(device: str) -> int:
    """As many as torch can use, one at least."""
    from longdoc.engine.machine import gpus

    return 1 if device == "cpu" else max(1, len(gpus()))
