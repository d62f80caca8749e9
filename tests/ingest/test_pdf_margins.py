"""Numbers of lines in the margin, marks before a line, and who speaks: minutes of a court read like any other text."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.pdf_labels import labels_from_folios
from longdoc.ingest.pdf_margins import without_line_numbers
from longdoc.ingest.pdf_rows import rows_of
from longdoc.ingest.pdf_text import Run

SAID = (
    "Q.   Good morning, Mr. Finch. State the name of house {}",
    "for the record of day {}?",
    "A.   Harold Edward Finch.",
    "Q.   And where were you on the night of the storm?",
    "A.   I was in the harbour. I had gone down to see to the boat,",
    "because the rope was old and I was afraid that it would",
    "not hold.",
    "MR. LARK:  Objection, your Honor, that was no answer to it.",
    "THE COURT:  Overruled. You may go on with day {}.",
    "A.   It was dark on day {}.",
)
DAYS = ("rain", "storms", "silence")
READ = """Q. Good morning, Mr. Finch. State the name of house {} for the record of day {}?

A. Harold Edward Finch.

Q. And where were you on the night of the storm?

A. I was in the harbour. I had gone down to see to the boat, because the rope was old and I was afraid that it would \
not hold.

MR. LARK: Objection, your Honor, that was no answer to it.

THE COURT: Overruled. You may go on with day {}.

A. It was dark on day {}."""


def test_minutes_of_a_court_are_read_without_the_numbers_of_their_lines(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for page, day in enumerate(DAYS):
        canvas.setFont("Courier", 10)
        canvas.drawRightString(540, 780, str(41 + page))
        for row, words in enumerate(SAID):
            canvas.drawRightString(82, 740 - 24 * row, str(row + 1))
            canvas.drawString(110, 740 - 24 * row, words.format(day))
        canvas.showPage()
    canvas.save()
    document = read_document(str(tmp_path / "a.pdf"))
    assert document.text == "\n\n".join(READ.format(*[day] * 4) for day in DAYS)
    assert [anchor.label for anchor in document.anchors] == ["41", "42", "43"]


def numbered(words: list[str], *, first: int = 1, step: int = 1, pitch: float = 20.0) -> list[Run]:
    runs = []
    for row, text in enumerate(words):
        bottom = 700 - pitch * row
        runs.append(Run(str(first + step * row), 60, 70, bottom, 10, 0, 2 * row))
        runs.append(Run(text, 100, 100 + 5 * len(text), bottom, 10, 0, 2 * row + 1))
    return runs


PROSE = ["The captain had gone down", "to the harbour. He was", "afraid for the boat, whose", "Rope was old."] * 3
NAMES = ["Ada Lark", "Ben Finch", "Cora Reed", "Dan Moor"] * 3


@pytest.mark.parametrize(
    ("runs", "are_dropped"),
    [
        (numbered(PROSE), True),
        (numbered(PROSE, first=226), True),
        (numbered(NAMES), False),  # a table: nothing goes on below
        (numbered([name.lower() for name in NAMES]), False),
        (numbered(PROSE, step=2), False),
        (numbered(PROSE[:6]), False),
        ([*numbered(PROSE), Run("Left of all of them", 10, 90, 640, 10, 0, 99)], False),
    ],
)
def test_numbers_in_the_margin_are_those_of_lines_when_prose_goes_on_beside_them(
    runs: list[Run], are_dropped: bool
) -> None:
    kept = without_line_numbers(runs)
    assert kept == ([run for run in runs if not run.text.isdigit()] if are_dropped else runs)


def test_the_mark_of_an_item_is_no_cell_of_its_own() -> None:
    def row(*texts: str) -> list[str]:
        runs = [Run(text, 60 + 40 * n, 70 + 40 * n, 700, 14, 0, n) for n, text in enumerate(texts)]
        return [run.text for run in rows_of(runs)[0]]

    assert row("a)", "the rope") == ["a) the rope"]
    assert row("Q.", "Where?") == ["Q. Where?"]
    assert row("12", "the rope", "3") == ["12", "the rope", "3"]
    assert row("Ada", "the rope") == ["Ada", "the rope"]
    assert row("Chapter", "1.", "another column") == ["Chapter", "1.", "another column"]


def test_a_raised_mark_before_a_line_belongs_to_it() -> None:
    line = Run("University of Port Anna", 63, 180, 744, 11.7, 0, 1)
    assert [run.text for run in rows_of([Run("1", 56, 60.4, 749, 9.3, 0, 0), line])[0]] == ["1 University of Port Anna"]
    far = [Run("1", 26, 30.4, 749, 9.3, 0, 0), line]
    assert sorted(run.text for row in rows_of(far) for run in row) == ["1", "University of Port Anna"]


def test_pages_with_two_numbers_take_the_same_of_them_throughout() -> None:
    folios = {0: ["101", "1"], 1: ["2", "102"], 2: ["103", "3"], 3: ["4", "104"]}
    assert labels_from_folios(folios, 4) == ["101", "102", "103", "104"]
