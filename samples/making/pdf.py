"""The book as a printed one: justified and hyphenated lines, running heads, folios, page labels, an outline."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from reportlab.lib.units import inch
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from making.book import Book

_PAGE = (5.06 * inch, 7.81 * inch)
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.62 * inch, 0.62 * inch, 0.95 * inch, 0.85 * inch
_WIDTH = _PAGE[0] - _LEFT - _RIGHT
_FONT, _ITALIC, _SIZE, _LEADING, _INDENT = "Times-Roman", "Times-Italic", 10.0, 13.2, 15.0
_MAX_STRETCH = 2.2  # of a space; above that a word is hyphenated if it can be
_ONSETS = {"bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "ph", "pl", "pr", "sh", "sl", "th", "tr", "wh"}
_TOGETHER = _ONSETS | {"ck", "gh", "ng", "nk", "qu", "sc", "st", "sp", "sk"}

_Line = tuple[list[str], float, bool]  # words, indent, justified


def write_pdf(book: Book, path: Path) -> None:
    starts = _Pages(book, Canvas("measure.pdf", pagesize=_PAGE), {}).lay_out()
    canvas = Canvas(str(path), pagesize=_PAGE, invariant=1)
    canvas.setTitle(book.title)
    canvas.setAuthor(book.author)
    canvas.setSubject("A sample of longdoc; the text is in the public domain in the United States")
    pages = _Pages(book, canvas, starts)
    assert pages.lay_out() == starts
    canvas.addPageLabel(0, "ROMAN_LOWER", 1)
    canvas.addPageLabel(pages.num_front, "ARABIC", 1)
    canvas.showOutline()
    canvas.save()


class _Pages:
    """A book on its way to pages. starts: the printed numbers of the chapters' first pages, for the contents."""

    def __init__(self, book: Book, canvas: Canvas, starts: dict[str, int]) -> None:
        self._book = book
        self._canvas = canvas
        self._starts = starts
        words = " ".join(p for c in book.chapters for p in c.paragraphs).replace("—", " ").split()
        self._compounds = Counter(_bare(word) for word in words if "-" in word)
        self._number = 0  # printed number of the open page; 0 in the front matter
        self._height = 0.0
        self._chapter = ""
        self._opens_chapter = False
        self.num_front = 0

    def lay_out(self) -> dict[str, int]:
        self._front()
        starts = {}
        for chapter in self._book.chapters:
            starts[chapter.number] = self._open_chapter(chapter.heading, chapter.title)
            for index, paragraph in enumerate(chapter.paragraphs):
                self._paragraph(paragraph, first=index == 0)
            self._close_page()
        return starts

    def _front(self) -> None:
        canvas, middle = self._canvas, _PAGE[0] / 2
        self._bookmark("Title page", "title")
        canvas.setFont(_FONT, 22)
        canvas.drawCentredString(middle, 5.6 * inch, self._book.title.upper())
        canvas.setFont(_ITALIC, 12)
        canvas.drawCentredString(middle, 5.1 * inch, "by")
        canvas.setFont(_FONT, 15)
        canvas.drawCentredString(middle, 4.7 * inch, self._book.author.upper())
        canvas.showPage()
        canvas.setFont(_FONT, 8.5)
        canvas.drawString(_LEFT, 1.5 * inch, "First published in 1915.")
        canvas.drawString(_LEFT, 1.32 * inch, "The text is in the public domain in the United States.")
        self._folio("ii")
        self._bookmark("Dedication", "dedication")
        self._height = _PAGE[1] - 1.6 * inch
        for index, paragraph in enumerate(self._book.dedication):
            self._paragraph(paragraph, first=index == 0)
        self._folio("iii")
        self._bookmark("Contents", "contents")
        canvas.setFont(_FONT, 13)
        canvas.drawCentredString(middle, _PAGE[1] - 1.5 * inch, "CONTENTS")
        canvas.setFont(_FONT, _SIZE)
        for index, chapter in enumerate(self._book.chapters):
            height = _PAGE[1] - 2.1 * inch - 1.6 * _LEADING * index
            page = str(self._starts.get(chapter.number, 100))
            canvas.drawRightString(_LEFT + 22, height, f"{chapter.number}.")
            canvas.drawString(_LEFT + 30, height, chapter.title)
            canvas.drawRightString(_LEFT + _WIDTH, height, page)
        self._folio("iv")
        self.num_front = 4

    def _folio(self, label: str) -> None:
        self._canvas.setFont(_FONT, 9)
        self._canvas.drawCentredString(_PAGE[0] / 2, 0.5 * inch, label)
        self._canvas.showPage()

    def _bookmark(self, title: str, key: str) -> None:
        self._canvas.bookmarkPage(key)
        self._canvas.addOutlineEntry(title, key, level=0)

    def _open_chapter(self, heading: str, title: str) -> int:
        self._chapter = title
        self._open_page(opens_chapter=True)
        self._bookmark(f"{heading.title().replace(heading.split()[1].title(), heading.split()[1])}. {title}", heading)
        self._canvas.setFont(_FONT, 11)
        self._canvas.drawCentredString(_PAGE[0] / 2, _PAGE[1] - 1.6 * inch, heading)
        self._canvas.setFont(_ITALIC, 15)
        self._canvas.drawCentredString(_PAGE[0] / 2, _PAGE[1] - 2.0 * inch, title)
        self._height = _PAGE[1] - 2.65 * inch
        return self._number

    def _open_page(self, *, opens_chapter: bool = False) -> None:
        self._number += 1
        self._opens_chapter = opens_chapter
        self._height = _PAGE[1] - _TOP
        if not opens_chapter:
            self._canvas.setFont(_ITALIC, 9)
            head = self._book.title if self._number % 2 == 0 else self._chapter
            self._canvas.drawCentredString(_PAGE[0] / 2, _PAGE[1] - 0.6 * inch, head)

    def _close_page(self) -> None:
        self._folio(str(self._number))

    def _paragraph(self, paragraph: str, *, first: bool) -> None:
        if "\n" in paragraph:
            lines: list[_Line] = [([line], 2 * _INDENT, False) for line in paragraph.split("\n")]
            self._height -= 0.4 * _LEADING
        else:
            lines = _break_lines(paragraph, 0.0 if first else _INDENT, self._compounds)
        for words, indent, justified in lines:
            if self._height < _BOTTOM:
                self._close_page()
                self._open_page()
            self._draw(words, indent, justified)
            self._height -= _LEADING
        if "\n" in paragraph:
            self._height -= 0.4 * _LEADING

    def _draw(self, words: list[str], indent: float, justified: bool) -> None:
        text = self._canvas.beginText(_LEFT + indent, self._height)
        text.setFont(_FONT, _SIZE)
        line = " ".join(words)
        if justified and len(words) > 1:
            text.setWordSpace((_WIDTH - indent - stringWidth(line, _FONT, _SIZE)) / (len(words) - 1))
        text.textLine(line)
        self._canvas.drawText(text)


def _break_lines(paragraph: str, indent: float, compounds: Counter[str]) -> list[_Line]:
    """Lines filled one after the other; a word is hyphenated where the spaces would get too wide."""
    space = stringWidth(" ", _FONT, _SIZE)
    lines: list[_Line] = []
    words: list[str] = []
    waiting = re.findall(r"\S+?—(?=\S)|\S+", paragraph)[::-1]
    joined = re.compile(r"—$")
    while waiting:
        word = waiting.pop()
        room = _WIDTH - (0 if lines else indent)
        trial = _line_text([*words, word])
        if stringWidth(trial, _FONT, _SIZE) <= room:
            words = [*words[:-1], words[-1] + word] if words and joined.search(words[-1]) else [*words, word]
            continue
        missing = room - stringWidth(" ".join(words), _FONT, _SIZE)
        if missing > _MAX_STRETCH * space * max(len(words) - 1, 1) * 0.35:
            for head, tail in _hyphenations(word, compounds):
                trial = _line_text([*words, head])
                if stringWidth(trial, _FONT, _SIZE) <= room:
                    words = trial.split(" ")
                    waiting.append(tail)
                    break
            else:
                waiting.append(word)
        else:
            waiting.append(word)
        lines.append((words, 0 if lines else indent, True))
        words = []
    lines.append((words, 0 if lines else indent, False))
    return lines


def _line_text(words: list[str]) -> str:
    """Words with spaces, but none after a long dash."""
    return re.sub(r"— (?=\S)", "—", " ".join(words))


def _bare(word: str) -> str:
    return re.sub(r"[^\w-]", "", word).lower()


def _hyphenations(word: str, compounds: Counter[str]) -> list[tuple[str, str]]:
    """(head with hyphen, tail), longest head first.

    A compound is cut at its own hyphen, and only when the book has it elsewhere too: otherwise nobody who
    reads the page could tell whether the hyphen belongs to the word.
    """
    if "-" in word:
        if compounds[_bare(word)] < 2:
            return []
        cuts = [match.end() for match in re.finditer(r"(?<=\w)-(?=\w)", word)]
        return [(word[:cut], word[cut:]) for cut in reversed(cuts)]
    match = re.search(r"[a-z]{7,}", word)
    if not match:
        return []
    pieces = []
    for cut in range(match.start() + 3, match.end() - 2):
        before, after = word[cut - 1], word[cut]
        if before in "aeiouy" or after in "aeiouy" or word[cut - 1 : cut + 1] in _TOGETHER:
            continue
        onset = word[cut : cut + 2]
        vowel_follows = word[cut + 1] in "aeiouy" or (onset in _ONSETS and word[cut + 2 : cut + 3] in tuple("aeiouy"))
        if word[cut - 2] in "aeiouy" and vowel_follows:
            pieces.append((word[:cut] + "-", word[cut:]))
    return pieces[::-1]
