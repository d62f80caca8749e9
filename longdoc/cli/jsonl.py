"""`--from jsonl`: documents and questions as rows, one JSON object a line, and a row out for each result, in order.

    {"id": 7, "text": "It rained.", "question": "Did it rain?"}
    {"id": "b", "path": "book.pdf", "questions": ["Who?", "When?"]}

Rows are read one by one, as they come: a result is out before the next row is read. One that is wrong, or whose
document cannot be read, has a row with `"status": "failed"`. Knows nothing of what is done with a row.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from longdoc.cli.sources import check_sources
from longdoc.core.errors import (
    EmptyInput,
    InputError,
    InputNotFound,
    Interrupted,
    LongdocError,
    ModelUnavailable,
    OutputError,
    PartialResult,
    StoppedNow,
    UsageError,
)
from longdoc.core.events import Warned

if TYPE_CHECKING:
    from longdoc.ingest import Together
    from longdoc.ingest.given import Given
    from longdoc.output.delivery import Delivery, OutputOptions
    from longdoc.output.json import Json

_EXAMPLE = '{"id": 1, "text": "It rained.", "question": "Did it rain?"}'
_SHOWN_FAILURES = 10

from_option = click.option(
    "--from",
    "source_form",
    type=click.Choice(["files", "jsonl"]),
    default="files",
    show_default=True,
    help="files: each SOURCE is a document. jsonl: its rows are, one JSON object a line: longdoc help rows.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. id: whatever stands there, or None.   name: of its source in the result, where that is no file.

    error: why there is nothing to read.
    """

    number: int
    id: Any
    name: str
    source: str | Together | Given = ""
    questions: tuple[str, ...] = ()
    error: LongdocError | None = None


@dataclass(slots=True)
class RowsOutcome:
    """What became of the rows. failed, partial: (name, what happened), the first ones."""

    num_rows: int = 0
    num_failed: int = 0
    num_partial: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def note(self, row: Row, what: str) -> None:
        """Remember what happened to a row, for the end."""
        if len(self.told) < _SHOWN_FAILURES:
            self.told.append((f"row {row.number}", what))

    def raise_unless_complete(self) -> None:
        """Exit code 3 when a row failed or is partial, 65 when there was none."""
        if not self.num_rows:
            raise EmptyInput("There are no rows.", why="the input has no line with anything in it", fix=_EXAMPLE)
        if not self.num_failed and not self.num_partial:
            return
        counts = [f"{self.num_failed} failed"] if self.num_failed else []
        counts += [f"{self.num_partial} partial"] if self.num_partial else []
        table = [f"{name}  {what}" for name, what in self.told]
        more = self.num_failed + self.num_partial - len(self.told)
        table += [f"and {more} more"] if more > 0 else []
        raise PartialResult(f"Of {self.num_rows} rows, {' and '.join(counts)}.", why="\n".join(table))


def output_of_rows(output: OutputOptions) -> OutputOptions:
    """Where rows go in, rows come out. Raises UsageError when another form is asked for on the command line."""
    if output.to in {"json", "jsonl"}:
        return output
    context = click.get_current_context()
    if context.get_parameter_source("to") is click.core.ParameterSource.COMMANDLINE:
        raise UsageError(
            f"--from jsonl and --to {output.to} do not fit together.",
            why="each result has the id of its row",
            fix="--to jsonl, or --to json for an array",
        )
    return replace(output, to="jsonl")


def read_rows(
    paths: Sequence[str], *, asked: Sequence[str] | None, max_bytes: int, output: str | None
) -> Iterator[Row]:
    """The rows of files, or of standard input ("-"), as they come.

    asked: questions for rows that have none; None when rows are not asked anything.   output: where results go.
    Raises InputNotFound.
    """
    number = 0
    for path in paths:
        with ExitStack() as files:
            for line in _lines(path, files, max_bytes):
                number += 1
                if line is None or line.strip():
                    yield _row(line, number, asked, max_bytes, output)


def _lines(path: str, files: ExitStack, max_bytes: int) -> Iterator[bytes | None]:
    """The lines of a file; None for one that is too long."""
    try:
        stream: BinaryIO = sys.stdin.buffer if path == "-" else files.enter_context(Path(path).open("rb"))  # noqa: SIM115
        while line := stream.readline(max_bytes + 1):
            is_too_long = len(line) > max_bytes
            while is_too_long and not line.endswith(b"\n") and line:
                line = stream.readline(max_bytes + 1)
            yield None if is_too_long else line.removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise InputNotFound(
            f"The rows in {path} cannot be read.", why=error.strerror, fix="name a file with one JSON object a line"
        ) from error


def _row(line: bytes | None, number: int, asked: Sequence[str] | None, max_bytes: int, output: str | None) -> Row:
    row_id, place = None, f"row {number}"
    name = place
    try:
        if line is None:
            raise _wrong(place, f"it has more than {max_bytes / 1e6:,.0f} MB (--max-input-mb)")
        try:
            values = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise _wrong(place, f"it is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise _wrong(place, "it is no object")
        row_id = values.get("id")
        if isinstance(row_id, str | int) and str(row_id) not in {"", "-"}:
            name = str(row_id)
        questions = _questions(values, place, asked) if asked is not None else ()
        try:
            return Row(number, row_id, name, _source(values, name, place, output), questions)
        except LongdocError as error:
            return Row(number, row_id, name, questions=questions, error=error)
    except LongdocError as error:
        return Row(number, row_id, name, error=error)


def _source(values: dict[str, Any], name: str, place: str, output: str | None) -> str | Together | Given:
    from longdoc.ingest import together
    from longdoc.ingest.given import Given

    text, path = values.get("text"), values.get("path")
    if (text is None) == (path is None):
        raise _wrong(place, 'it has to have either "text" or "path"')
    if text is not None:
        if not isinstance(text, str):
            raise _wrong(place, '"text" is no text')
        return Given(name, text)
    if not isinstance(path, str) or path == "-":
        raise _wrong(place, '"path" names no file')
    try:
        check_sources([path], output)
    except UsageError as error:
        raise InputError(error.what, why=error.why, fix=error.fix) from error
    return together([path]) or path


def _questions(values: dict[str, Any], place: str, asked: Sequence[str]) -> tuple[str, ...]:
    one, several = values.get("question"), values.get("questions")
    if one is not None and several is not None:
        raise _wrong(place, 'it has both "question" and "questions"')
    found = [one] if one is not None else several if several is not None else [*asked]
    if not isinstance(found, list) or not all(isinstance(question, str) and question.strip() for question in found):
        raise _wrong(place, "a question is empty, or no text")
    if not found:
        raise _wrong(place, 'there is no question: give it "question", or all of them -q')
    return tuple(found)


def _wrong(place: str, why: str) -> InputError:
    return InputError(f"{place} cannot be read.", why=why, fix=_EXAMPLE)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def run_rows(
    rows: Iterable[Row],
    work: Callable[[Row], Iterable[Any]],
    failed: Callable[[Row, Exception, int], Sequence[Json]],
    delivery: Delivery,
) -> RowsOutcome:
    """Do the work on each row and deliver each result as soon as there is one.

    failed: the rows that stand for the results that an error left out, after so many.
    """
    from longdoc.output.json import error_json
    from longdoc.output.wording import failure_words, incomplete_words

    outcome = RowsOutcome()
    row = None
    try:
        for row in rows:
            outcome.num_rows += 1
            num_done, is_partial = 0, False
            for found in _results(row, work):
                if isinstance(found, Exception):
                    what = failure_words(error_json(found))
                    outcome.num_failed += 1
                    outcome.note(row, what)
                    delivery.on_event(Warned(f"row {row.number} failed: {what}"))
                    delivery.fail(failed(row, found, num_done), marks={"id": row.id})
                    continue
                num_done += 1
                if found.status == "partial" and not is_partial:
                    is_partial = True
                    outcome.num_partial += 1
                    outcome.note(row, f"partial: {incomplete_words(found.receipt)}")
                delivery.put([found], marks={"id": row.id})
    except KeyboardInterrupt as stop:
        if not isinstance(stop, StoppedNow):
            if row is not None and isinstance(stop, Interrupted) and stop.results:
                delivery.put([*stop.results], marks={"id": row.id})
            delivery.stop([], f"in row {outcome.num_rows}" if outcome.num_rows else "")
        raise
    return outcome


def _results(row: Row, work: Callable[[Row], Iterable[Any]]) -> Iterator[Any]:
    """The results on one row, and at their end perhaps an error, which does not stop the others."""
    try:
        if row.error is not None:
            raise row.error
        yield from work(row)
    except (ModelUnavailable, UsageError, OutputError):
        raise  # the next row would meet the same
    except Exception as error:
        yield error
