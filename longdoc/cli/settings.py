"""Settings from files and the environment: flag > LONGDOC_* > ./longdoc.toml > user file > default.

click itself takes the environment (each setting's option names its variable) and the flag; what stands in
the files reaches it as `default_map`. A key is the long name of an option; a table `[summarize]`, `[bench]` or
`[bench.speed]` holds what is meant for that command, or that group of commands, only. Knows nothing of what the
settings do.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from longdoc.core.errors import UsageError

ENVIRONMENT_PREFIX = "LONGDOC_"
PROJECT_FILE = "longdoc.toml"

CommandPath = tuple[str, ...]  # ("summarize",), ("bench", "speed")


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What one file says. The user's file comes before the project's, which overrides it."""

    path: Path
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of one command and where it comes from."""

    command: str
    key: str
    value: object
    origin: str


def settings_paths() -> list[Path]:
    """The user's file, then the project's, whether they exist or not."""
    from platformdirs import user_config_path

    return [user_config_path("longdoc") / "config.toml", Path(PROJECT_FILE)]


def load_settings() -> list[SettingsFile]:
    """The files that exist."""
    return [SettingsFile(path, _read(path)) for path in settings_paths() if path.is_file()]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML.", why=str(error)) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read.", why=error.strerror) from error


def setting_options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that files and environment can give: those that name a LONGDOC_ variable."""
    return {
        variable.removeprefix(ENVIRONMENT_PREFIX).lower(): option
        for option in command.params
        if isinstance(option, click.Option)
        and isinstance(variable := option.envvar, str)
        and variable.startswith(ENVIRONMENT_PREFIX)
    }


def default_map(settings: list[SettingsFile], context: click.Context) -> dict[str, Any]:
    """What click takes for its defaults: command -> parameter -> value. Wrong keys and values are errors."""
    if not settings:
        return {}
    commands = commands_with_settings(context)
    for file in settings:
        _check(file.path, file.values, (), commands)
    chosen: dict[str, Any] = {}
    for path, command in commands.items():
        options = setting_options(command)
        own = chosen
        for name in path:
            own = own.setdefault(name, {})
        for file in settings:
            own.update({str(options[key].name): value for key, value in _said(file, path, options)})
    return chosen


def effective_settings(settings: list[SettingsFile], context: click.Context) -> list[Setting]:
    """Every setting of every command, with its origin."""
    found = []
    for path, command in commands_with_settings(context).items():
        options = setting_options(command)
        said = {key: (value, str(file.path)) for file in settings for key, value in _said(file, path, options)}
        for key, option in options.items():
            variable = f"{ENVIRONMENT_PREFIX}{key.upper()}"
            value, origin = said.get(key, (option.get_default(context), "default"))
            if os.environ.get(variable):
                value, origin = os.environ[variable], variable
            found.append(Setting(".".join(path), key, value, origin))
    return found


def commands_with_settings(context: click.Context) -> dict[CommandPath, click.Command]:
    """The commands that have settings, also those inside groups: ("bench", "speed")."""
    root = context.find_root()
    return {path: command for path, command in _below(root, root.command, ()) if setting_options(command)}


def _below(context: click.Context, command: click.Command, path: CommandPath) -> Iterator[tuple[CommandPath, Any]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            yield from _below(context, inner, (*path, name))


def _said(file: SettingsFile, path: CommandPath, options: Mapping[str, click.Option]) -> Iterator[tuple[str, Any]]:
    """Key and value of what a file says to a command: what is for all first, its own table last."""
    tables: list[Mapping[str, Any]] = [file.values]
    for name in path:
        tables.append(tables[-1].get(name, {}))
    for table in tables:
        for key, value in table.items():
            if _normal(key) in options and not isinstance(value, dict):
                yield _normal(key), value


def _normal(key: str) -> str:
    return key.replace("-", "_")


def _check(
    file: Path, table: Mapping[str, Any], inside: CommandPath, commands: Mapping[CommandPath, click.Command]
) -> None:
    """Raises UsageError for what a table says to no command, and for values that make no sense."""
    names = {path[0] for path in commands if path}
    for key, value in table.items():
        if isinstance(value, dict):
            if key not in names:
                raise _unknown(file, f"[{'.'.join((*inside, key))}]", key, sorted(names))
            inner = {path[1:]: command for path, command in commands.items() if path[:1] == (key,)}
            _check(file, value, (*inside, key), inner)
        else:
            _check_key(file, key, value, list(commands.values()))


def _check_key(file: Path, key: str, value: object, commands: list[click.Command]) -> None:
    known = {name: option for command in commands for name, option in setting_options(command).items()}
    option = known.get(_normal(key))
    if option is None:
        raise _unknown(file, key, _normal(key), sorted(known))
    nonsense = f"{file}: {key} = {value!r} makes no sense."
    if not isinstance(value, str | int | float):
        raise UsageError(nonsense, why="a setting is a text, a number, true or false")
    try:
        option.type.convert(value, option, None)
    except click.UsageError as error:
        raise UsageError(nonsense, why=error.message) from error


def _unknown(file: Path, shown: str, key: str, known: Sequence[str]) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(key, known, n=1)
    names = ("the nearest known is " if near else "known are ") + ", ".join(near or known)
    return UsageError(f"{file}: unknown setting {shown}.", fix=names)
