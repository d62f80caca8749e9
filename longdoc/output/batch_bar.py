"""Progress of a batch on a terminal: a bar for all documents, and below it a line for each worker."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from longdoc.core.batch import BatchFinished, BatchStarted, DocumentDone, OfDocument
from longdoc.core.events import Event, Opening, SegmentRead, Writing
from longdoc.output.batch_progress import finished_words, lines_of
from longdoc.output.wording import one_line, percent, shorten

_MAX_NAME = 40


class BatchBar:
    """A listener that draws with rich. Names of documents are escaped: `[red]` in one is not for rich."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True)
        self._progress: Progress | None = None
        self._all: TaskID | None = None
        self._workers: dict[int, TaskID] = {}
        self._num_documents = 0
        self._num_done = 0
        self._num_failed = 0

    @property
    def is_dumb(self) -> bool:
        """Whether the terminal cannot move its cursor."""
        return self._console.is_dumb_terminal

    def __call__(self, event: Event) -> None:
        for line in lines_of(event):
            self._console.print(escape(line), style="yellow", highlight=False)
        match event:
            case BatchStarted(num_documents):
                self._num_documents = num_documents
                self._draw()
            case OfDocument(document, worker, inner):
                self._of(document, worker, inner)
            case DocumentDone(status=status):
                self._num_documents, self._num_done = event.num_documents, event.num_done
                self._num_failed += status == "failed"
                if event.worker is not None:
                    self._drop(event.worker)
                    self._draw()
            case BatchFinished():
                self.pause()
                self._console.print(escape(finished_words(event)), highlight=False)

    def pause(self) -> None:
        """Clear what is drawn; the next event starts anew."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._all = None
        self._workers = {}

    def _draw(self) -> None:
        progress = self._started()
        failed = f"{self._num_failed:,} failed" if self._num_failed else ""
        if self._all is None:
            self._all = progress.add_task("documents", total=self._num_documents, details=failed)
        progress.update(self._all, completed=self._num_done, total=self._num_documents, details=failed)

    def _of(self, document: str, worker: int, event: Event) -> None:
        words = f"{worker}: {shorten(document, _MAX_NAME)}"
        match event:
            case Opening():
                self._show(worker, words, 0, None, "opening")
            case SegmentRead(tokens_read, num_tokens, tokens_per_s):
                details = f"{percent(tokens_read, num_tokens)} · {tokens_per_s:,.0f} tokens/s"
                self._show(worker, words, tokens_read, num_tokens, details)
            case Writing(what, done, total):
                self._show(worker, words, done, total, one_line(what))

    def _show(self, worker: int, words: str, done: int, total: int | None, details: str) -> None:
        self._draw()
        progress = self._started()
        if worker not in self._workers:
            self._workers[worker] = progress.add_task("", total=total, details="")
        task = self._workers[worker]
        progress.update(task, description=escape(words), completed=done, total=total, details=escape(details))

    def _drop(self, worker: int) -> None:
        task = self._workers.pop(worker, None)
        if task is not None and self._progress is not None:
            self._progress.remove_task(task)

    def _started(self) -> Progress:
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[details]}"),
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress
