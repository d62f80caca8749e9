"""`longdoc bench`: exactness, speed, memory, recall, answers and summaries, measured on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import bench_batch, bench_engine, bench_memory, bench_plan, bench_readers, bench_ring, options
from longdoc.cli.bench_options import FILE, deliver
from longdoc.core.events import Listener
from longdoc.core.settings import AskOptions, ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.group()
def bench() -> None:
    """Measure exactness, speed, memory, recall, answers and summaries on this machine."""


for command in (
    *bench_batch.COMMANDS,
    *bench_engine.COMMANDS,
    *bench_memory.COMMANDS,
    *bench_plan.COMMANDS,
    *bench_readers.COMMANDS,
    *bench_ring.COMMANDS,
):
    bench.add_command(command)


@bench.command()
@click.argument("questions", nargs=-1, required=True, metavar="QUESTIONS.jsonl...", type=FILE)
@click.option("--num", "num_questions", type=click.IntRange(min=1), default=100, show_default=True, help="Per text.")
@click.option("--max-words", type=click.IntRange(min=1), default=120_000, show_default=True, help="Length of a text.")
@click.option("--texts", "max_texts", type=click.IntRange(min=1), default=1, show_default=True, help="Per source.")
@click.option(
    "--rotations", type=click.IntRange(min=1), default=1, show_default=True, help="Of each text: the same elsewhere."
)
@click.option("--passages", type=click.IntRange(min=1), default=5, show_default=True, help="As for longdoc ask.")
@click.option("--naming", is_flag=True, help="Ask with the title of the short document, as in a collection of tales.")
@click.option("--all", "use_all", is_flag=True, help="Documents that the rankers were fitted on as well.")
@options.model
@options.output
def qa(
    questions: tuple[Path, ...],
    num_questions: int,
    max_words: int,
    max_texts: int,
    rotations: int,
    passages: int,
    naming: bool,
    use_all: bool,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Answers, evidence and declining on joined texts: longdoc beside BM25 and its own rankers without a model."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.systems import run_qa

        return run_qa(
            model_options,
            questions,
            ask_options=AskOptions(passages=passages),
            num_questions=num_questions,
            max_words=max_words,
            max_texts=max_texts,
            rotations=rotations,
            held_out_only=not use_all,
            naming=naming,
            on_event=on_event,
        )

    deliver(work, output)


@bench.command()
@click.argument("files", nargs=-1, required=True, metavar="SUMMARIES.jsonl...", type=FILE)
@click.option("--num", "max_documents", type=click.IntRange(min=1), default=20, show_default=True, help="Per source.")
@click.option("--verbatim/--no-verbatim", default=None, help="As for longdoc summarize.")
@click.option("--all", "use_all", is_flag=True, help="Documents that the rankers were fitted on as well.")
@options.model
@options.output
def summaries(
    files: Sequence[Path],
    max_documents: int,
    verbatim: bool | None,
    use_all: bool,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Summaries beside human ones (ROUGE, content recall), next to leads and to the rankers without a model."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.systems import run_summaries

        return run_summaries(
            model_options,
            files,
            verbatim=verbatim,
            max_documents=max_documents,
            held_out_only=not use_all,
            on_event=on_event,
        )

    deliver(work, output)


@bench.command()
@click.option("--families", metavar="NAME,NAME", help="Only these of the tiny models.")
@options.model
@options.output
@click.pass_context
def exactness(context: click.Context, families: str | None, model_options: ModelOptions, output: OutputOptions) -> None:
    """How far the engine is from stock attention and from a naive loop: tiny models of all families, or --model."""
    is_given = context.get_parameter_source("model") is click.core.ParameterSource.COMMANDLINE
    names = [name.strip() for name in families.split(",")] if families else []
    if is_given and names:
        raise click.UsageError("--families are tiny models of the bench's own; leave out --model.", context)

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.exactness import run

        return run(model_options if is_given else None, families=names, on_event=on_event)

    from longdoc.bench.exactness import check, condensed

    check(deliver(work, output, condense=condensed))
