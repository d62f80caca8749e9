"""Where files lie: the package's own data (in the wheel under `longdoc/_data`, in a checkout at the top level), and
the user's reading states.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """The folder `adapters` or `prompts`, from an installed wheel or an editable checkout."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def states_folder() -> Path:
    """Where reading states are kept unless the user names another place; it need not be there yet."""
    from platformdirs import user_state_path

    return user_state_path("longdoc") / "states"


def sync_folder(folder: Path) -> None:
    """Let a rename in this folder reach the disk; not every file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
