"""Whether the processes of a ring live. Each adds to a counter in the store where they met, and looks at the others'.

A collective operation that waits for a process that stands still waits for ever, and a GPU's cannot be interrupted. So
two threads look: one asks the store, and the other whether the first still gets answers.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from longdoc.core.started import PARENT

STUCK = "has not moved for"
BEAT_S = 2.0
LOST_S = 20.0
_LEFT_S = 5.0  # for the last message of the first process to come


class Pulse:
    """Of one process. on_lost: called by a thread, with the reason; it does not come back."""

    def __init__(self, rank: int, size: int, store: Any, on_lost: Callable[[str], None]) -> None:
        self.rank = rank
        self.size = size
        self._store = store
        self._on_lost = on_lost
        self._is_over = False
        self._answered = time.monotonic()

    def start(self) -> None:
        """Show from now on that this process lives."""
        self._answered = time.monotonic()
        for watch in (self.beat, self.guard):
            threading.Thread(target=watch, name=f"longdoc-{watch.__name__}", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._is_over = True

    def leave(self) -> None:
        """This process ends in order, and is not to be missed."""
        self._is_over = True
        self._store.set(f"left/{self.rank}", "1")

    def beat(self) -> None:
        """Beat, and look for the others' beats."""
        seen: dict[int, tuple[bytes, float]] = {}
        beat, left_at = 0, None
        while not self._is_over:
            now = time.monotonic()
            try:
                self._store.set(f"beat/{self.rank}", str(beat))
                beat += 1
                for rank in range(self.size):
                    if rank == self.rank:
                        continue
                    if self._has_left(rank):
                        left_at = left_at or (now if rank == 0 else None)
                        continue
                    last = self._store.get(f"beat/{rank}") if self._store.check([f"beat/{rank}"]) else b""
                    if rank not in seen or seen[rank][0] != last:
                        seen[rank] = last, now
                    elif now - seen[rank][1] > LOST_S:
                        self._lost(f"process {rank} of {self.size} {STUCK} {LOST_S:.0f} s")
                self._answered = time.monotonic()
            except (RuntimeError, OSError):  # the store does not answer: `guard` sees to that
                pass
            if left_at is not None and now - left_at > _LEFT_S:  # it ended while this one was busy
                self._lost("the first process has ended")
            time.sleep(BEAT_S)

    def guard(self) -> None:
        """Look whether the store answers, and whether who started this process is there."""
        parent = int(os.environ.get(PARENT) or 0)
        while not self._is_over:
            if time.monotonic() - self._answered > LOST_S:
                self._lost("the place where the processes met does not answer")
            if parent and os.getppid() != parent:
                self._lost("the process that started this one is gone")
            time.sleep(BEAT_S)

    def _has_left(self, rank: int) -> bool:
        return bool(self._store.check([f"left/{rank}"]))

    def _lost(self, why: str) -> None:
        if not self._is_over:
            self._on_lost(why)
