"""PDFs made by a small typesetter, with what a reader has to give back: every sentence, its page and its label.

A `Style` says how the pages look and in which way their content is written; `random_style` draws one. The typesetter
breaks lines and words, fills columns and pages, and keeps for each sentence the page on which it begins and ends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

WORDS = """time person world house water morning captain harbour lantern bridge garden letter village soldier kitchen
mountain river window question answer company children government history evening minister council report
machine engine market butter candle doctor teacher student paper pencil station railway carriage servant
master mistress journey island forest animal summer winter weather thunder country capital language
dictionary literature mathematics understanding consideration responsibility extraordinary nevertheless
independence communication administration university examination temperature agricultural manufacturing
neighbourhood circumstances advertisement opportunity photograph philosopher conversation entertainment
establishment well-known old-fashioned soda-water half-past remember consider discover examine describe
continue determine imagine believe deliver produce introduce carried walked looked waited turned opened
closed brought thought followed answered listened travelled and the of to in that with for from under over
between before after while because although of the and in a quiet narrow golden silver ancient modern bitter
gentle careful famous honest little larger second double""".split()  # noqa: SIM905
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv"]
SIZES = {"A5": (420, 595), "A4": (595, 842), "letter": (612, 792), "legal": (612, 1008), "wide": (842, 595)}
FONTS = ("Times-Roman", "Helvetica", "Times-Italic", "Courier")


@dataclass
class Style:
    """How a document looks and how it is written.

    writing: "lines" as most do, "words" and "glyphs" each put in place, without spaces.
    order: "columns" as it is read, "rows" over all columns, "shuffled", "heads last".
    labels: "file" in the PDF's own table, "printed" on the page alone.   foot: how the page number is printed.
    """

    page: str = "A5"
    columns: int = 1
    font: str = "Times-Roman"
    size: float = 10
    leading: float = 1.25
    gutter: float = 18
    justified: bool = True
    hyphens: str = "-"
    indented: bool = True
    heads: str = "odd and even"
    foot: str = "{}"
    labels: str = "file"
    num_front: int = 3
    writing: str = "lines"
    order: str = "columns"
    footnotes: float = 0.05
    tables: float = 0.04
    titles: bool = True
    rotated: bool = False
    cropped: bool = False


def random_style(rng: random.Random) -> Style:
    page = rng.choice(list(SIZES))
    width = SIZES[page][0]
    columns = rng.choice([1, 2, 2, 3] if width > 500 else [1, 1, 2])
    size = rng.choice([9, 10, 11]) if columns == 1 else rng.choice([8, 9, 10])
    return Style(
        page=page,
        columns=columns,
        font=rng.choice(FONTS[:3] if columns > 1 else FONTS),
        size=size,
        leading=rng.choice([1.15, 1.2, 1.3, 1.5]),
        gutter=rng.choice([14, 18, 24]),
        justified=rng.random() < 0.7,
        hyphens=rng.choice(["-", "-", "\xad", ""]),
        indented=rng.random() < 0.6,
        heads=rng.choice(["odd and even", "chapters", "none"]),
        foot=rng.choice(["{}", "- {} -", "Page {}", "outer"]),
        labels=rng.choice(["file", "printed"]),
        num_front=rng.choice([0, 3, 6]),
        writing=rng.choice(["lines", "lines", "words", "glyphs"]),
        order=rng.choice(["columns", "columns", "rows", "shuffled", "heads last"]),
        footnotes=rng.choice([0, 0.05, 0.1]),
        tables=rng.choice([0, 0.04]),
        rotated=rng.random() < 0.15,
        cropped=rng.random() < 0.2,
    )


@dataclass
class Known:
    """A sentence, or a row of a table; pages from 0. kind: "text", "note", "row" or "title"."""

    text: str
    kind: str
    page: int = -1
    end_page: int = -1


@dataclass
class Made:
    path: Path
    style: Style
    known: list[Known] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)


@dataclass
class _Piece:
    """Something to draw: words at places. sentences: those that begin or end with one of the words."""

    x: float
    y: float
    words: list[str]
    spaces: float
    font: str
    size: float


class Typesetter:
    def __init__(self, path: Path, style: Style, seed: int) -> None:
        self.rng = random.Random(seed)
        self.style = style
        self.width, self.height = SIZES[style.page]
        self.canvas = Canvas(str(path), pagesize=(self.width, self.height), invariant=1)
        self.made = Made(path, style)
        self.margin = 48.0
        self.pieces: list[_Piece] = []
        self.page = 0
        self.top = self.height - 70
        self.column, self.y = 0, self.top
        self.column_width = (self.width - 2 * self.margin - style.gutter * (style.columns - 1)) / style.columns
        self.notes: list[tuple[Known, list[str]]] = []
        self.num_notes = 0
        self.chapter = "The First Things"
        self.step = style.size * style.leading

    # What is written

    def sentence(self) -> str:
        words = [self.rng.choice(WORDS) for _ in range(self.rng.randint(6, 22))]
        words.insert(self.rng.randint(2, 5), str(self.rng.randint(100, 99999)))
        comma = self.rng.randint(2, len(words) - 2)
        words[comma] += ","
        return f"{' '.join(words).capitalize()}{self.rng.choice('....?!')}"

    def paragraph(self) -> None:
        known = [Known(self.sentence(), "text") for _ in range(self.rng.randint(2, 7))]
        self.made.known += known
        words: list[tuple[str, Known | None, Known | None]] = []
        for sentence in known:
            parts = sentence.text.split(" ")
            for place, word in enumerate(parts):
                words.append((word, sentence if place == 0 else None, sentence if place == len(parts) - 1 else None))
        note = self.rng.random() < self.style.footnotes
        self._set(words, self.style.size, note=note)
        if not self.style.indented:
            self.y -= 0.6 * self.step

    def _set(self, words: list, size: float, *, note: bool) -> None:
        indent = 14.0 if self.style.indented else 0.0
        first, rest = True, list(words)
        while rest:
            self._make_room(self.step)
            width = self.column_width - (indent if first else 0.0)
            line, rest = self._break(rest, width, size)
            for _, begins, ends in line:
                if begins:
                    begins.page = self.page
                if ends:
                    ends.end_page = self.page
            texts = [word for word, _, _ in line]
            x = self._x() + (indent if first else 0.0)
            natural = stringWidth(" ".join(texts), self.style.font, size)
            space = stringWidth(" ", self.style.font, size)
            if self.style.justified and rest and len(texts) > 1:
                space = min(space + (width - natural) / (len(texts) - 1), 4 * space)
            self.pieces.append(_Piece(x, self.y, texts, space, self.style.font, size))
            if note and not rest and texts[-1][-1] in ".?!":
                self._call_note(x, texts, space, size)
            self.y -= self.step
            first = False

    def _break(self, words: list, width: float, size: float) -> tuple[list, list]:
        """The words of one line and the rest; the last may be cut."""
        font, space = self.style.font, stringWidth(" ", self.style.font, size)
        used = 0.0
        for place, (word, begins, ends) in enumerate(words):
            needed = stringWidth(word, font, size) + (space if place else 0.0)
            if used + needed > width:
                cut = self._cut(word, width - used - space, size)
                if cut:
                    return [*words[:place], (cut[0], begins, None)], [(cut[1], None, ends), *words[place + 1 :]]
                return words[:place], words[place:]
            used += needed
        return words, []

    def _cut(self, word: str, room: float, size: float) -> tuple[str, str] | None:
        if "-" in word.strip("-"):
            left, _, right = word.partition("-")
            if stringWidth(left + "-", self.style.font, size) <= room:
                return left + "-", right
        if not self.style.hyphens or len(word) < 7 or not word.strip(",.?!").isalpha() or word[0].isupper():
            return None
        for place in range(len(word) - 3, 2, -1):
            left, right = word[:place], word[place:]
            may_part = right[0] in "bcdfghlmnprstv" and left[-1] in "aeiourntl"
            if may_part and stringWidth(left + "-", self.style.font, size) <= room:
                return left + self.style.hyphens, right
        return None

    def _call_note(self, x: float, texts: list[str], space: float, size: float) -> None:
        self.num_notes += 1
        small = 0.78 * size
        known = Known(self.sentence(), "note", self.page, self.page)
        mark = str(self.num_notes)
        lines, words = [], [(word, None, None) for word in f"{mark} {known.text}".split(" ")]
        while words:
            line, words = self._break(words, self.column_width, small)
            lines.append([word for word, _, _ in line])
        if self.y - self._foot() < (len(lines) + 1) * self.step:
            self.num_notes -= 1
            return
        end = x + sum(stringWidth(t, self.style.font, size) for t in texts) + space * (len(texts) - 1)
        if end + 8 > self._x() + self.column_width:
            self.num_notes -= 1
            return
        self.pieces.append(_Piece(end, self.y + 0.35 * size, [mark], 0, self.style.font, 0.6 * size))
        self.made.known.append(known)
        self.notes.append((known, lines))

    def title(self) -> None:
        """A chapter begins on a new page, with a title over all columns."""
        self.new_page()
        self.chapter = " ".join(self.rng.choice(WORDS[:60]).capitalize() for _ in range(3))
        self.y = self.top - 10
        self.pieces.append(_Piece(self.margin, self.y, self.chapter.split(), 5.0, "Helvetica-Bold", 17))
        self.made.known.append(Known(self.chapter, "title", self.page, self.page))
        self.top_of_columns = self.y = self.y - 34

    def table(self) -> None:
        """In one column, or over all of them at the head of a page."""
        num_columns = self.rng.choice([2, 3, 4]) if self.column_width > 220 else 2
        num_rows = self.rng.randint(3, 7)
        size, pitch = self.style.size - 0.5, self.step * 1.25
        self._make_room((num_rows + 2) * pitch)
        self.y -= 0.6 * pitch
        for _ in range(num_rows):
            cells = [" ".join(self.rng.choice(WORDS[:60]) for _ in range(self.rng.randint(1, 2)))]
            cells += [f"{self.rng.randint(1, 9999):,}" for _ in range(num_columns - 1)]
            for number, cell in enumerate(cells):
                x = self._x() + (number * 0.62 / num_columns + (0.36 if number else 0)) * self.column_width
                self.pieces.append(_Piece(x, self.y, cell.split(), stringWidth(" ", self.style.font, size),
                                          self.style.font, size))  # fmt: skip
            self.made.known.append(Known("\t".join(cells), "row", self.page, self.page))
            self.y -= pitch
        self.y -= 0.8 * pitch

    # Where it goes

    def _x(self) -> float:
        return self.margin + self.column * (self.column_width + self.style.gutter)

    def _foot(self) -> float:
        return 62.0 + sum(len(lines) for _, lines in self.notes) * 0.78 * self.step + (8 if self.notes else 0)

    def _make_room(self, height: float) -> None:
        if self.y - height >= self._foot() - self.step:
            return
        self._end_column()
        self.column += 1
        self.y = self.top_of_columns
        if self.column == self.style.columns:
            self.new_page()

    top_of_columns = 0.0

    def _end_column(self) -> None:
        y = self._foot() - 8 - 0.78 * self.step
        for _, lines in self.notes:
            for words in lines:
                small = 0.78 * self.style.size
                space = stringWidth(" ", self.style.font, small)
                self.pieces.append(_Piece(self._x(), y, words, space, self.style.font, small))
                y -= 0.78 * self.step
        self.notes = []

    def new_page(self) -> None:
        if self.pieces:
            if self.notes:
                self._end_column()
            self._draw_page()
        self.column, self.y = 0, self.top
        self.top_of_columns = self.top

    def label(self) -> str:
        front = self.style.num_front
        return ROMAN[self.page] if self.page < front else str(self.page - front + 1)

    # How it is drawn

    def _draw_page(self) -> None:
        from made_pdf_draw import draw_page  # the same folder

        draw_page(self)
        self.made.labels.append(self.label())
        self.pieces = []
        self.page += 1

    def finish(self) -> Made:
        self.new_page()
        if self.style.labels == "file":
            if self.style.num_front:
                self.canvas.addPageLabel(0, "ROMAN_LOWER", 1)
            self.canvas.addPageLabel(self.style.num_front, "ARABIC", 1)
        self.canvas.save()
        return self.made


def make(path: Path, style: Style, seed: int = 0, num_pages: int = 12) -> Made:
    """A document of at least so many pages."""
    setter = Typesetter(path, style, seed)
    setter.title()
    while setter.page < num_pages:
        if style.tables and setter.rng.random() < style.tables:
            setter.table()
        setter.paragraph()
        if style.titles and setter.rng.random() < 0.015:
            setter.title()
    return setter.finish()
