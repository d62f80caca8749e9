"""Frozen data as JSON and back, exactly: dataclasses, tuples, dictionaries, texts, numbers, None.

The types say how it is read back: `tuple[X, ...]`, `X | None` and dataclasses are what they were; a list inside of a
`dict[str, Any]` stays a list. Knows nothing of what the data means; for files of longdoc's own, not for strangers'.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Data = TypeVar("Data")


def to_text(data: Any) -> str:
    """One line of JSON, in ASCII: names of files may be no UTF-8. NaN and infinity are there under these names."""
    return json.dumps(asdict(data))


def from_text(kind: type[Data], text: str) -> Data:
    """What `to_text` was given. Raises ValueError for a text that is not of this kind."""
    try:
        made = _read(kind, json.loads(text))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {kind.__name__}: {error}") from error
    assert isinstance(made, kind)
    return made


def _read(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _read(hints[name], item) for name, item in value.items()})
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(_read(inner[0], item) for item in value)
    if origin in {Union, UnionType}:
        (known,) = [each for each in inner if each is not NoneType]
        return None if value is None else _read(known, value)
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
