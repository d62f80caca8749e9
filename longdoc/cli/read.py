"""`longdoc read`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.cli.man import ManCommand
from longdoc.cli.ring import in_ring
from longdoc.cli.sources import check_sources, readings_of, run_each
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions
    from longdoc.output.json import Json
    from longdoc.pipeline.read import KeptReading


SCHEMA = "longdoc.read/1"


@click.command(
    cls=ManCommand,
    examples=[
        ("Read now, ask later", "longdoc read book.pdf && longdoc ask book.pdf -q 'Who is the heir?'"),
        ("The files of a folder as one document", "longdoc read chapters/"),
        ("Each file by itself, a row for programs each", "longdoc read *.pdf --each --to jsonl"),
    ],
)
@in_ring
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=options.complete_path)
@click.option("--each", is_flag=True, help="Read each file by itself; without it several are read as one document.")
@options.state_dir
@options.states_bytes
@options.fresh
@options.source
@options.limited_model
@options.output
def read(
    sources: tuple[str, ...],
    each: bool,
    state_dir: str | None,
    states_bytes: int,
    fresh: bool,
    source_options: SourceOptions,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Read SOURCE once and keep what was read: `longdoc ask` with the same sources then need not read it again.

    Several files, and a folder with all that can be read below it, are read as one document. - is standard input.
    """
    check_sources(sources, output.path)
    readings = readings_of(sources, output.path, each=each)
    from longdoc.cli.rows import Rows
    from longdoc.output.delivery import open_listener
    from longdoc.output.json import error_json
    from longdoc.output.write import open_sink
    from longdoc.pipeline.read import read as read_and_keep
    from longdoc.pipeline.session import open_session

    states = StateOptions(folder=state_dir, wanted=True, fresh=fresh, most_bytes=states_bytes)
    with open_sink(output.path) as sink, open_listener(output) as display:
        target = Rows(sink, display, output, many=len(readings) > 1, page=_line, row=_json)
        session = open_session(model_options, display, states) if len(readings) > 1 else None
        outcome = run_each(
            readings,
            lambda source: [
                read_and_keep(
                    source,
                    source_options=source_options,
                    model_options=model_options,
                    states=states,
                    on_event=display,
                    session=session,
                )
            ],
            lambda source, error: [{"schema": SCHEMA, "source": source, "error": error_json(error)}],
            target,
        )
        target.end()
    outcome.raise_unless_complete()


def _line(result: KeptReading) -> str:
    """`book-1a2b3c4d: 60,603 tokens of book.txt (none read now), 1.6 MB in /home/...`."""
    from longdoc.output.wording import count, file_size, one_line

    receipt = result.receipt
    new = receipt.tokens_read - receipt.tokens_from_state
    now = "all" if not receipt.tokens_from_state else f"{new:,}" if new else "none"
    words = f"{result.kept.name}: {count(receipt.tokens_read, 'token')} of {receipt.source.name} ({now} read now)"
    return one_line(f"{words}, {file_size(result.kept.num_bytes)} in {result.kept.folder}") + "\n"


def _json(result: KeptReading) -> Json:
    from longdoc.cli.states import row_json

    receipt = result.receipt
    cost = {"tokens_from_state": receipt.tokens_from_state, "seconds": round(receipt.seconds, 3)}
    return {"schema": SCHEMA, **row_json(result.kept), **cost, "error": None}
