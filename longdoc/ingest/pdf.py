"""PDF: pages to one text, with an anchor for each page, printed page labels, and the outline as sections.

Knows nothing of how lines are taken from a page (pdf_pages), what is a paragraph (lines) or a running
head (running). Scans are refused, never guessed at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from longdoc.core.errors import DamagedInput, EncryptedInput, InputError, NoTextLayer
from longdoc.core.events import Opening
from longdoc.core.types import Anchor, SkippedPage
from longdoc.ingest.clean import Vocabulary, join_with_starts, keep_lines, normalise, squeeze
from longdoc.ingest.headings import find_headings
from longdoc.ingest.lines import Line, paragraphs
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.pdf_pages import DAMAGED, NO_TEXT_LAYER, PageReader, open_with_pypdf
from longdoc.ingest.running import drop_running_lines, letters

_EVENT_EVERY_PAGES = 10
_MAX_OUTLINE = 5000
_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_SECURITY_ERROR = 5


def sniff(raw: Raw) -> bool:
    """Readers accept some bytes before the header; so do we."""
    return b"%PDF-" in raw.data[:1024]


def read(raw: Raw) -> Parsed:
    """The whole PDF as one text."""
    pdf, num_pages = _open(raw)
    try:
        outline, warnings = _outline(pdf, num_pages) if pdf is not None else ([], [])
        labels = [_label(pdf, index) for index in range(num_pages)]
        title = _title(pdf)
        pages, skipped = _pages(raw, pdf, num_pages)
    finally:
        if pdf is not None:
            pdf.close()
    if not any(pages):
        raise _no_text(raw, skipped)

    titles: dict[str, set[int]] = defaultdict(set)
    for entry_title, page, _ in outline:
        titles[entry_title].add(page)
        titles[_without_number(entry_title)].add(page)
    if title:
        titles[title] |= {0, 1}
    text, page_starts, paragraph_starts = _assemble(drop_running_lines(pages, titles))

    anchors = tuple(Anchor(start, page=page + 1, label=labels[page]) for page, start in sorted(page_starts.items()))
    headings = _headings(outline, text, page_starts, paragraph_starts)
    if skipped:
        warnings.append(f"{len(skipped)} of {num_pages} pages gave no text")
    if not headings:
        starts = [*paragraph_starts, len(text)]
        found = [(text[a:b].rstrip("\n"), a) for a, b in pairwise(starts)]
        headings = find_headings(found)
    return Parsed(
        text=text,
        title=title,
        anchors=anchors,
        sections=sections_from(headings, len(text)),
        num_pages=num_pages,
        skipped=tuple(skipped),
        warnings=tuple(warnings),
        lost=_lost(skipped, num_pages),
    )


def _lost(skipped: Sequence[SkippedPage], num_pages: int) -> tuple[str, ...]:
    """Pages that hold text which was not read: damaged ones, and scans where they are most of the document.

    A few pages without a text layer are covers and plates as a rule: they are named in the receipt, and that is all.
    """
    damaged = sum(page.reason.startswith(DAMAGED) for page in skipped)
    scans = sum(page.reason == NO_TEXT_LAYER for page in skipped)
    lost = [f"{damaged:,} of {num_pages:,} pages are damaged"] if damaged else []
    if scans > num_pages - len(skipped):
        lost.append(f"{scans:,} of {num_pages:,} pages are pictures without a text layer")
    return tuple(lost)


def _open(raw: Raw) -> tuple[Any, int]:
    """The document in pdfium, or None and the number of pages that pypdf counts."""
    import pypdfium2

    for password in dict.fromkeys(["", raw.options.password or ""]):
        try:
            pdf = pypdfium2.PdfDocument(raw.data, password=password or None)
        except pypdfium2.PdfiumError as error:
            code = getattr(error, "err_code", None)
            needs_password = code in (_PASSWORD_ERROR, _SECURITY_ERROR)
        else:
            if len(pdf) > 0:
                return pdf, len(pdf)
            pdf.close()
            needs_password = False
    if needs_password:
        raise _encrypted(raw)
    return None, _count_with_pypdf(raw)


def _count_with_pypdf(raw: Raw) -> int:
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        num_pages = len(open_with_pypdf(raw.data, raw.options.password).pages)
    except (FileNotDecryptedError, DependencyError, NotImplementedError) as error:
        raise _encrypted(raw) from error
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise _damaged(raw, f"neither pdfium nor pypdf can open it ({error})") from error
    if not num_pages:
        raise _damaged(raw, "it has no pages")
    return num_pages


def _pages(raw: Raw, pdf: Any, num_pages: int) -> tuple[list[list[Line]], list[SkippedPage]]:
    """The lines of every page; a page without text has none and is listed."""
    reader = PageReader(raw.data, pdf, num_pages, raw.options.password)
    pages: list[list[Line]] = []
    skipped: list[SkippedPage] = []
    for index, page in enumerate(reader.pages()):
        if index % _EVENT_EVERY_PAGES == 0:
            raw.on_event(Opening(raw.name, index, num_pages))
        if page.problem:
            skipped.append(SkippedPage(index + 1, page.problem))
            pages.append([])
        else:
            pages.append(page.lines)
    return pages, skipped


def _assemble(pages: Sequence[Sequence[Line]]) -> tuple[str, dict[int, int], list[int]]:
    """The text, the offset at which each page begins, and the offsets of the paragraphs."""
    vocabulary = Vocabulary.of(line.text for lines in pages for line in lines)
    builder = TextBuilder()
    page_starts: dict[int, int] = {}
    paragraph_starts = []
    for paragraph in paragraphs(pages):
        texts = [line.text for line in paragraph.lines]
        pieces, starts = keep_lines(texts) if paragraph.keeps_lines else join_with_starts(texts, vocabulary)
        start = builder.paragraph("".join(pieces))
        paragraph_starts.append(start)
        for line, within in zip(paragraph.lines, starts, strict=True):
            page_starts.setdefault(line.page, start + within)
    return builder.text(), page_starts, paragraph_starts


def _outline(pdf: Any, num_pages: int) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Entries as (title, page index, level from 1), and what there is to say of them."""
    entries: list[tuple[str, int, int]] = []
    try:
        for bookmark in pdf.get_toc(max_depth=6):
            destination = bookmark.get_dest()
            page = destination.get_index() if destination else None
            title = squeeze(normalise(bookmark.get_title())).replace("\n", " ")
            if title and page is not None and 0 <= page < num_pages:
                entries.append((title, page, bookmark.level + 1))
            if len(entries) >= _MAX_OUTLINE:
                return entries, [f"of the outline, the first {_MAX_OUTLINE:,} entries were used"]
    except Exception:  # what is left of a broken outline; without any, headings are looked for in the text
        return entries, ["the outline is damaged, and was used as far as it goes"]
    return entries, []


def _label(pdf: Any, index: int) -> str | None:
    if pdf is None:
        return None
    label = str(pdf.get_page_label(index)).strip()
    return label or None


def _title(pdf: Any) -> str | None:
    if pdf is None:
        return None
    title = squeeze(normalise(str(pdf.get_metadata_value("Title")))).replace("\n", " ")
    # What word processors put there by themselves is no title.
    if not letters(title) or re.search(
        r"^(?:untitled|microsoft word - )|\.(?:docx?|tex|dvi|pdf|indd|qxd|rtf)$", title, re.I
    ):
        return None
    return title


def _headings(
    outline: list[tuple[str, int, int]], text: str, page_starts: dict[int, int], paragraph_starts: list[int]
) -> list[Heading]:
    """Outline entries, moved from the start of their page to where their title stands on it."""
    pages = sorted(page_starts)
    headings: list[Heading] = []
    floor = 0
    for title, page, level in outline:
        later = [other for other in pages if other >= page]
        if not later:
            continue
        start = page_starts[later[0]]
        end = page_starts[later[1]] if len(later) > 1 else len(text)
        place = _find_title(title, text, max(start, floor if floor < end else start), end)
        if place is None:
            place = _next_paragraph(start, end, paragraph_starts)
        headings.append(Heading(title, place, level))
        floor = place
    return headings


def _next_paragraph(start: int, end: int, paragraph_starts: list[int]) -> int:
    return next((p for p in paragraph_starts if start <= p < end), start)


def _find_title(title: str, text: str, start: int, end: int) -> int | None:
    """Where the title's words stand between start and end, preferably at the beginning of a paragraph."""
    for wording in dict.fromkeys([title, _without_number(title)]):
        words = re.findall(r"\w+", wording)
        if not words:
            continue
        pattern = re.compile(r"\W+".join(map(re.escape, words[:20])), re.IGNORECASE)
        matches = [match.start() for match in pattern.finditer(text, start, min(end, start + 20_000))]
        at_paragraph = [m for m in matches if _begins_paragraph(text, m)]
        if at_paragraph or (matches and wording == title and len(words) > 2):
            place = (at_paragraph or matches)[0]
            return _with_number_above(text, start, place) if wording != title else place
    return None


def _begins_paragraph(text: str, place: int) -> bool:
    """Nothing but a number or marks stands between the last paragraph break and the place."""
    above = text[max(0, place - 16) : place]
    return not above or ("\n" in above and not letters(above.rpartition("\n")[2]))


def _with_number_above(text: str, start: int, place: int) -> int:
    """Include a line "CHAPTER I" that stands above the title proper."""
    above = text[start:place].rstrip("\n").rpartition("\n\n")[2]
    line = above.strip()
    if 0 < len(line) <= 24 and re.match(r"(?:chapter|part|book|section|[ivxlc\d]+\.?$)", line, re.IGNORECASE):
        return text.rindex(above, start, place)
    return place


def _without_number(title: str) -> str:
    """ "The Man Who Died" of "Chapter I. The Man Who Died", "1.2 The Man", "IV - The Man"."""
    shorter = re.sub(
        r"^(?:(?:chapter|part|book|section)\s+\w+|[IVXLC]+(?=[.:)\s])|\d+(?:\.\d+)*)\s*[.:)—–-]*\s*",
        "",
        title,
        flags=re.I,
    )
    return shorter or title


def _encrypted(raw: Raw) -> EncryptedInput:
    if raw.options.password:
        return EncryptedInput(
            f"{raw.shown} is encrypted.",
            why="the password that was given does not open it",
            fix=f"longdoc summarize {raw.quoted} --password-file secret.txt  # with the right password in secret.txt",
        )
    return EncryptedInput(
        f"{raw.shown} is encrypted.",
        why="the empty password does not open it",
        fix=f"longdoc summarize {raw.quoted} --password-file secret.txt",
    )


def _damaged(raw: Raw, why: str) -> DamagedInput:
    return DamagedInput(
        f"{raw.shown} is a damaged PDF.",
        why=why,
        fix=f"qpdf {raw.quoted} repaired.pdf && longdoc summarize repaired.pdf",
    )


def _no_text(raw: Raw, skipped: list[SkippedPage]) -> InputError:
    reasons = sorted({page.reason for page in skipped}) or ["no text layer"]
    if reasons == ["blank page"]:
        return NoTextLayer(
            f"{raw.shown} has {len(skipped)} page{'s' if len(skipped) != 1 else ''} and no text on any of them.",
            why="its pages are blank, or what a viewer shows on them is drawn, not written",
            fix=f"look at it; if there are words: ocrmypdf --force-ocr {raw.quoted} out.pdf",
        )
    if any(reason.startswith(DAMAGED) for reason in reasons):
        return _damaged(raw, f"none of its pages gives text: {', '.join(reasons)}")
    return NoTextLayer(
        f"{raw.shown} has {len(skipped)} page{'s' if len(skipped) != 1 else ''} and no text on any of them.",
        why=f"{', '.join(reasons)}: scanned pages are pictures",
        fix=f"ocrmypdf {raw.quoted} out.pdf && longdoc summarize out.pdf",
    )
