"""What is filled into the fields of a form stands beside its label."""

from __future__ import annotations

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from longdoc.ingest import read_document
from longdoc.ingest.pdf_forms import Field, beside_labels, with_ticks
from longdoc.ingest.pdf_text import Run

FIELDS = {"Surname:": "Finch", "First name:": "Harold Edward", "Street and number:": "221 Baker Street", "Town:": ""}


def form(path: Path) -> Path:
    canvas = Canvas(str(path))
    canvas.drawString(
        60, 800, "Application for a fishing licence in the waters of the county, to be filled in by hand."
    )
    for row, label in enumerate(FIELDS):
        canvas.drawString(60, 760 - 30 * row, label)
    canvas.drawString(60, 600, "I have read the rules of the water and will keep them for as long as I fish in it.")
    for row, (label, value) in enumerate(FIELDS.items()):
        y = 754 - 30 * row
        canvas.acroForm.textfield(name=label, value=value, x=180, y=y, width=250, height=20, fontSize=11)
    canvas.save()
    return path


def test_each_value_of_a_form_is_in_the_line_of_its_label(tmp_path: Path) -> None:
    lines = read_document(str(form(tmp_path / "form.pdf"))).text.split("\n")
    rows = [f"{label}\t{value}" for label, value in FIELDS.items() if value]
    first = lines.index(rows[0])
    assert lines[first : first + 3] == rows
    assert sum("Finch" in line for line in lines) == 1
    assert [line for line in lines if line.endswith("fish in it.")]


def run(text: str, left: float, bottom: float, order: int) -> Run:
    return Run(text, left, left + 6.0 * len(text), bottom, 11.0, 0, order)


def test_a_value_goes_behind_the_label_left_of_it_or_else_above_it_and_stays_last_without_one() -> None:
    runs = [
        run("Name:", 60, 700, 0),
        run("Town", 60, 660, 1),
        run("Words below.", 60, 500, 2),
        run("Rome", 60, 645, 3),
        run("Ann", 180, 701, 4),
        run("a note", 400, 300, 5),
    ]
    boxes = [(58.0, 640.0, 200.0, 658.0), (178.0, 695.0, 300.0, 715.0), (390.0, 290.0, 500.0, 320.0)]
    fields = [Field(box) for box in boxes]
    ordered = beside_labels(runs, fields)
    assert [piece.text for piece in ordered] == ["Name:", "Ann", "Town", "Rome", "Words below.", "a note"]
    assert [piece.order for piece in ordered] == [*range(6)]
    assert beside_labels(runs, [Field((0.0, 0.0, 9.0, 9.0))]) == runs


def test_boxes_say_whether_they_are_ticked(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "form.pdf"))
    canvas.drawString(60, 780, "Please tick what applies to you and to your house.")
    said = {"I have read the rules.": True, "I own a dog.": False, "I agree to be called.": True}
    for row, (label, is_on) in enumerate(said.items()):
        style = ("check", "cross", "circle")[row]
        canvas.acroForm.checkbox(name=label, x=60, y=737 - 20 * row, size=14, checked=is_on, buttonStyle=style)
        canvas.drawString(80, 740 - 20 * row, label)
    canvas.drawString(60, 660, "Age:")
    for place, label in enumerate(["under 18", "under 65", "older"]):
        canvas.acroForm.radio(
            name="age", value=str(place), x=110 + 90 * place, y=657, size=14, selected=label == "under 65"
        )
        canvas.drawString(130 + 90 * place, 660, label)
    canvas.drawString(60, 630, "Newsletter")
    canvas.acroForm.checkbox(name="letter", x=130, y=627, size=14, checked=True)
    canvas.save()
    text = " ".join(read_document(str(tmp_path / "form.pdf")).text.split())
    assert text.endswith(
        "[x] I have read the rules. [ ] I own a dog. [x] I agree to be called. "
        "Age: [ ] under 18 [x] under 65 [ ] older Newsletter [x]"
    )


def test_a_tick_that_is_drawn_as_a_letter_is_said_once() -> None:
    runs = [run("I agree", 80, 700, 0), run("4", 62, 701, 1), run("in 4 weeks", 80, 650, 2)]
    ticked = with_ticks(runs, [Field((60.0, 697.0, 74.0, 711.0), True), Field((400.0, 100.0, 414.0, 114.0), False)])
    assert [piece.text for piece in ticked] == ["[x] I agree", "in 4 weeks", "[ ]"]
    assert with_ticks(runs, [Field((60.0, 697.0, 74.0, 711.0))]) == runs
