"""Floor 4: the command line. Parses, calls the pipeline, hands events and results to the output.

Only click and floor 1 are imported here: `longdoc --help` must not wait for torch. Each command is a file,
named in COMMANDS and imported when it is called or listed.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from longdoc import __version__
from longdoc.cli.group import LazyGroup
from longdoc.cli.report import Report
from longdoc.core.errors import (
    BUG_EXIT_CODE,
    INTERRUPTED_EXIT_CODE,
    TERMINATED_EXIT_CODE,
    LongdocError,
    Terminated,
)

COMMANDS = {
    "summarize": "longdoc.cli.summarize:summarize",
    "ask": "longdoc.cli.ask:ask",
    "read": "longdoc.cli.read:read",
    "plan": "longdoc.cli.plan:plan",
    "states": "longdoc.cli.states:states",
    "config": "longdoc.cli.config:config",
    "doctor": "longdoc.cli.doctor:doctor",
    "bench": "longdoc.cli.bench:bench",
    "train": "longdoc.cli.train:train",
}


@click.group(
    cls=LazyGroup,
    commands_by_path=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: longdoc summarize book.pdf -o summary.md",
)
@click.version_option(__version__, prog_name="longdoc", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Read documents too long for a model's context window, on this machine, and cite what they say."""
    from longdoc.cli.settings import default_map, load_settings

    context.default_map = default_map(load_settings(), context)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    report = Report()
    try:
        # Without standalone mode click raises what it would print, so that Ctrl-C can be 130 and not 1.
        code = cli.main(list(arguments), prog_name="longdoc", standalone_mode=False, obj=report)
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated):  # click raises its Abort from it
            return TERMINATED_EXIT_CODE
        report.interrupted()
        return INTERRUPTED_EXIT_CODE
    except click.ClickException as error:
        report.usage(error)
        return error.exit_code
    except LongdocError as error:
        report.error(error)
        return error.exit_code
    except Exception as error:
        from longdoc.output.write import StdoutClosedError  # not for --help

        if isinstance(error, StdoutClosedError):
            return 0
        report.bug(error)
        return BUG_EXIT_CODE


def _terminate(number: int, frame: Any) -> NoReturn:
    """The handler of SIGTERM."""
    raise Terminated


def main() -> NoReturn:
    """The entry point."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that is not UTF-8 shows "?" instead of a traceback
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))
