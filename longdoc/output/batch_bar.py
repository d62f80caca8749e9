"""Progress of a batch on a terminal: a bar for all documents, and below it a line for each worker."""

from __future__ import annotations

from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn

from longdoc.core.batch import BatchFinished, BatchStarted, DocumentDone, OfDocument
from longdoc.core.events import Event, Opening, SegmentRead, Writing
from longdoc.output.batch_progress import finished_words, lines_of
from longdoc.output.live import LiveTasks
from longdoc.output.wording import percent, shorten

_MAX_NAME = 40  # characters of a document's name
_MAX_WORDS = 60  # and of a line before its bar


class BatchBar(LiveTasks):
    """A listener that draws with rich."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._num_documents = 0
        self._num_done = 0
        self._num_failed = 0

    def columns(self) -> tuple[ProgressColumn, ...]:
        return BarColumn(bar_width=20), MofNCompleteColumn()

    def __call__(self, event: Event) -> None:
        for line in lines_of(event):
            self.say(line, "yellow")
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
                    self.drop(event.worker)
                    self._draw()
            case BatchFinished():
                self.pause()
                self.say(finished_words(event))

    def _draw(self) -> None:
        failed = f"{self._num_failed:,} failed" if self._num_failed else ""
        self.show("documents", "documents", self._num_done, self._num_documents, failed, _MAX_WORDS)

    def _of(self, document: str, worker: int, event: Event) -> None:
        words = f"{worker}: {shorten(document, _MAX_NAME)}"
        match event:
            case Opening():
                self._show(worker, words, 0, None, "opening")
            case SegmentRead(tokens_read, num_tokens, tokens_per_s):
                details = f"{percent(tokens_read, num_tokens)} · {tokens_per_s:,.0f} tokens/s"
                self._show(worker, words, tokens_read, num_tokens, details)
            case Writing(what, done, total):
                self._show(worker, words, done, total, what)

    def _show(self, worker: int, words: str, done: int, total: int | None, details: str) -> None:
        self._draw()
        self.show(worker, words, done, total, details, _MAX_WORDS)
