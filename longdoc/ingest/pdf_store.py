"""The lines of many pages in little memory: their text, and four numbers a line. What is dropped of them later.

A `Line` as Python keeps it takes ten times its text; of a page that nobody looks at, only the packed form is there.
Knows nothing of PDFs.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import overload

from longdoc.ingest.lines import NOTE, Line

_RECENT_PAGES = 1000  # whose lines are kept as they are: about 20 KB each
_NUMBERS = 4  # left, right, bottom, height


@dataclass(frozen=True, slots=True)
class Packed:
    """The lines of one page. text: one line each.   places: 32-bit floats.   kinds, parts: empty when all are alike."""

    text: str
    places: bytes
    kinds: tuple[str, ...] = ()
    parts: bytes = b""

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Packed:
        places = array("f")
        for line in lines:
            places.extend(line[2:6])
        kinds = tuple([line.kind for line in lines])
        parts = bytes([line.part % 256 for line in lines])
        text = "\n".join([line.text for line in lines])
        return cls(text, places.tobytes(), kinds if any(kinds) else (), parts if any(parts) else b"")

    def lines(self, page: int) -> list[Line]:
        if not self.places:
            return []
        places = array("f", self.places)
        texts = self.text.split("\n")
        kinds = self.kinds or ("",) * len(texts)
        parts = self.parts or bytes(len(texts))
        left, right, bottom, height = (places[number::_NUMBERS] for number in range(_NUMBERS))
        return [*map(Line, texts, repeat(page), left, right, bottom, height, kinds, parts)]

    def add_heights(self, characters: Counter[int], step: float) -> None:
        """Count the characters of running text by the height of their line, in steps of so many points."""
        heights = array("f", self.places)[_NUMBERS - 1 :: _NUMBERS]
        texts = self.text.split("\n") if self.places else []
        for text, height, kind in zip(texts, heights, self.kinds or repeat(""), strict=False):
            if not kind:
                characters[round(height / step)] += len(text)


class _Pages(Sequence[list[Line]]):
    """A sequence of pages that makes the lines of each when it is asked."""

    def page(self, index: int) -> list[Line]:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> list[Line]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[Line]]: ...

    def __getitem__(self, index: int | slice) -> list[Line] | list[list[Line]]:
        if isinstance(index, slice):
            return [self.page(place) for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.page(index % len(self))


@dataclass(slots=True, eq=False)
class PageStore(_Pages):
    """The pages of a document; those that were not put in have no lines. on_look: called for each that is looked at."""

    num_pages: int
    on_look: Callable[[], None] = lambda: None
    packed: dict[int, Packed] = field(default_factory=dict)
    recent: dict[int, list[Line]] = field(default_factory=dict)  # pages that were asked for last

    def put(self, index: int, page: Packed) -> None:
        if page.places:
            self.packed[index] = page

    def characters_by_height(self, step: float) -> Counter[int]:
        """How many characters of running text have which height, in steps of so many points."""
        characters = Counter[int]()
        for index in sorted(self.packed):
            self.packed[index].add_heights(characters, step)
        return characters

    def page(self, index: int) -> list[Line]:
        self.on_look()
        lines = self.recent.get(index)
        if lines is None:
            found = self.packed.get(index)
            lines = found.lines(index) if found else []
            while len(self.recent) >= _RECENT_PAGES:
                self.recent.pop(next(iter(self.recent)))
            self.recent[index] = lines
        return lines

    def __len__(self) -> int:
        return self.num_pages


@dataclass(slots=True, eq=False)
class View(_Pages):
    """Pages without some of their lines. dropped, notes: places of lines to leave out, and of footnotes, by page."""

    pages: Sequence[Sequence[Line]]
    dropped: Mapping[int, Collection[int]] = field(default_factory=dict)
    notes: Mapping[int, Collection[int]] = field(default_factory=dict)

    def page(self, index: int) -> list[Line]:
        without, notes = self.dropped.get(index, ()), self.notes.get(index, ())
        if not notes:
            return [line for place, line in enumerate(self.pages[index]) if place not in without]
        return [
            line._replace(kind=NOTE) if place in notes else line
            for place, line in enumerate(self.pages[index])
            if place not in without
        ]

    def __len__(self) -> int:
        return len(self.pages)
