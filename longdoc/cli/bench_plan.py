"""`longdoc bench plan`: what `longdoc plan` says of a document, against what reading it then takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import FILE, deliver
from longdoc.core.events import Listener
from longdoc.core.settings import AttentionMode, ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--both", is_flag=True, help="As a stream and exactly, whatever --attention says.")
@click.option(
    "--stop-after",
    type=click.IntRange(min=1),
    metavar="TOKENS",
    help="Stop reading there: measures memory, which does not grow any more once the window is full, and no time.",
)
@options.model
@options.output
def plan(
    files: tuple[Path, ...], both: bool, stop_after: int | None, model_options: ModelOptions, output: OutputOptions
) -> None:
    """Tokens, memory and seconds that are planned for each FILE, and those of reading it in a fresh process."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.plan import run

        attentions: list[AttentionMode] = ["stream", "exact"] if both else [model_options.attention]
        return run(model_options, files, attentions=attentions, stop_after=stop_after, on_event=on_event)

    deliver(work, output)


COMMANDS = (plan,)
