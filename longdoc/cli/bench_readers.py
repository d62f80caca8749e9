"""`longdoc bench readers|pdf`: is every file of a folder read or refused within the limits; how fast is a PDF read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import FILE, deliver
from longdoc.core.events import Listener

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.argument("paths", metavar="FOLDER", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--same", is_flag=True, help="Two and more files of one text instead: the words that they share.")
@options.output
def readers(paths: tuple[Path, ...], same: bool, output: OutputOptions) -> None:
    """Read every file below FOLDER without a model: text or error, seconds and memory of each."""
    if not same and (len(paths) > 1 or not paths[0].is_dir()):
        raise click.UsageError("One FOLDER, or --same and several files of one text.")

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench import readers, same_text

        return same_text.run(paths, on_event=on_event) if same else readers.run(paths[0], on_event=on_event)

    result = deliver(work, output)
    if not same:
        from longdoc.bench.readers import check

        check(result)


@click.command()
@click.argument("file", metavar="FILE.pdf", type=FILE)
@click.option("--runs", "num_runs", type=click.IntRange(min=1), default=3, show_default=True, help="The best counts.")
@options.output
def pdf(file: Path, num_runs: int, output: OutputOptions) -> None:
    """Seconds and memory to read FILE.pdf, beside pypdf's seconds for the text of every page."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.pdf import run

        return run(file, num_runs=num_runs, on_event=on_event)

    deliver(work, output)


COMMANDS = (readers, pdf)
