"""How errors are told on standard error: what happened, why, and what to do. Decides no exit codes.

error: book.pdf is encrypted.
  why: the empty password does not open it
  try: longdoc summarize book.pdf --password-file secret.txt
"""

from __future__ import annotations

import os
import sys
import textwrap
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from longdoc.core.errors import LongdocError
from longdoc.core.stopping import Stopper

if TYPE_CHECKING:
    from longdoc.output.log import Log


_FIX = "  try: "
_INDENT = " " * 7
_LEAST_COLUMNS = 40


def _terminal_columns() -> int | None:
    """How many characters a line of the terminal has on which errors are read; None when they go into a file."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0
    except (OSError, ValueError):
        return None
    return columns if columns >= _LEAST_COLUMNS else None


def _wrapped(line: str, columns: int) -> list[str]:
    """A line cut at its spaces, so that what goes on is seen to go on."""
    if len(line) <= columns:
        return [line]
    return textwrap.wrap(
        line, columns, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )


def _variable(error: click.ClickException) -> str | None:
    """`LONGDOC_WORDS=many` when a wrong value came from there, and not from the command line."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return None
    name = error.param.envvar
    source = error.ctx.get_parameter_source(str(error.param.name))
    if source is not click.core.ParameterSource.ENVIRONMENT or not isinstance(name, str):
        return None
    return f"{name}={os.environ.get(name, '')}"


@dataclass(slots=True)
class Report:
    """What the command line has said so far about how it wants to hear of errors (click's `obj`).

    is_verbose: with the traceback.   is_json: one JSON object a line, for `--progress json`.
    log: where errors are told as well, with their traceback.   stopper: hears of Ctrl-C.
    arguments: the command line, for processes that take part in it.
    """

    is_verbose: bool = False
    is_json: bool = False
    log: Log | None = None
    stopper: Stopper = field(default_factory=Stopper)
    arguments: tuple[str, ...] = ()

    def error(self, error: LongdocError) -> None:
        """An error that the user can do something about."""
        self._tell(error.what, error.why, error.fix, error.exit_code)
        self._trace(error)

    def note(self, error: LongdocError) -> None:
        """In the log alone: somebody else tells it."""
        if self.log is not None:
            self.log.write(f"error: {error.what}" + (f" ({error.why})" if error.why else ""))
        self._trace(error)

    def usage(self, error: click.ClickException) -> None:
        """A command line that makes no sense to click; `longdoc` alone shows the help."""
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            self._write(error.format_message() + "\n")
            return
        context = getattr(error, "ctx", None)
        help_command = f"{context.command_path} --help" if context is not None else "longdoc --help"
        what = error.format_message().replace("valid integer range", "valid integer").replace("float range", "number")
        variable = _variable(error)
        if variable is None:
            self._tell(what, None, help_command, error.exit_code)
        else:
            self._tell(what, f"the environment says {variable}", f"unset {variable.split('=')[0]}", error.exit_code)

    def bug(self, error: Exception) -> None:
        """Whatever nobody foresaw."""
        from longdoc.core.errors import BUG_EXIT_CODE

        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        fix = None if self.is_verbose else "run it again with -v for the traceback, and send that to us"
        # the log has no message of a bug: it may hold a piece of the document
        self._tell(what, "this is a bug in longdoc", fix, BUG_EXIT_CODE, logged=type(error).__name__)
        self._trace(error)

    def interrupted(self) -> None:
        """Ctrl-C."""
        self._tell("interrupted", None, None, 130)

    def end(self, exit_code: int) -> None:
        """The command has ended."""
        if self.log is not None:
            self.log.write(f"longdoc ended with exit code {exit_code}")
            self.log.close()
            self.log = None

    def _tell(self, what: str, why: str | None, fix: str | None, exit_code: int, *, logged: str | None = None) -> None:
        from longdoc.output.wording import clean

        if self.log is not None:
            self.log.write(f"error: {logged or what}" + (f" ({why})" if why else ""))
        if self.is_json:
            from longdoc.output.json import dumps

            row = {"event": "error", "what": what, "why": why, "fix": fix, "exit_code": exit_code}
            self._write(dumps(row) + "\n")
            return
        lines = [f"error: {what}"]
        lines += [f"  why: {why}"] if why else []
        lines += [f"{_FIX}{fix}"] if fix else []
        width = _terminal_columns()
        for line in lines:
            first, *more = clean(line).split("\n")
            shown = [first, *(_INDENT + text for text in more)]
            if width is not None and not line.startswith(_FIX):  # a command is copied as one line
                shown = [row for text in shown for row in _wrapped(text, width)]
            self._write("\n".join(shown) + "\n")

    def _trace(self, error: Exception) -> None:
        if self.log is not None:  # without the message, which was told
            self.log.write("".join(traceback.format_tb(error.__traceback__)))
        if self.is_verbose and not self.is_json:
            self._write("".join(traceback.format_exception(error)))

    def _write(self, text: str) -> None:
        with suppress(BrokenPipeError):  # whoever read it has gone
            sys.stderr.write(text)
            sys.stderr.flush()
