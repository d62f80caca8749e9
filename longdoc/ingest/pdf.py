"""PDF: pages to one text, with an anchor for each page, printed page labels, and the outline as sections.

The rooms behind it: `pdf_file` opens, `pdf_workers` takes the pages in processes of their own, `pdf_pages` one page,
`pdf_text` and `pdf_layout` its lines in reading order, `running` what repeats at the edges, `pdf_notes` footnotes,
`pdf_labels` printed numbers, `lines` paragraphs, `pdf_assembly` the text. Scans are refused, never guessed at.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from longdoc.core.errors import InputError, NoTextLayer
from longdoc.core.types import Anchor, Anchors, SkippedPage
from longdoc.ingest.headings import find_headings
from longdoc.ingest.lines import Line
from longdoc.ingest.parsed import Parsed, Raw, sections_from
from longdoc.ingest.pdf_assembly import Paragraphs, assemble
from longdoc.ingest.pdf_cut import Rebuilt
from longdoc.ingest.pdf_file import PdfFile, damaged
from longdoc.ingest.pdf_labels import labels_from_folios
from longdoc.ingest.pdf_notes import HEIGHT_STEP, common_height, find_notes
from longdoc.ingest.pdf_outline import Entry, place_headings, without_number
from longdoc.ingest.pdf_pages import BLANK, DAMAGED, GARBAGE, NO_TEXT_LAYER
from longdoc.ingest.pdf_store import View
from longdoc.ingest.pdf_workers import GAVE_UP, read_pages
from longdoc.ingest.running import find_running_lines

_TITLE_SIZE = 1.2  # of the text's height
_MOST_IN_TITLE = 90  # characters
CUT_OFF = "cut off: the file ends before all of it"


def sniff(raw: Raw) -> bool:
    """Readers accept some bytes before the header; so do we, when objects follow: a text may speak of PDFs."""
    head = raw.whole[:1024]
    return head.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head and raw.whole.find(b" obj") >= 0)


def read(raw: Raw) -> Parsed:
    """The whole PDF as one text."""
    file = PdfFile.open(raw)
    try:
        num_pages = file.num_pages
        outline, warnings = file.outline()
        labels = file.labels()
        title = file.title()
    finally:
        file.close()
    raw.forget()
    rest = file.rebuilt
    pages, skipped = read_pages(replace(raw, data=rest.data, mapped=None) if rest else raw, num_pages)
    if rest is not None:
        skipped = [replace(page, reason=CUT_OFF) if page.page - 1 in rest.missing else page for page in skipped]
        if 2 * (num_pages - len(skipped)) < rest.num_whole:
            raise damaged(raw, f"{num_pages - len(skipped)} of {rest.num_whole} whole pages give text")
    if pages.is_empty:
        raise _no_text(raw, skipped)

    height = common_height(pages.characters_by_height(HEIGHT_STEP))
    running = find_running_lines(pages, _titles(outline, title, pages.taller_lines(_TITLE_SIZE * height)))
    if not any(labels):
        labels = labels_from_folios(running.folios, num_pages)
    notes = find_notes(pages, running.dropped, height)
    made = assemble(View(pages, running.dropped, notes))
    pages.close()
    text = made.take_text()
    if skipped:
        warnings.append(f"{len(skipped)} of {num_pages} pages gave no text")
    lost = _lost(skipped, num_pages)
    if rest is not None:
        said = _cut_short(rest, num_pages - len(skipped))
        warnings.append(said)
        lost = lost if rest.num_whole == rest.num_named else (said, *lost)
    headings = place_headings(outline, text, made.page_starts, made.paragraph_starts)
    if not headings:
        headings = find_headings(Paragraphs(text, made.paragraph_starts + array("Q", [len(text)])))
    return Parsed(
        text=text,
        title=title,
        anchors=Anchors(Anchor(offset, page=page + 1, label=labels[page]) for offset, page in made.turns),
        sections=sections_from(headings, len(text)),
        num_pages=num_pages,
        skipped=tuple(skipped),
        warnings=tuple(warnings),
        lost=lost,
    )


def _titles(outline: Sequence[Entry], title: str | None, large: Iterable[Line]) -> Mapping[str, set[int]]:
    """Titles that may run at the head of a page, and the pages on which they stand for themselves.

    Those of the outline, and lines in letters larger than the text's: `large`.
    """
    titles: dict[str, set[int]] = defaultdict(set)
    for line in large:
        if len(line.text) <= _MOST_IN_TITLE:
            titles[line.text].add(line.page)
    titles = defaultdict(set, {text: where for text, where in titles.items() if len(where) <= 2})
    for entry_title, page, _ in outline:
        titles[entry_title].add(page)
        titles[without_number(entry_title)].add(page)
    if title:
        titles[title] |= {0, 1}
    return titles


def _lost(skipped: Sequence[SkippedPage], num_pages: int) -> tuple[str, ...]:
    """Pages that hold text which was not read: damaged ones, and scans where they are most of the document.

    A few pages without a text layer are covers and plates as a rule: they are named in the receipt, and that is all.
    """
    broken = sum(page.reason.startswith(DAMAGED) for page in skipped)
    given_up = sum(page.reason.startswith(GAVE_UP) for page in skipped)
    garbage = sum(page.reason == GARBAGE for page in skipped)
    scans = sum(page.reason == NO_TEXT_LAYER for page in skipped)
    lost = [f"{broken:,} of {num_pages:,} pages are damaged"] if broken else []
    if given_up:
        lost.append(f"{given_up:,} of {num_pages:,} pages took too long, too much memory, or ended their reader")
    if garbage:
        lost.append(f"{garbage:,} of {num_pages:,} pages have a text layer that does not say which letters it means")
    if scans > num_pages - len(skipped):
        lost.append(f"{scans:,} of {num_pages:,} pages are pictures without a text layer")
    return tuple(lost)


def _cut_short(rest: Rebuilt, num_read: int) -> str:
    of_all = f" of {rest.num_named:,}" if rest.num_named is not None else ""
    return f"the file is cut short: {num_read:,}{of_all} pages were whole in it and were read"


def _no_text(raw: Raw, skipped: Sequence[SkippedPage]) -> InputError:
    reasons = sorted({page.reason for page in skipped}) or [NO_TEXT_LAYER]
    what = f"{raw.shown} has {len(skipped)} page{'s' if len(skipped) != 1 else ''} and no text on any of them."
    if reasons == [BLANK]:
        return NoTextLayer(
            what,
            why="its pages are blank, or what a viewer shows on them is drawn, not written",
            fix=f"look at it; if there are words: ocrmypdf --force-ocr {raw.quoted} out.pdf",
        )
    if any(reason.startswith((DAMAGED, *GAVE_UP)) for reason in reasons):
        return damaged(raw, f"none of its pages gives text: {', '.join(reasons)}")
    if GARBAGE in reasons:
        return NoTextLayer(
            what,
            why=f"{', '.join(reasons)}: its fonts do not say which letters their signs are",
            fix=f"ocrmypdf --force-ocr {raw.quoted} out.pdf && longdoc summarize out.pdf",
        )
    return NoTextLayer(
        what,
        why=f"{', '.join(reasons)}: scanned pages are pictures",
        fix=f"ocrmypdf {raw.quoted} out.pdf && longdoc summarize out.pdf",
    )
