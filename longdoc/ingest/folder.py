"""What lies below a folder: the files that are to be read, and what is no document, with the reason.

What cannot be opened is among the files: reading it says why, and a result without it is partial. Pipes, sockets,
devices, links to folders, and pictures, sounds, films and the like hold no text that is missed: they are left out, and
named. Reads only how files begin.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from longdoc.core.errors import InputNotFound
from longdoc.ingest.formats import plugins
from longdoc.ingest.no_text import kind_of_file

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_MOST_NAMED = 20  # things left out; of the rest, their number
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Below:
    """files: those to read, in no order.   left_out: what is none, in words for a warning."""

    files: list[str]
    left_out: list[str]


def look_below(folder: str) -> Below:
    """All that is not hidden below a folder. Raises InputNotFound when it cannot be read, or has no files."""
    files: list[str] = []
    left_out: list[str] = []
    may_read_all = any(plugins())  # readers of other packages may know pictures too
    for path, is_folder in _entries(folder):
        why = "a link to a folder, which is not followed" if is_folder else not_a_file(path)
        if why is None and not may_read_all:
            why = kind_of_file(path)
        if why is None:
            files.append(path)
        else:
            left_out.append(f"{path} was left out: it is {why}")
    if not files:
        others = "; ".join(sorted(left_out)[:_SHOWN])
        raise InputNotFound(
            f"The folder {folder} has no {'documents' if others else 'files'}.",
            why=others or "hidden ones do not count",
            fix="name another",
        )
    return Below(files, left_out)


def _entries(folder: str) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a link to a folder) of what is not hidden; folders that cannot be read count as files."""
    closed: list[str] = []

    def refuse(error: OSError) -> None:
        if Path(error.filename) == Path(folder):
            raise InputNotFound(
                f"The folder {folder} cannot be read.", why=error.strerror, fix="ls -l, or name the files"
            ) from error
        closed.append(error.filename)

    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from ((path, True) for name in folders if Path(path := _below(root, name)).is_symlink())
        yield from ((_below(root, name), False) for name in files if not name.startswith("."))
    yield from ((path, False) for path in closed)


def _below(root: str, name: str) -> str:
    return str(Path(root, name))


def not_a_file(path: str) -> str | None:
    """What it is instead ("a socket"); None for a file, and for what reading will give an error for."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:  # a link to nothing, or a loop of links
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def shortened(left_out: list[str]) -> list[str]:
    """The first of them by name, and how many more there are."""
    named = sorted(left_out)[:_MOST_NAMED]
    num_more = len(left_out) - len(named)
    return [*named, f"{num_more:,} more that are no documents were left out"] if num_more else named
