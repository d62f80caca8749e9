"""`longdoc summarize`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from longdoc.cli import jsonl, options
from longdoc.cli.man import ManCommand
from longdoc.cli.ring import in_ring
from longdoc.cli.sources import check_sources, readings_of, run_each
from longdoc.core.errors import UsageError
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions, SummaryOptions

if TYPE_CHECKING:
    from longdoc.core.settings import SummaryStyle
    from longdoc.output.delivery import OutputOptions


@click.command(
    cls=ManCommand,
    examples=[
        ("A book, into a file that is there whole or not at all", "longdoc summarize book.pdf -o summary.md"),
        ("The files of a folder, a row for programs each", "longdoc summarize reports/ --to jsonl -o all.jsonl"),
        ("What a recording has on one subject, by time", "longdoc summarize talk.vtt --style timeline --focus budget"),
        (
            "In a model's own words",
            "longdoc summarize book.pdf --model Qwen/Qwen3-4B-Instruct-2507 --quantize 4bit",
        ),
    ],
)
@in_ring
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=options.complete_path)
@options.setting(
    "--words",
    type=click.IntRange(min=1),
    metavar="N",
    help="Length of the summary of the whole; by default 250, and more for a book.",
)
@options.style
@options.focus
@options.language
@options.setting(
    "--verbatim/--no-verbatim",
    default=None,
    help="Only sentences of the document (the embedded model's way), or the model's own words.",
)
@click.option("--together", is_flag=True, help="One summary of all; without it every file has its own.")
@options.without("memory", "highlights")
@jsonl.from_option
@options.source
@options.limited_model
@options.states
@options.summary_output
def summarize(
    sources: tuple[str, ...],
    words: int | None,
    style: SummaryStyle,
    focus: str | None,
    language: str | None,
    verbatim: bool | None,
    together: bool,
    without: tuple[str, ...],
    source_form: str,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_options: StateOptions | None,
    output: OutputOptions,
) -> None:
    """Summarize each SOURCE, part by part, with checked citations.

    A folder stands for all files that can be read below it, and - for standard input. The result has the whole first,
    then the parts, then what was read, of how much. Ctrl-C prints what there is so far; the same command goes on.
    """
    check_sources(sources, output.path)
    chosen = SummaryOptions(words=words, verbatim=verbatim, style=style, focus=focus, language=language)
    model_options = options.switched_off(model_options, without)
    if state_options is not None:
        state_options = replace(state_options, notes=True)
    if source_form == "jsonl":
        if together:
            raise UsageError("--together and --from jsonl do not fit together.", why="each row is a document")
        _summarize_rows(sources, chosen, source_options, model_options, state_options, output)
        return
    readings = readings_of(sources, output.path, each=not together)
    from longdoc.output.delivery import open_delivery
    from longdoc.output.json import failed_summary
    from longdoc.pipeline.session import open_session
    from longdoc.pipeline.summarize import summarize as read_and_summarize

    several = len(readings) > 1
    with open_delivery(output, many=several, name_sources=several) as delivery:
        session = open_session(model_options, delivery.on_event, state_options) if several else None
        outcome = run_each(
            readings,
            lambda source: [
                read_and_summarize(
                    source,
                    source_options=source_options,
                    model_options=model_options,
                    options=chosen,
                    on_event=delivery.on_event,
                    session=session,
                    states=state_options,
                )
            ],
            lambda source, error: [failed_summary(source, error)],
            delivery,
        )
    outcome.raise_unless_complete()


def _summarize_rows(
    paths: tuple[str, ...],
    chosen: SummaryOptions,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_options: StateOptions | None,
    output: OutputOptions,
) -> None:
    """A summary for each row of the files."""
    output = jsonl.output_of_rows(output)
    from longdoc.output.delivery import open_delivery
    from longdoc.output.json import failed_summary
    from longdoc.pipeline.session import open_session
    from longdoc.pipeline.summarize import summarize as read_and_summarize

    with open_delivery(output, many=True) as delivery:
        session = open_session(model_options, delivery.on_event, state_options)
        outcome = jsonl.run_rows(
            jsonl.read_rows(paths, asked=None, max_bytes=source_options.max_bytes, output=output.path),
            lambda row: [
                read_and_summarize(
                    row.source,
                    source_options=source_options,
                    model_options=model_options,
                    options=chosen,
                    on_event=delivery.on_event,
                    session=session,
                )
            ],
            lambda row, error, _: [failed_summary(row.name, error)],
            delivery,
        )
    outcome.raise_unless_complete()
