"""Letters and invoices: the block at the top right is read by itself, and tables and columns stay what they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.pdf_pages import PageReader

SENDER = ["Miller & Sons Ltd", "14 Harbour Street", "Bristol BS1 4RW", "United Kingdom", "Phone 0117 496 0123"]
ADDRESS = ["Ms Ada Thompson", "Thompson Joinery", "3 Mill Lane", "Bath BA1 1AA"]
FACTS = ["Invoice number: 2026-0417", "Invoice date: 12 May 2026", "Customer number: K-20931", "Due date: 11 June 2026"]
ITEMS = [
    ("Pos", "Description", "Qty", "Price"),
    ("1", "Oak boards, planed", "12", "480.00"),
    ("2", "Glue", "3", "57.00"),
]
PROSE = [
    "Thank you for your order of the second of May, which we have delivered to your workshop in parts.",
    "The goods remain our property until the whole of the amount below has been paid to our account.",
]


def column(canvas: Canvas, left: float, top: float, lines: list[str], step: float = 13) -> None:
    for number, line in enumerate(lines):
        canvas.drawString(left, top - step * number, line)


def body(canvas: Canvas) -> None:
    canvas.drawString(60, 640, "Invoice")
    for number, cells in enumerate(ITEMS):
        for left, cell in zip((60, 100, 360, 440), cells, strict=True):
            canvas.drawString(left, 610 - 15 * number, cell)
    column(canvas, 60, 530, PROSE)


def lines_of(draw: Callable[[Canvas], None]) -> list[str]:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    draw(canvas)
    canvas.save()
    return [line.text for line in PageReader(file.getvalue(), 1).page(0).lines]


def on_one_baseline_in_blocks(canvas: Canvas) -> None:
    column(canvas, 60, 780, SENDER)
    column(canvas, 380, 780, FACTS)
    body(canvas)


def on_one_baseline_row_by_row(canvas: Canvas) -> None:
    for number, fact in enumerate(FACTS):
        column(canvas, 60, 780 - 13 * number, [SENDER[number]])
        column(canvas, 380, 780 - 13 * number, [fact])
    column(canvas, 60, 728, SENDER[4:])
    body(canvas)


def body_first_and_lower_at_the_right(canvas: Canvas) -> None:
    body(canvas)
    column(canvas, 60, 780, SENDER)
    column(canvas, 380, 757, FACTS, step=15)


@pytest.mark.parametrize(
    "draw", [on_one_baseline_in_blocks, on_one_baseline_row_by_row, body_first_and_lower_at_the_right]
)
def test_sender_at_the_left_and_facts_at_the_right(draw: Callable[[Canvas], None]) -> None:
    lines = lines_of(draw)
    assert lines[:10] == [*SENDER, *FACTS, "Invoice"]
    assert lines[10:] == ["\t".join(cells) for cells in ITEMS] + PROSE


def test_the_lines_of_the_head_stay_lines(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    body_first_and_lower_at_the_right(canvas)
    canvas.save()
    text = read_document(str(tmp_path / "a.pdf")).text
    assert text.startswith("\n".join([*SENDER, *FACTS]) + "\n\nInvoice\n\n")
    assert text.endswith("\n\n" + " ".join(PROSE))


def test_the_block_that_begins_higher_comes_first() -> None:
    def draw(canvas: Canvas) -> None:
        for number, line in enumerate(SENDER):
            canvas.drawRightString(535, 790 - 13 * number, line)
        column(canvas, 60, 750, ADDRESS)
        column(canvas, 60, 660, ["Dear Ms Thompson,", *PROSE])

    assert lines_of(draw) == [*SENDER, *ADDRESS, "Dear Ms Thompson,", *PROSE]


def test_labels_and_values_at_the_right_stay_rows() -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, 60, 770, ADDRESS)
        for number, fact in enumerate(FACTS):
            label, value = fact.split(": ")
            column(canvas, 340, 775 - 14 * number, [label])
            column(canvas, 460, 775 - 14 * number, [value])
        body(canvas)

    assert lines_of(draw)[:9] == [*(fact.replace(": ", "\t") for fact in FACTS), *ADDRESS, "Invoice"]


def test_labels_and_values_on_the_baselines_of_the_address() -> None:
    def draw(canvas: Canvas) -> None:
        for number, fact in enumerate([*FACTS, "Our reference: AB"]):
            label, value = fact.split(": ")
            column(canvas, 60, 770 - 14 * number, ADDRESS[number : number + 1])
            column(canvas, 340, 770 - 14 * number, [label])
            column(canvas, 460, 770 - 14 * number, [value])
        body(canvas)

    facts = [fact.replace(": ", "\t") for fact in [*FACTS, "Our reference: AB"]]
    assert lines_of(draw)[:10] == [*ADDRESS, *facts, "Invoice"]


def test_a_table_of_three_columns_at_the_top_of_a_page_is_read_row_by_row() -> None:
    rows = [
        ("City", "Population", "Area"),
        ("Bristol", "large", "110"),
        ("Bath", "middling", "29"),
        ("Wells", "small", "5"),
    ]

    def draw(canvas: Canvas) -> None:
        for number, row in enumerate(rows):
            for left, cell in zip((60, 340, 460), row, strict=True):
                column(canvas, left, 780 - 15 * number, [cell])
        column(canvas, 60, 700, PROSE)

    assert lines_of(draw) == [*("\t".join(row) for row in rows), *PROSE]


def test_a_table_at_the_top_of_a_page_is_read_row_by_row() -> None:
    def draw(canvas: Canvas) -> None:
        for number, (city, people) in enumerate([("City", "People"), ("Bristol", "472,400"), ("Bath", "94,100")]):
            column(canvas, 60, 780 - 15 * number, [city])
            column(canvas, 380, 780 - 15 * number, [people])
        column(canvas, 60, 700, PROSE)

    assert lines_of(draw) == ["City\tPeople", "Bristol\t472,400", "Bath\t94,100", *PROSE]


def test_columns_of_a_page_without_a_line_across_are_no_head() -> None:
    left = [f"left {number} of many short lines" for number in range(12)]
    right = [f"right {number} of many short lines" for number in range(12)]

    def draw(canvas: Canvas) -> None:
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            column(canvas, 60, 780 - 13 * number, [one])
            column(canvas, 340, 775 - 13 * number, [other])

    assert lines_of(draw) == [*left, *right]
