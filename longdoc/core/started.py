"""What a process of a ring knows from its environment, before anything heavy is imported.

torch's launchers tell each process its rank and how many there are. longdoc, where it is the one who starts them, adds
who that is, and a folder in which the first process leaves its number, so that Ctrl-C can be handed to it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PARENT = "LONGDOC_RING_PARENT"  # the process that started these, and ends when they do
FOLDER = "LONGDOC_RING_FOLDER"
_FIRST = "first"  # in FOLDER: the number of the first process
_TERMINATED = "terminated"  # there when the user's SIGTERM came, and not the launcher's own


def rank() -> int:
    """Of this process; 0 alone."""
    return _number("RANK", 0)


def size() -> int:
    """How many processes there are, on all machines."""
    return _number("WORLD_SIZE", 1) if "RANK" in os.environ else 1


def size_here(otherwise: int = 1) -> int:
    """How many of them there are on this machine."""
    return _number("LOCAL_WORLD_SIZE", otherwise)


def is_joined() -> bool:
    """Whether this process is one of several that `torchrun`, or longdoc itself, has started."""
    return size() > 1


def is_started() -> bool:
    """Whether longdoc has started this process (`engine/ring/launch.py`)."""
    return PARENT in os.environ and is_joined()


def announce() -> None:
    """The first process leaves its number for whoever started it. Signals are listened to by now."""
    if is_started() and rank() == 0 and (folder := os.environ.get(FOLDER)):
        with suppress(OSError):
            Path(folder, _FIRST).write_text(str(os.getpid()))


def first_process(folder: Path) -> int | None:
    """The number that it left."""
    try:
        return int((folder / _FIRST).read_text())
    except (OSError, ValueError):
        return None


def mark_terminated(folder: Path) -> None:
    """The user's SIGTERM has come."""
    with suppress(OSError):
        (folder / _TERMINATED).touch()


def was_terminated() -> bool:
    """Whether a SIGTERM is the user's. The launcher sends one too, when another process has ended."""
    folder = os.environ.get(FOLDER)
    return folder is None or Path(folder, _TERMINATED).exists()


def _number(name: str, otherwise: int) -> int:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return otherwise
