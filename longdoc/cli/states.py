"""`longdoc states`: which reading states are kept on this machine, what they hold, and how they are removed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.cli.man import ManGroup
from longdoc.core.errors import UsageError

if TYPE_CHECKING:
    from longdoc.output.json import Json
    from longdoc.pipeline.states import KeptState

SCHEMA = "longdoc.states/1"
_MAX_PURPOSE = 40  # characters: a focus stands in it
_TO = click.option("--to", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
_JSON = click.option("--json", "as_json", is_flag=True, help="The same as --to json.")


@click.group(cls=ManGroup)
def states() -> None:
    """List, show and remove the reading states that are kept on this machine."""


@states.command(
    "list",
    examples=[
        ("All of them", "longdoc states list"),
        ("For programs", "longdoc states list --json | jq -r '.states[].name'"),
    ],
)
@options.state_dir
@_TO
@_JSON
def list_command(state_dir: str | None, to: str, as_json: bool) -> None:
    """Print a line for each kept state."""
    from longdoc.output.json import dumps
    from longdoc.output.wording import count, file_size
    from longdoc.pipeline.states import folder_of, list_states

    folder = folder_of(state_dir)
    found = list_states(folder)
    if as_json or to == "json":
        rows = {"schema": SCHEMA, "folder": str(folder), "states": [row_json(state) for state in found]}
        click.echo(dumps(rows, indent=2))
        return
    for line in table(found):
        click.echo(line)
    total = file_size(sum(state.num_bytes for state in found))
    click.echo(f"{count(len(found), 'state')} in {folder}, {total}" if found else f"No states in {folder}.", err=True)


@states.command(
    examples=[
        ("What it holds, and whether it is whole", "longdoc states show book-1a2b3c4d"),
        ("For programs", "longdoc states show book-1a2b3c4d --json"),
    ]
)
@click.argument("name")
@options.state_dir
@_TO
@_JSON
def show(name: str, state_dir: str | None, to: str, as_json: bool) -> None:
    """Print what the state NAME holds, after comparing all of it with its checksum."""
    from longdoc.output.json import dumps
    from longdoc.output.wording import file_size, one_line
    from longdoc.pipeline.states import folder_of, show_state

    state, header = show_state(folder_of(state_dir), name)
    about = {key: value for key, value in header.about.items() if key not in {"notes", "place"}}
    row = {**row_json(state), "title": about.pop("title", None), **about, "fingerprint": header.fingerprint}
    if as_json or to == "json":
        click.echo(dumps({"schema": SCHEMA, "folder": row["folder"], "states": [row]}, indent=2))
        return
    shown = {
        "name": state.name,
        "folder": str(state.folder),
        "source": state.source,
        "title": row["title"] or "none",
        "format": about.get("format"),
        "model": state.model,
        "purpose": state.purpose,
        "tokens": _tokens(state),
        "size": f"{file_size(state.num_bytes)} ({state.num_bytes:,} bytes)",
        "saved": _when(state.saved_at),
        "used": _when(state.used_at),
        "document sha256": about.get("document_sha256"),
    }
    shown |= {f"fingerprint.{key}": value for key, value in header.fingerprint.items()}
    for key, value in shown.items():
        click.echo(f"{key.ljust(28)} {one_line(_said(value))}")


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    """`30d`, `12h` or `2w` as a time."""
    found = re.fullmatch(r"(\d{1,5})([hdw])", value.strip()) if value is not None else None
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no age: give 12h, 30d or 8w.", context, parameter)
    hours = {"h": 1, "d": 24, "w": 7 * 24}
    return timedelta(hours=int(found[1]) * hours[found[2]]) if found is not None else None


@states.command(
    examples=[
        ("One of them", "longdoc states rm book-1a2b3c4d"),
        ("What was not used for a month", "longdoc states rm --older-than 30d"),
    ]
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "remove_everything", is_flag=True, help="Remove every state.")
@click.option("--older-than", "age", metavar="AGE", callback=_age, help="Those not used for so long: 12h, 30d, 8w.")
@options.state_dir
def rm(names: tuple[str, ...], remove_everything: bool, age: timedelta | None, state_dir: str | None) -> None:
    """Remove the states NAME..., all of them with --all, or the old ones with --older-than."""
    from longdoc.output.wording import file_size
    from longdoc.pipeline.states import folder_of, remove_all, remove_older, remove_state

    if bool(names) + remove_everything + (age is not None) != 1:
        raise UsageError("Name the states to remove, or give --all, or --older-than 30d.", fix="longdoc states list")
    folder = folder_of(state_dir)
    if age is not None:
        removed = remove_older(folder, age)
    elif remove_everything:
        removed = remove_all(folder)
    else:
        removed = [remove_state(folder, name) for name in dict.fromkeys(names)]
    for state in removed:
        click.echo(f"removed {state.name}, {file_size(state.num_bytes)}", err=True)


def table(found: list[KeptState]) -> list[str]:
    """Aligned columns: name, tokens, size, use, model, purpose, source; the last says what is wrong with a state."""
    from longdoc.output.wording import file_size, one_line, shorten

    rows = [("NAME", "TOKENS", "SIZE", "USED", "MODEL", "FOR", "SOURCE")] if found else []
    for state in found:
        source = f"NOT USABLE: {state.trouble}" if state.trouble else state.source
        size, used, kind = file_size(state.num_bytes), _when(state.used_at), shorten(state.purpose, _MAX_PURPOSE)
        rows.append((state.name, _tokens(state), size, used, state.model, kind, source))
    widths = [max(len(row[column]) for row in rows) for column in range(6)] if rows else []
    return [
        _columns([cell.ljust(w) for cell, w in zip(row, widths, strict=False)] + [one_line(row[6])]) for row in rows
    ]


def _tokens(state: KeptState) -> str:
    """`60,603`, or `1,024 of 60,603`."""
    return f"{state.num_tokens:,}" + ("" if state.is_complete else f" of {state.total_tokens:,}")


def _when(iso: str) -> str:
    """`2026-11-21 14:30`, on this machine's clock."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return iso


def _said(value: object) -> str:
    """A value of a header for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(held)}" for key, held in value.items())
    if isinstance(value, list):
        return " ".join(map(_said, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _columns(cells: list[str]) -> str:
    """The cells side by side, without control characters."""
    from longdoc.output.wording import clean

    return "  ".join(clean(cell).replace("\n", " ").replace("\t", " ") for cell in cells).rstrip()


def row_json(state: KeptState) -> Json:
    """A state as JSON. error: why it would not be used."""
    return {
        "name": state.name,
        "folder": str(state.folder),
        "source": state.source,
        "model": state.model,
        "purpose": state.purpose,
        "tokens_read": state.num_tokens,
        "tokens": state.total_tokens,
        "complete": state.is_complete,
        "bytes": state.num_bytes,
        "saved_at": state.saved_at,
        "used_at": state.used_at,
        "error": state.trouble,
    }
