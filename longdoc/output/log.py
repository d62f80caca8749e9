"""`--log-file`: what happened and when, a line each, behind what the file holds already.

It tells names, numbers, titles and warnings; never what a document says, nor what was asked. Knows nothing of results.

    2026-11-21T17:30:00+00:00 info     book.pdf: pdf, 216 pages, 300,112 characters, 14 sections
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from longdoc.core.errors import OutputError
from longdoc.core.events import Event, Writing
from longdoc.output.progress import Plain
from longdoc.output.wording import clean

_LEVELS = ("warning", "error")


class Log:
    """A listener that writes a line for each stage, each warning, and every ten seconds of a long stage.

    A log that can be written no more (a full disk) does not stop the work: it is left as it is.
    """

    def __init__(self, path: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = Path(path)
        self._now = now
        self._file = _opened(self.path)
        self._lines = Plain(self)

    def __call__(self, event: Event) -> None:
        """Log it."""
        if isinstance(event, Writing) and event.what == "answers":
            event = replace(event, detail=None)  # the question
        self._lines(event)

    def write(self, text: str) -> int:
        """One message, with the time and its level before each line. `warning: ...` and `error: ...` say theirs."""
        for line in clean(text).splitlines():
            level, _, rest = line.partition(": ")
            level, rest = (level, rest) if level in _LEVELS else ("info", line)
            stamp = self._now().isoformat(timespec="seconds")
            with suppress(OSError):
                self._file.write(f"{stamp} {level:<8} {rest}\n")
        return len(text)

    def flush(self) -> None:
        """Let the file have what was written."""
        with suppress(OSError):
            self._file.flush()

    def close(self) -> None:
        """No more follows."""
        with suppress(OSError):
            self._file.close()


def _opened(path: Path) -> IO[str]:
    """The file to append to; a new one is for its owner alone. Raises OutputError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(None, "it is no ordinary file")
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace", buffering=1)
    except OSError as error:
        raise OutputError(
            f"The log {path} cannot be written.", why=error.strerror, fix="give --log-file another name"
        ) from error
