"""Where results go: standard output, or a file that is there whole or not at all. Knows nothing of their form.

A file is written under a temporary name beside its target, flushed to the disk and renamed, so an
existing file survives whatever goes wrong, Ctrl-C too: what there is by then goes beside it. The temporary
file is opened *first*: a folder that cannot be written to is an error before ten minutes of reading, not after.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Protocol

from longdoc.core.errors import OutputError
from longdoc.core.paths import sync_folder


class StdoutClosedError(Exception):
    """Whoever read our standard output has closed it (`longdoc ... | head -1`): stop, without a complaint."""


class Sink(Protocol):
    """Takes text. `keep` says that what was written is worth having, `finish` that nothing follows.

    `set_aside` is `finish` for what an interruption left: no file that is there is replaced. -> the file that has it.
    """

    is_terminal: bool

    def write(self, text: str) -> None: ...

    def keep(self) -> None: ...

    def finish(self) -> None: ...

    def set_aside(self) -> Path | None: ...


class _Stdout:
    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()

    def write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            drop_stdout()
            raise StdoutClosedError from error
        except OSError as error:
            drop_stdout()
            raise OutputError("Standard output cannot be written.", why=error.strerror) from error

    def keep(self) -> None:
        """Nothing to do: it is out."""

    def finish(self) -> None:
        """Nothing to do: it is out."""

    def set_aside(self) -> Path | None:
        """Nothing to do: it is out."""
        return None


def drop_stdout() -> None:
    """Point standard output at nothing, or the interpreter complains once more when it flushes at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class _File:
    """temporary: what `path` is replaced with; None for a device or a pipe, which is written to as it is."""

    def __init__(self, stream: IO[str], path: Path, temporary: Path | None = None) -> None:
        self.is_terminal = False
        self.is_kept = False
        self._stream = stream
        self._path = path
        self._temporary = temporary

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def keep(self) -> None:
        self.is_kept = True

    def finish(self) -> None:
        """Put what was written in its place, once. An exception that follows takes nothing back."""
        self._put(self._path)

    def set_aside(self) -> Path | None:
        """Put it in its place when no file is there, else beside that one; -> where, None for a device."""
        if self._temporary is None:
            self.finish()
            return None
        target = self._path if not os.path.lexists(self._path) else _beside(self._path)
        self._put(target)
        return target

    def _put(self, target: Path) -> None:
        with _opening(target):
            self._stream.flush()
            if self._temporary is not None:
                os.fsync(self._stream.fileno())
                self._temporary.replace(target)
                sync_folder(target.parent)
                self._temporary = None


def _beside(path: Path) -> Path:
    """`big.partial.md` for `big.md`; with a number where that is taken: it may be a source, or worth keeping."""
    for number in count(1):
        there = path.with_name(f"{path.stem}.partial{f'-{number}' if number > 1 else ''}{path.suffix}")
        if not os.path.lexists(there):
            break
    return there


@contextmanager
def open_sink(name: str | None) -> Iterator[Sink]:
    """Standard output for None and "-", else the file `name`.

    The file is replaced when the block ends without an exception after `keep()`, or by `finish()` inside it;
    otherwise it stays as it was. After `set_aside()` the block ends with an exception: nothing more is put anywhere.
    """
    if name is None or name == "-":
        yield _Stdout()
        return
    path = Path(name)
    if path.exists() and not path.is_file() and not path.is_dir():  # a device or a pipe: nothing to rename
        with _opening(path):
            stream = path.open("w", encoding="utf-8", errors="replace")
        with _closing(stream):
            device = _File(stream, path)
            yield device
            device.finish()
        return
    yield from _replaced(path.resolve())


def _replaced(path: Path) -> Iterator[Sink]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _opening(path):
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        with _closing(os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")) as stream:
            if path.exists():
                with _opening(path):
                    os.fchmod(descriptor, path.stat().st_mode & 0o777)
            sink = _File(stream, path, temporary)
            yield sink
            if sink.is_kept:
                sink.finish()
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _closing(stream: IO[str]) -> Iterator[IO[str]]:
    """Close it at the end. That a full disk does not take the rest has been told by then, or nobody wants the rest."""
    try:
        yield stream
    finally:
        with suppress(OSError):
            stream.close()


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    lacks_folder = isinstance(error, FileNotFoundError) and not path.parent.exists()
    fix = f"mkdir -p {shlex.quote(str(path.parent))}" if lacks_folder else "choose another file with -o"
    return OutputError(f"{path} cannot be written.", why=error.strerror or str(error), fix=fix)
