"""The printed lines of PDF pages, one page at a time: pdfium first, pypdf where pdfium fails or finds nothing.

Knows nothing of paragraphs, outlines or running heads.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from longdoc.ingest.clean import PDFIUM_HYPHEN, SOFT_HYPHEN, normalise, squeeze
from longdoc.ingest.lines import Line

# Why a page gave no text.
DAMAGED = "damaged"
NO_TEXT_LAYER = "no text layer"

MIN_CHARACTERS = 20  # fewer on a page mean that it has no text layer

# pypdf works in Python: on files where it finds nothing either, it is not asked for every page.
_MAX_VAIN_TRIES = 10
_MOST_EMPTY_BYTES = 32  # that a compressed stream of nothing takes
_LINE_END = re.compile("\r\n|[\r\n]|\ufffe(?:\r\n|[\r\n])?")


@dataclass(frozen=True, slots=True)
class Page:
    """One page. problem: why there is no text on it, or None."""

    lines: list[Line]
    problem: str | None = None


@dataclass(slots=True)
class PageReader:
    """Takes the pages of an open pdfium document one by one.

    pdf: a `pypdfium2.PdfDocument`, or None when pdfium could not open the file.
    """

    data: bytes
    pdf: Any
    num_pages: int
    password: str | None = None
    pypdf_reader: Any = None
    vain_tries: int = field(default=0)

    def pages(self) -> Iterator[Page]:
        for index in range(self.num_pages):
            yield self._page(index)

    def _page(self, index: int) -> Page:
        lines: list[Line] = []
        has_image = False
        problem = None
        if self.pdf is not None:
            try:
                lines, has_image = _pdfium_lines(self.pdf, index)
            except Exception as error:  # pdfium reports every kind of damage as one class or a ctypes error
                problem = f"{DAMAGED}: {error}"
        if _num_characters(lines) < MIN_CHARACTERS and self.vain_tries < _MAX_VAIN_TRIES:
            found, damage = self._pypdf_lines(index)
            if _num_characters(found) > _num_characters(lines):
                lines, problem = found, None
            elif not _num_characters(found):
                self.vain_tries += 1
            if not lines and not has_image and damage:  # pdfium shows such a page as a blank one
                problem = problem or f"{DAMAGED}: {damage}"
        # The few words of a half-title are text; the stray page number on a scan is not.
        if _num_characters(lines) < MIN_CHARACTERS and (has_image or problem or not lines):
            return Page(lines, problem or (NO_TEXT_LAYER if has_image else "blank page"))
        return Page(lines)

    def _pypdf_lines(self, index: int) -> tuple[list[Line], str | None]:
        """The second opinion: lines, or none and what was raised."""
        try:
            if self.pypdf_reader is None:
                self.pypdf_reader = open_with_pypdf(self.data, self.password)
            page = self.pypdf_reader.pages[index]
            lines = plain_lines(page.extract_text(), index)
            return lines, "its contents cannot be decoded" if not lines and _is_undecodable(page) else None
        except Exception as error:  # whatever pypdf raises, it gave no text
            return [], type(error).__name__


def _is_undecodable(page: Any) -> bool:
    """Whether something stands where a page's contents should be, and gives nothing: viewers show a blank page."""
    from pypdf.generic import ArrayObject, NullObject, StreamObject

    contents = page.get("/Contents", NullObject()).get_object()
    for entry in contents if isinstance(contents, ArrayObject) else [contents]:
        stream = entry.get_object()
        if isinstance(stream, NullObject):
            continue
        if not isinstance(stream, StreamObject):
            return True
        if len(stream._data) > _MOST_EMPTY_BYTES and not stream.get_data():  # pypdf forgets /Length
            return True
    return False


def _num_characters(lines: list[Line]) -> int:
    return sum(len(line.text) for line in lines)


def open_with_pypdf(data: bytes, password: str | None) -> Any:
    """A `pypdf.PdfReader`, decrypted when a password (or the empty one) opens it."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        reader.decrypt(password or "")
    return reader


def plain_lines(text: str, page: int) -> list[Line]:
    """Lines without a place on the page: measured in characters."""
    lines = []
    for number, raw in enumerate(normalise(text).split("\n")):
        stripped = squeeze(raw)
        if stripped:
            indent = len(raw) - len(raw.lstrip())
            lines.append(Line(stripped, page, indent, indent + len(stripped), -1.3 * number, 1.0))
    return lines


def _pdfium_lines(pdf: Any, index: int) -> tuple[list[Line], bool]:
    """The lines of a page with their places, and whether an image is on it."""
    import pypdfium2.raw as pdfium_c

    page = pdf[index]
    try:
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_range() if text_page.count_chars() > 0 else ""
            lines = []
            start = 0
            for match in [*_LINE_END.finditer(text), None]:
                end = match.start() if match else len(text)
                broken = match is not None and match[0].startswith(PDFIUM_HYPHEN)
                line = _placed_line(text_page, text, start, end, index, broken)
                if line:
                    lines.append(line)
                start = match.end() if match else end
            lines = _merge_same_height(lines)
        finally:
            text_page.close()
        has_image = False
        if _num_characters(lines) < MIN_CHARACTERS:
            has_image = any(True for _ in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE]))
        return lines, has_image
    finally:
        page.close()


def _placed_line(text_page: Any, text: str, start: int, end: int, page: int, broken: bool) -> Line | None:
    """The line `text[start:end]`; broken: pdfium took its last hyphen away."""
    import pypdfium2.raw as pdfium_c

    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return None
    first = start + len(piece) - len(piece.lstrip())
    last = first + len(stripped) - 1
    boxes = []
    for offset in {first, (first + last) // 2, last}:
        if not text[offset].isspace():
            place = pdfium_c.FPDFText_GetCharIndexFromTextIndex(text_page, offset)
            with contextlib.suppress(Exception):  # a character without a box
                boxes.append(text_page.get_charbox(max(place, 0), loose=True))
    if broken or stripped.endswith(SOFT_HYPHEN):
        stripped = stripped.rstrip(SOFT_HYPHEN) + "-"
    clean = squeeze(normalise(stripped).replace("\n", " "))
    if not clean:
        return None
    if not boxes:
        return Line(clean, page, 0.0, float(len(clean)), 0.0, 1.0)
    return Line(
        clean,
        page,
        min(box[0] for box in boxes),
        max(box[2] for box in boxes),
        min(box[1] for box in boxes),
        max(max(box[3] - box[1] for box in boxes), 0.1),
    )


def _merge_same_height(lines: list[Line]) -> list[Line]:
    """pdfium ends a line at wide gaps too: what follows at the same height is still the same line."""
    merged: list[Line] = []
    for line in lines:
        above = merged[-1] if merged else None
        if (
            above is not None
            and abs(above.bottom - line.bottom) < 0.25 * line.height
            and 0 <= line.left - above.right < 1.5 * line.height
            and not above.text.endswith("-")
        ):
            merged[-1] = above._replace(text=f"{above.text} {line.text}", right=line.right)
        else:
            merged.append(line)
    return merged
