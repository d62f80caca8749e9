"""Books of many chapters: each is in the summary, with a quote of its own, and no part of the book weighs more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import tiny

from longdoc.core.settings import SourceOptions, SummaryOptions, SummaryStyle
from longdoc.core.types import Document, Summary
from longdoc.ingest import read_document
from longdoc.pipeline import notes_chosen
from longdoc.pipeline.notes import words_of_whole
from longdoc.pipeline.session import Session
from longdoc.pipeline.summarize import summarize
from longdoc.segment.parts import MAX_PARTS

NUM_CHAPTERS = 60


def write_book(path: Path, num_chapters: int, sentences_each: int = 18) -> Path:
    told = [f"# Chapter {n + 1}\n\n{tiny.prose(sentences_each, seed=n)}" for n in range(num_chapters)]
    path.write_text("\n\n".join(told), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("sixty") / "book.md", NUM_CHAPTERS)


def run(source: Path, session: Session, style: SummaryStyle, words: int | None = 250) -> tuple[Document, Summary]:
    summary = summarize(
        str(source),
        source_options=SourceOptions(),
        model_options=session.options,
        options=SummaryOptions(style=style, words=words),
        session=session,
    )
    return read_document(str(source)), summary


@pytest.mark.parametrize("style", ["chapters", "full"])
def test_every_chapter_is_told_with_a_citation_in_it(book: Path, pointing: Session, style: SummaryStyle) -> None:
    document, summary = run(book, pointing, style)
    assert [part.title for part in summary.parts] == [f"Chapter {n + 1}" for n in range(NUM_CHAPTERS)]
    for part, section in zip(summary.parts, document.sections, strict=True):
        places = [citation.start for statement in part.statements for citation in statement.citations]
        assert places
        assert all(section.start <= place < section.end for place in places)
    assert summary.citations.verified == summary.citations.total
    assert summary.citations.statements_cited == summary.citations.statements
    assert sum(len(part.text.split()) for part in summary.parts) <= 60 * MAX_PARTS


def test_the_whole_grows_with_the_document_unless_the_user_says() -> None:
    lengths = [words_of_whole(length) for length in (0, 800, 15_000, 60_000, 240_000, 10_000_000)]
    assert lengths == [250, 250, 250, 500, 1000, 2000]


@pytest.mark.parametrize(("words", "said"), [(None, 250), (70, 70)])
def test_the_receipt_says_the_length_that_was_aimed_at(
    tmp_path: Path, pointing: Session, words: int | None, said: int
) -> None:
    book = write_book(tmp_path / "book.md", 3)
    summary = run(book, pointing, "brief", words)[1]
    assert summary.receipt.settings["words"] == said
    assert sum(len(s.text.split()) for s in summary.statements) <= said


@pytest.mark.parametrize("words", [250, 500])
def test_a_brief_summary_has_every_tenth_of_the_book(book: Path, pointing: Session, words: int) -> None:
    document, summary = run(book, pointing, "brief", words)
    places = [citation.start for statement in summary.statements for citation in statement.citations]
    tenths = Counter(10 * place // len(document.text) for place in places)
    assert len(tenths) >= min(10, words // 30)  # a sentence of about 30 words for each stretch
    assert max(tenths.values()) <= 3 * len(places) / 10


def test_hundreds_of_chapters_are_told_together(tmp_path: Path, pointing: Session) -> None:
    _, summary = run(write_book(tmp_path / "long.md", 200, 12), pointing, "chapters")
    assert 20 <= len(summary.parts) <= MAX_PARTS
    assert summary.parts[0].title.startswith("Chapter 1 – Chapter ")


def test_a_short_text_without_chapters_is_weighed_as_one_and_noted_in_pieces(
    tmp_path: Path, pointing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("\n\n".join(tiny.prose(60, seed=n) for n in range(12)), encoding="utf-8")
    document, as_one = run(path, pointing, "full")
    assert len(as_one.parts) > 1
    assert not document.sections
    monkeypatch.setattr(notes_chosen, "SHORT", 0)
    _, by_part = run(path, pointing, "full")
    assert by_part.parts == as_one.parts
    assert by_part.statements != as_one.statements
    for summary in (as_one, by_part):
        assert summary.citations.verified == summary.citations.total
        halves = {2 * c.start // len(document.text) for s in summary.statements for c in s.citations}
        assert halves == {0, 1}
