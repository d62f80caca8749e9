"""`longdoc bench readers`: is every file of a folder read, or refused with a clear error, within the limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import deliver
from longdoc.core.events import Listener

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.output
def readers(folder: Path, output: OutputOptions) -> None:
    """Read every file below FOLDER without a model: text or error, seconds and memory of each."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.readers import run

        return run(folder, on_event=on_event)

    result = deliver(work, output)
    from longdoc.bench.readers import check

    check(result)


COMMANDS = (readers,)
