"""The lines of many pages in little memory: text as bytes, and four numbers a line. What is dropped of them later.

A `Line` as Python keeps it takes ten times its text; of a page that nobody looks at, only the packed form is there.
Knows nothing of PDFs.
"""

from __future__ import annotations

import mmap
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import overload

from longdoc.ingest.lines import ASIDE, NOTE, TABLE, Line

_RECENT_PAGES = 8  # whose lines are kept as they are: neighbours are compared
_NUMBERS = 4  # left, right, bottom, height
_KINDS = ("", TABLE, NOTE, ASIDE)
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """The lines of one page.

    text: one line each, in UTF-8.   places: 32-bit floats.   kinds, parts: a byte a line; empty when all are 0.
    """

    text: bytes
    places: bytes
    kinds: bytes = b""
    parts: bytes = b""

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Packed:
        places = array("f")
        for line in lines:
            places.extend(line[2:6])
        kinds = bytes([_KINDS.index(line.kind) for line in lines])
        parts = bytes([line.part % 256 for line in lines])
        text = "\n".join([line.text for line in lines]).encode("utf-8", "surrogatepass")
        return cls(text, places.tobytes(), kinds if any(kinds) else b"", parts if any(parts) else b"")

    def lines(self, page: int) -> list[Line]:
        if not self.places:
            return []
        places = array("f", self.places)
        kinds: Iterable[str] = [_KINDS[code] for code in self.kinds] or repeat("")
        parts: Iterable[int] = self.parts or repeat(0)
        left, right, bottom, height = (places[number::_NUMBERS] for number in range(_NUMBERS))
        columns = zip(self.texts(), repeat(page), left, right, bottom, height, kinds, parts, strict=False)
        return [*map(tuple.__new__, repeat(Line), columns)]  # as `Line._make` does, without a call for each

    def texts(self, without: str = "") -> list[str]:
        """The text of each line. without: what is taken out of them."""
        text = self.text.decode("utf-8", "surrogatepass")
        return (text.replace(without, "") if without else text).split("\n") if self.places else []

    def bottoms(self) -> array[float]:
        return array("f", self.places)[_NUMBERS - 2 :: _NUMBERS]

    def heights(self) -> array[float]:
        return array("f", self.places)[_NUMBERS - 1 :: _NUMBERS]

    def add_heights(self, characters: Counter[int], step: float) -> None:
        """Count the characters of running text by the height of their line, in steps of so many points."""
        for text, height, kind in zip(self.texts(), self.heights(), self.kinds or repeat(0), strict=False):
            if not kind:
                characters[round(height / step)] += len(text)


class _Bytes:
    """Very many bytes in blocks of their own, which the system takes back at once when they are closed."""

    def __init__(self) -> None:
        self.blocks: list[mmap.mmap] = []
        self.num_free = 0  # of the last block

    def add(self, data: bytes) -> tuple[int, int]:
        """-> the number of the block, and where in it the data begins."""
        if len(data) > self.num_free:
            self.num_free = max(_BLOCK_BYTES, len(data))
            self.blocks.append(mmap.mmap(-1, self.num_free, access=mmap.ACCESS_COPY))
        block = self.blocks[-1]
        start = len(block) - self.num_free
        block[start : start + len(data)] = data
        self.num_free -= len(data)
        return len(self.blocks) - 1, start

    def close(self) -> None:
        for block in self.blocks:
            block.close()
        self.blocks, self.num_free = [], 0


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


class PageStore(_Pages):
    """The pages of a document; those that were not put in have no lines. on_look: called for each that is looked at."""

    def __init__(self, num_pages: int, on_look: Callable[[], None] = lambda: None) -> None:
        self.num_pages = num_pages
        self.on_look = on_look
        self._bytes = _Bytes()
        # By page: the block, where its text begins in it, how long that is, and how many lines it has.
        self._block, self._start, self._length, self._num_lines = (array("I", bytes(4 * num_pages)) for _ in range(4))
        self._odd: dict[int, tuple[bytes, bytes]] = {}  # kinds and parts
        self._recent: dict[int, list[Line]] = {}  # pages that were asked for last

    @property
    def is_empty(self) -> bool:
        return not any(self._num_lines)

    def put(self, index: int, page: Packed) -> None:
        """Keep the lines of a page, once."""
        if page.places:
            self._block[index], self._start[index] = self._bytes.add(page.text + page.places)
            self._length[index], self._num_lines[index] = len(page.text), len(page.places) // (4 * _NUMBERS)
            if page.kinds or page.parts:
                self._odd[index] = page.kinds, page.parts

    def packed(self, index: int) -> Packed:
        if not self._num_lines[index]:
            return Packed(b"", b"")
        block, start = self._bytes.blocks[self._block[index]], self._start[index]
        middle = start + self._length[index]
        end = middle + 4 * _NUMBERS * self._num_lines[index]
        return Packed(block[start:middle], block[middle:end], *self._odd.get(index, (b"", b"")))

    def characters_by_height(self, step: float) -> Counter[int]:
        """How many characters of running text have which height, in steps of so many points."""
        characters = Counter[int]()
        for index in range(self.num_pages):
            self.packed(index).add_heights(characters, step)
        return characters

    def taller_lines(self, height: float) -> list[Line]:
        """The lines that are taller than that, of all pages."""
        found: list[Line] = []
        for index in range(self.num_pages):
            if max(self.packed(index).heights(), default=0.0) > height:
                found += [line for line in self.page(index) if line.height > height]
        return found

    def page(self, index: int) -> list[Line]:
        self.on_look()
        lines = self._recent.get(index)
        if lines is None:
            lines = self.packed(index).lines(index)
            while len(self._recent) >= _RECENT_PAGES:
                self._recent.pop(next(iter(self._recent)))
            self._recent[index] = lines
        return lines

    def close(self) -> None:
        """Give the memory back; the pages are gone."""
        self._bytes.close()
        self._odd, self._recent = {}, {}
        self._num_lines = array("I", bytes(4 * self.num_pages))

    def __len__(self) -> int:
        return self.num_pages


@dataclass(slots=True, eq=False)
class View(_Pages):
    """Pages without some of their lines. dropped, notes: places of lines to leave out, and of footnotes, by page."""

    pages: PageStore
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

    def texts(self, without: str = "") -> Iterator[str]:
        """The text of each line of all pages. without: what is taken out of them."""
        for index in range(len(self)):
            dropped = self.dropped.get(index, ())
            texts = self.pages.packed(index).texts(without)
            yield from [text for place, text in enumerate(texts) if place not in dropped] if dropped else texts

    def __len__(self) -> int:
        return len(self.pages)
