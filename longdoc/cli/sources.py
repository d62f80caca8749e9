"""Several sources with one command: one that fails does not stop the others, and none is forgotten.

Knows nothing of what is done with a source. A single source keeps its own error and exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from longdoc.core.errors import (
    Interrupted,
    ModelUnavailable,
    NotThere,
    OutputError,
    PartialResult,
    StoppedNow,
    UsageError,
)
from longdoc.core.events import Warned

if TYPE_CHECKING:
    from longdoc.core.events import Event
    from longdoc.ingest import Together
    from longdoc.output.json import Json


class Target(Protocol):
    """Where results and events go: `longdoc.output.delivery.Delivery`, or a command's own."""

    def on_event(self, event: Event) -> None:
        """Show an event."""

    def put(self, results: Any) -> None:
        """Results on one source."""

    def fail(self, rows: Sequence[Json]) -> None:
        """The rows of a source without a result."""

    def stop(self, results: Any, when: str = "") -> None:
        """Ctrl-C: results of a source that has more to come, and where it was."""


@dataclass(slots=True)
class Outcome:
    """What became of the sources. failed, partial: (source, exit code, what happened)."""

    num_sources: int
    failed: list[tuple[str, int, str]] = field(default_factory=list)
    partial: list[tuple[str, int, str]] = field(default_factory=list)

    def raise_unless_complete(self) -> None:
        """Exit code 3, with the table of what failed or is partial and why."""
        rows = self.failed + self.partial
        if not rows:
            return
        if self.num_sources == 1:
            raise PartialResult(f"The result on {rows[0][0]} is partial.", why=rows[0][2])
        widest = max(len(source) for source, _, _ in rows)
        table = "\n".join(f"{source.ljust(widest)}  {code:>3}  {what}" for source, code, what in rows)
        counts = [f"{len(self.failed)} failed"] if self.failed else []
        counts += [f"{len(self.partial)} partial"] if self.partial else []
        raise PartialResult(f"Of {self.num_sources} sources, {' and '.join(counts)}.", why=table)

    def note(self, source: str, results: Sequence[Any]) -> None:
        """Remember whether results cover all that was asked for."""
        from longdoc.output.wording import incomplete_words

        for result in results:
            if result.status in {"partial", "failed"}:
                what = f"{result.status}: {incomplete_words(result.receipt)}"
                self.partial.append((source, PartialResult.exit_code, what))
                return


class Readings(list["str | Together"]):
    """What is read one after the other. left_out: what lies in the folders and is no document; told first."""

    left_out: tuple[str, ...] = ()


def readings_of(sources: Sequence[str], output: str | None, *, each: bool) -> Readings:
    """What is read by itself: every file, with folders opened; or all of them as one document.

    Raises UsageError when the result would replace one of them, and InputNotFound for an empty folder.
    """
    from longdoc.ingest import look_into, together

    whole = None if each else together(sources)
    files, left_out = look_into(sources) if whole is None else (whole.files, ())
    _check_output(files, output)
    readings = Readings([whole] if whole is not None else files)
    readings.left_out = left_out
    return readings


def name_of(source: str | Together) -> str:
    """What a reading is called in messages and results."""
    return source if isinstance(source, str) else source.name


def run_each(
    sources: Sequence[str | Together],
    work: Callable[[Any], Iterable[Any]],
    failed: Callable[[str, Exception], Sequence[Json]],
    delivery: Target,
) -> Outcome:
    """Do the work on each source and deliver it. failed: the rows that stand for a source without a result.

    Ctrl-C keeps what is finished: whole results, also those of a source that has more to come.
    """
    outcome = Outcome(len(sources))
    for said in sources.left_out if isinstance(sources, Readings) else ():
        delivery.on_event(Warned(said))
    for number, source in enumerate(sources):
        name = name_of(source)
        results: list[Any] = []
        try:
            for result in work(source):
                results.append(result)  # one by one: an interruption keeps those that came before it
        except (ModelUnavailable, OutputError):
            raise  # the next source would meet the same
        except KeyboardInterrupt as stop:
            if not isinstance(stop, StoppedNow):
                results += stop.results if isinstance(stop, Interrupted) else ()
                delivery.stop(results, f"after {number} of {len(sources)} sources" if len(sources) > 1 else "")
            raise
        except Exception as error:
            if len(sources) == 1 or (isinstance(error, UsageError) and not isinstance(error, NotThere)):
                raise
            outcome.failed.append((name, *_told(error)))
            delivery.on_event(Warned(f"{name} failed: {_told(error)[1]}"))
            delivery.fail(failed(name, error))
        else:
            outcome.note(name, results)
            delivery.put(results)
    return outcome


def _told(error: Exception) -> tuple[int, str]:
    from longdoc.output.json import error_json
    from longdoc.output.wording import failure_words

    said = error_json(error)
    return said["exit_code"], failure_words(said)


def check_sources(sources: Sequence[str], output: str | None, *, stdin_is_taken: bool = False) -> None:
    """Standard input can be read once only, and a result must not replace what it was made of."""
    if not all(source.strip() for source in sources):
        raise UsageError("A source has no name.", why="it is an empty text", fix="check the variable that it came from")
    if output is not None and not output.strip():
        raise UsageError("The result has no name.", why="-o is followed by an empty text", fix="-o summary.md")
    _check_output(sources, output)
    if sources.count("-") + stdin_is_taken > 1:
        raise UsageError("Standard input (-) can be given once only.")


def _check_output(sources: Sequence[str], output: str | None) -> None:
    if output is None or output == "-":
        return
    for source in sources:
        if _is_same_file(source, output):
            raise UsageError(
                f"The result would replace its source {output}.", why="-o names a source", fix="give -o another name"
            )
        if source != "-" and Path(source).is_dir() and Path(output).resolve().is_relative_to(Path(source).resolve()):
            raise UsageError(
                f"The result would lie in {source}, which is read.",
                why="the next run would take it for a source",
                fix="give -o a place outside of it",
            )


def _is_same_file(source: str, output: str) -> bool:
    try:
        return source != "-" and Path(source).samefile(output)
    except OSError:
        return False
