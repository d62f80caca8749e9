"""`longdoc bench batch`: does a batch survive being killed, and what does it cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import deliver
from longdoc.core.events import Listener
from longdoc.core.settings import ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--kills", type=click.IntRange(min=0), default=20, show_default=True, help="Runs that are killed.")
@click.option(
    "--documents", type=click.IntRange(min=1), default=10, show_default=True, help="Documents of a run that is killed."
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="As for longdoc batch.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the moments.")
@options.model
@options.output
def batch(
    folder: Path, kills: int, documents: int, jobs: int, seed: int, model_options: ModelOptions, output: OutputOptions
) -> None:
    """Kill batches of what is below FOLDER at random moments, and compare; then the cost beside plain reading."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.batch import run

        return run(
            model_options,
            folder,
            kills=kills,
            num_killed_documents=documents,
            jobs=jobs,
            seed=seed,
            on_event=on_event,
        )

    result = deliver(work, output)
    from longdoc.bench.batch import check

    check(result)


COMMANDS = (batch,)
