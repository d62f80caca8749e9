"""Tables with cells of several lines, written cell by cell as browsers do; and what looks a little like them."""

from __future__ import annotations

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.pdf_cells import find_cell_table
from longdoc.ingest.pdf_text import Run

PITCH = 14.0
LEFT = (60.0, 160.0, 360.0)
ROWS = [
    [["Lamp"], ["What was found"], ["Cost"]],
    [
        ["North pier"],
        ["The glass is broken on the side", "of the sea, and the wick has not", "been changed for a year."],
        ["12.50"],
    ],
    [["South pier"], ["In order."], ["0.00"]],
    [
        ["Light of the", "old customs", "house"],
        ["The oil is spent every night", "before the morning comes."],
        ["31.00"],
    ],
]


def drawn(rows: list[list[list[str]]], *, padding: float = 4.0) -> list[tuple[float, float, str]]:
    """(x, y, text) in the order of writing: cell by cell, each in the middle of the height of its row."""
    found = []
    top = 680.0
    for row in rows:
        most = max(len(cell) for cell in row)
        for left, cell in zip(LEFT, row, strict=False):
            first = top - (most - len(cell)) * PITCH / 2
            found += [(left, first - number * PITCH, text) for number, text in enumerate(cell)]
        top -= most * PITCH + padding
    return found


def runs(places: list[tuple[float, float, str]]) -> list[Run]:
    return [Run(text, x, x + 5.5 * len(text), y, 12.0, 0, order) for order, (x, y, text) in enumerate(places)]


def test_each_row_is_one_line_between_the_prose_above_and_below(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    above = "What was found is set down in the table below, lamp by lamp, as it was told."
    below = "After the table the report goes on with a line of prose that is as long as this."
    for x, y, text in [(60.0, 730.0, above), *drawn(ROWS), (60.0, 480.0, below)]:
        canvas.drawString(x, y, text)
    canvas.save()
    rows = ["\t".join(" ".join(cell) for cell in row) for row in ROWS]
    assert read_document(str(tmp_path / "a.pdf")).text == "\n\n".join([above, "\n".join(rows), below])


def test_an_empty_cell_is_left_out_and_the_row_stays() -> None:
    rows = [*ROWS, [["Quay"], ["Stolen, and to be put up again", "on the wall of the inn."]]]
    table = find_cell_table(runs(drawn(rows)), 0)
    assert table is not None
    assert table.lines[-1].text == "Quay\tStolen, and to be put up again on the wall of the inn."
    assert len(table.lines) == 5


def test_columns_of_prose_and_tables_of_single_lines_are_none() -> None:
    words = "words of a line of prose"
    columns = [(left, 700.0 - PITCH * line, words) for left in (60.0, 300.0) for line in range(30)]
    by_rows = sorted(columns, key=lambda place: -place[1])
    ragged = [place for place in by_rows if place[0] > 60 or place[1] > 500]
    single = drawn([[["a"], ["b"], ["c"]]] * 6)
    for places in (columns, by_rows, ragged, single, drawn(ROWS, padding=0.0)):
        assert find_cell_table(runs(places), 0) is None
