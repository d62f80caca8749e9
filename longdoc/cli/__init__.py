"""Floor 4: the command line. Parses, calls the pipeline, hands events and results to the output.

Only click and floor 1 are imported here: `longdoc --help` must not wait for torch. Each command is a file,
named in COMMANDS and imported when it is called or listed.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from longdoc import __version__
from longdoc.cli.group import LazyGroup, Stopped
from longdoc.cli.report import Report
from longdoc.core import started
from longdoc.core.collecting import loading
from longdoc.core.errors import (
    BUG_EXIT_CODE,
    CLOSED_PIPE_EXIT_CODE,
    EXIT_CODES,
    INTERRUPTED_EXIT_CODE,
    TERMINATED_EXIT_CODE,
    Interrupted,
    Left,
    LongdocError,
    RingLost,
    Terminated,
)

COMMANDS = {
    "summarize": "longdoc.cli.summarize:summarize",
    "ask": "longdoc.cli.ask:ask",
    "batch": "longdoc.cli.batch:batch",
    "read": "longdoc.cli.read:read",
    "plan": "longdoc.cli.plan:plan",
    "states": "longdoc.cli.states:states",
    "models": "longdoc.cli.models:models",
    "config": "longdoc.cli.config:config",
    "doctor": "longdoc.cli.doctor:doctor",
    "bench": "longdoc.cli.bench:bench",
    "train": "longdoc.cli.train:train",
    "completion": "longdoc.cli.completion:completion",
    "help": "longdoc.cli.help:help",
}
_WITHOUT_SETTINGS = {"config", "completion", "help"}  # they work also when a settings file is wrong


@click.group(
    cls=LazyGroup,
    commands_by_path=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=[
        ("A summary of a book, part by part, with checked citations", "longdoc summarize book.pdf -o summary.md"),
        ("A question about a contract", 'longdoc ask contract.pdf -q "Who pays for the repairs?"'),
        ("What reading it would take, before anything is read", "longdoc plan book.pdf"),
        ("All options of a command", "longdoc ask --help"),
    ],
    tables={"Exit codes": [(str(code), meaning) for code, meaning in EXIT_CODES.items()]},
)
@click.version_option(__version__, prog_name="longdoc", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Read documents too long for a model's context window, on this machine, and cite what they say."""
    from longdoc.cli.settings import default_map, load_settings

    if context.invoked_subcommand not in _WITHOUT_SETTINGS:
        context.default_map = default_map(load_settings(), context)


def run(arguments: Sequence[str], report: Report | None = None) -> int:
    """Run one command line and give its exit code."""
    report = report or Report()
    report.arguments = tuple(arguments)
    code = _run(arguments, report)
    report.end(code)
    return code


def _run(arguments: Sequence[str], report: Report) -> int:
    try:
        # Without standalone mode click raises what it would print, so that Ctrl-C can be 130 and not 1.
        code = cli.main(list(arguments), prog_name="longdoc", standalone_mode=False, obj=report)
        return code if isinstance(code, int) else 0
    except (Stopped, click.Abort, KeyboardInterrupt) as error:
        if isinstance(error, Stopped) and isinstance(error.stop, Terminated):
            return TERMINATED_EXIT_CODE
        if not (isinstance(error, Stopped) and isinstance(error.stop, Left)):
            report.interrupted()
        return INTERRUPTED_EXIT_CODE
    except click.ClickException as error:
        report.usage(error)
        return error.exit_code
    except LongdocError as error:
        if isinstance(error, RingLost) and _is_told_by_starter(error):
            report.note(error)
            return error.exit_code
        report.error(error)
        return error.exit_code
    except Exception as error:
        from longdoc.output.write import StdoutClosedError  # not for --help

        if isinstance(error, StdoutClosedError):
            return CLOSED_PIPE_EXIT_CODE
        report.bug(error)
        return BUG_EXIT_CODE


def _is_told_by_starter(error: RingLost) -> bool:
    """Whether the process that started this one tells of it, once for all processes."""
    if not started.is_started():
        return False
    from longdoc.engine.ring.processes import complain

    complain(error, is_echo=True)
    return True


def listen_to_signals(report: Report) -> None:
    """Ctrl-C and SIGTERM end the work at the next step, and a second Ctrl-C at once."""

    def interrupt(number: int, frame: Any) -> None:
        report.stopper.ask()
        if sys.stderr.isatty() and not report.is_json:  # not by way of a stream, which may be in the middle of a line
            os.write(sys.stderr.fileno(), b"\r\nstopping after this step; Ctrl-C again stops at once\r\n")

    def terminate(number: int, frame: Any) -> None:
        if not started.was_terminated():  # by the user: it is the launcher, as another process of a ring has ended
            raise RingLost("A process of the ring is lost.", why="another process has ended")
        report.stopper.ask(terminated=True)

    def unraisable(lost: Any) -> None:
        if not isinstance(lost.exc_value, Interrupted):  # it came in a destructor: the next step stops all the same
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unraisable
    signal.signal(signal.SIGTERM, terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is to be ignored: nohup
        signal.signal(signal.SIGINT, interrupt)


def open_standard_streams() -> None:
    """For streams that our caller has closed: no input comes, a result is an error, and messages go nowhere."""
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:  # to write to it is an error, which is told
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def main() -> NoReturn:
    """The entry point."""
    if started.is_started() and started.rank():  # only serves: it ends with the first one, which is told of Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    loading()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's products are small: threads would wait for each other
    open_standard_streams()
    report = Report()
    listen_to_signals(report)
    started.announce()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that is not UTF-8 shows "?" instead of a traceback
            stream.reconfigure(errors="replace")
    code = run(sys.argv[1:], report)
    if started.is_joined():
        _leave_at_once(code)
    sys.exit(code)


def _leave_at_once(code: int) -> NoReturn:
    """The end of a process of a ring. Threads of torch.distributed that still run would abort the interpreter's own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
