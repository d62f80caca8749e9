"""`longdoc config`: where each setting comes from, and a file to change them in."""

from __future__ import annotations

import json
from pathlib import Path

import click

from longdoc.cli.man import ManGroup
from longdoc.cli.settings import Setting, effective_settings, load_settings, settings_paths


@click.group(cls=ManGroup)
def config() -> None:
    """Show the settings and the files that they come from, and write such a file.

    A flag is stronger than LONGDOC_<NAME> in the environment, that than ./longdoc.toml, that than your own file.
    """


@config.command(
    examples=[
        ("What holds here, and where it comes from", "longdoc config show"),
        ("For programs", "longdoc config show --json | jq '.[] | select(.key == \"model\")'"),
    ]
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array instead of lines.")
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Print each setting with its value and its origin."""
    settings = effective_settings(load_settings(), context)
    if as_json:
        found = [{"command": s.command, "key": s.key, "value": s.value, "origin": s.origin} for s in settings]
        click.echo(json.dumps(found, ensure_ascii=False, default=str, indent=2))
        return
    rows = _merged(settings)
    widest_key = max(len(key) for key, _, _ in rows)
    widest_value = max(len(value) for _, value, _ in rows)
    for key, value, origin in rows:
        click.echo(f"{key.ljust(widest_key)} = {value.ljust(widest_value)}  # {origin}")


@config.command(
    examples=[
        ("Where they are", "longdoc config path"),
        ("Edit your own", '"$EDITOR" "$(longdoc config path --user)"'),
    ]
)
@click.option("--user", is_flag=True, help="Your own file alone, and nothing else on the line.")
def path(user: bool) -> None:
    """Print the settings files, the stronger one last."""
    for file in settings_paths()[: 1 if user else None]:
        click.echo(str(file) if user or file.is_file() else f"{file} (not there)")


@config.command(
    examples=[
        ("Your own file", "longdoc config init"),
        ("One for this folder", "longdoc config init --project"),
    ]
)
@click.option("--project", is_flag=True, help="Write ./longdoc.toml instead, which holds in this folder.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_context
def init(context: click.Context, project: bool, force: bool) -> None:
    """Write a settings file with every setting, its default and what it is for; all of them commented out."""
    from longdoc.cli.config_file import template, write_new

    file: Path = settings_paths()[1 if project else 0]
    write_new(file, template(context), force=force)
    click.echo(str(file))


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
