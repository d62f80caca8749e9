"""The printed lines of one PDF page: from pdfium, or from pypdf where pdfium fails or gives less that can be read.

Which of the two reads a page better is measured on the page: by how many of its characters are letters, digits and
marks that mean something. A text layer of signs without a meaning counts as none.
Knows nothing of paragraphs, outlines or running heads.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.lines import Line
from longdoc.ingest.parsed import forget
from longdoc.ingest.pdf_forms import beside_labels, fields_of, with_ticks
from longdoc.ingest.pdf_initials import with_initials
from longdoc.ingest.pdf_layout import lines_in_order
from longdoc.ingest.pdf_margins import without_line_numbers
from longdoc.ingest.pdf_text import num_signs_without_letters, runs_of

# Why a page gave no text.
DAMAGED = "damaged"
NO_TEXT_LAYER = "no text layer"
BLANK = "blank page"
GARBAGE = "no usable text layer"

MIN_CHARACTERS = 20  # fewer on a page mean that it has no text layer

# pypdf works in Python: on files where it finds nothing either, it is not asked for every page.
_MAX_VAIN_TRIES = 10
_MOST_EMPTY_BYTES = 32  # that a compressed stream of nothing takes
_DOUBTFUL = 0.05  # of the characters: from so many signs without a meaning on, pypdf is asked as well
_UNUSABLE = 0.3
_SIGN = re.compile("[\x00-\x08\x0e-\x1f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_MEANINGLESS = re.compile(f"{_SIGN.pattern}|\\(cid:\\d+\\)|/[Gg][0-9A-Fa-f]{{2,5}}\\b")


@dataclass(frozen=True, slots=True)
class Page:
    """One page. problem: why there is no text on it, or None."""

    lines: list[Line]
    problem: str | None = None


@dataclass(slots=True)
class PageReader:
    """Takes the pages of a file one by one. data: its bytes, or a writable private map of them."""

    data: bytes | mmap.mmap
    num_pages: int
    password: str | None = None
    pdf: Any = None
    pypdf_reader: Any = None
    has_pdfium: bool = True
    num_taken: int = 0
    vain_tries: int = field(default=0)

    def close(self) -> None:
        """Let go of what the parsers hold; the next page opens the file anew."""
        if self.pdf is not None:
            self.pdf.close()
        self.pdf = self.pypdf_reader = None
        if isinstance(self.data, mmap.mmap):
            forget(self.data)
        self.num_taken = 0

    def page(self, index: int) -> Page:
        self.num_taken += 1
        lines: list[Line] = []
        has_image = False
        problem = None
        num_signs = 0
        if self._open():
            try:
                lines, num_signs, has_image = _pdfium_lines(self.pdf, index)
            except Exception as error:  # pdfium reports every kind of damage as one class or a ctypes error
                problem = f"{DAMAGED}: {error}"
        share = meaningless_share(lines)
        is_doubtful = _num_characters(lines) < MIN_CHARACTERS or share > _DOUBTFUL
        if not self.has_pdfium or (is_doubtful and self.vain_tries < _MAX_VAIN_TRIES):
            found, damage = self._pypdf_lines(index)
            if _num_readable(found) > _num_readable(lines):
                lines, problem, share = found, None, meaningless_share(found)
            elif not _num_readable(found):
                self.vain_tries += 1
            if not lines and not has_image and damage:  # pdfium shows such a page as a blank one
                problem = problem or f"{DAMAGED}: {damage}"
        if share > _UNUSABLE or (_num_characters(lines) < MIN_CHARACTERS <= num_signs):
            return Page([], GARBAGE)
        # The few words of a half-title are text; the stray page number on a scan is not.
        if _num_characters(lines) < MIN_CHARACTERS and (has_image or problem or not lines):
            return Page(lines, problem or (NO_TEXT_LAYER if has_image else BLANK))
        return Page(lines)

    def _open(self) -> bool:
        if self.pdf is None and self.has_pdfium:
            try:
                self.pdf = open_with_pdfium(self.data, self.password or "")
            except (ImportError, RuntimeError):
                self.has_pdfium = False
        return self.pdf is not None

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


def open_with_pdfium(data: bytes | mmap.mmap, password: str) -> Any:
    """A `pypdfium2.PdfDocument`. Raises ImportError without pypdfium2, and its PdfiumError, a RuntimeError."""
    import pypdfium2

    whole: Any = data
    if isinstance(data, mmap.mmap):
        whole = (ctypes.c_ubyte * len(data)).from_buffer(data)
    for key in dict.fromkeys([password, ""]):
        with contextlib.suppress(pypdfium2.PdfiumError):
            return pypdfium2.PdfDocument(whole, password=key or None)
    return pypdfium2.PdfDocument(whole, password=password or None)


def open_with_pypdf(data: bytes | mmap.mmap, password: str | None) -> Any:
    """A `pypdf.PdfReader`, decrypted when a password (or the empty one) opens it."""
    import pypdf

    for name in ("pypdf", "fontTools"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    stream: Any = io.BytesIO(data) if isinstance(data, bytes) else data
    reader = pypdf.PdfReader(stream, strict=False)
    if reader.is_encrypted:
        reader.decrypt(password or "")
    return reader


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


def _num_characters(lines: Sequence[Line]) -> int:
    return sum(len(line.text) for line in lines)


def _num_readable(lines: Sequence[Line]) -> float:
    return (1.0 - meaningless_share(lines)) * _num_characters(lines)


def meaningless_share(lines: Sequence[Line]) -> float:
    """How much of the text are signs that stand for no letter: replacement characters, private codes, "(cid:7)"."""
    text = "\n".join([line.text for line in lines])
    if not (_SIGN.search(text) or "(cid:" in text or "/g" in text or "/G" in text):
        return 0.0
    return sum(len(match[0]) for match in _MEANINGLESS.finditer(text)) / _num_characters(lines)


def plain_lines(text: str, page: int) -> list[Line]:
    """Lines without a place on the page: measured in characters."""
    lines = []
    for number, raw in enumerate(normalise(text).split("\n")):
        stripped = squeeze(raw)
        if stripped:
            indent = len(raw) - len(raw.lstrip())
            lines.append(Line(stripped, page, indent, indent + len(stripped), -1.3 * number, 1.0))
    return lines


def _pdfium_lines(pdf: Any, index: int) -> tuple[list[Line], int, bool]:
    """The lines of a page in reading order, how many signs gave none, and whether an image is on it.

    pdfium is called as it is: the objects that pypdfium2 puts around pages are half as dear as our own work on them.
    """
    import pypdfium2.raw as pdfium_c

    page = _loaded(pdfium_c.FPDF_LoadPage(pdf.raw, index), "page")
    try:
        fields = fields_of(page)
        if fields and pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY):
            pdfium_c.FPDF_ClosePage(page)
            page = None
            page = _loaded(pdfium_c.FPDF_LoadPage(pdf.raw, index), "page")
        text_page = _loaded(pdfium_c.FPDFText_LoadPage(page), "text page")
        try:
            runs = with_initials(without_line_numbers(runs_of(text_page, _crop(page))))
            if fields:
                runs = beside_labels(with_ticks(runs, fields), fields)
            lines = lines_in_order(runs, index)
            num_signs = 0
            if _num_characters(lines) < MIN_CHARACTERS:
                num_signs = num_signs_without_letters(text_page)
        finally:
            pdfium_c.FPDFText_ClosePage(text_page)
    finally:
        if page:
            pdfium_c.FPDF_ClosePage(page)
    return lines, num_signs, _num_characters(lines) < MIN_CHARACTERS and _has_image(pdf, index)


def _loaded(handle: Any, what: str) -> Any:
    if not handle:
        raise RuntimeError(f"Failed to load {what}.")
    return handle


def _crop(page: Any) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of what a viewer shows of the page."""
    import pypdfium2.raw as pdfium_c

    box = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDF_GetPageBoundingBox(page, box):
        raise RuntimeError("Failed to get page bounding box.")
    return box.left, box.bottom, box.right, box.top


def _has_image(pdf: Any, index: int) -> bool:
    import pypdfium2.raw as pdfium_c

    page = pdf[index]
    try:
        return any(True for _ in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE]))
    finally:
        page.close()
