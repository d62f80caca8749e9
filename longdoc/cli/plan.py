"""`longdoc plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.cli.man import ManCommand
from longdoc.cli.sources import check_sources, name_of, readings_of, run_each
from longdoc.core.errors import PartialResult
from longdoc.core.settings import ModelOptions, SourceOptions

if TYPE_CHECKING:
    from longdoc.core.plans import Plan
    from longdoc.ingest import Together
    from longdoc.output.delivery import OutputOptions


@click.command(
    cls=ManCommand,
    examples=[
        ("A book: its sections, tokens, memory and time", "longdoc plan book.pdf"),
        ("What would fit into 8 GB with a larger model", "longdoc plan book.pdf --model ID --memory-limit 8G"),
        ("How long a document four GPUs read exactly", "longdoc plan book.pdf --gpus 4 --memory-limit 24G"),
        ("For programs", "longdoc plan book.pdf --json | jq .source.tokens"),
    ],
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=options.complete_path)
@click.option("--each", is_flag=True, help="Plan each file by itself. Else several are planned as one document.")
@options.memory_limit
@options.state_dir
@options.source
@options.model
@options.output
def plan(
    sources: tuple[str, ...],
    each: bool,
    memory_limit: int | None,
    state_dir: str | None,
    source_options: SourceOptions,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Say what reading SOURCE would take, and read nothing: pages, sections, tokens, memory, time.

    Sections have the numbers that --sections takes. Memory is estimated from the model's configuration; the time, of
    `longdoc read`, from the last reading with this model on this machine. No weights are loaded. Several files, and a
    folder, are one document, as for ask. With --memory-limit sizes and quantization are chosen that keep it. --gpus
    says for how many processes a ring is estimated, which reads exactly what none of them holds alone, and the longest
    document that they can hold; with --attention ring the plan is that of a ring.
    """
    check_sources(sources, output.path)
    readings = readings_of(sources, output.path, each=each)
    from longdoc.cli.rows import Rows
    from longdoc.output.delivery import open_listener
    from longdoc.output.json import error_json
    from longdoc.output.plan import PLAN_SCHEMA, plan_json, plan_markdown, plan_text
    from longdoc.output.write import open_sink
    from longdoc.pipeline.plan import outline
    from longdoc.pipeline.plan import plan as made_plan

    page = plan_text if output.to == "text" else plan_markdown
    partial: list[tuple[str, int, str]] = []

    def work(source: str | Together) -> list[Plan]:
        made = made_plan(
            source,
            source_options=source_options,
            model_options=model_options,
            state_dir=state_dir,
            on_event=display,
            model=model,
            memory_limit=memory_limit,
        )
        if made.source.lost:
            partial.append((name_of(source), PartialResult.exit_code, f"partial: {'; '.join(made.source.lost)}"))
        return [made]

    with open_sink(output.path) as sink, open_listener(output) as display:
        target = Rows(sink, display, output, many=len(readings) > 1, page=page, row=plan_json)
        model = outline(model_options)
        outcome = run_each(
            readings,
            work,
            lambda name, error: [{"schema": PLAN_SCHEMA, "source": {"path": name}, "error": error_json(error)}],
            target,
        )
        target.end()
    outcome.partial += partial
    outcome.raise_unless_complete()
