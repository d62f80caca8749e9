"""`longdoc config`: where each setting comes from."""

from __future__ import annotations

import json

import click

from longdoc.cli.settings import Setting, effective_settings, load_settings, settings_paths


@click.group()
def config() -> None:
    """Show the settings and the files that they come from."""


@config.command()
@click.pass_context
def show(context: click.Context) -> None:
    """Print each setting with its value and its origin."""
    rows = _merged(effective_settings(load_settings(), context))
    widest_key = max(len(key) for key, _, _ in rows)
    widest_value = max(len(value) for _, value, _ in rows)
    for key, value, origin in rows:
        click.echo(f"{key.ljust(widest_key)} = {value.ljust(widest_value)}  # {origin}")


@config.command()
def path() -> None:
    """Print the settings files, the stronger one last."""
    for file in settings_paths():
        click.echo(str(file) if file.is_file() else f"{file} (not there)")


def _merged(settings: list[Setting]) -> list[tuple[str, str, str]]:
    """One row for a key whose commands agree, one for each command where they do not."""
    rows: list[tuple[str, str, str]] = []
    by_key: dict[str, list[Setting]] = {}
    for setting in settings:
        by_key.setdefault(setting.key, []).append(setting)
    for key, found in by_key.items():
        agree = len({(_shown(s.value), s.origin) for s in found}) == 1
        rows += [
            (key if agree else f"{s.command}.{key}", _shown(s.value), s.origin) for s in found[: 1 if agree else None]
        ]
    return rows


def _shown(value: object) -> str:
    return "(not set)" if value is None else json.dumps(value, ensure_ascii=False, default=str)
