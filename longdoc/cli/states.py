"""`longdoc states`: which reading states are kept on this machine, what they hold, and how they are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.core.errors import UsageError

if TYPE_CHECKING:
    from longdoc.output.json import Json
    from longdoc.pipeline.states import KeptState

SCHEMA = "longdoc.states/1"
_TO = click.option("--to", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
_JSON = click.option("--json", "as_json", is_flag=True, help="The same as --to json.")


@click.group()
def states() -> None:
    """List, show and remove the reading states that are kept on this machine."""


@states.command("list")
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


@states.command()
@click.argument("name")
@options.state_dir
@_TO
@_JSON
def show(name: str, state_dir: str | None, to: str, as_json: bool) -> None:
    """Print what the state NAME holds, after comparing all of it with its checksum."""
    from longdoc.output.json import dumps
    from longdoc.output.wording import one_line
    from longdoc.pipeline.states import folder_of, show_state

    state, header = show_state(folder_of(state_dir), name)
    about = {key: value for key, value in header.about.items() if key not in {"notes", "place"}}
    row = {**row_json(state), "title": about.pop("title", None), **about, "fingerprint": header.fingerprint}
    if as_json or to == "json":
        click.echo(dumps({"schema": SCHEMA, "folder": row["folder"], "states": [row]}, indent=2))
        return
    fingerprint = row.pop("fingerprint")
    row.pop("error")
    for key, value in {**row, **{f"fingerprint.{key}": value for key, value in fingerprint.items()}}.items():
        click.echo(f"{key.ljust(28)} {one_line(str(value))}")


@states.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "remove_everything", is_flag=True, help="Remove every state.")
@options.state_dir
def rm(names: tuple[str, ...], remove_everything: bool, state_dir: str | None) -> None:
    """Remove the states NAME..., or all of them with --all."""
    from longdoc.output.wording import file_size
    from longdoc.pipeline.states import folder_of, remove_all, remove_state

    if names and remove_everything:
        raise UsageError("Names and --all exclude each other.", fix="one of the two")
    if not names and not remove_everything:
        raise UsageError("Name the states to remove, or give --all.", fix="longdoc states list")
    folder = folder_of(state_dir)
    removed = remove_all(folder) if remove_everything else [remove_state(folder, name) for name in dict.fromkeys(names)]
    for state in removed:
        click.echo(f"removed {state.name}, {file_size(state.num_bytes)}", err=True)


def table(found: list[KeptState]) -> list[str]:
    """Aligned columns: name, tokens, size, time, model, source; what is wrong with a state stands in the last."""
    from longdoc.output.wording import file_size, one_line

    rows = [("NAME", "TOKENS", "SIZE", "SAVED", "MODEL", "SOURCE")] if found else []
    for state in found:
        tokens = f"{state.num_tokens:,}" + ("" if state.is_complete else f" of {state.total_tokens:,}")
        source = f"NOT USABLE: {state.trouble}" if state.trouble else state.source
        rows.append((state.name, tokens, file_size(state.num_bytes), state.saved_at, state.model, source))
    widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
    return [
        _columns([cell.ljust(w) for cell, w in zip(row, widths, strict=False)] + [one_line(row[5])]) for row in rows
    ]


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
        "tokens_read": state.num_tokens,
        "tokens": state.total_tokens,
        "complete": state.is_complete,
        "bytes": state.num_bytes,
        "saved_at": state.saved_at,
        "error": state.trouble,
    }
