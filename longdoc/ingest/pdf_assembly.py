"""The lines of all pages to one text: paragraphs in a row, and where each page begins in it.

Knows nothing of PDFs: lines come in reading order, without running heads, with their kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longdoc.ingest.clean import Vocabulary, join_with_starts, keep_lines
from longdoc.ingest.lines import Line, Paragraph, paragraphs
from longdoc.ingest.parsed import TextBuilder


@dataclass(slots=True)
class Assembled:
    """A text with its places.

    turns: (offset, page index) where the page changes: footnotes and tables may stand behind words of a later page.
    page_starts: page index -> offset of what comes first of it.   paragraph_starts: offsets.
    """

    text: str = ""
    turns: list[tuple[int, int]] = field(default_factory=list)
    page_starts: dict[int, int] = field(default_factory=dict)
    paragraph_starts: list[int] = field(default_factory=list)


def assemble(pages: Sequence[Sequence[Line]]) -> Assembled:
    """The text of all pages; words that a line end has cut are joined by vote of the whole."""
    vocabulary = Vocabulary.of(line.text for lines in pages for line in lines)
    builder = TextBuilder()
    made = Assembled()
    for paragraph in paragraphs(pages):
        _add(paragraph, vocabulary, builder, made)
    made.text = builder.text()
    return made


def _add(paragraph: Paragraph, vocabulary: Vocabulary, builder: TextBuilder, made: Assembled) -> None:
    texts = [line.text for line in paragraph.lines]
    pieces, starts = keep_lines(texts) if paragraph.keeps_lines else join_with_starts(texts, vocabulary)
    start = builder.paragraph("".join(pieces))
    made.paragraph_starts.append(start)
    for line, within in zip(paragraph.lines, starts, strict=True):
        if not made.turns or made.turns[-1][1] != line.page:
            made.turns.append((start + within, line.page))
        made.page_starts.setdefault(line.page, start + within)
