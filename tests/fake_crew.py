"""Workers of a batch that need no model and no process: each document is made when it is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from longdoc.core.batch import BatchTask, Item, Made
from longdoc.core.errors import DamagedInput
from longdoc.core.events import SegmentRead
from longdoc.output.json import error_json
from longdoc.pipeline.batch_process import Began, Finished, Heard, Ready


class FakeCrew:
    """Files whose text begins with "bad" cannot be read, "part" gives a partial result."""

    num_workers = 1
    where = "in a test"

    def __init__(self, task: BatchTask, on_begin: Callable[[Item], Any] | None = None) -> None:
        self.task = task
        self.made: list[str] = []
        self.is_closed = False
        self.was_stopped = False
        self._given: deque[Item] = deque()
        self._on_begin = on_begin

    def start(self) -> None:
        """Nothing to start."""

    def has_room(self) -> bool:
        return len(self._given) < 2

    def is_idle(self) -> bool:
        return not self._given

    def give(self, item: Item) -> None:
        self._given.append(item)

    def wait(self, seconds: float) -> Iterator[tuple[int, Any]]:
        yield 0, Ready(0)
        if not self._given:
            return
        item = self._given[0]
        yield 0, Began(item)
        if self._on_begin is not None and (message := self._on_begin(item)) is not None:
            self._given.popleft()
            yield 0, message
            return
        yield 0, Heard(item, SegmentRead(5, 10, 1.0, None, 0))
        self._given.popleft()
        self.made.append(item.name)
        yield 0, Finished(item, made(item, self.task))

    def stop(self) -> Iterator[tuple[int, Any]]:
        self.was_stopped = True
        yield from ()

    def close(self) -> None:
        self.is_closed = True


def made(item: Item, task: BatchTask) -> Made:
    """The "result" is the text of the file."""
    text = Path(item.path).read_text()
    if text.startswith("bad"):
        error = DamagedInput(f"{item.path} cannot be read.", why="it is bad", fix="mend it")
        return Made(status="failed", error=error_json(error), stats={"seconds": 0.1})
    pages = {form: f"{form}: {text}" for form in task.forms}
    is_partial = text.startswith("part")
    return Made(
        status="partial" if is_partial else "complete",
        pages=pages,
        title=text.split()[0],
        first=text,
        lost="a page" if is_partial else None,
        stats={"seconds": 0.1, "read_tokens_per_s": 9.0},
    )
