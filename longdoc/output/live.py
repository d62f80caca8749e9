"""Tasks on a terminal that come and go, drawn with rich. Knows nothing of events: the bars choose the words."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TextIO

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from longdoc.output.wording import clean, one_line, shorten

_MOST_LINES = 6  # of what is being written


class _Display(Progress):
    """The tasks, and below them the end of what a model is writing."""

    written = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Called for each drawing."""
        yield from super().get_renderables()
        if self.written.strip():
            lines = Text(clean(self.written).strip()).wrap(self.console, self.console.width)
            yield Text("\n").join([*lines][-_MOST_LINES:])


class LiveTasks:
    """Rows of a live display, by key, and text that is written; it appears with the first and goes when it pauses.

    The text is escaped: titles and names are the document's, and `[red]` in one is not for rich.
    Standard output is not redirected: rich would move results to standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, force_terminal=True)
        self._progress: _Display | None = None
        self._tasks: dict[Hashable, TaskID] = {}

    @property
    def is_dumb(self) -> bool:
        """Whether the terminal cannot move its cursor."""
        return self.console.is_dumb_terminal

    def columns(self) -> tuple[ProgressColumn, ...]:
        """What stands between the words of a task and its details."""
        raise NotImplementedError

    def say(self, line: str, style: str | None = None) -> None:
        """A line that stays, above the display."""
        self.console.print(escape(line), style=style, highlight=False)

    def show(self, key: Hashable, words: str, done: int, total: int | None, details: str, most: int) -> None:
        """Draw a task, or draw it anew. most: characters of its words."""
        words, details = escape(shorten(words, most)), escape(one_line(details))
        progress = self._started()
        if key not in self._tasks:
            self._tasks[key] = progress.add_task(words, total=total, details=details)
        progress.update(self._tasks[key], description=words, completed=done, total=total, details=details)

    def write(self, text: str) -> None:
        """Draw one more piece of what is being written."""
        self._started().written += text

    def end_writing(self) -> None:
        """Take away what was written: it is done, and the result has it."""
        if self._progress is not None:
            self._progress.written = ""

    def drop(self, key: Hashable) -> None:
        """Take a task away."""
        task = self._tasks.pop(key, None)
        if task is not None and self._progress is not None:
            self._progress.remove_task(task)

    def pause(self) -> None:
        """Clear what is drawn; the next event starts anew."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._tasks = {}

    def _started(self) -> _Display:
        if self._progress is None:
            self._progress = _Display(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                *self.columns(),
                TextColumn("{task.fields[details]}"),
                console=self.console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress
