"""`longdoc ask`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import jsonl, options
from longdoc.cli.man import ManCommand
from longdoc.cli.ring import in_ring
from longdoc.cli.sources import check_sources, readings_of, run_each
from longdoc.core.errors import InputError, InputNotFound, UsageError
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions

if TYPE_CHECKING:
    from longdoc.core.types import Answer
    from longdoc.output.delivery import Delivery, OutputOptions
    from longdoc.pipeline.interview import Interview
    from longdoc.pipeline.session import Session


@click.command(
    cls=ManCommand,
    examples=[
        ("One question", 'longdoc ask contract.pdf -q "Who pays for the repairs?"'),
        ("Many questions, typed one after the other; the document is read once", "longdoc ask contract.pdf"),
        ("A file of questions, a row for each answer", "longdoc ask book.pdf --questions list.txt --to jsonl"),
        ("Documents and questions as rows", "longdoc ask --from jsonl rows.jsonl > answers.jsonl"),
    ],
)
@in_ring
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=options.complete_path)
@click.option("-q", "--question", "questions", multiple=True, metavar="TEXT", help="A question; can be repeated.")
@click.option(
    "--questions",
    "questions_file",
    metavar="FILE",
    shell_complete=options.complete_path,
    help="One question a line; - is standard input.",
)
@options.setting(
    "--passages", type=click.IntRange(min=1), default=5, metavar="N", help="Passages re-read for each question."
)
@options.sentences
@options.setting(
    "--verbatim/--no-verbatim",
    default=None,
    help="Answer with the document's own words (the embedded model's way), or with the model's.",
)
@click.option(
    "--each", is_flag=True, help="Ask about each file by itself; without it several are read as one document."
)
@options.without("memory", "highlights", "search")
@jsonl.from_option
@options.source
@options.limited_model
@options.states
@options.answer_output
def ask(
    sources: tuple[str, ...],
    questions: tuple[str, ...],
    questions_file: str | None,
    passages: int,
    sentences: int,
    verbatim: bool | None,
    each: bool,
    without: tuple[str, ...],
    source_form: str,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_options: StateOptions | None,
    output: OutputOptions,
) -> None:
    """Answer questions about SOURCE, with checked citations that name the file, the page, the line.

    Several files, and a folder with all that can be read below it, are read as one document. - is standard input.

    Without a question, on a terminal, it reads the document once and asks for questions until Ctrl-D or quit.
    """
    check_sources(sources, output.path, stdin_is_taken=questions_file == "-")
    asked = [*questions, *(questions_of(questions_file) if questions_file else [])]
    chosen = AskOptions(passages=passages, sentences=sentences, verbatim=verbatim, search="search" not in without)
    model_options = options.switched_off(model_options, without)
    if source_form == "jsonl":
        if each:
            raise UsageError("--each and --from jsonl do not fit together.", why="each row is a document anyway")
        _ask_rows(sources, asked, chosen, source_options, model_options, state_options, output)
        return
    readings = readings_of(sources, output.path, each=each)
    if not asked:
        _check_prompt(sources, len(readings), output)
    from longdoc.output.delivery import open_delivery
    from longdoc.output.json import failed_answers
    from longdoc.pipeline.interview import check_questions
    from longdoc.pipeline.kept_reading import recollect

    check_questions(asked)

    many = len(readings) * len(asked) != 1
    several = len(readings) > 1
    with open_delivery(output, many=many, name_sources=several, num_questions=len(asked)) as delivery:
        given: dict[str, Any] = {
            "source_options": source_options,
            "model_options": model_options,
            "options": chosen,
            "on_event": delivery.on_event,
            "states": state_options,
        }
        session = _session(model_options, delivery, state_options) if several else None

        def read(source: Any) -> Interview:
            """Where the reading is kept, the model may not be needed."""

            def with_the_model() -> Interview:
                from longdoc.pipeline.ask import begin

                return begin(source, **given, session=session)

            kept = recollect(source, **given, otherwise=with_the_model) if session is None else None
            return kept or with_the_model()

        if not asked:
            from longdoc.cli.prompt import answer_until_end

            answer_until_end(read(readings[0]).answer, delivery)
            return
        outcome = run_each(
            readings,
            lambda source: read(source).answers(asked),
            lambda source, error: failed_answers(source, asked, error),
            delivery,
        )
    outcome.raise_unless_complete()


def _session(model_options: ModelOptions, delivery: Delivery, states: StateOptions | None) -> Session:
    from longdoc.pipeline.session import open_session

    return open_session(model_options, delivery.on_event, states)


def _ask_rows(
    paths: tuple[str, ...],
    asked: list[str],
    chosen: AskOptions,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_options: StateOptions | None,
    output: OutputOptions,
) -> None:
    """The answers to the questions of each row of the files; `asked` are for rows without one."""
    output = jsonl.output_of_rows(output)
    from longdoc.output.delivery import open_delivery
    from longdoc.output.json import failed_answers
    from longdoc.pipeline.ask import begin
    from longdoc.pipeline.interview import check_questions
    from longdoc.pipeline.session import open_session

    check_questions(asked)
    with open_delivery(output, many=True) as delivery:
        session = open_session(model_options, delivery.on_event, state_options)

        def answers(row: jsonl.Row) -> Iterator[Answer]:
            interview = begin(
                row.source,
                source_options=source_options,
                model_options=model_options,
                options=chosen,
                on_event=delivery.on_event,
                session=session,
            )
            yield from interview.answers(row.questions)

        outcome = jsonl.run_rows(
            jsonl.read_rows(paths, asked=asked, max_bytes=source_options.max_bytes, output=output.path),
            answers,
            lambda row, error, done: failed_answers(row.name, (row.questions or ("",))[done:], error),
            delivery,
        )
    outcome.raise_unless_complete()


def questions_of(path: str) -> list[str]:
    """The lines of a file that are not empty."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputNotFound(f"The questions in {path} cannot be read.", why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"The questions in {path} are not UTF-8 text.", why=str(error), fix="save one question a line as UTF-8"
        ) from error
    questions = [line.strip() for line in text.split("\n") if line.strip()]
    if not questions:
        raise UsageError(f"There is no question in {path}.", fix="write one question a line")
    return questions


def _check_prompt(sources: tuple[str, ...], num_readings: int, output: OutputOptions) -> None:
    """Whether questions can be typed: on a terminal, about one document, answered on standard output."""
    if not sys.stdin.isatty() or "-" in sources:
        is_document = "-" in sources
        raise UsageError(
            "There is no question.",
            why="questions are typed on a terminal, and standard input "
            + ("has the document" if is_document else "is none"),
            fix=f'longdoc ask {shlex.join(sources)} -q "Who is the author?", or --questions FILE'
            + ("" if is_document else "; --questions - takes the lines of standard input"),
        )
    if num_readings > 1:
        raise UsageError(
            "Questions can be typed about one document at a time.", fix="give them with -q, or leave out --each"
        )
    if output.path not in {None, "-"} or output.to in {"json", "html"}:
        raise UsageError(
            "Typed questions are answered one by one.", fix=f"give them with -q, or leave out -o and --to {output.to}"
        )
