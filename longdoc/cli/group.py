"""A click group whose commands are imported when they are needed."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from longdoc.cli.man import ManGroup
from longdoc.core.errors import OutputError

_OF_OUTPUT = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO}


class Stopped(Exception):
    """Ctrl-C or SIGTERM, on its way through click, which would write an empty line for it. stop: what it was."""

    def __init__(self, stop: KeyboardInterrupt) -> None:
        super().__init__()
        self.stop = stop


class LazyGroup(ManGroup):
    """commands_by_path: name of a command -> "module:attribute", in the order of the help text."""

    def __init__(self, *args: Any, commands_by_path: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._paths = dict(commands_by_path)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._paths:
            return None
        module, _, attribute = self._paths[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises Stopped for a KeyboardInterrupt, and what a command meets that writes by click.echo:
        StdoutClosedError when nobody reads it, and OutputError when it cannot be written.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped(stop) from stop
        except OSError as error:
            if error.filename is not None or error.errno not in _OF_OUTPUT:
                raise
            from longdoc.output.write import StdoutClosedError, drop_stdout

            drop_stdout()
            if error.errno == errno.EPIPE:
                raise StdoutClosedError from error
            raise OutputError("Standard output cannot be written.", why=error.strerror) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command instead of only rejecting a wrong one."""
        if args and args[0] not in self._paths:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self._paths, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(self._paths)}."
            ctx.fail(f"No such command {args[0]!r}. {hint}")
        return super().resolve_command(ctx, args)
