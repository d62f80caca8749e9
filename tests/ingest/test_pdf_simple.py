"""Pages of one column: the short way gives what the long way gives, on drawn pages; and when it says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.ingest.lines import Line
from longdoc.ingest.pdf_columns import split_columns
from longdoc.ingest.pdf_layout import _ordered
from longdoc.ingest.pdf_simple import simple_order
from longdoc.ingest.pdf_text import Run

WORDS = ["1", "xii", "A head of a page", "said he.", "a line of prose that fills the column from its left to its right"]


def run(text: str, left: float, right: float, bottom: float, height: float = 11.0, order: int = 0) -> Run:
    return Run(text, left, right, bottom, height, 0, order)


@st.composite
def pages(draw: st.DrawFn) -> list[Run]:
    """Rows at drawn places, from narrow to wide, close together and far apart; tame pages have one run in most rows."""
    found: list[Run] = []
    bottom = 780.0
    is_tame, num_rows = draw(st.booleans()), draw(st.integers(1, 14))
    for row in range(num_rows):
        is_free = not is_tame or row in (0, num_rows - 1)
        height = draw(st.sampled_from([8.0, 11.0, 11.0, 11.0, 11.7, 17.0]))
        bottom -= draw(st.sampled_from([5.0, 9.0, 24.0, 70.0] if is_free else [12.0, 12.0, 13.2, 24.0, 70.0]))
        left = draw(st.sampled_from([50.0, 50.0, 50.0, 64.0, 250.0, 420.0] if is_free else [50.0, 64.0, 100.0]))
        for _ in range(draw(st.sampled_from([1, 1, 2, 3])) if is_free else 1):
            right = left + draw(st.sampled_from([6.0, 40.0, 120.0, 400.0]))
            found.append(run(draw(st.sampled_from(WORDS)), left, right, bottom, height))
            left = right + draw(st.sampled_from([3.0, 14.0, 60.0, 200.0]))
    order = draw(st.permutations(range(len(found))))
    return [piece._replace(order=number) for piece, number in zip(found, order, strict=True)]


def long_way(runs: Sequence[Run]) -> list[Line]:
    assert len(split_columns(runs)) == 1
    return _ordered(list(runs), 0)


@settings(max_examples=1500, deadline=None)
@given(runs=pages())
def test_where_it_says_something_it_says_what_the_long_way_says(runs: list[Run]) -> None:
    runs = sorted(runs, key=lambda piece: piece.order)
    ordered = simple_order(runs)
    if ordered is not None:
        short = [Line(piece.text, 0, piece.left, piece.right, piece.bottom, piece.height) for piece in ordered]
        assert short == long_way(runs)


def page(num_lines: int = 30) -> list[Run]:
    return [run(WORDS[-1], 50, 400, 700 - 13 * number, order=number) for number in range(num_lines)]


def test_a_head_of_two_pieces_and_a_foot_are_put_in_their_places_wherever_they_were_written() -> None:
    edges = [run("12", 220, 230, 100, order=40), run("Book", 50, 90, 740, order=41), run("7", 390, 400, 740, order=42)]
    ordered = simple_order([*page(), *edges])
    assert ordered is not None
    assert ordered[0].text == "Book 7"
    assert ordered[-1].text == "12"
    assert len(ordered) == 32


def test_it_says_nothing_of_tables_columns_and_raised_numbers() -> None:
    assert simple_order(page()) is not None
    cells = [run("cell", left, left + 40, 440.0, order=50) for left in (50, 200)]
    right = [piece._replace(left=450, right=800) for piece in page()]
    mark = run("3", 400, 404, 704, 6.0, order=50)
    below = [run("left", 50, 80, 200 - 12 * number, order=60 + 2 * number) for number in range(3)]
    beside = [run("right", 150, 180, 200 - 12 * number, order=61 + 2 * number) for number in range(3)]
    for others in (cells, right, [mark], [*below, *beside]):
        assert simple_order([*page(), *others]) is None
