"""Progress as a live display on a terminal. Knows nothing of pipes: `progress` chooses it for terminals only.

One task per stage: parsing, loading, reading, and each kind of writing; below them the words of a model that writes, as
they come. The tasks of a source go when the next one is opened, and all of it goes when the display pauses, so that the
result stands alone on the screen.
"""

from __future__ import annotations

from typing import TextIO

from rich.progress import BarColumn, ProgressColumn

from longdoc.core.events import Event, Finished, ModelLoaded, ModelLoading, Opened, Opening, SegmentRead, Token, Writing
from longdoc.output.live import LiveTasks
from longdoc.output.progress import seconds_left, warning_lines
from longdoc.output.wording import duration, memory, one_line, percent

# (columns from which it holds, characters of a description, width of a bar)
_WIDTHS = ((120, 36, 24), (100, 24, 16), (0, 16, 6))


class Bar(LiveTasks):
    """A listener that draws with rich."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        fitting = next(widths for widths in _WIDTHS if self.console.width >= widths[0])
        _, self._max_description, self._bar_width = fitting

    def columns(self) -> tuple[ProgressColumn, ...]:
        return (BarColumn(bar_width=self._bar_width),)

    def __call__(self, event: Event) -> None:
        for line in warning_lines(event):
            self.say(line, "yellow")
        match event:
            case Opening(source, pages_done, num_pages):
                if not pages_done:
                    self.pause()
                pages = f"{pages_done:,} of {num_pages:,} pages" if num_pages else ""
                self._show("opening", f"opening {one_line(source)}", pages_done, num_pages, pages)
            case Opened():
                self.drop("opening")
            case ModelLoading(model_id):
                self._show("loading", f"loading {one_line(model_id)}", 0, None, "")
            case ModelLoaded():
                self.drop("loading")
            case SegmentRead(tokens_read, num_tokens, _, section):
                self._show("reading", section or "reading", tokens_read, num_tokens, _short(event))
            case Token(text):
                self.write(text)
            case Writing(what, done, total, detail):
                self.end_writing()
                self._show(f"writing {what}", what, done, total, f"{done:,} of {total:,} {detail or ''}")
            case Finished():
                self.pause()

    def _show(self, stage: str, description: str, done: int, total: int | None, details: str) -> None:
        self.show(stage, description, done, total, details, self._max_description)


def _short(event: SegmentRead) -> str:
    """`21% 12,288/56,812 · 5 s left · 9,100 tokens/s · 512 MB`: what may be cut off comes last."""
    words = [f"{percent(event.tokens_read, event.num_tokens)} {event.tokens_read:,}/{event.num_tokens:,}"]
    rest_s = seconds_left(event)
    words += [f"{duration(rest_s)} left"] if rest_s is not None else []
    return " · ".join([*words, f"{event.tokens_per_s:,.0f} tokens/s", memory(event.memory_bytes)])
