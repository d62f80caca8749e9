"""`longdoc batch`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.man import ManCommand
from longdoc.cli.ring import refuse_ring
from longdoc.core.batch import BatchTask
from longdoc.core.errors import InputError, LongdocError, PartialResult, UsageError
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions, SummaryOptions

if TYPE_CHECKING:
    from longdoc.core.settings import SummaryStyle
    from longdoc.output.delivery import OutputOptions
    from longdoc.pipeline.batch_crew import Crew
    from longdoc.pipeline.batch_rows import BatchOutcome


class Forms(click.ParamType[Any]):
    """`md,json`."""

    name = "forms"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        forms = tuple(dict.fromkeys(form.strip() for form in str(value).split(",")))
        if wrong := [form for form in forms if form not in options.RESULT_FORMS]:
            self.fail(f"{wrong[0]!r} is not one of {', '.join(options.RESULT_FORMS)}.", param, ctx)
        return forms


class Shard(click.ParamType[Any]):
    """`3/8`."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d+)/(\d+)", str(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            self.fail(f"{value!r} is no part of a whole: 1/8 is the first of eight, 8/8 the last.", param, ctx)
        return int(match[1]), int(match[2])


@click.command(
    cls=ManCommand,
    examples=[
        ("A summary of every document of a folder", "longdoc batch reports/ -o out/"),
        (
            "The same questions to all of them, on two workers",
            "longdoc batch reports/ -o out/ --questions list.txt --jobs 2",
        ),
        (
            "What each has on one subject, by time or place",
            'longdoc batch talks/ -o out/ --style timeline --focus "the budget"',
        ),
        ("One of eight parts, in a job array", "longdoc batch reports/ -o out/ --shard 3/8 --to md,json"),
    ],
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=options.complete_path)
@click.option(
    "--do",
    "work",
    type=click.Choice(["summarize", "ask", "both"]),
    help="What is made of each document: without it answers where there are questions, else a summary.",
)
@click.option("-q", "--question", "questions", multiple=True, metavar="TEXT", help="A question; can be repeated.")
@click.option("--questions", "questions_file", metavar="FILE", help="One question a line; - is standard input.")
@options.setting(
    "--words",
    type=click.IntRange(min=1),
    metavar="N",
    help="Length of each summary of the whole; by default 250, and more for a book.",
)
@options.style
@options.focus
@options.language
@options.setting(
    "--passages", type=click.IntRange(min=1), default=5, metavar="N", help="Passages re-read for each question."
)
@options.sentences
@options.setting("--quote", is_flag=True, help="Show the passages that were re-read for each answer.")
@options.setting(
    "--verbatim/--no-verbatim",
    default=None,
    help="Only the documents' own words (the embedded model's way), or the model's.",
)
@options.setting(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Worker processes; each loads the model. By default one for each GPU, else one.",
)
@click.option("--shard", type=Shard(), metavar="I/N", help="Only part I of N, for job arrays: by the documents' names.")
@click.option(
    "--on", "cluster", metavar="ray[://HOST:PORT]", help="Work on a Ray cluster that is there already, not here."
)
@click.option("--retry", is_flag=True, help="Also do what could not be read before and has not changed since.")
@options.source
@options.limited_model
@options.states
@options.folder_output(Forms())
def batch(
    sources: tuple[str, ...],
    work: str | None,
    questions: tuple[str, ...],
    questions_file: str | None,
    words: int | None,
    style: SummaryStyle,
    focus: str | None,
    language: str | None,
    passages: int,
    sentences: int,
    quote: bool,
    verbatim: bool | None,
    jobs: int | None,
    shard: tuple[int, int] | None,
    cluster: str | None,
    retry: bool,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_options: StateOptions | None,
    output: OutputOptions,
) -> None:
    """Summarize or ask every document of each SOURCE: files, folders with all below them, patterns in quotes.

    The results are OUT/NAME.md (or another form), OUT/index.md lists them, and OUT/manifest.jsonl has a line for each
    document that is done. A second run does only what is new or changed: other bytes, another model, other settings;
    another form of a result is made of what OUT/.results keeps. Results on documents that are gone stay, and the index
    says so. Whatever ended a run, the same command goes on from there; runs that write to one OUT share the work.
    """
    from longdoc.cli.ask import questions_of
    from longdoc.output.batch_progress import BatchLines, open_batch_display
    from longdoc.output.delivery import Told
    from longdoc.output.log import Log
    from longdoc.pipeline.batch import run

    refuse_ring(model_options.attention, "batch")
    asked = tuple(dict.fromkeys([*questions, *(questions_of(questions_file) if questions_file else [])]))
    _check(work, asked, cluster)
    summary = SummaryOptions(words=words, verbatim=verbatim, style=style, focus=focus, language=language)
    has_summary = work in {"summarize", "both"} or not asked
    if not has_summary and (focus or language):
        raise UsageError(
            f"There is no summary that --{'focus' if focus else 'language'} could be for.",
            why="with questions there are answers alone",
            fix="--do both, or leave it out",
        )
    task = BatchTask(
        source=source_options,
        model=model_options,
        states=state_options,
        summary=summary if has_summary else None,
        questions=asked if work != "summarize" else (),
        ask=AskOptions(passages=passages, sentences=sentences, verbatim=verbatim),
        forms=output.to,  # type: ignore[arg-type]
        quote=quote,
    )
    with open_batch_display(output.progress, quiet=output.quiet) as display:
        outcome = run(
            sources,
            Path(str(output.path)),
            task,
            partial(_crew, num_workers=jobs, cluster=cluster),
            Told(display, [BatchLines(told) if isinstance(told, Log) else told for told in output.listeners]),
            shard=shard,
            retry=retry,
        )
    _raise_unless_complete(outcome, Path(str(output.path)))


def _check(work: str | None, asked: tuple[str, ...], cluster: str | None) -> None:
    if cluster is not None and cluster != "ray" and not cluster.startswith("ray://"):
        raise UsageError(f"{cluster} is no cluster.", why="only Ray is known", fix="--on ray, or --on ray://HOST:10001")
    if not asked and work in {"ask", "both"}:
        raise UsageError("There is no question.", fix="--questions FILE, with one question a line")
    if asked and work == "summarize":
        raise UsageError("There are questions, and only summaries are wanted.", fix="--do both, or --do ask")
    if any(not question.strip() for question in asked):
        raise UsageError("A question is empty.", fix='-q "Who is the author?"')


def _crew(task: BatchTask, num_workers: int | None, cluster: str | None) -> Crew:
    if cluster is None:
        from longdoc.pipeline.batch_crew import LocalCrew

        return LocalCrew(task, num_workers)
    from longdoc.pipeline.batch_ray import RayCrew

    return RayCrew(task, num_workers, cluster)


def _raise_unless_complete(outcome: BatchOutcome, out: Path) -> None:
    """Exit code 3 with the table of what failed or is partial and why; a single document keeps its own error.

    Where nothing was to do, the table was told by the run before, and stands in the index.
    """
    if outcome.num_documents == 1 and outcome.errors:
        row = outcome.errors[0]
        error = LongdocError(row["what"], why=row["why"], fix=row["fix"])
        error.exit_code = row["exit_code"]
        raise error
    rows = outcome.failed + outcome.partial
    if not rows:
        return
    counts = [f"{len(outcome.failed)} failed"] if outcome.failed else []
    counts += [f"{len(outcome.partial)} partial"] if outcome.partial else []
    if not outcome.num_now:
        from longdoc.output.batch_index import INDEX

        raise PartialResult(
            f"Nothing was to do; of {outcome.num_documents} documents, {' and '.join(counts)} before.",
            fix=f"{out / INDEX} says why" + (f"; {again}" if (again := _again(outcome)) else ""),
        )
    widest = max(len(name) for name, _, _ in rows)
    table = "\n".join(f"{name.ljust(widest)}  {code:>3}  {what}" for name, code, what in rows)
    raise PartialResult(
        f"Of {outcome.num_documents} documents, {' and '.join(counts)}.",
        why=table,
        fix=_again(outcome),
    )


def _again(outcome: BatchOutcome) -> str | None:
    """What the same command would do with those that failed; partial ones are done again only when they change."""
    are_unread = {code == InputError.exit_code for _, code, _ in outcome.failed}
    if are_unread == {True}:
        return "the same command with --retry does those with 65 again"
    if are_unread == {False}:
        return "the same command does what failed again"
    if are_unread:
        return "the same command does what failed again, but for those with 65; with --retry these too"
    return None
