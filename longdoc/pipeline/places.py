"""The folders that longdoc uses on this machine: where they are, what they take, whether they can be written."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from longdoc.core.paths import data_folder, states_folder
from longdoc.engine.hub import cache_folder


@dataclass(frozen=True, slots=True)
class Place:
    """A folder. num_bytes: of the files in it, None when it is not there.   free_bytes: of its disk, None unknown."""

    name: str
    path: Path
    num_bytes: int | None
    is_writable: bool
    free_bytes: int | None


def places(state_dir: str | None = None) -> list[Place]:
    """Data, settings, states, models, temporary files."""
    from platformdirs import user_config_path

    states = Path(state_dir).expanduser() if state_dir else states_folder()
    temporary = Path(tempfile.gettempdir())
    return [
        _place("data", data_folder("adapters").parent, is_measured=False),
        _place("settings", user_config_path("longdoc")),
        _place("states", states),
        _place("models", cache_folder()),
        _place("temporary", temporary, is_measured=False),
    ]


def _place(name: str, path: Path, *, is_measured: bool = True) -> Place:
    there = _nearest(path)
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = None
    num_bytes = _size(path) if is_measured and path.is_dir() else None
    return Place(name, path, num_bytes, os.access(there, os.W_OK), free)


def _nearest(path: Path) -> Path:
    """The folder itself, or the one above it in which it would be made."""
    return next((one for one in (path, *path.parents) if one.exists()), path)


def _size(folder: Path) -> int:
    """Of all files below; links count nothing."""
    total, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif not entry.is_symlink():
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
