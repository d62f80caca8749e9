"""From results to where they go: chooses the form, keeps progress and results apart on a terminal.

Results are written as they come where the form allows it (Markdown, text, JSONL on standard output); a
JSON array and a page of HTML wait for their end. Knows nothing of how results are made, or of exit codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from longdoc.core.events import Event, Listener, Warned
from longdoc.core.types import Answer, Summary
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import Json, answer_json, dumps, summary_json
from longdoc.output.markdown import answers_markdown, summary_markdown
from longdoc.output.progress import Display, Progress, open_display
from longdoc.output.text import answers_text, summary_text
from longdoc.output.timeline import Recorder
from longdoc.output.wording import failure_words
from longdoc.output.write import Sink, open_sink

Form = Literal["md", "text", "json", "jsonl", "html"]


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How results and progress are shown.

    path: file for the result, None or "-" for standard output.   quote: show passages with answers.
    listeners: who else is told every event, after it was shown; one that raises stops the work.
    detailed: the receipt says with what attention the model read.
    """

    to: Form = "md"
    path: str | None = None
    progress: Progress = "auto"
    quiet: bool = False
    quote: bool = False
    listeners: tuple[Listener, ...] = ()
    detailed: bool = False


class Told:
    """A display with more listeners behind it."""

    def __init__(self, display: Display, listeners: Sequence[Listener]) -> None:
        self._display = display
        self._listeners = listeners

    def __call__(self, event: Event) -> None:
        self._display(event)
        for listener in self._listeners:
            listener(event)

    def pause(self) -> None:
        self._display.pause()


@contextmanager
def open_listener(options: OutputOptions) -> Iterator[Display]:
    """The display that is asked for, and the other listeners behind it."""
    with open_display(options.progress, quiet=options.quiet) as display:
        yield Told(display, options.listeners)


class Delivery:
    """Takes results and events, and brings each where it belongs.

    many: whether several results were asked for; then JSON is an array and holds the failures too.
    name_sources: whether each result says what it is on, because there are several sources.
    num_questions: how many answers each source should have.
    """

    def __init__(
        self,
        sink: Sink,
        display: Display,
        options: OutputOptions,
        *,
        many: bool,
        name_sources: bool = False,
        num_questions: int = 0,
    ) -> None:
        self._sink = sink
        self._display = display
        self._options = options
        self._many = many
        self._name_sources = name_sources
        self._num_questions = num_questions
        self._rows: list[Json] = []
        self._recorder = Recorder()
        self._reported: list[Reported] = []
        self._failures: dict[str, str] = {}
        self._note = ""
        self._is_first = True
        self._has_results = False

    def on_event(self, event: Event) -> None:
        """Show an event on standard error."""
        if self._options.to == "html":
            self._recorder(event)
        self._display(event)

    def put(
        self,
        results: Sequence[Summary] | Sequence[Answer],
        *,
        heading: bool = True,
        receipt: bool = True,
        marks: Json | None = None,
    ) -> None:
        """Results on one document. heading, receipt: as in `answers_markdown`.   marks: more fields for JSON."""
        self._sink.keep()
        self._has_results = True
        if self._options.to in {"json", "jsonl"}:
            rows = [summary_json(r) if isinstance(r, Summary) else answer_json(r) for r in results]
            self._put_rows(_marked(rows, marks))
        else:
            named, quote, detailed = self._name_sources, self._options.quote, self._options.detailed
            summaries = [r for r in results if isinstance(r, Summary)]
            answers = [r for r in results if isinstance(r, Answer)]
            if self._options.to == "html":
                reading = self._recorder.take()
                self._reported += [Reported(summary, (), reading) for summary in summaries]
                self._reported += [Reported(None, tuple(answers), reading)] if answers else []
                return
            if self._options.to == "text":
                pages = [summary_text(s, name_source=named, detailed=detailed) for s in summaries]
                if answers:
                    pages.append(answers_text(answers, quote=quote, name_source=named, detailed=detailed))
            else:
                pages = [summary_markdown(s, name_source=named, detailed=detailed) for s in summaries]
                if answers:
                    shown = {"quote": quote, "heading": heading, "receipt": receipt}
                    pages.append(answers_markdown(answers, **shown, name_source=named, detailed=detailed))
            for page in pages:
                self._put_page(page)

    def fail(self, rows: Sequence[Json], *, marks: Json | None = None) -> None:
        """A source that gave no result: rows for programs; people are told on standard error."""
        self._recorder.take()
        if self._many and self._options.to in {"json", "jsonl"}:
            self._put_rows(_marked(rows, marks))
        elif self._options.to == "html":
            for row in rows:
                self._failures[row["source"]["path"]] = failure_words(row["error"])

    def end(self) -> None:
        """Write what had to wait for the last result."""
        if self._options.to == "json" and self._rows:
            self._write(dumps(self._rows if self._many else self._rows[0], indent=2) + "\n")
        if self._reported or self._failures:
            self._write(report_html(self._reported, failures=[*self._failures.items()], note=self._note))

    def stop(self, results: Sequence[Summary] | Sequence[Answer], when: str = "") -> None:
        """Ctrl-C: deliver what is finished, and what there is so far, marked partial; leave out the rest.

        A file that is there is not replaced: an earlier run may have finished it.
        results: of the source that was interrupted.   when: "after 2 of 5 sources", for the message.
        """
        if results:
            self.put(results)
        if not self._has_results:
            return
        if results and len(results) < self._num_questions and self._options.to in {"md", "text", "html"}:
            words = f"Partial: {len(results)} of {self._num_questions} questions were answered."
            if self._options.to == "html":
                self._note = words
            else:
                self._put_page(f"**{words}**\n" if self._options.to == "md" else f"PARTIAL{words[7:]}\n")
        self.end()
        file = self._sink.set_aside()
        where = _told_place(self._options.path, file)
        is_partial = any(result.status == "partial" for result in results)
        what = "what there is so far, marked partial," if is_partial else "what was finished"
        self._display(Warned(f"interrupted{' ' + when if when else ''}; {what} is {where}"))

    def pause(self) -> None:
        """Clear the display, before something else is written to the terminal."""
        self._display.pause()

    def _put_rows(self, rows: Sequence[Json]) -> None:
        if self._options.to == "json":
            self._rows += rows
        else:
            for row in rows:
                self._write(dumps(row) + "\n")

    def _put_page(self, page: str) -> None:
        between = "" if self._is_first else "\n"
        self._is_first = False
        is_rendered = self._options.to == "md" and self._sink.is_terminal
        self._write(between + (_rendered(page) if is_rendered else page))

    def _write(self, text: str) -> None:
        self._display.pause()
        self._sink.write(text)


def _told_place(path: str | None, file: Path | None) -> str:
    """Where the result of an interrupted run is. file: the one that has it, which need not be the one asked for."""
    if path is None or path == "-":
        return "written"
    if file is None or file == Path(path).resolve():
        return f"in {path}"
    return f"in {file}, and {path} stays as it was"


def _marked(rows: Sequence[Json], marks: Json | None) -> list[Json]:
    """The rows with more fields, behind the name of their schema."""
    return [{"schema": row["schema"], **(marks or {}), **row} for row in rows]


def _rendered(markdown: str) -> str:
    """Markdown with the terminal's means. Links are shown, not hidden behind their text."""
    from rich.console import Console  # not for --help
    from rich.markdown import Markdown

    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(Markdown(markdown, hyperlinks=False))
    return capture.get()


@contextmanager
def open_delivery(
    options: OutputOptions, *, many: bool = False, name_sources: bool = False, num_questions: int = 0
) -> Iterator[Delivery]:
    """Open the target first, then read; end and close it in the right order."""
    with open_sink(options.path) as sink, open_listener(options) as display:
        delivery = Delivery(sink, display, options, many=many, name_sources=name_sources, num_questions=num_questions)
        yield delivery
        delivery.end()
