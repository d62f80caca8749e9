"""Who may write the states of a name: one process at a time, by an advisory lock that ends with its process.

The lock is a file `.NAME.lock` beside the states, which is gone when nobody holds it. Where nothing can be locked
everybody may write: states are whole all the same, because they are written under names of their own and renamed.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Claim:
    """The right to write, until it is released. descriptor: of the locked file, None where nothing can be locked."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        self._path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others write. More than once is harmless."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)  # before the lock goes: who waits sees that the file is another one
            os.close(descriptor)


def claim(folder: Path, name: str, *, wait: bool = False) -> Claim | None:
    """The right to write the states of a name. None when another has it and `wait` is False."""
    path = folder / f".{name}.lock"
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return Claim(path)  # nothing can be written there: who saves is told why
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_at(path, descriptor):
                return Claim(path, descriptor)
            os.close(descriptor)  # whoever held it has removed it since
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # this file system knows no locks
            os.close(descriptor)
            return Claim(path)
        except BaseException:  # Ctrl-C while it waits
            os.close(descriptor)
            raise


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
