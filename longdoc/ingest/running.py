"""Running heads, running feet and page numbers: lines at the edge of a page that neighbouring pages repeat.

Books print the title on even pages and the chapter on odd ones, so a line is compared with the pages
one and two away. Digits are masked; masked numbers must count up with the pages, so that "Chapter I" and
"Chapter II" on two neighbouring pages stay. A head that stands on one page alone, of a short chapter, is known by
its place: the place where most pages have one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from longdoc.ingest.lines import ASIDE, TABLE, Line, ends_sentence
from longdoc.ingest.numerals import roman_value
from longdoc.ingest.pdf_notes import note_around
from longdoc.ingest.pdf_store import PageStore

_EDGE_LINES = 2
_NUMBER = re.compile(r"(?<![^\W_])(?:\d{1,5}|[ivxlcdm]{1,8})(?![^\W_])", re.IGNORECASE)
_CHAPTER = re.compile(r"(?:chapter|part|book|act|scene|section|letter|lecture|canto)\s+\w+\.?", re.IGNORECASE)
_PAGE_OF = re.compile(r"(?:of|/|von|de|sur)\s*\d+", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_SLOT = 3.0  # points: lines whose baselines differ by less stand in one place
_LEAST_IN_SLOT = 4
_MOST_IN_HEAD = 100  # characters
_CLEAR = 1.5  # of the height: a head stands further from the text than this
_OTHER_SIZE = 1.25
_LONGER = 1.5  # than its letters alone may a title be
_REMEMBERED = 512  # lines: each is compared with those of eight pages
_AWAY = (-2, -1, 1, 2)


@dataclass(slots=True)
class Running:
    """What stands at the edges. dropped: places of lines among those of their page.   folios: numbers on them."""

    dropped: dict[int, tuple[int, ...]] = field(default_factory=dict)
    folios: dict[int, tuple[str, ...]] = field(default_factory=dict)


def find_running_lines(pages: PageStore, titles: Mapping[str, set[int]]) -> Running:
    """The running heads, feet and page numbers of all pages.

    titles: title of the book and of its sections -> the indices of the pages where that section begins:
    a line at the edge of any other page that says nothing but this title is a running head.
    """
    by_letters: dict[str, set[int]] = {}
    for title, starts in titles.items():
        if letters(title):
            by_letters.setdefault(letters(title), set()).update(starts)
    edges = lru_cache(maxsize=8)(lambda index: _Edges.of(pages[index]))
    running = Running()
    slots: defaultdict[tuple[int, int], Counter[bool]] = defaultdict(Counter)
    for index in range(len(pages)):
        page = edges(index)
        near = [edges(index + away) for away in _AWAY if 0 <= index + away < len(pages)]
        places = {place for place in page.asides if any(page.lines[place].text in other.aside_texts for other in near)}
        lists_titles: bool | None = None  # a table of contents
        for side in (0, 1):
            others = [other.lines[place] for other in near for place in other.sides[side]]
            for place in page.sides[side]:
                line = page.lines[place]
                where = by_letters.get(letters(line.text))
                if where is not None and lists_titles is None:
                    lists_titles = page.num_titles(by_letters) > 2
                is_title = where is not None and (index in where or bool(lists_titles))
                runs = where is not None or _repeats(page.lines, place, side, others, places)
                runs = runs and not is_title and not (side and _is_note(page, place, near, places))
                if runs:
                    places.add(place)
                for slot in _slots(line.bottom, side):
                    slots[slot][runs] += 1
        if places:
            running.dropped[index] = tuple(sorted(places))
    taken = {slot for slot, seen in slots.items() if seen[True] >= max(_LEAST_IN_SLOT, 2 * seen[False])}
    num_emptied = num_with_lines = 0
    for index in range(len(pages)):
        packed = pages.packed(index)
        dropped = running.dropped.get(index, ())
        if taken and _is_any_in(taken, packed.bottoms(), dropped):
            dropped = _by_place(_Edges.of(pages[index]), index, taken, by_letters, dropped)
        num_with_lines += bool(packed.places)
        if dropped:
            texts = packed.texts()
            running.dropped[index] = dropped
            num_emptied += len(dropped) == len(texts)
            running.folios[index] = tuple([number for place in dropped for number, _ in folios(texts[place])])
    if num_emptied * 2 > num_with_lines:
        return Running()  # cards, slides, labels: what repeats is all there is
    return running


@dataclass(frozen=True, slots=True)
class _Edges:
    """The lines of a page, and the places of the topmost and of the bottommost, wherever they are read."""

    lines: Sequence[Line]
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    asides: tuple[int, ...]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> _Edges:
        level = [place for place, line in enumerate(lines) if line.kind != ASIDE]
        by_height = sorted(level, key=lambda place: -lines[place].bottom)
        sides = (_outermost(lines, by_height), _outermost(lines, by_height[::-1]))
        return cls(lines, sides, tuple(place for place, line in enumerate(lines) if line.kind == ASIDE))

    @property
    def aside_texts(self) -> set[str]:
        return {self.lines[place].text for place in self.asides}

    @property
    def excesses(self) -> set[int]:
        """By how much the numbers at the edges exceed the index of the page."""
        places = [place for side in self.sides for place in side]
        return {value - self.lines[place].page for place in places for _, value in folios(self.lines[place].text)}

    def num_titles(self, by_letters: Mapping[str, set[int]]) -> int:
        longest = _LONGER * max(map(len, by_letters), default=0)
        return sum(len(line.text) <= longest and letters(line.text) in by_letters for line in self.lines)


def _outermost(lines: Sequence[Line], ordered: list[int]) -> tuple[int, ...]:
    """The first lines up to the second distinct height: a number and a title may share one height."""
    taken: list[int] = []
    heights: list[float] = []
    for rank, place in enumerate(ordered[: 2 * _EDGE_LINES]):
        line = lines[place]
        if all(abs(line.bottom - height) > 0.3 * line.height for height in heights):
            heights.append(line.bottom)
        if len(heights) > _EDGE_LINES:
            break
        inner = lines[ordered[rank + 1]] if rank + 1 < len(ordered) else None
        if line.kind == TABLE and inner is not None and inner.kind == TABLE:
            break  # the first row of a table that goes on over pages
        taken.append(place)
    return tuple(taken)


def _slots(bottom: float, side: int) -> list[tuple[int, int]]:
    """Where a line stands, in steps of a few points that overlap."""
    return [(side, int(bottom / _SLOT)), (side, int(bottom / _SLOT + 0.5) + 100_000)]


def _is_any_in(taken: Container[tuple[int, int]], bottoms: Iterable[float], dropped: Collection[int]) -> bool:
    """Whether a line that is not dropped stands in one of the places, on either side of the page."""
    return any(
        slot in taken
        for place, bottom in enumerate(bottoms)
        if place not in dropped
        for side in (0, 1)
        for slot in _slots(bottom, side)
    )


def _by_place(
    page: _Edges,
    index: int,
    taken: Container[tuple[int, int]],
    by_letters: Mapping[str, set[int]],
    dropped: tuple[int, ...],
) -> tuple[int, ...]:
    """The places that are dropped, and those of lines that stand alone where most pages have a running line."""
    places = {*dropped}
    for side in (0, 1):
        for place in page.sides[side]:
            line = page.lines[place]
            if (
                place not in places
                and len(line.text) <= _MOST_IN_HEAD
                and any(slot in taken for slot in _slots(line.bottom, side))
                and index not in by_letters.get(letters(line.text), ())
                and _is_clear(page.lines, place, side, places)
            ):
                places.add(place)
    return tuple(sorted(places)) if len(places) > len(dropped) else dropped


def _repeats(lines: Sequence[Line], place: int, side: int, others: Sequence[Line], dropped: set[int]) -> bool:
    """Whether neighbouring pages have the same line, or a line whose page number counts on from this one's."""
    line = lines[place]
    num_same = len({other.page for other in others if _same(line, other)})
    if num_same > 1:
        return True
    num_counting = 0
    is_head = len(line.text) <= _MOST_IN_HEAD and not ends_sentence(line.text)  # a footnote has a number and an end
    if not num_same and is_head and not _CHAPTER.fullmatch(line.text):
        excesses = {value - line.page for _, value in folios(line.text)}
        if excesses:
            counting = {o.page for o in others for _, value in folios(o.text) if value - o.page in excesses}
            num_counting = len(counting)
    return (num_same == 1 or num_counting > 1) and _is_clear(lines, place, side, dropped)


def _is_note(page: _Edges, place: int, near: Sequence[_Edges], dropped: set[int]) -> bool:
    """Whether a line at the foot is of a footnote: "3 Ibid." stands on many pages, and its number counts on too.

    It is the foot of the page after all when that number, and no other at the edges, counts with the pages.
    """
    first = note_around(page.lines, place, dropped)
    if first is None:
        return False
    counting = {excess: sum(excess in other.excesses for other in near) for excess in page.excesses}
    number = next((value - page.lines[place].page for _, value in folios(first)[:1]), None)
    own = 0 if number is None else counting.pop(number, 0)
    return own == 0 or max(counting.values(), default=0) >= own


def _is_clear(lines: Sequence[Line], place: int, side: int, dropped: set[int]) -> bool:
    """Whether nothing but running lines stands outside of a line, and the text keeps its distance."""
    line = lines[place]
    kept = [other for number, other in enumerate(lines) if number != place and number not in dropped]
    inward = [(line.bottom - other.bottom) * (1 if side == 0 else -1) for other in kept if other.kind != ASIDE]
    level = 0.3 * line.height
    sizes = sorted(other.height for other in kept)
    is_title = bool(sizes) and line.height > 1.15 * sizes[len(sizes) // 2]
    return not is_title and all(abs(drop) < level or drop > _CLEAR * line.height for drop in inward)


@lru_cache(maxsize=_REMEMBERED)
def letters(text: str) -> str:
    """Nothing but the letters, for comparing titles; page numbers in either script do not count."""
    return "".join(_LETTERS.findall(_NUMBER.sub(_keep_words, text))).casefold()


def _keep_words(match: re.Match[str]) -> str:
    return "" if roman_value(match[0]) is not None or match[0].isdigit() else match[0]


@lru_cache(maxsize=_REMEMBERED)
def folios(text: str) -> tuple[tuple[str, int], ...]:
    """Numbers that may be the page's, as printed and their value: at an end of the line, or "7 of 90"."""
    found = []
    for match in _NUMBER.finditer(text):
        around = text[: match.start()].strip(" -–—|[("), text[match.end() :].strip(" -–—|])")
        if all(around) and not _PAGE_OF.fullmatch(around[1]):
            continue
        value = int(match[0]) if match[0].isdigit() else roman_value(match[0])
        if value is not None:
            found.append((match[0], value))
    return tuple(found)


@lru_cache(maxsize=_REMEMBERED)
def _mask(text: str) -> str:
    return _NUMBER.sub(lambda m: "#" if m[0].isdigit() or roman_value(m[0]) is not None else m[0], text).casefold()


def _same(line: Line, other: Line) -> bool:
    if max(line.height, other.height) > _OTHER_SIZE * min(line.height, other.height):
        return False  # a title, and the head that repeats it
    if line.text == other.text:
        return not line.text.isdigit() or len(line.text) > 2
    if _mask(line.text) != _mask(other.text) or _CHAPTER.fullmatch(line.text):
        return False
    away = other.page - line.page
    pairs = zip(folios(line.text), folios(other.text), strict=False)
    return any(theirs - ours == away for (_, ours), (_, theirs) in pairs)
