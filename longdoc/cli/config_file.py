"""The settings file that `longdoc config init` writes: every setting as a comment, so that it changes nothing yet."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from longdoc.cli.settings import CommandPath, commands_with_settings, setting_options
from longdoc.core.errors import OutputError, UsageError

_HEAD = """\
Settings of longdoc. Take the # away before the ones that you want, and change them.
Stronger than this file: ./longdoc.toml over your own file, LONGDOC_<NAME> in the environment, flags.
longdoc config show prints what holds, and where it comes from.
"""
_WIDTH = 100


def template(context: click.Context) -> str:
    """Every setting that a file can give. Those of several commands come first, the others in their command's table."""
    found: dict[str, list[tuple[CommandPath, click.Option]]] = {}
    for path, command in commands_with_settings(context).items():
        for key, option in setting_options(command).items():
            found.setdefault(key, []).append((path, option))
    shared, own = [_comment(_HEAD)], dict[CommandPath, list[str]]()
    for key, uses in found.items():
        values = {_value(option, context) for _, option in uses}
        if len(uses) > 1 and len(values) == 1:
            shared.append(_entry(key, uses[0][1], context, [path for path, _ in uses]))
        else:
            for path, option in uses:
                own.setdefault(path, []).append(_entry(key, option, context))
    tables = [f"[{'.'.join(path)}]\n\n" + "\n".join(entries) for path, entries in own.items()]
    return "\n".join([*shared, *tables])


def _entry(key: str, option: click.Option, context: click.Context, paths: Sequence[CommandPath] = ()) -> str:
    """What it is for, which values it takes, and `# key = default`; `# key =` where there is none."""
    words = [option.help or ""]
    if isinstance(option.type, click.Choice):
        words.append(f"One of {', '.join(map(str, option.type.choices))}.")
    value = _value(option, context)
    words += [] if value else ["Not set."]
    words += [f"For {_listed(paths)}."] if paths else []
    return _comment(" ".join(words)) + f"# {key.replace('_', '-')} = {value}".rstrip() + "\n"


def _value(option: click.Option, context: click.Context) -> str:
    """The default as TOML; nothing when it is not set."""
    value = option.get_default(context)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _listed(paths: Sequence[CommandPath]) -> str:
    names = list(dict.fromkeys(path[0] for path in paths))
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _comment(text: str) -> str:
    lines: Iterable[str] = (part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH))
    return "".join(f"## {line}\n" for line in lines)


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a file for its owner alone. Raises UsageError when there is one already, and OutputError."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} is there already.", why="it may hold settings of yours", fix="longdoc config init --force"
        ) from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written.", why=error.strerror, fix=f"ls -ld {path.parent}") from error
