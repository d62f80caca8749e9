"""Opening a source: what is there, what it is, and what a user is told when it cannot be read."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_sources import epub, page_html, pdf

from longdoc.core.errors import DamagedInput, EmptyInput, InputNotFound, LongdocError, UnknownFormat, UsageError
from longdoc.core.events import Event, Opened, Opening
from longdoc.core.settings import SourceOptions
from longdoc.ingest import FORMATS, read_document

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
BOOK = "the-thirty-nine-steps"


def test_a_missing_file_and_a_folder_are_66(tmp_path: Path) -> None:
    for source in (tmp_path / "nothing.pdf", tmp_path, "a\0b"):
        with pytest.raises(InputNotFound) as caught:
            read_document(str(source))
        assert caught.value.exit_code == 66
        assert caught.value.why
        assert caught.value.fix


@pytest.mark.parametrize("content", [b"", b"  \n\t\r\n ", b"\xef\xbb\xbf"])
def test_nothing_and_white_space_are_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    with pytest.raises(EmptyInput):
        read_document(str(path))


def test_noise_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "noise.txt"
    path.write_bytes(random.Random(1).randbytes(5000))
    with pytest.raises(UnknownFormat):
        read_document(str(path))


FOREIGN = (
    b"\x89PNG\r\n\x1a\n",
    b"\xd0\xcf\x11\xe0 old word",
    b"Book".ljust(60, b"\0") + b"BOOKMOBI",
)


@pytest.mark.parametrize("mark", FOREIGN)
def test_foreign_formats_are_called_by_their_names(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "thing.txt"
    path.write_bytes(mark + bytes(500))
    with pytest.raises(UnknownFormat, match=r"is (a|an) ") as caught:
        read_document(str(path))
    assert str(path) in str(caught.value.fix)


@pytest.mark.parametrize(
    ("member", "what", "command"),
    [
        ("ppt/presentation.xml", "a PowerPoint presentation", "libreoffice"),
        ("xl/workbook.xml", "an Excel workbook", "libreoffice"),
        ("notes.txt", "a ZIP archive", "unzip"),
        ("scan.pdf", "a ZIP archive", "unzip"),
    ],
)
def test_a_zip_is_called_by_what_is_in_it(tmp_path: Path, member: str, what: str, command: str) -> None:
    path = tmp_path / "my thing.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "%PDF-1.7 stored as it is")
    with pytest.raises(UnknownFormat) as caught:
        read_document(str(path))
    assert caught.value.what == f"{path} is {what}."
    assert str(caught.value.fix).startswith(command)
    assert f"'{path}'" in str(caught.value.fix)


def test_half_a_zip_is_said_to_be_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "broken.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "It rained. " * 100)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DamagedInput) as caught:
        read_document(str(path))
    assert "cut off" in str(caught.value.why)


@pytest.mark.parametrize(("name", "found"), [("pdf", "text"), ("EPUB", "text"), ("docx", "text")])
def test_a_format_that_the_content_is_not_in_is_to_be_left_out(tmp_path: Path, name: str, found: str) -> None:
    path = tmp_path / "minutes.txt"
    path.write_text("It rained. The council met.")
    with pytest.raises(DamagedInput) as caught:
        read_document(str(path), SourceOptions(format=name))
    assert caught.value.fix == f"leave out --format {name}: by its content it is {found}"


def test_a_damaged_file_of_the_format_that_was_named_keeps_its_own_advice(tmp_path: Path) -> None:
    path = tmp_path / "half.pdf"
    path.write_bytes(b"%PDF-1.7\nand no more")
    with pytest.raises(DamagedInput) as caught:
        read_document(str(path), SourceOptions(format="pdf"))
    assert "--format" not in str(caught.value.fix)


def test_a_text_that_speaks_of_pdfs_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "formats.txt"
    path.write_bytes(b"A file that begins with %PDF-1.7 is a PDF.\n")
    assert read_document(str(path)).source.format == "text"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", bytes(900), b"PK\x03\x04", b"\x89PNG", b" \n"])
def test_no_advice_names_a_dash_as_a_file(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(content)

    monkeypatch.setattr(sys, "stdin", Stdin)
    with pytest.raises(LongdocError) as caught:
        read_document("-")
    assert caught.value.what.startswith("Standard input ")
    assert " - " not in f"{caught.value.fix} ".replace("| ocrmypdf - ", "").replace("longdoc summarize - ", "")


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = pdf(tmp_path / "book.txt", [["This is a page with enough words on it."]])
    assert read_document(str(path)).source.format == "pdf"
    path = epub(tmp_path / "book.pdf", {"one": page_html("<p>Words.</p>")})
    assert read_document(str(path)).source.format == "epub"


def test_the_format_option_overrides_and_a_wrong_one_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("# One\n\n- a\n- b\n\n**x**\n")
    assert read_document(str(path)).source.format == "markdown"
    assert read_document(str(path), SourceOptions(format="text")).text.startswith("# One")
    with pytest.raises(UsageError, match="no format 'docs'"):
        read_document(str(path), SourceOptions(format="docs"))


@pytest.mark.parametrize("reader", [reader.name for reader in FORMATS])
def test_a_reader_that_is_forced_on_the_wrong_file_says_so(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(random.Random(2).randbytes(3000))
    with pytest.raises(LongdocError):
        read_document(str(path), SourceOptions(format=reader))


def test_standard_input_is_read_from_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"Some words.\n\nMore words.")

    monkeypatch.setattr(sys, "stdin", Stdin)
    document = read_document("-")
    assert document.text == "Some words.\n\nMore words."
    assert document.source.name == "-"
    assert document.source.num_bytes == 24


def test_the_hash_is_of_the_raw_bytes_and_events_tell_what_happens(tmp_path: Path) -> None:
    path = pdf(tmp_path / "book.pdf", [[f"This is page {n} with enough words on it."] for n in range(25)], title="T")
    heard: list[Event] = []
    document = read_document(str(path), on_event=heard.append)
    assert document.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert heard[0] == Opening(str(path))
    done = [event.pages_done for event in heard if isinstance(event, Opening)]
    assert done[:2] == [0, 0]
    assert done == sorted(done)
    assert 10 < done[2] < 25  # pages are read several at a time
    last = heard[-1]
    assert isinstance(last, Opened)
    assert (last.title, last.num_pages, last.num_characters) == ("T", 25, len(document.text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(
        [b"", b"%PDF-1.7\n", b"PK\x03\x04", b"WEBVTT\n\n", b"1\n00:00:01,000 --> ", b"<html>", b"# A\n\n"]
    ),
    rest=st.binary(max_size=300),
)
def test_whatever_the_bytes_are_it_is_a_document_or_a_clear_error(tmp_path: Path, head: bytes, rest: bytes) -> None:
    path = tmp_path / "anything"
    path.write_bytes(head + rest)
    with contextlib.suppress(LongdocError):
        assert read_document(str(path)).text.strip()


def body(document: Any) -> str:
    return str(document.text[document.text.rindex("CHAPTER I\n") :])


@pytest.fixture(scope="module")
def books() -> dict[str, Any]:
    return {kind: read_document(str(SAMPLES / f"{BOOK}.{kind}")) for kind in ("pdf", "epub", "txt")}


def test_the_sample_book_has_the_same_words_in_every_format(books: dict[str, Any]) -> None:
    words = {kind: body(document).split() for kind, document in books.items()}
    assert len(words["txt"]) > 40_000
    assert words["pdf"] == words["txt"]
    assert words["epub"] == words["txt"]


def test_the_sample_book_has_the_same_paragraphs_as_pdf_and_text(books: dict[str, Any]) -> None:
    assert body(books["pdf"]).split("\n\n") == body(books["txt"]).split("\n\n")


def test_the_sample_book_has_ten_chapters_in_every_format(books: dict[str, Any]) -> None:
    for document in books.values():
        chapters = [s for s in document.sections if s.title.upper().startswith("CHAPTER ")]
        assert len(chapters) == 10
        assert chapters[6].title.upper() == "CHAPTER VII. THE DRY-FLY FISHERMAN"
        for section in chapters:
            assert document.text[section.start :].startswith("CHAPTER ")


def test_the_sample_pdf_is_cited_by_printed_page(books: dict[str, Any]) -> None:
    document = books["pdf"]
    start = document.text.index("Who-who") if "Who-who" in document.text else document.text.index("Who—who")
    citation = document.cite(start, start + 3)
    assert citation.page == int(citation.label) + 4
    assert document.anchors[0].label == "i"
    assert document.cite(document.text.index("My Dear Tommy"), 1).label == "iii"


def test_the_sample_speech_has_times_and_its_speaker() -> None:
    document = read_document(str(SAMPLES / "urgent-national-needs.vtt"))
    start = document.text.index("landing a man on the moon")
    citation = document.cite(start, start + 25)
    assert citation.speaker == "John F. Kennedy"
    assert 1900 < (citation.start_s or 0) < 1930
