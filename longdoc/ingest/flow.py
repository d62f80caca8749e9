"""Blocks of text (paragraphs, headings, table rows) with their notes, and the document that they make.

Knows no format. The readers of formats without pages (HTML, DOCX, ODT, RTF) hand their blocks over here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from longdoc.ingest.clean import normalise
from longdoc.ingest.headings import find_headings
from longdoc.ingest.looks import Look, Seen, headings_by_looks
from longdoc.ingest.parsed import Heading, Parsed, TextBuilder, sections_from

_BLANKS = re.compile(r"[^\S\n]+")
_CELLS = " | "
LONG_CELL = 1000  # characters: tables of such cells lay out a page


@dataclass(slots=True)
class Block:
    """A paragraph. level: of a heading, else 0. ids: element id -> offset in `text`. pages: printed page labels.

    notes: foot- and endnotes that are called in it; each becomes a paragraph of its own below it.
    look: of a paragraph that may be a heading by its looks, where the format has any.
    """

    text: str = ""
    level: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    pages: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    look: Look | None = None


def tidy(text: str) -> str:
    """Normalised, one space for each run of blanks, none around line ends; what a paragraph's text should be."""
    lines = (_BLANKS.sub(" ", line).strip() for line in normalise(text).split("\n"))
    return "\n".join(line for line in lines if line)


def row(cells: Sequence[str]) -> str:
    """A table row as one line; empty cells at its end are left out, "" when all are empty."""
    texts = [" ".join(cell.split()) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return " ".join(_CELLS.join(texts).split())


def table(rows: Sequence[Sequence[Sequence[Block]]]) -> Iterator[Block]:
    """One block for each row of cells. A table that only lays out a page gives the paragraphs of its cells."""
    widest = max((len(cells) for cells in rows), default=0)
    longest = max((sum(len(b.text) for b in cell) for cells in rows for cell in cells if len(cell) > 1), default=0)
    for cells in rows:
        if widest < 2 or longest > LONG_CELL:
            yield from (block for cell in cells for block in cell)
            continue
        text = row([" ".join(block.text for block in cell if block.text) for cell in cells])
        yield Block(text, notes=[note for cell in cells for block in cell for note in block.notes])


def with_notes(blocks: Iterable[Block]) -> Iterable[Block]:
    """The blocks, each followed by its notes."""
    for block in blocks:
        yield block
        yield from (Block(note) for note in block.notes)


def assemble(
    blocks: Iterable[Block], *, title: str | None = None, warnings: Sequence[str] = (), lost: Sequence[str] = ()
) -> Parsed:
    """One text of all blocks; sections from their levels; when none has a level, from words of headings, or looks."""
    builder = TextBuilder()
    headings: list[Heading] = []
    paragraphs: list[Seen] = []
    for block in with_notes(blocks):
        if not block.text:
            continue
        start = builder.paragraph(block.text)
        paragraphs.append(Seen(block.text, start, block.look))
        if block.level:
            headings.append(Heading(" ".join(block.text.split()), start, block.level))
    text = builder.text()
    if not headings:
        headings = find_headings([(seen.text, seen.start) for seen in paragraphs])
        shown, by_looks = headings_by_looks(paragraphs)
        title = title or shown
        if {heading.start for heading in headings} < {heading.start for heading in by_looks}:
            headings = by_looks
    sections = sections_from(headings, len(text))
    return Parsed(text, title=title, sections=sections, warnings=tuple(warnings), lost=tuple(lost))
