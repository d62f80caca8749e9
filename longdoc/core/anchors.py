"""Where the text of a document sits in its source: anchors, and very many of them in little memory.

A novel as plain text has an anchor for each of its lines, 170 bytes each as objects and 8 as numbers. So a document
holds them as columns, and makes an `Anchor` when it is asked for one.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self, TypeAlias, overload


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the text from `offset` on (up to the next anchor) sits in the source.

    offset: first character of the span.
    page: 1-based physical page, or None for formats without pages.
    label: the page number as printed ("xii", "A-3"), or None.
    start_s, end_s: seconds from the start, for transcripts only; in a chat, of the day.
    speaker: who speaks, for transcripts that say so.
    source: name of the file, when several files are read as one document.
    line: line of the file, from 1, for plain text and Markdown.
    """

    offset: int
    page: int | None = None
    label: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    speaker: str | None = None
    source: str | None = None
    line: int | None = None

    @property
    def is_nowhere(self) -> bool:
        """Whether it says no place that a reader could look up."""
        return self.page is None and self.label is None and self.start_s is None and self.line is None


_FIELDS = tuple(field.name for field in fields(Anchor))


class Anchors(Sequence[Anchor]):
    """Anchors sorted by offset, a column for each field that any of them has. Equal to a tuple of the same anchors.

    Raises AssertionError for those that are not sorted.
    """

    __slots__ = ("_columns", "offsets")

    def __init__(self, anchors: Iterable[Anchor] = ()) -> None:
        values: dict[str, list[Any]] = {name: [] for name in _FIELDS}
        for anchor in anchors:
            for name, column in values.items():
                column.append(getattr(anchor, name))
        self._pack(values)

    @classmethod
    def of_columns(cls, values: Mapping[str, Sequence[Any]]) -> Self:
        """From the values of each field; a field of which all are None may be missing."""
        packed = cls.__new__(cls)
        packed._pack(values)
        return packed

    def _pack(self, values: Mapping[str, Sequence[Any]]) -> None:
        assert "offset" in values, "every anchor has an offset"
        assert set(values) <= set(_FIELDS), "no other fields"
        self.offsets = _integers(values["offset"])
        assert all(before <= after for before, after in pairwise(self.offsets)), "anchors must be sorted by offset"
        assert all(len(column) == len(self.offsets) for column in values.values()), "every anchor has every field"
        self._columns: dict[str, _Column] = {
            name: _packed(column)
            for name, column in values.items()
            if name != "offset" and any(value is not None for value in column)
        }

    def columns(self) -> dict[str, list[Any]]:
        """The values of each field that any of the anchors has, as `of_columns` takes them."""
        return {name: [*column] for name, column in (("offset", self.offsets), *self._columns.items())}

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Anchor: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Anchor, ...]: ...

    def __getitem__(self, index: int | slice) -> Anchor | tuple[Anchor, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        held: dict[str, Any] = {name: column[index] for name, column in self._columns.items()}
        return Anchor(self.offsets[index], **held)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Anchors | tuple):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


class _Repeated:
    """Values of which many are alike: each is held once, and for every place its number."""

    __slots__ = ("_numbers", "_values")

    def __init__(self, values: Sequence[Hashable]) -> None:
        numbers: dict[tuple[type, Hashable], int] = {}
        self._numbers = _integers([numbers.setdefault((type(value), value), len(numbers)) for value in values])
        self._values = [value for _, value in numbers]

    def __getitem__(self, index: int) -> Any:
        return self._values[self._numbers[index]]

    def __iter__(self) -> Iterator[Any]:
        return (self._values[number] for number in self._numbers)


_Column: TypeAlias = "_Repeated | array[int] | array[float]"


def _packed(values: Sequence[Any]) -> _Column:
    kinds = set(map(type, values))
    if kinds == {int}:
        return _integers(values)
    return array("d", values) if kinds == {float} else _Repeated(values)


def _integers(values: Sequence[int]) -> array[int]:
    """In four bytes each where they fit."""
    try:
        return array("i", values)
    except OverflowError:
        return array("q", values)
