"""What a worker process and its parent say to each other: frames with a length in front, and data without code.

A parser that a hostile file has taken over may send anything: nothing here runs what it receives, as pickle would.
Values are None, bool, int, float, str, bytes, lists, tuples, dicts with str keys, and the frozen data classes of
`core.types`, `core.events`, `core.settings` and `ingest.parsed`. A tuple comes back as a tuple; a tuple of many objects
of one class travels as columns, and so do anchors, which stay packed.

Frame: one byte (its kind), eight bytes (length of the payload, big-endian), the payload.
Payload: eight bytes (length of the JSON), the JSON, and behind it what JSON would be slow with: bytes and long texts.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from longdoc.core import errors, events, settings, types
from longdoc.ingest import parsed

HEADER = struct.Struct(">cQ")
_LENGTH = struct.Struct(">Q")
_LONG_TEXT = 2000  # characters
# To the worker: one SETUP, then any number of JOBs.
SETUP = b"S"
JOB = b"J"
# From the worker: any number of EVENTs, then one of the other three.
EVENT = b"E"
RESULT = b"R"
ERROR = b"X"  # a LongdocError
FAILURE = b"F"  # any other exception, in words

_MODULES = (types, events, settings, parsed)
_MARK = "~"  # no key of ours begins with it
# What unpacking raises when the bytes are none of ours.
_SENSELESS = (
    ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, AssertionError, struct.error
)  # fmt: skip


class GarbageError(ValueError):
    """The bytes are no frame, or no value that a worker of ours sends."""


def frame(kind: bytes, value: Any) -> bytes:
    """A value as it goes through the pipe."""
    return b"".join(pieces(kind, value))


def pieces(kind: bytes, value: Any) -> list[bytes]:
    """The frame of a value in pieces, of which a long text is one: it need not be copied once more."""
    blobs: list[bytes] = []
    text = json.dumps(_plain(value, blobs), separators=(",", ":")).encode("ascii")
    num_bytes = _LENGTH.size + len(text) + sum(map(len, blobs))
    return [HEADER.pack(kind, num_bytes), _LENGTH.pack(len(text)), text, *blobs]


def value_of(payload: bytes) -> Any:
    """The value in a payload. Raises GarbageError."""
    try:
        (length,) = _LENGTH.unpack_from(payload)
        behind = _LENGTH.size + length
        rest = memoryview(payload)[behind:]

        def blob(start: int, end: int) -> memoryview:
            if not 0 <= start <= end <= len(rest):
                raise GarbageError("a text that is not there")
            return rest[start:end]

        return json.loads(payload[_LENGTH.size : behind], object_hook=lambda found: _object(found, blob))
    except _SENSELESS as error:
        raise GarbageError(f"{type(error).__name__}: {error}") from error


def error_fields(error: errors.LongdocError, trace: str | None = None) -> dict[str, Any]:
    """A LongdocError as plain data; a class from elsewhere goes under the nearest name that `core.errors` has."""
    name = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _error_classes())
    return {"class": name, "what": error.what, "why": error.why, "fix": error.fix, "trace": trace}


def error_of(told: Any) -> errors.LongdocError:
    """The error again. trace: where it was raised, shown with -v. Raises GarbageError."""
    try:
        error = _error_classes()[told["class"]](told["what"], why=told["why"], fix=told["fix"])
        if not all(isinstance(said, str | None) for said in (error.what, error.why, error.fix, told["trace"])):
            raise GarbageError("an error without words")
    except (KeyError, TypeError) as problem:
        raise GarbageError(str(problem)) from problem
    if told["trace"]:
        error.add_note(told["trace"])
    return error


@cache
def _error_classes() -> dict[str, type[errors.LongdocError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return {value.__name__: value for value in found if issubclass(value, errors.LongdocError)}


@cache
def _data_classes() -> dict[str, Any]:
    found = [value for module in _MODULES for value in vars(module).values() if isinstance(value, type)]
    return {value.__name__: value for value in found if is_dataclass(value)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields that its constructor takes."""
    return tuple(field.name for field in fields(kind) if field.init)


def _plain(value: Any, blobs: list[bytes]) -> Any:
    """The value as JSON has it; what JSON lacks is an object with one key that begins with the mark."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return {_MARK + "text": _put(value.encode("utf-8", "surrogatepass"), blobs)}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list):
        return [_plain(item, blobs) for item in value]
    if isinstance(value, tuple):
        kinds: set[Any] = {type(item) for item in value}
        if len(kinds) == 1 and (one := next(iter(kinds))) in _data_classes().values():
            columns = [[_plain(cell, blobs) for cell in map(attrgetter(name), value)] for name in _names(one)]
            return {_MARK + "columns": [one.__name__, columns]}
        return {_MARK + "tuple": [_plain(item, blobs) for item in value]}
    if isinstance(value, dict):
        assert all(isinstance(key, str) and not key.startswith(_MARK) for key in value), "keys are plain words"
        return {key: _plain(item, blobs) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return {_MARK + "bytes": _put(bytes(value), blobs)}
    if isinstance(value, types.Anchors):
        return {_MARK + "anchors": value.columns()}
    kind = type(value)
    if _data_classes().get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__name__} does not travel between processes")
    return {_MARK + "data": [kind.__name__, [_plain(getattr(value, name), blobs) for name in _names(kind)]]}


def _put(blob: bytes, blobs: list[bytes]) -> list[int]:
    """Where it will stand behind the JSON."""
    start = sum(map(len, blobs))
    blobs.append(blob)
    return [start, start + len(blob)]


def _object(found: dict[str, Any], blob: Callable[[int, int], memoryview]) -> Any:
    if len(found) != 1:
        return found
    ((mark, content),) = found.items()
    if not mark.startswith(_MARK):
        return found
    if mark == _MARK + "text":
        return str(blob(*content), "utf-8", "surrogatepass")
    if mark == _MARK + "bytes":
        return bytes(blob(*content))
    if mark == _MARK + "tuple":
        return tuple(content)
    if mark == _MARK + "anchors":
        assert isinstance(content, dict), "a list for each field"
        return types.Anchors.of_columns(content)
    kind = _data_classes()[content[0]]
    names = _names(kind)
    if mark == _MARK + "data":
        return kind(**dict(zip(names, content[1], strict=True)))
    if mark == _MARK + "columns":
        assert len(names) == len(content[1]), "as many columns as fields"
        return tuple(kind(**dict(zip(names, row, strict=True))) for row in zip(*content[1], strict=True))
    raise GarbageError(f"unknown mark {mark}")
