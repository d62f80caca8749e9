"""A path or standard input to an open, ordinary file: what is no file is refused, and nothing is read without an end.

Pipes and standard input are copied to an anonymous temporary file, so that a worker process can have them. Devices,
folders and sockets are refused. Knows nothing of formats.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from longdoc.core.errors import EmptyInput, InputError, InputNotFound
from longdoc.ingest.parsed import STDIN

_BLOCK_BYTES = 1 << 20
_WITHOUT_WRITER_S = 10.0  # a named pipe that nobody has opened for writing
_LOOK_EVERY_S = 0.05


@contextlib.contextmanager
def open_source(source: str, max_bytes: int) -> Iterator[BinaryIO]:
    """The bytes of the source as a file at its start. It is not empty, and not larger than `max_bytes`.

    Raises InputNotFound, EmptyInput, and InputError when it is too large.
    """
    with contextlib.ExitStack() as files:
        file = files.enter_context(_opened(source, max_bytes))
        num_bytes = os.fstat(file.fileno()).st_size
        if not num_bytes:
            raise _empty(source)
        if num_bytes > max_bytes:
            raise _too_large(source, max_bytes)
        yield file


@contextlib.contextmanager
def _opened(source: str, max_bytes: int) -> Iterator[BinaryIO]:
    if source == STDIN:
        with _copied(source, sys.stdin.buffer, max_bytes) as copy:
            yield copy
        return
    descriptor = _descriptor(source)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise InputNotFound(
                f"{source} is a folder.",
                why="a document is expected here",
                fix=f"longdoc ask {shlex.quote(source)} -q QUESTION  # reads all files below it",
            )
        first = b""
        if stat.S_ISFIFO(kind):
            first = _await_writer(source, descriptor)
        elif not stat.S_ISREG(kind):
            raise InputNotFound(
                f"{source} is a device and no document.",
                why="it may have no end",
                fix="name an ordinary file, or: COMMAND | longdoc summarize -",
            )
        os.set_blocking(descriptor, True)
        with open(descriptor, "rb", closefd=False) as file:
            if stat.S_ISREG(kind) and os.fstat(descriptor).st_size:
                yield file
                return
            with _copied(source, file, max_bytes, first) as copy:  # also files of /proc, whose size nobody knows
                yield copy
    finally:
        os.close(descriptor)


def _descriptor(source: str) -> int:
    try:
        # Without O_NONBLOCK, a named pipe that nobody writes to would hold us here.
        return os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        if Path(source).is_symlink():
            raise InputNotFound(
                f"{source} is a link to nothing.",
                why=f"there is no {Path(source).readlink()}",
                fix=f"rm {shlex.quote(source)}, or put the file back",
            ) from error
        folder = shlex.quote(str(Path(source).parent))
        raise InputNotFound(f"There is no file {source}.", why="no such path", fix=f"ls {folder}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        fix = f"ls -l {shlex.quote(source)}" if isinstance(error, PermissionError) else "name an ordinary file"
        raise InputNotFound(f"{source} cannot be opened.", why=why, fix=fix) from error


def _await_writer(source: str, pipe: int) -> bytes:
    """What came first through the pipe, or nothing when a program holds it open, or did. Raises InputNotFound."""
    hung_up = select.poll()
    hung_up.register(pipe, 0)
    began = time.monotonic()
    while time.monotonic() - began < _WITHOUT_WRITER_S:
        try:
            first = os.read(pipe, _BLOCK_BYTES)
        except BlockingIOError:  # its writer may take its time
            return b""
        if first or hung_up.poll(0):
            return first
        time.sleep(_LOOK_EVERY_S)
    raise InputNotFound(
        f"{source} is a pipe that nobody writes to.",
        why=f"no program opened it for writing within {_WITHOUT_WRITER_S:g} s",
        fix=f"COMMAND > {shlex.quote(source)} &  # before longdoc reads it",
    )


@contextlib.contextmanager
def _copied(source: str, stream: BinaryIO, max_bytes: int, first: bytes = b"") -> Iterator[BinaryIO]:
    """What comes through a stream, in a file that has no name and goes when it is closed."""
    with contextlib.ExitStack() as files:
        try:
            copy = files.enter_context(tempfile.TemporaryFile())
            num_bytes = 0
            while block := first or stream.read(_BLOCK_BYTES):
                first = b""
                num_bytes += len(block)
                if num_bytes > max_bytes:
                    raise _too_large(source, max_bytes)
                copy.write(block)
            copy.flush()
            copy.seek(0)
        except OSError as error:
            what = "Standard input" if source == STDIN else source
            why = f"{error.strerror or error} (it is copied to {tempfile.gettempdir()})"
            raise InputNotFound(f"{what} cannot be read.", why=why, fix="name an ordinary file") from error
        yield cast("BinaryIO", copy)


def _too_large(source: str, max_bytes: int) -> InputError:
    what = "Standard input" if source == STDIN else source
    return InputError(
        f"{what} is too large.",
        why=f"it has more than {max_bytes / 1e6:,.0f} MB",
        fix="split it, or allow more with --max-input-mb",
    )


def _empty(source: str) -> EmptyInput:
    if source == STDIN:
        return EmptyInput(
            "Standard input is empty.", why="it ended before the first byte", fix="check the command before the |"
        )
    return EmptyInput(f"{source} is empty.", why="it has no bytes", fix="name a file that holds something")
