"""Progress on standard error, in the form that fits who reads it. Knows nothing of results.

A display is a listener with two more words: `pause` before something else is written to the terminal,
`close` at the end. Which one is decided by `isatty`, never by rich, which draws bars into files.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Protocol, TextIO

from longdoc.core.events import (
    Event,
    Finished,
    ModelLoaded,
    ModelLoading,
    Opened,
    Opening,
    SegmentRead,
    StateKept,
    StateUsed,
    Step,
    Warned,
    Writing,
)
from longdoc.output.json import dumps, event_json
from longdoc.output.wording import count, duration, file_size, memory, one_line, percent, shown_name

Progress = Literal["auto", "bar", "plain", "json", "none"]

_SECONDS_BETWEEN_LINES = 10.0


class Display(Protocol):
    """What shows events."""

    def __call__(self, event: Event) -> None: ...

    def pause(self) -> None: ...


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


class Silent:
    """`--quiet`: nothing but errors, which do not come this way."""

    def __call__(self, event: Event) -> None:
        """Ignore it."""

    def pause(self) -> None:
        """Nothing is drawn."""


class WarningsOnly(Silent):
    """`--progress none`: what the user should know, and no progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        for line in warning_lines(event):
            self._stream.write(line + "\n")


class JsonLines(Silent):
    """`--progress json`: every event as one line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Step):
            self._stream.write(dumps(event_json(event)) + "\n")
            self._stream.flush()


class Plain(Silent):
    """A line at each new stage of a source and every ten seconds, for logs and pipes."""

    def __init__(self, stream: Stream, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now = now
        self._stages: set[str] = set()
        self._last_line_s = now()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Opening) and not event.pages_done and event.num_pages is None:
            self._stages.clear()
        for line in warning_lines(event):
            self._line(line)
        described = describe(event)
        if described is None:
            return
        stage, words, is_last = described
        is_due = self._now() - self._last_line_s >= _SECONDS_BETWEEN_LINES
        if stage not in self._stages or is_last or is_due:
            self._stages.add(stage)
            self._line(words)

    def _line(self, words: str) -> None:
        self._last_line_s = self._now()
        self._stream.write(words + "\n")
        self._stream.flush()


def warning_lines(event: Event) -> list[str]:
    """`warning: ...` for the events that carry one."""
    if isinstance(event, Warned):
        return [f"warning: {one_line(event.message)}"]
    if isinstance(event, Opened):
        return [f"warning: {shown_name(event.source)}: {one_line(warning)}" for warning in event.warnings]
    return []


def describe(event: Event) -> tuple[str, str, bool] | None:
    """The stage that an event belongs to, the event in words, and whether it ends the stage."""
    match event:
        case Opening(source, pages_done, num_pages):
            pages = f", page {pages_done:,}" + (f" of {num_pages:,}" if num_pages else "") if pages_done else ""
            return "opening", f"opening {shown_name(source)}{pages}", False
        case Opened(source):
            return "opened", f"{shown_name(source)}: {opened_words(event)}", True
        case ModelLoading(model_id):
            return "loading", f"loading model {one_line(model_id)}", False
        case ModelLoaded(model_id, num_parameters, seconds, why):
            size = f"{num_parameters / 1e6:,.0f} million parameters, {duration(seconds)}"
            return "loaded", f"model {one_line(model_id)} loaded: {size}; {one_line(why)}", True
        case SegmentRead(tokens_read, num_tokens):
            return "reading", f"read {reading_words(event)}", tokens_read >= num_tokens
        case StateUsed(name, tokens_read, num_tokens):
            return "kept", f"{tokens_read:,} of {num_tokens:,} tokens are known from the state {one_line(name)}", True
        case StateKept(name, tokens_read, num_tokens, num_bytes):
            is_last = tokens_read >= num_tokens
            return (
                "keeping",
                f"kept {tokens_read:,} of {num_tokens:,} tokens on the disk, {file_size(num_bytes)}, as {name}",
                is_last,
            )
        case Writing(what, done, total, detail):
            words = f"{one_line(what)}: {done:,} of {total:,}" + (f", {one_line(detail)}" if detail else "")
            return f"writing {what}", words, done >= total
        case Finished(receipt):
            return "finished", f"finished {shown_name(receipt.source.name)} in {duration(receipt.seconds)}", True
    return None


def opened_words(event: Opened) -> str:
    """`pdf, 216 pages, 300,112 characters, 14 sections`."""
    pages = [count(event.num_pages, "page")] if event.num_pages is not None else []
    rest = [count(event.num_characters, "character"), count(event.num_sections, "section")]
    return ", ".join([event.format, *pages, *rest])


def reading_words(event: SegmentRead) -> str:
    """`12,288 of 56,812 tokens (21%), Chapter III, 9,100 tokens/s, 512 MB, 5 s left`."""
    words = [f"{event.tokens_read:,} of {event.num_tokens:,} tokens ({percent(event.tokens_read, event.num_tokens)})"]
    words += [one_line(event.section)] if event.section else []
    words += [f"{event.tokens_per_s:,.0f} tokens/s", memory(event.memory_bytes)]
    rest_s = seconds_left(event)
    words += [f"{duration(rest_s)} left"] if rest_s is not None else []
    return ", ".join(words)


def seconds_left(event: SegmentRead) -> float | None:
    """How long the reading still takes, or None when it is done or cannot be told."""
    rest_tokens = event.num_tokens - event.tokens_read
    return rest_tokens / event.tokens_per_s if rest_tokens > 0 and event.tokens_per_s > 0 else None


class Unread:
    """A display whose reader may go away (`longdoc ... 2>&1 >out.md | head`): then it shows no more."""

    def __init__(self, display: Display, stream: TextIO) -> None:
        self._display = display
        self._stream = stream

    def __call__(self, event: Event) -> None:
        try:
            self._display(event)
        except BrokenPipeError:
            self._drop()

    def pause(self) -> None:
        try:
            self._display.pause()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Point the stream at nothing: whatever else is written to it at the end is no error either."""
        self._display = Silent()
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


Choose = Callable[[Progress, bool, TextIO], Display]


@contextmanager
def open_display(
    progress: Progress, *, quiet: bool = False, stream: TextIO | None = None, choose: Choose | None = None
) -> Iterator[Display]:
    """The display for standard error; whatever it has drawn is cleared when the block ends.

    choose: which one, from the progress that is asked for, `quiet` and the stream; else that of a single document.
    """
    stream = stream or sys.stderr
    display = Unread((choose or _choose)(progress, quiet, stream), stream)
    try:
        yield display
    finally:
        display.pause()


def _choose(progress: Progress, quiet: bool, stream: TextIO) -> Display:
    if quiet:
        return Silent()
    if progress == "json":
        return JsonLines(stream)
    if progress == "none":
        return WarningsOnly(stream)
    if progress != "plain" and stream.isatty():
        from longdoc.output.bar import Bar  # rich: not for --help

        bar = Bar(stream)
        return Plain(stream) if bar.is_dumb else bar
    return Plain(stream)
