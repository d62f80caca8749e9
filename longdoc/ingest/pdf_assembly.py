"""The lines of all pages to one text: paragraphs in a row, and where each page begins in it.

Knows nothing of PDFs: lines come in reading order, without running heads, with their kinds.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

from longdoc.ingest.clean import Vocabulary, join_with_starts, keep_lines
from longdoc.ingest.lines import Paragraph, paragraphs
from longdoc.ingest.parsed import PARAGRAPH_BREAK
from longdoc.ingest.pdf_initials import INITIAL_MARK, resolved
from longdoc.ingest.pdf_store import View


@dataclass(slots=True)
class Assembled:
    """A text with its places.

    turns: (offset, page index) where the page changes: footnotes and tables may stand behind words of a later page.
    page_starts: page index -> offset of what comes first of it.   paragraph_starts: offsets.
    """

    turns: list[tuple[int, int]] = field(default_factory=list)
    page_starts: dict[int, int] = field(default_factory=dict)
    paragraph_starts: array[int] = field(default_factory=lambda: array("Q"))
    _encoded: bytearray = field(default_factory=bytearray)  # in UTF-8: a character takes one byte, as a rule
    _length: int = 0

    def add(self, text: str) -> int:
        """Append a paragraph and return the offset of its first character."""
        assert text, "an empty paragraph has no offset"
        if self._encoded:
            self._encoded += PARAGRAPH_BREAK.encode()
            self._length += len(PARAGRAPH_BREAK)
        start = self._length
        self._encoded += text.encode("utf-8", "surrogatepass")
        self._length += len(text)
        self.paragraph_starts.append(start)
        return start

    def take_text(self) -> str:
        """The whole, once: two copies of it are not kept."""
        encoded, self._encoded = self._encoded, bytearray()
        return encoded.decode("utf-8", "surrogatepass")


class Paragraphs(Sequence[tuple[str, int]]):
    """The paragraphs of a text with their offsets, cut out when they are asked for."""

    def __init__(self, text: str, starts: Sequence[int]) -> None:
        """starts: of each, and the end of the last."""
        self.text, self.starts = text, starts

    def __len__(self) -> int:
        return max(len(self.starts) - 1, 0)

    @overload
    def __getitem__(self, index: int) -> tuple[str, int]: ...

    @overload
    def __getitem__(self, index: slice) -> Paragraphs: ...

    def __getitem__(self, index: int | slice) -> tuple[str, int] | Paragraphs:
        if isinstance(index, slice):
            first, end, step = index.indices(len(self))
            assert step == 1, "paragraphs in a row"
            return Paragraphs(self.text, self.starts[first : max(first, end) + 1])
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = self.starts[index]
        return self.text[start : self.starts[index + 1]].rstrip("\n"), start


def assemble(pages: View) -> Assembled:
    """The text of all pages; words that a line end has cut are joined by vote of the whole."""
    vocabulary = Vocabulary.of(pages.texts(without=INITIAL_MARK))
    made = Assembled()
    for paragraph in paragraphs(pages):
        _add(paragraph, vocabulary, made)
    return made


def _add(paragraph: Paragraph, vocabulary: Vocabulary, made: Assembled) -> None:
    texts = [line.text for line in paragraph.lines]
    pieces, starts = _joined(paragraph, texts, vocabulary)
    text = "".join(pieces)
    if INITIAL_MARK in text:
        pieces, starts = _joined(paragraph, [resolved(text, vocabulary.counts) for text in texts], vocabulary)
        text = "".join(pieces)
    start = made.add(text)
    for line, within in zip(paragraph.lines, starts, strict=True):
        if not made.turns or made.turns[-1][1] != line.page:
            made.turns.append((start + within, line.page))
        made.page_starts.setdefault(line.page, start + within)


def _joined(paragraph: Paragraph, texts: list[str], vocabulary: Vocabulary) -> tuple[list[str], list[int]]:
    return keep_lines(texts) if paragraph.keeps_lines else join_with_starts(texts, vocabulary)
