"""Progress of many documents at once: a bar for all of them and a line for each worker; plain lines; JSON.

Which one is decided as in `progress`. Knows nothing of workers but their numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TextIO

from longdoc.core.batch import BatchFinished, BatchStarted, DocumentDone, OfDocument
from longdoc.core.events import Event, Step, Warned, Writing
from longdoc.output.json import dumps, event_json
from longdoc.output.progress import Display, Progress, Silent, Stream, describe, open_display, warning_lines
from longdoc.output.wording import count, duration, one_line

_SECONDS_BETWEEN_LINES = 10.0


def lines_of(event: Event) -> list[str]:
    """What people should be told of an event whatever else is shown: warnings and failures."""
    match event:
        case OfDocument(document, _, inner):
            prefix = "warning: "
            lines = [line.removeprefix(prefix) for line in warning_lines(inner)]
            name = one_line(document)
            return [f"{prefix}{line if name in line else f'{name}: {line}'}" for line in lines]
        case DocumentDone(document, _, "failed", _, _, what):
            return [f"warning: {one_line(document)} failed: {one_line(what or '')}"]
        case Warned():
            return warning_lines(event)
    return []


def _unasked(event: Event) -> Event:
    """Without the question that is being answered: these lines are also those of a log."""
    return replace(event, detail=None) if isinstance(event, Writing) and event.what == "answers" else event


def done_words(event: DocumentDone) -> str:
    """`[13 of 200] book.pdf: complete, 2.1 s, 12,000 tokens/s`."""
    words = [event.status]
    words += [duration(event.seconds)] if event.seconds is not None else []
    words += [f"{event.read_tokens_per_s:,.0f} tokens/s"] if event.read_tokens_per_s else []
    return f"[{event.num_done:,} of {event.num_documents:,}] {one_line(event.document)}: {', '.join(words)}"


def finished_words(event: BatchFinished) -> str:
    """`200 documents: 198 complete, 1 partial, 1 failed; 12 done now, 188 before, in 3 min 05 s`.

    Where none was to be done: `200 documents: 199 complete, 1 failed before; nothing was to do`.
    """
    counts = [(event.num_complete, "complete"), (event.num_partial, "partial"), (event.num_failed, "failed")]
    said = ", ".join(f"{number:,} {word}" for number, word in counts if number) or "none done"
    if event.num_documents and not event.num_now:
        return (
            f"{count(event.num_documents, 'document')}: {said}{' before' * bool(event.num_failed)}; nothing was to do"
        )
    before = event.num_documents - event.num_now
    now = f"{event.num_now:,} done now" + (f", {before:,} before" if before else "")
    return f"{count(event.num_documents, 'document')}: {said}; {now}, in {duration(event.seconds)}"


class BatchWarnings(Silent):
    """`--progress none`: failures and warnings."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        for line in lines_of(event):
            self._line(line)

    def _line(self, words: str) -> None:
        self._stream.write(words + "\n")
        self._stream.flush()


class BatchLines(BatchWarnings):
    """A line for each document that is done, and every ten seconds one of each that takes longer."""

    def __init__(self, stream: Stream, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._now = now
        self._last_s: dict[int, float] = {}

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        match event:
            case BatchStarted(num_documents, num_workers, where):
                workers = count(num_workers, "worker")
                self._line(f"{count(num_documents, 'document')}, {workers} {where}")
            case DocumentDone(status=status):
                if status not in {"failed", "before"}:
                    self._line(done_words(event))
                if event.worker is not None:
                    self._last_s.pop(event.worker, None)
            case OfDocument(document, worker, inner):
                described = describe(_unasked(inner))
                begun_s = self._last_s.setdefault(worker, self._now())
                if described is not None and self._now() - begun_s >= _SECONDS_BETWEEN_LINES:
                    self._last_s[worker] = self._now()
                    self._line(f"{one_line(document)}: {described[1]}")
            case BatchFinished():
                self._line(finished_words(event))


class BatchJson(Silent):
    """`--progress json`: every event as one line; what belongs to a document names it, and the worker."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            return
        if isinstance(event, OfDocument):
            row = {**event_json(event.event), "document": event.document, "worker": event.worker}
        else:
            row = event_json(event)
        self._stream.write(dumps(row).encode("utf-8", "replace").decode() + "\n")
        self._stream.flush()


def open_batch_display(
    progress: Progress, *, quiet: bool = False, stream: TextIO | None = None
) -> AbstractContextManager[Display]:
    """The display for standard error; whatever it has drawn is cleared when the block ends."""
    return open_display(progress, quiet=quiet, stream=stream, choose=_choose)


def _choose(progress: Progress, quiet: bool, stream: TextIO) -> Display:
    if quiet:
        return Silent()
    if progress == "json":
        return BatchJson(stream)
    if progress == "none":
        return BatchWarnings(stream)
    if progress != "plain" and stream.isatty():
        from longdoc.output.batch_bar import BatchBar  # rich: not for --help

        bar = BatchBar(stream)
        return BatchLines(stream) if bar.is_dumb else bar
    return BatchLines(stream)
