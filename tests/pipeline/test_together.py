"""Several files read as one document: states that go on when a file is added, receipts, chosen places."""

from __future__ import annotations

from pathlib import Path

import pytest
from kept import num_segments_read, same, session_of, warnings
from made_books import FACTS, chapters

from longdoc.core.events import Event, Finished
from longdoc.core.settings import AskOptions, SourceOptions, SummaryOptions
from longdoc.ingest import Together, together
from longdoc.pipeline.ask import ask
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states
from longdoc.pipeline.summarize import summarize


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A folder with a chapter in each file."""
    folder = tmp_path / "book"
    folder.mkdir()
    for number, (_, text) in enumerate(chapters(), start=9):
        (folder / f"chapter{number}.txt").write_text(text)
    return folder


def all_of(folder: Path) -> Together:
    found = together([str(folder)])
    assert found is not None
    return found


def read(session: Session, folder: Path, events: list[Event], **chosen: str) -> Reading:
    return session.read(all_of(folder), SourceOptions(**chosen), events.append)


def test_tokens_are_counted_by_file(pointing: Session, book: Path) -> None:
    receipt = read(session_of(pointing, None), book, []).receipt({})
    assert [file.source.name for file in receipt.files] == [str(book / f"chapter{n}.txt") for n in (9, 10, 11)]
    assert sum(file.num_tokens for file in receipt.files) == receipt.num_tokens == receipt.tokens_read
    assert min(file.num_tokens for file in receipt.files) > 100


def test_a_file_that_is_added_at_the_end_is_read_alone(pointing: Session, folder: Path, book: Path) -> None:
    last = book / "chapter11.txt"
    text = last.read_text()
    last.unlink()
    before: list[Event] = []
    old = read(session_of(pointing, folder), book, before)
    last.write_text(text)
    events: list[Event] = []
    grown = read(session_of(pointing, folder), book, events)
    fresh_events: list[Event] = []
    fresh = read(session_of(pointing, None), book, fresh_events)
    assert not warnings(events)
    assert grown.tokens_from_state == old.num_tokens
    assert num_segments_read(events) == num_segments_read(fresh_events) - num_segments_read(before)
    assert same(grown, fresh)
    assert len(list_states(folder)) == 1


def test_a_file_that_was_changed_is_read_again(pointing: Session, folder: Path, book: Path) -> None:
    read(session_of(pointing, folder), book, [])
    first = book / "chapter9.txt"
    first.write_text(first.read_text().replace("Magnus", "Markus"))
    events: list[Event] = []
    assert read(session_of(pointing, folder), book, events).tokens_from_state == 0
    assert "the text has changed" in warnings(events)[0]


def test_a_selection_has_a_state_of_its_own(pointing: Session, folder: Path, book: Path) -> None:
    whole = read(session_of(pointing, folder), book, [])
    events: list[Event] = []
    part = read(session_of(pointing, folder), book, events, sections="2")
    assert not warnings(events)
    assert 0 < part.num_tokens == part.receipt({}).files[0].num_tokens < whole.num_tokens
    assert part.receipt({}).is_complete
    assert len(list_states(folder)) == 2
    for chosen in ({}, {"sections": "2"}):
        again: list[Event] = []
        read(session_of(pointing, folder), book, again, **chosen)
        assert num_segments_read(again) == 0


def test_answers_name_the_file_and_the_document_is_finished_once(pointing: Session, book: Path) -> None:
    events: list[Event] = []
    (book / "scan.pdf").write_bytes(b"%PDF-1.4\n" + bytes(99))
    answers = ask(
        all_of(book),
        ["Who built the lighthouse of Corran?", "Who inherited the observatory?"],
        source_options=SourceOptions(),
        model_options=pointing.options,
        options=AskOptions(),
        on_event=events.append,
        session=session_of(pointing, None),
    )
    assert [answer.status for answer in answers] == ["partial", "partial"]
    assert "scan.pdf" in answers[0].receipt.source.lost[0]
    for answer, name, fact in zip(answers, ("chapter9.txt", "chapter11.txt"), (FACTS[0], FACTS[2]), strict=True):
        (cited,) = answer.citations
        assert cited.quote == fact
        assert cited.source == str(book / name)
        lines = Path(cited.source).read_text().split("\n")
        assert cited.line is not None
        assert lines[cited.line - 1].startswith(fact[:20])
    assert len([event for event in events if isinstance(event, Finished)]) == 1


def test_one_summary_of_all_has_a_part_for_each_file(pointing: Session, book: Path) -> None:
    made = summarize(
        all_of(book),
        source_options=SourceOptions(),
        model_options=pointing.options,
        options=SummaryOptions(words=60),
        session=session_of(pointing, None),
    )
    assert [part.title for part in made.parts] == ["chapter9.txt", "chapter10.txt", "chapter11.txt"]
    assert made.status == "complete"
    assert made.citations.verified == made.citations.total > 0
    for part in made.parts:
        for statement in part.statements:
            assert [Path(c.source).name for c in statement.citations] == [part.title]
