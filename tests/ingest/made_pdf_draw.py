"""How `made_pdf` draws a page: as lines, words or glyphs, in the order of reading or in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reportlab.pdfbase.pdfmetrics import stringWidth

if TYPE_CHECKING:
    from made_pdf import Typesetter

BOOK = "A History of Everything"
_CUT = 20.0  # points that are cropped from each side


def draw_page(setter: Typesetter) -> None:
    canvas, style = setter.canvas, setter.style
    pieces = list(setter.pieces)
    if style.order == "rows":
        pieces.sort(key=lambda piece: (-round(piece.y), piece.x))
    elif style.order == "shuffled":
        setter.rng.shuffle(pieces)
    canvas.saveState()
    if style.rotated:
        canvas.setPageSize((setter.width, setter.height))  # which setPageRotation turns
        canvas.translate(setter.height, 0)
        canvas.rotate(90)
        canvas.setPageRotation(90)
    if style.cropped:
        canvas.setFont("Helvetica", 6)
        canvas.drawString(4, 6, "galley proof 0815 of the printer, not to be seen")
        box = (_CUT, _CUT, setter.width - _CUT, setter.height - _CUT)
        if style.rotated:
            box = (_CUT, _CUT, setter.height - _CUT, setter.width - _CUT)
        canvas.setCropBox(box)
    if style.order != "heads last":
        _edges(setter)
    for piece in pieces:
        _draw(canvas, piece.x, piece.y, piece.words, piece.spaces, piece.font, piece.size, style.writing)
    if style.order == "heads last":
        _edges(setter)
    canvas.restoreState()
    canvas.showPage()


def _edges(setter: Typesetter) -> None:
    """The head and the foot of a page; the first page of a chapter has no head."""
    style, label = setter.style, setter.label()
    is_opening = any(piece.size == 17 for piece in setter.pieces)
    canvas = setter.canvas
    canvas.setFont(style.font, 0.9 * style.size)
    y = setter.height - 45
    even = setter.page % 2
    if style.heads != "none" and not is_opening:
        head = setter.chapter if style.heads == "chapters" or not even else BOOK
        setter.made.running.add(head)
        canvas.drawString(setter.margin + 20, y, head)
    if style.foot == "outer":
        canvas.drawString(setter.margin - 12 if even else setter.width - setter.margin - 12, y, label)
    else:
        canvas.drawCentredString(setter.width / 2, 36, style.foot.format(label))


def _draw(
    canvas: Any, x: float, y: float, words: list[str], space: float, font: str, size: float, writing: str
) -> None:
    if writing == "lines":
        text = canvas.beginText(x, y)
        text.setFont(font, size)
        text.setWordSpace(space - stringWidth(" ", font, size) if len(words) > 1 else 0)
        text.textOut(" ".join(words))
        canvas.drawText(text)
        return
    canvas.setFont(font, size)
    for word in words:
        if writing == "words":
            canvas.drawString(x, y, word)
            x += stringWidth(word, font, size)
        else:
            for glyph in word:
                canvas.drawString(x, y, glyph)
                x += stringWidth(glyph, font, size)
        x += space
