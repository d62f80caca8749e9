"""Transcripts in plain text: speakers and times where there are some, and prose left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.core.types import Document
from longdoc.ingest import read_document

COLONS = "Ann Lee: How did it begin?\nDr. B. Oak: With a letter.\nAnn Lee: And then?\nDr. B. Oak: Then it rained.\n"
TIMED = (
    "[00:00:03] Ann Lee: How did it begin?\n[00:00:07] Dr. B. Oak: With a letter.\n"
    "[00:01:09] Ann Lee: And then?\n[01:02:03] Dr. B. Oak: Then it rained.\n"
)
ABOVE = (
    "Ann Lee  0:03\nHow did it begin?\n\nDr. B. Oak  0:07\nWith a letter.\n\n"
    "Ann Lee  1:09\nAnd then?\n\nDr. B. Oak  1:02:03\nThen it rained.\n"
)
ABOVE_PADDED = ABOVE.replace("  0:", "  00:").replace("  1:09", "  01:09").replace("  1:02", "  01:02")
AFTER = (
    "Ann Lee (00:03):\nHow did it begin?\n\nDr. B. Oak (00:07):\nWith a letter.\n\n"
    "Ann Lee (01:09):\nAnd then?\n\nDr. B. Oak (01:02:03):\nThen it rained.\n"
)
BOLD = "**Ann Lee:** How did it begin?\n**Dr. B. Oak:** With a letter.\n" * 3
COURT = "     Q.   How did it begin?\n     A.   With a letter.\n" * 3
TIMES = [3.0, 7.0, 69.0, 3723.0]


def read(tmp_path: Path, text: str, name: str = "talk.txt") -> Document:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_document(str(path))


@pytest.mark.parametrize("text", [COLONS, TIMED, ABOVE, ABOVE_PADDED, AFTER])
def test_each_turn_is_a_paragraph_with_its_speaker_and_time(tmp_path: Path, text: str) -> None:
    document = read(tmp_path, text)
    assert document.source.format == "dialogue"
    assert document.text.split("\n\n") == COLONS.rstrip().split("\n")
    starts = [document.text.index(words) for words in ("How", "With", "And", "Then")]
    assert [document.cite(at, at + 3).speaker for at in starts] == ["Ann Lee", "Dr. B. Oak"] * 2
    times = [document.cite(at, at + 3).start_s for at in starts]
    assert times == ([None] * 4 if text == COLONS else TIMES)


@pytest.mark.parametrize("text", [BOLD, COURT])
def test_bold_names_and_the_letters_of_a_court_are_speakers(tmp_path: Path, text: str) -> None:
    document = read(tmp_path, text)
    assert document.source.format == "dialogue"
    assert len({anchor.speaker for anchor in document.anchors}) == 2
    assert "*" not in document.text


def test_markdown_that_is_a_transcript_keeps_its_speakers_and_sections(tmp_path: Path) -> None:
    talk = "**Ann Lee:** How did it *begin*?\n**Dr. B. Oak:** With a letter\nthat came.\n\n- [One](x) more thing.\n\n"
    document = read(tmp_path, f"# Talk\n\nOf May.\n\n## First\n\n{talk}## Second\n\n{talk}", "talk.md")
    assert document.source.format == "markdown"
    turns = "Ann Lee: How did it begin?\n\nDr. B. Oak: With a letter that came.\n\n- One more thing."
    assert document.text == f"Talk\n\nOf May.\n\nFirst\n\n{turns}\n\nSecond\n\n{turns}"
    found = [document.cite(document.text.rindex(words), len(document.text)) for words in ("How", "came", "more")]
    assert [(c.speaker, c.line, c.section) for c in found] == [
        ("Ann Lee", 15, "Second"),
        ("Dr. B. Oak", 17, "Second"),
        ("Dr. B. Oak", 19, "Second"),
    ]
    assert document.anchors[0].speaker is None


def test_a_turn_goes_on_over_paragraphs_and_lines(tmp_path: Path) -> None:
    long = "It began with a letter that came on a Tuesday in the month of May, when the\nriver was high.\n\nIt rained."
    text = f"HEARING OF MARCH 3\n\nTHE COURT: Go on.\n\nTHE WITNESS: {long}\n\nTHE COURT: So.\n\nTHE WITNESS: Yes.\n"
    document = read(tmp_path, text)
    assert "in the month of May, when the river was high.\n\nIt rained.\n\nTHE COURT: So." in document.text
    at = document.text.index("It rained")
    assert document.cite(at, at + 9).speaker == "THE WITNESS"
    assert document.cite(at, at + 9).line == 8
    assert document.anchors[0].speaker is None


def test_words_of_who_speaks_but_once_are_not_those_of_the_one_before(tmp_path: Path) -> None:
    talk = f"{COLONS}\nMayor Elm: I was there.\n\n{COLONS}I asked her about the\nTower: a house of old."
    document = read(tmp_path, talk)
    found = [document.cite(document.text.index(words), len(document.text)) for words in ("there", "house")]
    assert [place.speaker for place in found] == ["Mayor Elm", "Dr. B. Oak"]
    assert "about the Tower: a house" in document.text
    assert "\n\nMayor Elm: I was there.\n\n" in document.text
    timed = read(tmp_path, f"{TIMED}Hint: the rain.\n")
    assert timed.cite(timed.text.index("the rain"), len(timed.text)).speaker == "Dr. B. Oak"


def test_lines_below_growing_times_are_a_transcript_without_speakers(tmp_path: Path) -> None:
    document = read(tmp_path, "0:00\nhello and welcome\n0:04\nto the show\n0:09\nwe talk today\n1:00:02\nabout rain\n")
    assert document.text.split("\n\n") == ["hello and welcome", "to the show", "we talk today", "about rain"]
    assert [anchor.start_s for anchor in document.anchors] == [0.0, 4.0, 9.0, 3602.0]


PROSE = "It was a long way to the river, and nobody who went there came back before the evening was over. " * 3


@pytest.mark.parametrize(
    "text",
    [
        f"{PROSE}\n\nNote: the river is deep.\n\n{PROSE}\n\nNote: so is the sea.\n\n{PROSE}\n\nNote: mind it.\n" * 4,
        "".join(f"Term{n}: what it means is long to tell.\n\n" for n in range(30)),
        "Name: Ann\nTown: York\nName: Bob\nTown: Bath\nName: Cal\nTown: Hull\n" * 5,
        "From: Ann\nTo: Bob\nSubject: Rain\n\n" + PROSE + "\n\nFrom: Bob\nTo: Ann\nSubject: Sun\n\n" + PROSE,
        "".join(f"{c}:{v} And it came to pass that they went.\n" for c in range(1, 5) for v in range(1, 30)),
        "09:00 Doors open.\n10:00 The first talk.\n11:30 Coffee.\n12:00 Lunch.\n13:00 The end.\n",
        f"{PROSE}\n\nHe said: go.\n\n{PROSE}\n\nShe answered: no.\n\n" * 6,
    ],
)
def test_what_has_colons_or_numbers_and_is_no_transcript_stays_text(tmp_path: Path, text: str) -> None:
    document = read(tmp_path, text)
    assert document.source.format == "text"
    assert all(anchor.speaker is None and anchor.start_s is None for anchor in document.anchors)


def test_project_gutenberg_s_licence_is_no_turn(tmp_path: Path) -> None:
    turns = "\n\n".join(
        f"{name}: What do you say of it? I say {n}." for n in range(4) for name in ("CRITO", "SOCRATES")
    )
    marks = ("*** START OF THE PROJECT GUTENBERG EBOOK CRITO ***", "*** END OF THE PROJECT GUTENBERG EBOOK CRITO ***")
    path = tmp_path / "crito.txt"
    path.write_text(f"Title: Crito\n\n{marks[0]}\n\n{turns}\n\n{marks[1]}\n\n{'Words of a licence. ' * 40}\n")
    document = read_document(str(path))
    assert (document.source.format, document.title) == ("dialogue", "Crito")
    assert document.text == turns
    assert document.warnings[0].endswith("of Project Gutenberg's header and licence were left out")
    assert document.anchors[0].line == 5
