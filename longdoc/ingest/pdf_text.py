"""Runs of text on a PDF page with their places, as pdfium finds them: the raw material of the layout.

A run is what stands on one line without a wide gap. Coordinates are turned so that the text of a run lies level:
a page that is drawn sideways reads like any other. Knows nothing of reading order, columns or tables.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from longdoc.ingest.clean import PDFIUM_HYPHEN, SOFT_HYPHEN, normalise, squeeze

LARGE = 1.8  # times the height of the text: an initial
_LONG = 12  # characters
WIDE_GAP = 0.8  # of a line's height: wider is no space between two words, as a rule
_LINE_END = re.compile("[\r\n\x02\ufffe]+")
_HYPHENS = (PDFIUM_HYPHEN, "\x02")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_WORD_GAP = 0.13  # of the height
_ONE_BY_ONE = 0.6  # rectangles for each character: the glyphs are put one by one
_OTHER_LINE = 0.6  # of the height, up or down: no raised number is so far off
# A word of such letters, without the digits of Arabic, which go from left to right.
_RIGHT_TO_LEFT_WORD = re.compile("(?:(?![\u0660-\u0669\u06f0-\u06f9])[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]){2,}")
_OUTSIDE = 2.0  # points that the middle of a line may lie outside of the crop box
_SKEW = math.radians(3)
# What is not among these may have to be normalised or read from the right: composed letters of Latin scripts, marks,
# and what ends lines.
_UNUSUAL = re.compile("[^ -~\r\n\x02\ufffe\xa1-\xac\xae-\u024f\u2010-\u2014\u2018-\u201e\u2020-\u2022\u2026\u20ac]")


class Run(NamedTuple):
    """A piece of one line.

    left, right: its ends.   bottom: its baseline; grows upwards.   height: from its font's descent to its ascent.
    angle: the direction of its text, in degrees; 0 is level.   order: its place in the content of the page.
    """

    text: str
    left: float
    right: float
    bottom: float
    height: float
    angle: int
    order: int


class _Glyphs:
    """The characters of a pdfium text page: their text and their boxes."""

    def __init__(self, raw: Any) -> None:
        import pypdfium2.raw as pdfium_c

        self.raw = raw
        self.pdfium = pdfium_c
        self.box_values = pdfium_c.FS_RECTF()
        self.box_pointer = ctypes.byref(self.box_values)
        self.x, self.y = ctypes.c_double(), ctypes.c_double()
        self.x_pointer, self.y_pointer = ctypes.byref(self.x), ctypes.byref(self.y)
        self.num_rects = 0  # of the line that `has_gaps` was last asked of
        self.text = self._text(pdfium_c.FPDFText_CountChars(raw))

    def _text(self, num_characters: int) -> str:
        """One character for each of pdfium's, so that offsets in the text are pdfium's indices."""
        if num_characters <= 0:
            return ""
        buffer = (ctypes.c_ushort * (num_characters + 1))()
        self.pdfium.FPDFText_GetText(self.raw, 0, num_characters, buffer)
        text = str(memoryview(buffer).cast("B")[: 2 * num_characters], "utf-16-le", "surrogatepass")
        text = text.partition("\0")[0]
        if len(text) == num_characters:
            return text
        codes = (self.pdfium.FPDFText_GetUnicode(self.raw, index) for index in range(num_characters))
        return "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)

    def box(self, index: int) -> tuple[float, float, float, float] | None:
        """(left, bottom, right, top) by the measures of the font, not of the ink."""
        if not self.pdfium.FPDFText_GetLooseCharBox(self.raw, index, self.box_pointer):
            return None
        values = self.box_values
        return values.left, values.bottom, values.right, values.top

    def origin(self, index: int) -> tuple[float, float] | None:
        """Where the character stands on its baseline."""
        if not self.pdfium.FPDFText_GetCharOrigin(self.raw, index, self.x_pointer, self.y_pointer):
            return None
        return self.x.value, self.y.value

    def angle(self, index: int) -> float:
        """The direction of the text, counter-clockwise; pdfium counts the other way."""
        angle = float(self.pdfium.FPDFText_GetCharAngle(self.raw, index))
        return 2 * math.pi - angle if angle > 0.0 else 0.0

    def is_turned(self, index: int) -> bool:
        """Whether the text does not lie level."""
        return float(self.pdfium.FPDFText_GetCharAngle(self.raw, index)) > 0.0

    def has_gaps(self, first: int, last: int) -> bool:
        """Whether spaces between `first` and `last` may be wider than the font's own: they were not written."""
        self.num_rects = self.pdfium.FPDFText_CountRects(self.raw, first, last - first + 1)
        if self.num_rects > 1:
            return True
        place = self.text.find(" ", first + 1, last)
        return place > 0 and bool(self.pdfium.FPDFText_IsGenerated(self.raw, place))


def runs_of(text_page: Any, crop: tuple[float, float, float, float] | None = None) -> list[Run]:
    """The runs of a page in the order of its content.

    text_page: pdfium's FPDF_TEXTPAGE.   crop: (left, bottom, right, top) of what a viewer shows, or None.
    """
    glyphs = _Glyphs(text_page)
    text = glyphs.text
    is_usual = _UNUSUAL.search(text) is None
    found: list[Run] = []
    start = 0
    while start < len(text):
        match = _LINE_END.search(text, start)
        end = match.start() if match else len(text)
        broken = match is not None and match[0].startswith(_HYPHENS)
        if not (is_usual and _plain_line(glyphs, start, end, broken, crop, found)):
            _line(glyphs, start, end, broken, crop, found)
        start = match.end() if match else end
    return found


def num_signs_without_letters(text_page: Any) -> int:
    """How many signs of a page stand for no character: control codes, which the text leaves out."""
    return sum(character < " " and character not in "\t\n\r\x02" for character in _Glyphs(text_page).text)


def _plain_line(
    glyphs: _Glyphs,
    start: int,
    end: int,
    broken: bool,
    crop: tuple[float, float, float, float] | None,
    found: list[Run],
) -> bool:
    """What `_line` does, for a level line of usual characters without gaps: one run. False for any other line.

    Most lines of most books are such. It asks pdfium as little as it can, and makes nothing that it does not keep.
    """
    piece = glyphs.text[start:end]
    stripped = piece.strip()
    if not stripped:
        return True
    if "  " in stripped:
        return False
    first = start + piece.index(stripped[0])
    last = first + len(stripped) - 1
    if glyphs.has_gaps(first, last) or glyphs.is_turned(first):
        return False
    before, after, origin = glyphs.box(first), glyphs.box(last), glyphs.origin(first)
    if before is None or after is None or origin is None:
        return False
    left, bottom, right, top = before
    _, after_bottom, after_right, after_top = after
    height = max(top - bottom, after_top - after_bottom, 0.1)
    run = Run(
        f"{stripped}-" if broken else stripped,
        min(left, after[0]),
        max(right, after_right),
        origin[1],
        height,
        0,
        len(found),
    )
    if crop is None or not _is_outside(glyphs, run, first, last, crop):
        found.append(run)
    return True


def _line(
    glyphs: _Glyphs,
    start: int,
    end: int,
    broken: bool,
    crop: tuple[float, float, float, float] | None,
    found: list[Run],
) -> None:
    """Append the runs of the line `text[start:end]`. broken: pdfium took its last hyphen away."""
    piece = glyphs.text[start:end]
    stripped = piece.strip()
    if not stripped:
        return
    first = start + len(piece) - len(piece.lstrip())
    last = first + len(stripped) - 1
    angle = glyphs.angle(first)
    cuts = [first]
    unspaced: list[int] = []
    if (stripped.isascii() or not _RIGHT_TO_LEFT.search(stripped)) and glyphs.has_gaps(first, last):
        cuts += _wide_gaps(glyphs, first, last, angle)
        if glyphs.num_rects > _ONE_BY_ONE * (last - first):
            unspaced = _missing_spaces(glyphs, first, last, angle)
    for cut, following in zip(cuts, [*cuts[1:], last + 1], strict=True):
        ends_line = following > last
        run = _run(glyphs, cut, following, angle, broken and ends_line, len(found), unspaced)
        if run is not None and (crop is None or not _is_outside(glyphs, run, cut, following - 1, crop)):
            found.append(run)


def _wide_gaps(glyphs: _Glyphs, first: int, last: int, angle: float) -> list[int]:
    """Indices of the characters that stand right of a wide gap."""
    text = glyphs.text
    cuts = []
    place = text.find(" ", first, last)
    while place > 0:
        after = place + 1
        while after < last and text[after] == " ":
            after += 1
        before_box, after_box = glyphs.box(place - 1), glyphs.box(after)
        if before_box and after_box:
            before, there = _level(before_box, angle), _level(after_box, angle)
            gap, height = there[0] - before[1], max(there[3] - there[2], before[3] - before[2])
            drop = abs(there[2] - before[2])
            if gap > WIDE_GAP * height or gap < -2 * height or drop > _OTHER_LINE * height:
                cuts.append(after)
        place = text.find(" ", after, last)
    return cuts


def _missing_spaces(glyphs: _Glyphs, first: int, last: int, angle: float) -> list[int]:
    """Indices of characters that want a space before them: of glyphs that are put one by one, pdfium sees the ink."""
    text = glyphs.text
    found = []
    before = glyphs.box(first)
    for place in range(first + 1, last + 1):
        there = glyphs.box(place)
        if before and there and not text[place].isspace() and not text[place - 1].isspace():
            left, right = _level(before, angle), _level(there, angle)
            if right[0] - left[1] > _WORD_GAP * (right[3] - right[2]):
                found.append(place)
        before = there
    return found


def _run(
    glyphs: _Glyphs, start: int, end: int, angle: float, broken: bool, order: int, unspaced: list[int]
) -> Run | None:
    stripped = glyphs.text[start:end].rstrip()
    last = start + len(stripped) - 1
    if not stripped.isascii():
        stripped = read_from_right(stripped, lambda place: glyphs.box(start + place), angle)
    for place in reversed(unspaced):
        if start < place <= last:
            stripped = f"{stripped[: place - start]} {stripped[place - start :]}"
    if broken or stripped.endswith(SOFT_HYPHEN):
        stripped = stripped.rstrip(SOFT_HYPHEN) + "-"
    clean = squeeze(normalise(stripped).replace("\n", " "))
    if not clean:
        return None
    boxes = [
        _level(box, angle) for place in ((start, last) if start < last else (start,)) if (box := glyphs.box(place))
    ]
    origin = glyphs.origin(start)
    if not boxes or origin is None:
        return Run(clean, 0.0, float(len(clean)), 0.0, 1.0, 0, order)
    return Run(
        clean,
        min(box[0] for box in boxes),
        max(box[1] for box in boxes),
        _turn(*origin, angle)[1],
        _height(glyphs, start, last, boxes),
        _degrees(angle),
        order,
    )


def _height(glyphs: _Glyphs, first: int, last: int, boxes: Sequence[tuple[float, float, float, float]]) -> float:
    """Of a run, by its first and its last character; of a line with a raised initial it is that of the others."""
    height = boxes[0][3] - boxes[0][2]
    at_end = boxes[-1][3] - boxes[-1][2]
    if last - first > _LONG and height > LARGE * at_end:  # or it ends with an exponent
        between = [box for place in (2, 3, 4, 5, 6) if (box := glyphs.box(first + (last - first) * place // 8))]
        usual = max((top - bottom for _, bottom, _, top in between), default=height)
        if height > LARGE * usual > 0.0:
            return max(usual, at_end)
    return max(height, at_end, 0.1)


def read_from_right(text: str, box: Callable[[int], tuple[float, float, float, float] | None], angle: float) -> str:
    """The text with each right-to-left word in the order in which it is read.

    pdfium gives some of them (of Chromium's PDFs) as they stand from left to right.   box: of a character by its place.
    """
    pieces: list[str] = []
    done = 0
    for match in _RIGHT_TO_LEFT_WORD.finditer(text):
        first, last = box(match.start()), box(match.end() - 1)
        word = match[0]
        if first and last and _level(first, angle)[1] < _level(last, angle)[1]:
            word = word[::-1]
        pieces += [text[done : match.start()], word]
        done = match.end()
    return "".join(pieces) + text[done:]


def _degrees(angle: float) -> int:
    return round(math.degrees(angle)) % 360 if abs(math.remainder(angle, 2 * math.pi)) > _SKEW else 0


def _turn(x: float, y: float, angle: float) -> tuple[float, float]:
    """The point turned about the origin so that text of this direction lies level."""
    if angle == 0.0:
        return x, y
    cos, sin = math.cos(angle), math.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def _level(box: tuple[float, float, float, float], angle: float) -> tuple[float, float, float, float]:
    """(left, right, bottom, top) of a box, turned as `_turn`."""
    left, bottom, right, top = box
    if angle == 0.0:
        return left, right, bottom, top
    corners = [_turn(x, y, angle) for x in (left, right) for y in (bottom, top)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), max(xs), min(ys), max(ys)


def _is_outside(glyphs: _Glyphs, run: Run, first: int, last: int, crop: tuple[float, float, float, float]) -> bool:
    """Whether the middle of the line lies where no viewer shows it."""
    left, bottom, right, top = crop
    if run.angle == 0:
        return not (
            left - _OUTSIDE <= (run.left + run.right) / 2 <= right + _OUTSIDE
            and bottom - _OUTSIDE <= run.bottom + 0.3 * run.height <= top + _OUTSIDE
        )
    boxes = [box for place in (first, last) if (box := glyphs.box(place))]
    if not boxes:
        return False
    x = (min(box[0] for box in boxes) + max(box[2] for box in boxes)) / 2
    y = (min(box[1] for box in boxes) + max(box[3] for box in boxes)) / 2
    return not (left - _OUTSIDE <= x <= right + _OUTSIDE and bottom - _OUTSIDE <= y <= top + _OUTSIDE)
