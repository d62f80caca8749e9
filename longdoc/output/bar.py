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
from longdoc.output.progress import seconds_left, warning_lines
from longdoc.output.wording import duration, memory, one_line, percent, shorten

# (columns from which it holds, characters of a description, width of a bar)
_WIDTHS = ((120, 36, 24), (100, 24, 16), (0, 16, 6))


class Bar:
    """A listener that draws with rich.

    The text of tasks is escaped: titles of chapters are the document's, and `[red]` in one is not for rich.
    Standard output is not redirected: rich would move results to standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True)
        fitting = next(widths for widths in _WIDTHS if self._console.width >= widths[0])
        _, self._max_description, self._bar_width = fitting
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
                self._show("reading", section or "reading", tokens_read, num_tokens, _short(event))
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
        words = escape(shorten(description, self._max_description))
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
                BarColumn(bar_width=self._bar_width),
                TextColumn("{task.fields[details]}"),
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress


def _short(event: SegmentRead) -> str:
    """`21% 12,288/56,812 · 5 s left · 9,100 tokens/s · 512 MB`: what may be cut off comes last."""
    words = [f"{percent(event.tokens_read, event.num_tokens)} {event.tokens_read:,}/{event.num_tokens:,}"]
    rest_s = seconds_left(event)
    words += [f"{duration(rest_s)} left"] if rest_s is not None else []
    return " · ".join([*words, f"{event.tokens_per_s:,.0f} tokens/s", memory(event.memory_bytes)])
