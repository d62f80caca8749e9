"""Printed lines to paragraphs, by where they stand on the page. The lines of a page come in reading order.

Knows no format: the units of the measures are points in a PDF, characters elsewhere; every decision
compares a line with its own neighbours, so the unit does not matter.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_ENDS = frozenset(".!?:;…。！？")
_CLOSERS = "\"'”’»)]0123456789"
_BULLET = re.compile(r"(?:\[[x ]\](?=\s)|[•◦▪‣●○■□➢✓∙·]|[-–*](?=\s)|\(?[0-9a-z]{1,3}[.)](?=\s\S))\s*")
_SPEAKER = re.compile(r"[A-Z][A-Z.’'-]*[A-Z](?: [A-Z][A-Z.’'-]*){0,3}: ")  # in minutes of a court or a parliament
# A line of a table of contents: leaders, or a number after a word without a mark between them.
_ENTRY = re.compile(r"(?:\. ?){4,}\d*$|[^\W\d_] +(?:\d{1,4}|[ivxlc]+)$")
_NOTE_MARK = re.compile(
    r"(?:(?P<number>\d{1,3})(?!\d)|\[\d{1,3}\]|\(\d{1,3}\)|[*†‡§¶#]{1,3}|[a-z](?=[.)] )|[ivx]{1,5}(?=[.)] ))[.):]?\s*\S"
)
_TAIL = 24  # characters, at the end of a line, that tell how it ends
_MOST_FLOAT_PAGES = 2  # between two halves of a paragraph
_ENTRY_ENDS = frozenset("0123456789ivxlc. ")
_FEW_LINES = 5
_WIDE_GAP = 1.35  # in line pitches
_OTHER_SIZE = 1.15
_REACHED = 0.93  # of the lines end left of what counts as the right edge
_GENEROUS = 1.15  # words are wider than the mean of their line says
_SHORT = 0.12  # of the column's width
_FAR_INSIDE = 0.3
_RIGHT_TO_LEFT = "\u0590"  # Hebrew and Arabic, and what comes after them


TABLE = "table"  # a row of a table: it stays a line
NOTE = "note"  # of a footnote
ASIDE = "aside"  # does not lie level with the rest of its page


class Line(NamedTuple):
    """One printed line.

    page: index of its page.   left, right: its ends.   bottom: grows upwards.   height: of its letters.
    kind: "" for ordinary lines, or one of those above.   part: of the page, as columns divide it.
    """

    text: str
    page: int
    left: float
    right: float
    bottom: float
    height: float
    kind: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    """What the lines of one column have in common."""

    lines: tuple[Line, ...]
    margin: float
    edge: float
    pitch: float

    @property
    def width(self) -> float:
        return max(self.edge - self.margin, 1e-6)


@dataclass(slots=True)
class Paragraph:
    """keeps_lines: verse, whose line ends mean something."""

    lines: list[Line]
    keeps_lines: bool = False


def paragraphs(pages: Sequence[Sequence[Line]]) -> Iterator[Paragraph]:
    """The lines of each paragraph, in reading order; a paragraph may go over columns and pages.

    Footnotes, tables and what stands aside come after the paragraph that they would interrupt.
    """
    measures = _Measures()
    indents = _uses_indents(column for column, _ in _columns(pages, measures.keep))
    current: Paragraph | None = None
    floats = _Floats()
    previous: tuple[Line, _Column] | None = None
    for column, between in _columns(pages, measures.again):
        for index, line in enumerate(column.lines):
            over = between.get(index, ())
            floats.wait(over)
            divided = index > 0 and any(other.kind == TABLE for other in over)
            if previous is None or divided or _breaks(*previous, line, column, is_first=index == 0, indents=indents):
                verse = previous is not None and index > 0 and _is_verse(previous[0], line, column)
                if verse and current is not None and len(current.lines) == 1:
                    current.keeps_lines = True
                if not verse or current is None or not current.keeps_lines:
                    if current is not None:
                        yield current
                    yield from floats.leave()
                    current = Paragraph([])
            assert current is not None
            current.lines.append(line)
            previous = (line, column)
        floats.wait(between.get(len(column.lines), ()))
        if floats.num_pages > _MOST_FLOAT_PAGES:
            if current is not None:
                yield current
            yield from floats.leave()
            current = previous = None
    if current is not None:
        yield current
    yield from floats.leave(at_end=True)


class _Floats:
    """Lines outside of the running text, until the paragraph that they interrupt has ended."""

    def __init__(self) -> None:
        self.waiting: list[Paragraph] = []
        self.held: Paragraph | None = None  # a footnote that may go on on the next page

    @property
    def num_pages(self) -> int:
        return len({paragraph.lines[-1].page for paragraph in self.waiting})

    def wait(self, lines: Iterable[Line]) -> None:
        for line in lines:
            last = next((p for p in reversed(self.waiting) if p.lines[-1].kind == line.kind), None)
            if line.kind == NOTE:
                joins = last is not None and not follows_note(last.lines[0].text, line.text)
            elif line.kind == TABLE:
                joins = last is not None and last is self.waiting[-1]
            else:
                joins = last is not None and last.lines[-1].page == line.page
            if joins and last is not None:
                last.lines.append(line)
            else:
                self.waiting.append(Paragraph([line], keeps_lines=line.kind == TABLE))

    def leave(self, *, at_end: bool = False) -> Iterator[Paragraph]:
        last = self.waiting[-1] if self.waiting else None
        goes_on = last is not None and last.lines[0].kind == NOTE and not ends_sentence(last.lines[-1].text)
        keeps = goes_on and not at_end and last is not self.held
        yield from self.waiting[:-1] if keeps else self.waiting
        self.held = last if keeps else None
        self.waiting = [last] if keeps and last is not None else []


def begins_note(text: str) -> bool:
    """Whether a line begins with what calls a footnote: a number or a sign."""
    return bool(_NOTE_MARK.match(text))


def follows_note(above: str, text: str) -> bool:
    """Whether a line begins the note that comes after the one that begins with `above`: numbers count up."""
    before, this = _NOTE_MARK.match(above), _NOTE_MARK.match(text)
    if before and this and before["number"] and this["number"]:
        return int(this["number"]) in (int(before["number"]) + 1, 1)
    return this is not None


def ends_sentence(text: str) -> bool:
    """Whether a mark that ends sentences stands at the end, before closing quotes and numbers of notes."""
    return text.rstrip(_CLOSERS)[-1:] in _ENDS


def _columns(
    pages: Sequence[Sequence[Line]], measured: Callable[[tuple[Line, ...]], _Column]
) -> Iterator[tuple[_Column, dict[int, list[Line]]]]:
    """Pages cut where the next line stands higher than the one before, and what stands between the lines of each.

    The second is keyed by the number of lines before it. A page without running text is a column without lines.
    """
    for page_lines in pages:
        start = 0
        body: list[Line] = []
        between: dict[int, list[Line]] = {}
        for line in page_lines:
            if line.kind:
                between.setdefault(len(body), []).append(line)
            else:
                body.append(line)
        if not body and between:
            yield _Column((), 0.0, 0.0, 1.0), between
        for index in range(1, len(body) + 1):
            at_end = index == len(body)
            if at_end or begins_column(body[index - 1], body[index]):
                column = measured(tuple(body[start:index]))
                last = index if at_end else index - 1
                yield column, {place - start: between[place] for place in range(start, last + 1) if place in between}
                start = index


class _Measures:
    """The measures of columns in the order of the pages, for who looks at all columns once more."""

    def __init__(self) -> None:
        self.numbers = array("d")  # margin, edge and pitch of each
        self.num_taken = 0
        self.full: dict[int, _Column] = {}  # the last long column on odd and on even pages

    def keep(self, lines: tuple[Line, ...]) -> _Column:
        column = _measure(lines)
        parity = lines[0].page % 2
        if len(lines) >= _FEW_LINES:
            self.full[parity] = column
        elif self.full:
            column = _borrow(column, self.full.get(parity) or next(iter(self.full.values())))
        self.numbers.extend((column.margin, column.edge, column.pitch))
        return column

    def again(self, lines: tuple[Line, ...]) -> _Column:
        first = self.num_taken
        self.num_taken += 3
        return _Column(lines, *self.numbers[first : self.num_taken])


def begins_column(above: Line, line: Line) -> bool:
    """Whether a line stands in another column than the one before it: higher, or in another part of the page."""
    return line.part != above.part or line.bottom > above.bottom + 0.5 * line.height


def _measure(lines: tuple[Line, ...]) -> _Column:
    lefts = Counter(round(line.left / 3) for line in lines)
    enough = max(2, 0.15 * len(lines))
    common = [bucket for bucket, count in lefts.items() if count >= enough]
    bucket = min(common) if common else min(lefts)
    margin = min(line.left for line in lines if round(line.left / 3) == bucket)
    gaps = [above.bottom - below.bottom for above, below in pairwise(lines)]
    gaps = [gap for gap in gaps if gap > 0]
    pitch = median(gaps) if gaps else 1.3 * median(line.height for line in lines)
    # A title that reaches over the column does not make it wider.
    rights = sorted(line.right for line in lines)
    return _Column(lines, margin, rights[math.ceil(_REACHED * len(rights)) - 1], pitch)


def _borrow(column: _Column, full: _Column) -> _Column:
    """A short column is measured by a long one that stands at about the same place."""
    if column.margin < full.margin - 3 or column.edge > full.edge + 3 or column.margin > full.margin + full.width / 2:
        return column
    return _Column(column.lines, full.margin, full.edge, full.pitch)


def _uses_indents(columns: Iterable[_Column]) -> bool:
    """Whether paragraphs begin with an indented line: some lines do, and fewer than not."""
    indented = plain = 0
    for column in columns:
        if len(column.lines) >= _FEW_LINES:
            for line in column.lines:
                if _is_indented(line, column):
                    indented += 1
                elif line.left < column.margin + 0.3 * line.height:
                    plain += 1
    return indented * 40 > plain and plain > 0


def _is_indented(line: Line, column: _Column) -> bool:
    return 0.6 * line.height < line.left - column.margin < 5 * line.height


def _is_short(line: Line, column: _Column, following: Line | None = None) -> bool:
    """Whether a line ends early. following: the next line, whose first word would have had room in this one."""
    room = column.edge - line.right
    if following is not None:
        word = len(following.text.partition(" ")[0]) + 1
        if _GENEROUS * word * (following.right - following.left) / max(len(following.text), 1) > room:
            return False
    return room > _SHORT * column.width


def _is_centred(line: Line, column: _Column) -> bool:
    left, right = line.left - column.margin, column.edge - line.right
    return min(left, right) > 2 * line.height and abs(left - right) < 0.1 * column.width


def _is_far_inside(above: Line, line: Line, column: _Column) -> bool:
    """Whether a line begins far inside of its column and the next one does not: a stage direction, a date."""
    is_left_to_right = line.text < _RIGHT_TO_LEFT
    return is_left_to_right and above.left - max(line.left, column.margin) > _FAR_INSIDE * column.width


def _is_verse(above: Line, line: Line, column: _Column) -> bool:
    """The next line of a poem: as far in as the one above, no sentence ends between them."""
    return (
        abs(above.left - line.left) < 0.2 * line.height
        and line.left - column.margin > 0.8 * line.height
        and above.bottom - line.bottom < _WIDE_GAP * max(column.pitch, 0.9 * line.height)
        and not _is_centred(line, column)
        and not _BULLET.match(line.text)
        and not ends_sentence(above.text)
    )


def _breaks(above: Line, above_column: _Column, line: Line, column: _Column, *, is_first: bool, indents: bool) -> bool:
    """Whether a paragraph begins at `line`. is_first: it is the first line of its column."""
    sizes = max(above.height, line.height) / max(min(above.height, line.height), 1e-6)
    ended = ends_sentence(above.text)
    if sizes > _OTHER_SIZE and (ended or _is_short(above, above_column) or sizes > 1.4):
        return True
    # Most lines begin at the margin: they are not asked.
    if line.left - column.margin > 2 * line.height or above.left - above_column.margin > 2 * above.height:
        was_centred = _is_centred(above, above_column)
        if _is_centred(line, column) != was_centred and (ended or was_centred):
            return True
    if not is_first and above.bottom - line.bottom > _WIDE_GAP * max(column.pitch, 0.9 * line.height):
        return True
    if _BULLET.match(line.text) and (ended or _is_short(above, above_column) or _BULLET.match(above.text)):
        return True
    if line.text[-1] in _ENTRY_ENDS and _ENTRY.search(above.text[-_TAIL:]) and _ENTRY.search(line.text[-_TAIL:]):
        return True
    if ended and not is_first and not line.text[:1].islower() and _is_far_inside(above, line, column):
        return True
    if ended and _SPEAKER.match(line.text):
        return True
    if _is_short(above, above_column, line) and (ended or not line.text[:1].islower()):
        return not above.text.endswith(("-", "\N{HYPHEN}", ","))
    if indents:
        return ended and _is_indented(line, column) and (is_first or line.left - above.left > -0.3 * line.height)
    return is_first and ended
