"""Progress as a live display on a terminal. Knows nothing of pipes: `progress` chooses it for terminals only.

One task per stage: parsing, loading, reading, and each kind of writing. The tasks of a source go when the
next one is opened, and all of it goes when the display pauses, so the result stands alone on the screen.
"""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from longdoc.core.events import Event, Finished, ModelLoaded, ModelLoading, Opened, Opening, SegmentRead, Writing
from longdoc.output.progress import reading_words, warning_lines
from longdoc.output.wording import one_line, shorten

_MAX_NAME_CHARACTERS = 32


class Bar:
    """A listener that draws with rich.

    The text of tasks is escaped: titles of chapters are the document's, and `[red]` in one is not for rich.
    Standard output is not redirected: rich would move results to standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True)
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    @property
    def is_dumb(self) -> bool:
        """Whether the terminal can move its cursor."""
        return self._console.is_dumb_terminal

    def __call__(self, event: Event) -> None:
        for line in warning_lines(event):
            self._console.print(escape(line), style="yellow", highlight=False)
        match event:
            case Opening(source, pages_done, num_pages):
                if not pages_done:
                    self.pause()
                pages = f"{pages_done:,} of {num_pages:,} pages" if num_pages else ""
                self._show("opening", f"opening {one_line(source)}", pages_done, num_pages, pages)
            case Opened():
                self._drop("opening")
            case ModelLoading(model_id):
                self._show("loading", f"loading {one_line(model_id)}", 0, None, "")
            case ModelLoaded():
                self._drop("loading")
            case SegmentRead(tokens_read, num_tokens, _, section):
                where = "reading" if section is None else f"reading {section}"
                details = reading_words(event).replace(f", {one_line(section)}" if section else "", "", 1)
                self._show("reading", where, tokens_read, num_tokens, details)
            case Writing(what, done, total, detail):
                self._show(f"writing {what}", what, done, total, f"{done:,} of {total:,} {detail or ''}")
            case Finished():
                self.pause()

    def pause(self) -> None:
        """Clear what is drawn; the next event starts anew."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._tasks = {}

    def _show(self, stage: str, description: str, done: int, total: int | None, details: str) -> None:
        words = escape(shorten(description, _MAX_NAME_CHARACTERS))
        details = escape(one_line(details))
        progress = self._started()
        if stage in self._tasks:
            progress.update(self._tasks[stage], description=words, completed=done, total=total, details=details)
        else:
            self._tasks[stage] = progress.add_task(words, completed=done, total=total, details=details)

    def _drop(self, stage: str) -> None:
        task = self._tasks.pop(stage, None)
        if task is not None and self._progress is not None:
            self._progress.remove_task(task)

    def _started(self) -> Progress:
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[details]}"),
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress
