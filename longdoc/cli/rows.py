"""Where the results of `read` and `plan` go: a page of text for each source as it comes, or rows for programs.

Knows nothing of what the results are: two functions show them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longdoc.core.events import Event
    from longdoc.output.delivery import OutputOptions
    from longdoc.output.json import Json
    from longdoc.output.progress import Display
    from longdoc.output.write import Sink


class Rows:
    """A `sources.Target`. page, row: a result as text and as JSON.   many: a JSON array is written, at the end."""

    def __init__(
        self,
        sink: Sink,
        display: Display,
        output: OutputOptions,
        *,
        many: bool,
        page: Callable[[Any], str],
        row: Callable[[Any], Json],
    ) -> None:
        self._sink = sink
        self._display = display
        self._to = output.to
        self._many = many
        self._page = page
        self._row = row
        self._rows: list[Json] = []
        self._is_first = True

    def on_event(self, event: Event) -> None:
        """Show it."""
        self._display(event)

    def put(self, results: Sequence[Any]) -> None:
        """Results on one source."""
        for result in results:
            if self._to in {"json", "jsonl"}:
                self.fail([self._row(result)])
            else:
                self._write(self._page(result))

    def fail(self, rows: Sequence[Json]) -> None:
        """Rows for programs; people are told on standard error."""
        from longdoc.output.json import dumps

        self._rows += rows if self._to == "json" else []
        if self._to == "jsonl":
            for row in rows:
                self._write(dumps(row) + "\n")

    def stop(self, results: Sequence[Any], when: str = "") -> None:
        """Ctrl-C: what is finished is written."""
        self.put(results)
        self.end()

    def end(self) -> None:
        """Write what had to wait for the last result."""
        from longdoc.output.json import dumps

        if self._rows:
            self._write(dumps(self._rows if self._many else self._rows[0], indent=2) + "\n")

    def _write(self, text: str) -> None:
        self._display.pause()
        self._sink.keep()
        self._sink.write(text)
