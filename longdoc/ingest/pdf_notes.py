"""Footnotes: lines at the foot of a column, of which the first bears a number or a sign.

They are in smaller letters; or as large as the text, when they stand apart from it and it has the mark that calls them.

Knows nothing of where they go then: `lines` puts them behind the paragraph that they would interrupt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.lines import Line, begins_note, ends_sentence
from longdoc.ingest.pdf_store import Packed, PageStore

_SMALLER = 0.94  # of the text's height
HEIGHT_STEP = 0.25  # points, to which heights are rounded when they are counted
_MOST_LINES = 0.75  # of a column
_APART = 1.35  # of the usual drop from line to line
_FEW_LINES = 3
_BEGINS_AS_NOTE = re.compile(rb"\n(?:\[?[0-9]{1,3}[\]).]?\s*[^0-9\s]|[*\xc2\xe2])")  # the signs, in UTF-8, too
_OWN_MARK = re.compile(r"\[?(\d{1,3}|[*†‡§]{1,3})[\].)]?\s*(?=[^\W\d_]|[\"“‘'(])")
_CLOSERS = r"[\"'”’»).,;:!?]{0,3}"
_CLOSE = 1.5  # of the height: lines of one note stand no further apart
_ALIKE = 0.06  # by which the heights of the lines of one note differ


def body_height(lines: Iterable[Line]) -> float:
    """The height of the lines in which most of a text is set."""
    characters = Counter[int]()
    for line in lines:
        if not line.kind:
            characters[round(line.height / HEIGHT_STEP)] += len(line.text)
    return common_height(characters)


def common_height(characters: Counter[int]) -> float:
    """The height that most characters have. characters: their numbers by height, in steps of `HEIGHT_STEP`."""
    return characters.most_common(1)[0][0] * HEIGHT_STEP if characters else 0.0


def find_notes(pages: PageStore, dropped: Mapping[int, Collection[int]], height: float) -> dict[int, set[int]]:
    """The places of the lines of footnotes, by page.

    dropped: places of lines that do not count.   height: of the lines of the text, as `body_height` tells.
    """
    found: dict[int, set[int]] = {}
    unfinished = False  # the last note goes on in the next column or on the next page
    for index in range(len(pages)):
        without = dropped.get(index, ())
        if not unfinished and not _may_have_notes(pages.packed(index), without, height):
            continue
        lines = pages[index]
        body = [place for place, line in enumerate(lines) if not line.kind and place not in without]
        if not body:
            continue
        has_text = any(lines[place].height > _SMALLER * height for place in body)
        text_height = height if has_text else body_height(lines[place] for place in body)
        for column in _columns(body, lines):
            notes = _notes(column, lines, text_height, unfinished) or _notes_of_its_size(column, body, lines)
            if len(notes) > _MOST_LINES * len(body):
                notes = []
            unfinished = bool(notes) and not ends_sentence(lines[notes[-1]].text)
            found.setdefault(index, set()).update(notes)
    return {index: places for index, places in found.items() if places}


def _may_have_notes(page: Packed, without: Collection[int], height: float) -> bool:
    """Whether a line is in smaller letters, or begins as a note does. without: places that do not count."""
    small, heights = _SMALLER * height, page.heights()
    is_any_small = bool(heights) and min(heights) <= small
    if is_any_small and any(own <= small and place not in without for place, own in enumerate(heights)):
        return True
    return _BEGINS_AS_NOTE.search(b"\n" + page.text) is not None


def note_around(lines: Sequence[Line], place: int, dropped: Collection[int]) -> str | None:
    """The first line of the note, or of the item of a list, that the line belongs to, if it ends with a sentence.

    It is made of the lines that stand close above and below each other, but for those at the places `dropped`.
    """
    line = lines[place]
    beside = [
        other
        for rank, other in enumerate(lines)
        if rank == place or (rank not in dropped and other.left < line.right and line.left < other.right)
    ]
    level = sorted(beside, key=lambda other: -other.bottom)
    first = last = level.index(line)
    while first and not begins_note(level[first].text) and _is_close(level[first - 1], level[first]):
        first -= 1
    while last + 1 < len(level) and _is_close(level[last], level[last + 1]):
        last += 1
    begins = begins_note(level[first].text) and ends_sentence(level[last].text)
    return level[first].text if begins else None


def _is_close(above: Line, below: Line) -> bool:
    alike = abs(above.height - below.height) <= _ALIKE * below.height
    return alike and above.bottom - below.bottom <= _CLOSE * below.height


def _columns(body: Sequence[int], lines: Sequence[Line]) -> Iterator[Sequence[int]]:
    """Cut where the next line stands higher than the one before."""
    start = 0
    for rank in range(1, len(body) + 1):
        if (
            rank == len(body)
            or lines[body[rank]].bottom > lines[body[rank - 1]].bottom + 0.5 * lines[body[rank]].height
        ):
            yield body[start:rank]
            start = rank


def _notes(column: Sequence[int], lines: Sequence[Line], text_height: float, unfinished: bool) -> Sequence[int]:
    """The places of the notes at the foot of one column."""
    first = len(column)
    while first and lines[column[first - 1]].height < _SMALLER * text_height:
        first -= 1
    if not unfinished:
        while first < len(column) and not begins_note(lines[column[first]].text):
            first += 1
    return column[first:]


def _notes_of_its_size(column: Sequence[int], body: Sequence[int], lines: Sequence[Line]) -> Sequence[int]:
    """The places of notes at the foot of a column that are as large as its text.

    A gap divides them from it, and each that stands after a gap begins with a mark that a word above bears. body: the
    places of all lines of the page that count.
    """
    drops = [lines[a].bottom - lines[b].bottom for a, b in pairwise(column)]
    if len(drops) < _FEW_LINES:
        return []
    after_gap = [rank for rank, drop in enumerate(drops, start=1) if drop > _APART * median(drops)]
    first = len(column)
    for rank in reversed(after_gap):
        mark = _OWN_MARK.match(lines[column[rank]].text)
        notes = {*column[rank:]}
        if mark is None or not any(_calls(lines[place].text, mark[1]) for place in body if place not in notes):
            break
        first = rank
    return column[first:]


def _calls(text: str, mark: str) -> bool:
    """Whether a word bears the mark, as `pdf_rows` joins what is raised to it."""
    return mark in text and re.search(rf"(?:[^\W\d_]{_CLOSERS}|\[){re.escape(mark)}(?![^\W_])", text) is not None
