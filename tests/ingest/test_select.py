"""Pages, sections and times that are chosen: what is left, what is cited, what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longdoc.core.errors import UsageError
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Document, Section, SkippedPage, Source
from longdoc.ingest import read_source, together
from longdoc.ingest.select import cut, merged, select_places, select_sections

LABELS = ["i", "ii", None, "iv", *(str(number) for number in range(1, 13))]  # the third page is blank


def book(labels: list[str | None] | None = None, num_pages: int = 16) -> Document:
    """A page of each number says which it is; the third has no text. Two chapters, one with a section inside."""
    text, anchors = "", []
    for page in range(1, num_pages + 1):
        if page == 3:
            continue
        anchors.append(Anchor(len(text), page=page, label=labels[page - 1] if labels else None))
        text += f"This is page {page}. It ends here.\n\n"
    text = text.rstrip()
    middle, inner = text.index("This is page 8."), text.index("This is page 10.")
    sections = (
        Section("Chapter 1. Rain, or not", 0, middle, 1),
        Section("Chapter 2", middle, len(text), 1),
        Section("1984", inner, len(text), 2),
    )
    source = Source("book.pdf", "0" * 64, "pdf", 9, lost=("1 of 16 pages are damaged",))
    skipped = (SkippedPage(3, "damaged"),)
    return Document(text, source, "A Book", tuple(anchors), sections, num_pages, skipped)


def pages_in(document: Document) -> list[int]:
    """The pages that the text says it has, each checked against its citation."""
    found = []
    for number in range(1, 40):
        if (at := document.text.find(f"This is page {number}.")) >= 0:
            assert document.cite(at, at + 4).page == number
            found.append(number)
    return found


def chosen(typed: str, labels: list[str | None] | None = None) -> Document:
    return select_places(book(labels), SourceOptions(pages=typed))


@pytest.mark.parametrize(
    ("typed", "pages"),
    [
        ("4", [4]), ("4-6", [4, 5, 6]), ("4 – 6, 9", [4, 5, 6, 9]), ("15-", [15, 16]),
        ("-2", [1, 2]), ("#4", [4]), ("p.4-#6", [4, 5, 6]), ("9,4-6,5", [4, 5, 6, 9]), ("2-4", [2, 4]),
    ],
)  # fmt: skip
def test_pages_without_printed_numbers_are_counted_from_1(typed: str, pages: list[int]) -> None:
    assert pages_in(chosen(typed)) == pages


@pytest.mark.parametrize(
    ("typed", "pages"),
    [
        ("1", [5]),
        ("iv", [4]),
        ("II-IV", [2, 4]),
        ("iii-2", [4, 5, 6]),
        ("#1", [1]),
        ("10-", [14, 15, 16]),
        ("14", [14]),
    ],
)
def test_printed_numbers_come_first(typed: str, pages: list[int]) -> None:
    document = chosen(typed, LABELS)
    assert pages_in(document) == pages
    at = document.text.index(f"This is page {pages[0]}.")
    assert document.cite(at, at + 4).label == LABELS[pages[0] - 1]


def test_a_label_with_a_dash_is_a_label() -> None:
    labels: list[str | None] = [f"A-{number}" for number in range(1, 17)]
    assert pages_in(chosen("A-4", labels)) == [4]
    assert pages_in(chosen("A-4-A-6", labels)) == [4, 5, 6]


def test_the_receipt_is_told_what_was_chosen() -> None:
    assert chosen("4-6,9").source.selection == "pages 4-6, 9 of 16"
    assert chosen("iv-2", LABELS).source.selection == "pages iv, 1-2 (4-6 of 16)"
    assert book().source.selection is None
    assert chosen("4-6").num_pages == 16


def test_pages_that_nobody_asked_for_are_not_lost() -> None:
    assert chosen("4-6").source.lost == ()
    assert chosen("4-6").skipped == ()
    assert chosen("2-4").source.lost == book().source.lost
    assert chosen("2-4").skipped == book().skipped


@pytest.mark.parametrize(
    ("typed", "why"), [("17", "it has pages 1-16"), ("xx", "1-16"), ("9-4", "pages 9 and 4"), ("0", "1-16")]
)
def test_pages_that_are_not_there_are_an_error_that_says_which_are(typed: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        chosen(typed)
    assert why in str(raised.value.why)
    assert raised.value.exit_code == 2


def test_pages_of_a_format_without_pages_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("No pages here.")
    with pytest.raises(UsageError, match="has no pages"):
        read_source(str(tmp_path / "a.txt"), SourceOptions(pages="1"))


def test_a_page_without_text_leaves_nothing() -> None:
    with pytest.raises(UsageError, match=r"Nothing of book\.pdf is left"):
        chosen("3")


def test_an_epubs_printed_pages_can_be_chosen() -> None:
    document = replace(
        book(), num_pages=None, anchors=tuple(replace(a, page=None, label=f"{a.page}") for a in book().anchors)
    )
    left = select_places(document, SourceOptions(pages="5-6"))
    assert left.text == "This is page 5. It ends here.\n\nThis is page 6. It ends here."
    with pytest.raises(UsageError):
        select_places(document, SourceOptions(pages="#5"))


@pytest.mark.parametrize(
    ("typed", "pages"),
    [
        ("Chapter 2", [8, 9, 10, 11, 12, 13, 14, 15, 16]), ("1", [1, 2, 4, 5, 6, 7]), ("chapter 1", [1, 2, 4, 5, 6, 7]),
        ("Chapter 1. Rain, or not", [1, 2, 4, 5, 6, 7]), ("3", [10, 11, 12, 13, 14, 15, 16]), ("2-3", [*range(8, 17)]),
        ("1984", [10, 11, 12, 13, 14, 15, 16]), ("*rain*", [1, 2, 4, 5, 6, 7]), ("1984,2", [*range(8, 17)]),
    ],
)  # fmt: skip
def test_sections_by_title_pattern_and_number(typed: str, pages: list[int]) -> None:
    assert pages_in(select_sections(book(), typed)) == pages


def test_sections_that_are_not_there_are_listed() -> None:
    for typed in ("Chapter 3", "4", "0", "2-9", "*snow*", "Chap"):
        with pytest.raises(UsageError) as raised:
            select_sections(book(), typed)
        assert "1 Chapter 1. Rain, or not, 2 Chapter 2, 3 1984" in str(raised.value.why)
    with pytest.raises(UsageError, match="has no sections"):
        select_sections(replace(book(), sections=()), "1")


def test_sections_that_are_left_keep_their_titles_and_places() -> None:
    left = select_sections(book(), "1984")
    assert [(s.title, left.text[s.start : s.end]) for s in left.sections] == [
        ("Chapter 2", left.text),
        ("1984", left.text),
    ]
    assert left.source.selection == "sections 3 of 3 (1984)"
    both = select_places(select_sections(book(), "2"), SourceOptions(pages="9-11"))
    assert both.source.selection == "sections 2 of 3 (Chapter 2), pages 9-11 of 16"
    assert [s.title for s in both.sections] == ["Chapter 2", "1984"]


def talk() -> Document:
    said = [f"Sentence {number} of the talk." for number in range(60)]
    offsets = [sum(len(s) + 1 for s in said[:n]) for n in range(60)]
    anchors = tuple(Anchor(o, start_s=60.0 * n, end_s=60.0 * n + 50) for n, o in enumerate(offsets))
    return Document(" ".join(said), Source("talk.vtt", "0" * 64, "vtt", 9), None, anchors)


@pytest.mark.parametrize(
    ("typed", "first", "last", "words"),
    [
        ("00:10:00-00:45:00", 10, 44, "times 00:10:00-00:45:00 of 00:59:50"),
        ("10:00-45:00", 10, 44, "times 00:10:00-00:45:00 of 00:59:50"),
        ("0:58:00-", 58, 59, "times 00:58:00-00:59:50 of 00:59:50"),
        ("-1:30", 0, 1, "times 00:00:00-00:01:30 of 00:59:50"),
    ],
)
def test_times_of_a_recording(typed: str, first: int, last: int, words: str) -> None:
    left = select_places(talk(), SourceOptions(times=typed))
    assert left.text.startswith(f"Sentence {first} ")
    assert left.text.endswith(f"Sentence {last} of the talk.")
    assert left.cite(0, 8).start_s == 60.0 * first
    assert left.source.selection == words


@pytest.mark.parametrize("typed", ["2:00:00-3:00:00", "45:00-10:00", "noon", "10:00", ",", "-"])
def test_times_that_make_no_sense_are_errors(typed: str) -> None:
    with pytest.raises(UsageError):
        select_places(talk(), SourceOptions(times=typed))
    with pytest.raises(UsageError, match="has no times"):
        select_places(book(), SourceOptions(times="10:00-20:00"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 560), st.integers(0, 560)), min_size=1, max_size=6))
def test_every_character_that_is_left_keeps_its_page(spans: list[tuple[int, int]]) -> None:
    whole = book(LABELS)
    kept = [(min(a, b, len(whole.text)), min(max(a, b), len(whole.text))) for a, b in spans]
    left = cut(whole, kept)
    places = [p for start, end in merged(kept) for p in range(start, end) if not whole.text[p].isspace()]
    found = [p for p in range(len(left.text)) if not left.text[p].isspace()]
    assert [left.text[p] for p in found] == [whole.text[p] for p in places]
    for now, before in zip(found, places, strict=True):
        assert left.cite(now, now + 1).page == whole.cite(before, before + 1).page
        assert left.cite(now, now + 1).label == whole.cite(before, before + 1).label
        assert left.cite(now, now + 1).section == whole.cite(before, before + 1).section


def test_places_are_chosen_of_each_file_and_sections_of_all(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"This is {name}.")
    sources = together([str(tmp_path)])
    assert sources is not None
    left = read_source(sources, SourceOptions(sections="2"))
    assert left.text == "This is b.txt."
    assert [file.source.name for file in left.files] == [str(tmp_path / "b.txt")]
    assert left.source.selection == "sections 2 of 2 (b.txt)"
    with pytest.raises(UsageError):
        read_source(sources, SourceOptions(pages="2"))


def test_times_after_the_end_say_when_the_recording_ends() -> None:
    with pytest.raises(UsageError, match="Nothing is said") as caught:
        select_places(talk(), SourceOptions(times="2:00:00-"))
    assert "00:59:50" in (caught.value.why or "")
