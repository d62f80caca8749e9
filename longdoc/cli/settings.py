"""Settings from files and the environment: flag > LONGDOC_* > ./longdoc.toml > user file > default.

click itself takes the environment (each setting's option names its variable) and the flag; what stands in
the files reaches it as `default_map`. A key is the long name of an option; a table `[summarize]` or `[ask]`
holds what is meant for that command only. Knows nothing of what the settings do.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from longdoc.core.errors import UsageError

ENVIRONMENT_PREFIX = "LONGDOC_"
PROJECT_FILE = "longdoc.toml"


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


def default_map(settings: list[SettingsFile], context: click.Context) -> dict[str, dict[str, Any]]:
    """What click takes for its defaults: command -> parameter -> value. Wrong keys and values are errors."""
    if not settings:
        return {}
    commands = _commands(context)
    for file in settings:
        _check(file, commands)
    chosen: dict[str, dict[str, Any]] = {}
    for name, command in commands.items():
        options = setting_options(command)
        found = {key: value for file in settings for key, value in _said(file, name, options)}
        chosen[name] = {str(options[key].name): value for key, value in found.items()}
    return chosen


def effective_settings(settings: list[SettingsFile], context: click.Context) -> list[Setting]:
    """Every setting of every command, with its origin."""
    found = []
    for name, command in _commands(context).items():
        options = setting_options(command)
        said = {key: (value, str(file.path)) for file in settings for key, value in _said(file, name, options)}
        for key, option in options.items():
            variable = f"{ENVIRONMENT_PREFIX}{key.upper()}"
            value, origin = said.get(key, (option.get_default(context), "default"))
            if os.environ.get(variable):
                value, origin = os.environ[variable], variable
            found.append(Setting(name, key, value, origin))
    return found


def _commands(context: click.Context) -> dict[str, click.Command]:
    """The commands that have settings."""
    root = context.find_root()
    assert isinstance(root.command, click.Group)
    commands = {name: root.command.get_command(root, name) for name in root.command.list_commands(root)}
    return {name: command for name, command in commands.items() if command is not None and setting_options(command)}


def _said(file: SettingsFile, command: str, options: Mapping[str, click.Option]) -> Iterator[tuple[str, Any]]:
    """Key and value of what a file says to a command: what is for all first, its own table last."""
    for values in (file.values, file.values.get(command, {})):
        for key, value in values.items():
            if _normal(key) in options and not isinstance(value, dict):
                yield _normal(key), value


def _normal(key: str) -> str:
    return key.replace("-", "_")


def _check(file: SettingsFile, commands: Mapping[str, click.Command]) -> None:
    for key, value in file.values.items():
        if isinstance(value, dict):
            if key not in commands:
                raise _unknown(file, f"[{key}]", key, commands)
            for inner, inner_value in value.items():
                _check_key(file, inner, inner_value, [commands[key]])
        else:
            _check_key(file, key, value, list(commands.values()))


def _check_key(file: SettingsFile, key: str, value: object, commands: list[click.Command]) -> None:
    known = {name: option for command in commands for name, option in setting_options(command).items()}
    option = known.get(_normal(key))
    if option is None:
        raise _unknown(file, key, _normal(key), known)
    nonsense = f"{file.path}: {key} = {value!r} makes no sense."
    if not isinstance(value, str | int | float):
        raise UsageError(nonsense, why="a setting is a text, a number, true or false")
    try:
        option.type.convert(value, option, None)
    except click.UsageError as error:
        raise UsageError(nonsense, why=error.message) from error


def _unknown(file: SettingsFile, shown: str, key: str, known: Mapping[str, object]) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(key, known, n=1)
    names = near or sorted(known)
    return UsageError(f"{file.path}: unknown setting {shown}.", fix=("the nearest known is " if near else "known are ")
                      + ", ".join(names))  # fmt: skip
