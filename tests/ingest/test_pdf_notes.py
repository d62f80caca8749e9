"""Footnotes in letters as large as the text: known by the gap above them and by the words that call them."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.lines import Line
from longdoc.ingest.pdf_notes import find_notes
from longdoc.ingest.pdf_store import Packed, PageStore

TEXT = [
    "The captain looked over the quiet water and thought of his house on the hill.",
    "The harbour1 was a quiet place in those years, as everybody there used to say.2",
    "Nobody asked him where he had been, for he had never been anywhere at all,",
    "and nobody would have believed it if he had told them that he had been and",
]


def page(text: list[str], foot: list[str], *, gap: float = 30.0, height: float = 11.0) -> list[Line]:
    lines = [Line(words, 0, 60, 60 + 5 * len(words), 780 - 14 * row, 11.0) for row, words in enumerate(text)]
    start = lines[-1].bottom - gap
    return [
        *lines,
        *(Line(words, 0, 60, 60 + 5 * len(words), start - 14 * row, height) for row, words in enumerate(foot)),
    ]


def notes(lines: list[Line]) -> list[str]:
    store = PageStore(1)
    store.put(0, Packed.of(lines))
    return [lines[place].text for place in sorted(find_notes(store, {}, 11.0).get(0, ()))]


NOTES = ["1 See the report of the council,", "which says all of it at length.", "2 Of 1902."]


@pytest.mark.parametrize(
    ("foot", "gap", "found"),
    [
        (NOTES, 30.0, True),
        (["[1] See the report.", "[2] Of 1902."], 30.0, True),
        (NOTES, 14.0, False),  # no gap
        (["3 See the report.", "4 Of 1902."], 30.0, False),  # nothing calls them
        (["1902 was the year of the storm.", "Nobody had seen the like."], 30.0, False),
        (["So he went home.", "1 See the report."], 30.0, False),  # what stands after the gap is no note
    ],
)
def test_notes_of_the_size_of_the_text_stand_apart_and_are_called(foot: list[str], gap: float, found: bool) -> None:
    assert notes(page(TEXT, foot, gap=gap)) == (foot if found else [])


def test_signs_call_notes_too() -> None:
    text = [*TEXT[:2], "He had a brother* of whom he never spoke, and a dog,† of which he did."]
    assert notes(page(text, ["* A sailor.", "† It was black."])) == ["* A sailor.", "† It was black."]
    assert notes(page(TEXT, ["* A sailor."])) == []


def test_smaller_notes_need_no_mark_in_the_text() -> None:
    assert notes(page(TEXT, ["7 See the report."], gap=14.0, height=8.0)) == ["7 See the report."]


def test_a_sentence_goes_on_behind_notes_of_its_size(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for number in range(2):
        canvas.setFont("Times-Roman", 11)
        above = ["told them so, which he did not."] if number else []
        for row, words in enumerate([*above, *TEXT]):
            canvas.drawString(60, 780 - 14 * row, words)
        for row, words in enumerate(["1 See the report of the council.", "2 Of 1902."]):
            canvas.drawString(60, 690 - 14 * row, words)
        canvas.showPage()
    canvas.save()
    text = read_document(str(tmp_path / "a.pdf")).text
    assert "that he had been and told them so, which he did not." in text
    assert text.count("\n\n1 See the report of the council.\n\n2 Of 1902.") == 2
