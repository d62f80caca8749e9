"""A choice of pages, sections or times that finds nothing: the error says what there is, and an option that works."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from test_select import LABELS, book, talk

from longdoc.core.errors import NotThere, UsageError
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Document, Section, Source
from longdoc.ingest import read_source, together
from longdoc.ingest.select import select_places, select_sections


def selected(document: Document, options: SourceOptions) -> Document:
    return select_sections(select_places(document, options), options.sections)


def offer(document: Document, **typed: str) -> tuple[str, str]:
    """Why it was refused, and what is offered instead, which is tried: it must leave some text."""
    with pytest.raises(UsageError) as raised:
        selected(document, SourceOptions(**typed))  # type: ignore[arg-type]
    fix = str(raised.value.fix)
    words = shlex.split(fix.partition(", or ")[0].partition(";")[0])
    if words[0].startswith("--"):
        option, value = words
        assert typed.get(option[2:]) != value
        assert selected(document, SourceOptions(**{option[2:]: value})).text.strip()  # type: ignore[arg-type]
    return str(raised.value.why), fix


@pytest.mark.parametrize(
    ("labels", "typed", "why", "fix"),
    [
        (None, "17", "it has pages 1-16", "--pages 7-16"),
        (None, "xx", "it has pages 1-16", "--pages 1-2"),
        (None, "9-4", "they are pages 9 and 4 of 16, counted from 1", "--pages 4-9"),
        (None, "3", "there is no text on the pages 3 of 16", "--pages 1-2"),
        (LABELS, "500", "it has pages 1-16, printed as i-iv, 1-12", "--pages 3-12"),
        (LABELS, "v", "it has pages 1-16, printed as i-iv, 1-12", "--pages i-ii"),
        (LABELS, "iii", "there is no text on the pages iii (3 of 16)", "--pages i-ii"),
        (LABELS, "3-iv", "they are pages 7 and 4 of 16, counted from 1", "--pages iv-3"),
        (
            [*map(str, range(1, 9)), *map(str, range(1, 9))],
            "99",
            "it has pages 1-16, printed as 1-8, 1-8",
            "--pages '#7-#16'",
        ),
    ],
)
def test_pages_that_are_not_there(labels: list[str | None] | None, typed: str, why: str, fix: str) -> None:
    said, offered = offer(book(labels), pages=typed)
    assert offered == fix
    assert why in said


def test_times_of_which_nothing_is_said() -> None:
    assert offer(talk(), times="2:00:00-3:00:00") == (
        "it goes from 00:00:00 to 00:59:50",
        "--times 00:54:00-00:59:50",
    )
    assert offer(talk(), times="10:00") == ("it has a time, and no end", "--times 00:05:00-00:15:00")
    assert offer(talk(), times="45:00-10:00")[1] == "--times 00:10:00-00:45:00"
    assert offer(talk(), times="2:00:00-1:30:00")[1] == "--times 00:54:00-00:59:50"
    assert offer(talk(), times="noon")[1] == "--times 00:00:00-00:05:00"


def test_a_pause_is_told_from_the_end() -> None:
    """Nothing is said between two parts: what is offered lies beside the pause."""
    halves = Document("Before. After.", Source("a.vtt", "0" * 64, "vtt", 9), anchors=(
        Anchor(0, start_s=0.5, end_s=2.0), Anchor(8, start_s=7200.0, end_s=7201.0)
    ))  # fmt: skip
    assert offer(halves, times="1:30:00-1:40:00")[1] == "--times 01:55:00-02:00:01"
    assert offer(halves, times="10:00-20:00")[1] == "--times 00:00:00-00:05:01"


def test_what_a_document_has_not_is_answered_with_what_it_has() -> None:
    assert offer(talk(), pages="3") == (
        "the format vtt has none; it has times 00:00:00-00:59:50",
        "--times 00:00:00-00:05:00, or leave --pages away",
    )
    assert offer(book(), times="0:00-1:00") == (
        "it is no transcript of a recording; it has pages 1-16, sections 1-3",
        "--sections 1-3, or --pages 1-2, or leave --times away",
    )
    plain = Document("Only text.", Source("a.txt", "0" * 64, "text", 9))
    assert offer(plain, pages="1") == ("the format text has none", "leave --pages away")
    assert offer(plain, sections="1") == ("no heading was found in it", "leave --sections away")


def test_sections_that_are_not_there_are_answered_with_the_nearest() -> None:
    assert offer(book(), sections="7")[1] == "--sections 3; longdoc plan book.pdf lists them all"
    assert offer(book(), sections="0")[1].startswith("--sections 1;")
    assert offer(book(), sections="Chapters 2")[1].startswith("--sections 2;")
    assert offer(book(), sections="the rain")[1].startswith("--sections 1;")


@pytest.mark.parametrize(
    ("title", "typed", "is_found"),
    [
        ("9. TERMINATION", "Termination", True), ("9.2 Termination of work", "termination", True),
        ("Article IV. Termination", "Termination", True), ("§ 9 Termination", "Termination", True),
        ("Chapter 3 - Termination", "Termination", True), ("9. Determination", "Termination", False),
        ("Civil war", "war", False), ("Notice of termination", "Termination", False),
    ],
)  # fmt: skip
def test_a_title_is_found_without_its_number(title: str, typed: str, is_found: bool) -> None:
    document = Document("Some words.", Source("a.md", "0" * 64, "md", 9), sections=(Section(title, 0, 11, 1),))
    if is_found:
        assert select_sections(document, typed).text == "Some words."
    else:
        with pytest.raises(NotThere):
            select_sections(document, typed)


def test_a_title_with_its_number_goes_before_one_without() -> None:
    sections = (Section("1. Rent", 0, 5, 1), Section("Rent", 5, 11, 1))
    document = Document("Some words.", Source("a.md", "0" * 64, "md", 9), sections=sections)
    assert select_sections(document, "Rent").text == "words."


def test_choices_that_leave_nothing_together_say_so() -> None:
    both = replace(talk(), num_pages=2, anchors=(
        Anchor(0, page=1, start_s=0.0, end_s=5.0), Anchor(20, page=2, start_s=60.0, end_s=65.0)
    ))  # fmt: skip
    why, fix = offer(both, pages="1", times="00:59-01:02")
    assert why == "there is no text in pages 1 of 2, times 00:00:59-00:01:02 of 00:01:05"
    assert fix == "leave one of the choices out: together they leave nothing"


def test_of_several_files_none_may_have_what_was_chosen(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("# One\n\nThis is text.")
    sources = together([str(tmp_path)])
    assert sources is not None
    with pytest.raises(NotThere, match="None of the 2 files has what was chosen") as raised:
        read_source(sources, SourceOptions(pages="2"))
    assert str(raised.value.fix).endswith("leave --pages away")
