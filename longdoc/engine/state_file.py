"""A saved state as a file: what its header says, and whether its bytes are those that were written.

One safetensors file. Its metadata hold the format, one JSON text (`StateHeader`), and the SHA-256 of that text and of
all tensors. Knows nothing of torch, so that states can be listed and checked without waiting for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from longdoc.core.errors import StateRefused

FORMAT = "longdoc.state/2"  # raise it when the tensors, the cut into segments or the attention change
_MAX_HEADER_BYTES = 64 << 20  # hostile or damaged files; a summary's notes stand in the header
_BLOCK_BYTES = 1 << 20
_READ_AGAIN = "longdoc states rm {name}, and read the document again"


@dataclass(frozen=True, slots=True)
class StateHeader:
    """What a state file says of itself.

    num_tokens: that went through the model, prompts included.   fingerprint: what must be equal for it to be used.
    about: where it comes from and how far it reaches, for whoever saved it.
    """

    num_tokens: int
    fingerprint: dict[str, Any]
    about: dict[str, Any]

    def text(self) -> str:
        """As it stands in the file: what is no character (of a file's name that is no UTF-8) stays escaped."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor in a file: safetensors' name of its type, its shape, its bytes' place after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def checksum(header_text: str, tensors: Iterable[tuple[str, str, tuple[int, ...], Iterable[Any]]]) -> str:
    """SHA-256 of the header's text and of (name, dtype, shape, blocks of bytes) of each tensor, sorted by name."""
    digest = hashlib.sha256(header_text.encode())
    for name, dtype, shape, blocks in tensors:
        digest.update(f"\n{name} {dtype} {list(shape)}\n".encode())
        for block in blocks:
            digest.update(block)
    return digest.hexdigest()


def read_header(path: Path) -> StateHeader:
    """The header alone. Raises StateRefused for what is no state, is damaged there, or has another format."""
    return _parsed(path)[0]


def check_file(path: Path) -> StateHeader:
    """The header, after every byte was compared with the checksum. Raises StateRefused."""
    header, expected, entries, offset = _parsed(path)
    try:
        with path.open("rb") as stream:

            def blocks(entry: Entry) -> Iterable[bytes]:
                stream.seek(offset + entry.start)
                left = entry.end - entry.start
                while left > 0 and (block := stream.read(min(left, _BLOCK_BYTES))):
                    left -= len(block)
                    yield block

            found = checksum(header.text(), ((e.name, e.dtype, e.shape, blocks(e)) for e in entries))
    except OSError as error:
        raise refused(path, error.strerror or str(error)) from error
    if found != expected:
        raise refused(path, "its checksum does not match: it is damaged")
    return header


def refused(path: Path, why: str) -> StateRefused:
    """The error for a state that cannot be used."""
    name = path.name.removesuffix(".safetensors").removesuffix(".checkpoint")
    return StateRefused(f"The state {name} is not used.", why=why, fix=_READ_AGAIN.format(name=name))


def leftovers(path: Path) -> Iterator[Path]:
    """Temporary files of this state whose process was killed while it wrote."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        number = temporary.name.removesuffix(".tmp").rpartition(".")[2]
        if number.isdigit() and not _is_running(int(number)):
            yield temporary


def _parsed(path: Path) -> tuple[StateHeader, str, list[Entry], int]:
    """Header, checksum, the tensors sorted by name, and where their bytes begin."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length <= _MAX_HEADER_BYTES:
                raise ValueError("no header")
            raw = json.loads(stream.read(length))
            data_bytes = os.fstat(stream.fileno()).st_size - 8 - length
        metadata = raw.pop("__metadata__")
        if metadata["format"] != FORMAT:
            raise refused(path, f"its format is {str(metadata['format'])[:40]}, and this longdoc's is {FORMAT}")
        header = StateHeader(**json.loads(metadata["header"]))
        entries = [
            Entry(name, entry["dtype"], tuple(entry["shape"]), *entry["data_offsets"])
            for name, entry in sorted(raw.items())
        ]
        if not all(0 <= entry.start <= entry.end for entry in entries):
            raise ValueError("no place of bytes")
        if data_bytes != max((entry.end for entry in entries), default=0):
            raise ValueError("cut off")
        return header, metadata["checksum"], entries, 8 + length
    except OSError as error:
        raise refused(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise refused(path, "it is damaged, or no state") from error


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
