"""Large initials of chapters: where they are read, and whether they are a word or the beginning of one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.pdf_initials import INITIAL_MARK, resolved, with_initials
from longdoc.ingest.pdf_text import Run

LEADING = 15
REST = [
    "of the harbour until the lamps were lit, and then he walked home over the hill.",
    "Nobody asked him where he had been, for he had never been anywhere in all his life.",
]


def chapter(path: Path, initial: str, beside: list[str], *, raised: bool = False, indent: float = 34) -> str:
    """The text of a page with an initial beside some lines, and lines below it."""
    canvas = Canvas(str(path))
    canvas.setFont("Times-Bold", 16)
    canvas.drawString(70, 760, "CHAPTER I")
    size = 26 if raised else LEADING * len(beside)
    canvas.setFont("Times-Roman", size)
    canvas.drawString(70, 700 - (0 if raised else LEADING * (len(beside) - 1)), initial)
    canvas.setFont("Times-Roman", 11)
    for row, line in enumerate([*beside, *REST]):
        canvas.drawString(70 + (indent if row < (1 if raised else len(beside)) else 0), 700 - LEADING * row, line)
    canvas.save()
    return read_document(str(path)).text


@pytest.mark.parametrize(
    ("initial", "beside", "begins"),
    [
        ("O", ["nce upon a time the captain stood in the door", "and looked over the quiet water"], "Once upon"),
        ("O", ["NCE UPON A TIME the captain stood in the", "door and looked over the", "quiet water"], "ONCE UPON"),
        ("A", ["captain who had a captain for a brother stood", "in the door of the"], "A captain who had a captain"),
        (
            "T",
            ["he captain and he who was his brother stood", "in the door as the", "captain said"],
            "The captain and he",
        ),
        ("I", ["t was the captain who looked over the water", "for the whole of the day"], "It was the"),
    ],
)
def test_a_dropped_initial_begins_its_first_line(tmp_path: Path, initial: str, beside: list[str], begins: str) -> None:
    text = chapter(tmp_path / "a.pdf", initial, beside, indent=12 * len(beside))
    heading, body = text.split("\n\n")
    assert heading == "CHAPTER I"
    assert body.startswith(begins)
    assert body.endswith(" ".join([*beside, *REST])[len(beside[0]) :])


def test_a_raised_initial_does_not_end_its_paragraph(tmp_path: Path) -> None:
    beside = ["nce upon a time the captain stood in the door of the house and looked over the", "quiet water"]
    text = chapter(tmp_path / "a.pdf", "O", beside, raised=True, indent=19)
    assert text.split("\n\n")[1] == "O" + " ".join([*beside, *REST])


def run(text: str, left: float, right: float, bottom: float, height: float, order: int) -> Run:
    return Run(text, left, right, bottom, height, 0, order)


def test_large_signs_that_are_no_initials_stay_where_they_are() -> None:
    text = [run("a line of the text that goes on", 70, 300, 700 - 15 * row, 11, row) for row in range(4)]
    number = run("1", 40, 60, 660, 40, 9)  # beside the text, and no letter
    letter = run("B", 400, 430, 655, 40, 9)  # right of it
    far = run("B", 10, 30, 655, 40, 9)  # too far left
    title = run("B", 70, 100, 760, 40, 9)  # above it
    for sign in (number, letter, far, title):
        assert with_initials([sign, *text]) == [sign, *text]
    dropped = with_initials([run("B", 40, 69, 671, 40, 9), *text])
    assert dropped[0].text == f"B{INITIAL_MARK}{text[0].text}"
    assert [each.left for each in dropped] == [40, 40, 40, 70]


def test_the_words_of_the_document_say_whether_an_initial_is_a_word() -> None:
    counts = Counter(
        {"once": 1, "nce": 0, "captain": 4, "acaptain": 1, "and": 7, "nd": 0, "ymano": 1, "mano": 2, "y": 3}
    )
    assert resolved(f"O{INITIAL_MARK}nce more", counts) == "Once more"
    assert resolved(f"“A{INITIAL_MARK}captain", counts) == "“A captain"
    assert resolved(f"A{INITIAL_MARK}nd so", counts) == "And so"
    assert resolved(f"Y{INITIAL_MARK}mano", counts) == "Y mano"
    assert resolved(f"I{INITIAL_MARK}’ve", counts) == "I’ve"
