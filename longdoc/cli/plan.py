"""`longdoc plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.cli.sources import check_sources, readings_of, run_each
from longdoc.core.settings import ModelOptions, SourceOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--each", is_flag=True, help="Plan each file by itself. Else several are planned as one document.")
@options.state_dir
@options.source
@options.model
@options.output
def plan(
    sources: tuple[str, ...],
    each: bool,
    state_dir: str | None,
    source_options: SourceOptions,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Say what reading SOURCE would take, and read nothing: pages, sections, tokens, memory, time.

    Sections have the numbers that --sections takes. Memory is estimated; the time is that of the last reading with this
    model on this machine. No weights are loaded. Several files, and a folder, are one document, as for ask.
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
    with open_sink(output.path) as sink, open_listener(output) as display:
        target = Rows(sink, display, output, many=len(readings) > 1, page=page, row=plan_json)
        model = outline(model_options)
        outcome = run_each(
            readings,
            lambda source: [
                made_plan(
                    source,
                    source_options=source_options,
                    model_options=model_options,
                    state_dir=state_dir,
                    on_event=display,
                    model=model,
                )
            ],
            lambda name, error: [{"schema": PLAN_SCHEMA, "source": {"path": name}, "error": error_json(error)}],
            target,
        )
        target.end()
    outcome.raise_unless_complete()
