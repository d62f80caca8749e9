"""One of the processes that try a ring: `python -m longdoc.engine.ring.trial_process FOLDER DEVICE`.

Ctrl-C ends it at once, also while libraries are imported: there is nothing to keep.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

LINKS, CHECK = "links.json", "check.json"  # in FOLDER


def end_at_once() -> None:
    """Ctrl-C and SIGTERM end this process without a word; its exit code says which."""

    def end(number: int, frame: Any) -> None:
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def main() -> int:
    """-> the exit code."""
    end_at_once()
    from longdoc.engine.ring.trial import take_part

    return take_part(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
