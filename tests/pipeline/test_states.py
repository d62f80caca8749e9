"""Readings that are kept, gone on from, grown and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from kept import num_segments_read, reading_of, same, session_of, warnings
from made_books import chapters, write_text

from longdoc.core.errors import InputNotFound, LongdocError, OutputError, StateRefused
from longdoc.core.events import Event, StateKept, StateUsed
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.pipeline import keeping
from longdoc.pipeline.ask import ask
from longdoc.pipeline.read import read
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states, remove_all, remove_state, show_state

QUESTION = "Who built the lighthouse of Corran?"


def test_what_was_kept_is_not_read_again(pointing: Session, folder: Path, book: Path) -> None:
    first_events: list[Event] = []
    first = reading_of(session_of(pointing, folder), book, first_events)
    assert num_segments_read(first_events) > 3
    assert any(isinstance(e, StateKept) and e.tokens_read == e.num_tokens for e in first_events)
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    assert num_segments_read(events) == 0
    assert [e for e in events if isinstance(e, StateUsed)] == [
        StateUsed(again.keeper.name, first.num_tokens, first.num_tokens)  # type: ignore[union-attr]
    ]
    assert same(first, again)
    assert same(first, reading_of(session_of(pointing, None), book))
    receipt = again.receipt({})
    assert receipt.is_complete
    assert receipt.tokens_from_state == receipt.tokens_read == first.num_tokens
    assert first.receipt({}).tokens_from_state == 0


@pytest.mark.parametrize("kind", ["pointing", "writing"])
def test_answers_do_not_depend_on_where_the_state_comes_from(
    kind: str, folder: Path, book: Path, request: pytest.FixtureRequest
) -> None:
    model: Session = request.getfixturevalue(kind)
    results = []
    for session in (session_of(model, None), session_of(model, folder), session_of(model, folder)):
        (answer,) = ask(
            str(book),
            [QUESTION],
            source_options=SourceOptions(),
            model_options=session.options,
            options=AskOptions(verbatim=kind == "pointing"),
            session=session,
        )
        results.append((answer.status, answer.text, answer.citations, answer.evidence, answer.provenance))
    assert results[0] == results[1] == results[2]


def test_without_options_nothing_is_written(pointing: Session, folder: Path, book: Path) -> None:
    reading_of(session_of(pointing, None), book)
    assert not folder.exists()
    assert sorted(path.name for path in book.parent.iterdir()) == ["book.md"]


def test_folder_and_files_are_their_owners_alone(pointing: Session, folder: Path, book: Path) -> None:
    reading_of(session_of(pointing, folder), book)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "extra", ["One more sentence.", "\n\n" + tiny.prose(20, seed=8), "\n\n" + tiny.prose(90, seed=9)]
)
def test_a_text_that_has_grown_is_read_from_where_the_state_ends(
    pointing: Session, folder: Path, tmp_path: Path, extra: str
) -> None:
    talk = tmp_path / "talk.txt"
    text = "\n\n".join(text for _, text in chapters(40))
    talk.write_text(text)
    before: list[Event] = []
    old = reading_of(session_of(pointing, folder), talk, before)
    talk.write_text(f"{text} {extra}")
    events: list[Event] = []
    grown = reading_of(session_of(pointing, folder), talk, events)
    fresh_events: list[Event] = []
    fresh = reading_of(session_of(pointing, None), talk, fresh_events)
    assert not warnings(events)
    assert 0 < num_segments_read(events) <= num_segments_read(fresh_events) - num_segments_read(before) + 3
    assert 0 < grown.tokens_from_state < old.num_tokens < grown.num_tokens
    assert grown.num_tokens == grown.tokens_read == fresh.tokens_read
    assert same(grown, fresh)
    last: list[Event] = []
    assert same(reading_of(session_of(pointing, folder), talk, last), fresh)
    assert num_segments_read(last) == 0


def test_a_state_at_another_boundary_is_not_gone_on_from(
    pointing: Session, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = tmp_path / "talk.txt"
    text = "\n\n".join(text for _, text in chapters(40))
    talk.write_text(text)
    reading_of(session_of(pointing, folder), talk)
    talk.write_text(text + " " + tiny.prose(20, seed=8))
    monkeypatch.setattr(Reading, "_is_cut_at", lambda *_: False)
    events: list[Event] = []
    reading = reading_of(session_of(pointing, folder), talk, events)
    assert reading.tokens_from_state == 0
    assert "the text has changed" in warnings(events)[0]


def test_a_short_text_that_only_grew_is_read_again_without_a_warning(
    pointing: Session, folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("It rained on Monday.")
    reading_of(session_of(pointing, folder), notes)
    notes.write_text("It rained on Monday. It was dry on Tuesday.")
    events: list[Event] = []
    grown = reading_of(session_of(pointing, folder), notes, events)
    assert grown.tokens_from_state == 0
    assert not warnings(events)


def test_a_text_that_was_changed_is_read_again(pointing: Session, folder: Path, book: Path) -> None:
    reading_of(session_of(pointing, folder), book)
    book.write_text(book.read_text().replace("1811", "1812"))
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    assert again.tokens_from_state == 0
    assert len(warnings(events)) == 1
    assert "the text has changed before its end" in warnings(events)[0]
    assert same(again, reading_of(session_of(pointing, None), book))
    assert len(list_states(folder)) == 1  # it takes the old one's place


def test_another_document_has_a_state_of_its_own(pointing: Session, folder: Path, book: Path) -> None:
    other = book.parent / "other" / "book.md"
    other.parent.mkdir()
    write_text(other, "Something else.")
    reading_of(session_of(pointing, folder), book)
    events: list[Event] = []
    reading_of(session_of(pointing, folder), other, events)
    assert not warnings(events)
    assert num_segments_read(events) > 3
    assert len(list_states(folder)) == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"window": 32}, "it was made with window 64, and this is window 32"),
        ({"sinks": 0}, "it was made with sinks 4, and this is sinks 0"),
        ({"segment_tokens": 50}, "it was made with segment tokens 128, and this is segment tokens 50"),
        ({"attention": "exact"}, "it was made with sinks 4, and this is sinks 0"),
    ],
)
def test_a_state_that_was_read_otherwise_is_refused_with_the_reason(
    pointing: Session, folder: Path, book: Path, options: dict[str, Any], why: str
) -> None:
    reading_of(session_of(pointing, folder), book)
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder, **options), book, events)
    assert again.tokens_from_state == 0
    assert any(why in message for message in warnings(events))
    assert same(again, reading_of(session_of(pointing, None, **options), book))


def test_a_state_of_other_weights_is_refused(
    pointing: Session, folder: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading_of(session_of(pointing, folder), book)
    session = session_of(pointing, folder)
    session.__dict__["fingerprint"] = {**session.fingerprint, "weights": "0" * 64}
    events: list[Event] = []
    assert reading_of(session, book, events).tokens_from_state == 0
    assert any("made with weights" in message for message in warnings(events))


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "older"])
def test_a_damaged_or_older_state_is_refused_and_replaced(
    pointing: Session, folder: Path, book: Path, damage: str
) -> None:
    first = reading_of(session_of(pointing, folder), book)
    for path in folder.iterdir():
        data = path.read_bytes()
        damaged = {
            "flipped": data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
            "cut": data[: len(data) // 2],
            "empty": b"",
            "older": data.replace(b"longdoc.state/2", b"longdoc.state/0"),
        }[damage]
        path.write_bytes(damaged)
    name = list_states(folder)[0].name
    with pytest.raises(StateRefused):
        show_state(folder, name)
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    assert again.tokens_from_state == 0
    assert all("not used: " + ("its format" if damage == "older" else "it") in message for message in warnings(events))
    assert warnings(events)
    assert same(first, again)
    assert show_state(folder, name)[0].is_complete


def test_a_state_that_cannot_be_kept_is_a_warning_unless_it_is_wanted(
    pointing: Session, tmp_path: Path, book: Path, always: None
) -> None:
    (tmp_path / "file").write_text("")
    events: list[Event] = []
    reading = reading_of(session_of(pointing, tmp_path / "file" / "states"), book, events)
    assert reading.receipt({}).is_complete
    assert len(warnings(events)) == 1
    wanted = StateOptions(str(tmp_path / "file" / "states"), wanted=True)
    session = session_of(pointing, None)
    session.states = wanted
    with pytest.raises(OutputError):
        read(
            str(book),
            source_options=SourceOptions(),
            model_options=session.options,
            states=wanted,
            session=session,
        )


def test_a_large_state_is_kept_only_where_it_is_wanted(
    pointing: Session, folder: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_MOST_BYTES", 1000)
    events: list[Event] = []
    reading_of(session_of(pointing, folder), book, events)
    assert not list_states(folder)
    assert "longdoc read keeps it" in warnings(events)[0]
    session = session_of(pointing, folder)
    session.states = StateOptions(str(folder), wanted=True)
    kept = read(
        str(book),
        source_options=SourceOptions(),
        model_options=session.options,
        states=session.states,
        session=session,
    ).kept
    assert kept == list_states(folder)[0]
    assert kept.is_complete
    assert kept.num_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_states_are_shown_and_removed_by_name(pointing: Session, folder: Path, book: Path) -> None:
    assert list_states(folder) == []
    other = write_text(book.parent / "a long name, with: signs.txt")
    for source in (book, other):
        reading_of(session_of(pointing, folder), source)
    others = ("model.safetensors", "model-00001-of-00002.safetensors", "notes.txt")
    for name in others:
        (folder / name).write_text("mine")
    first, second = list_states(folder)
    assert first.name.startswith("a-long-name-with-signs-")
    assert (second.source, second.model) == (str(book), pointing.options.model)
    state, header = show_state(folder, second.name)
    assert state == second
    assert header.about["document_sha256"]
    remove_state(folder, second.name)
    assert list_states(folder) == [first]
    for name in (second.name, "../states/" + first.name, "", ".", "model"):
        with pytest.raises(InputNotFound):
            remove_state(folder, name)
    assert remove_all(folder) == [first]
    assert sorted(path.name for path in folder.iterdir()) == sorted(others)


def test_the_header_holds_what_the_state_is_of(pointing: Session, folder: Path, book: Path) -> None:
    reading = reading_of(session_of(pointing, folder), book)
    _, header = show_state(folder, list_states(folder)[0].name)
    assert set(header.fingerprint) >= {
        "longdoc", "model", "revision", "quantization", "weights", "adapter", "adapter_weights", "tokenizer", "dtype",
        "device", "sinks", "window", "memory", "segment_tokens", "text_sha256", "purpose",
    }  # fmt: skip
    assert header.about["place"]["num_characters"] == len(reading.document.text)
    assert header.about["document_sha256"] == reading.document.source.sha256
    assert header.num_tokens == reading.state.num_tokens
    assert json.loads(header.text())


def test_a_model_that_cannot_be_read_with_is_no_excuse_for_a_state(folder: Path, book: Path, tmp_path: Path) -> None:
    session = Session(ModelOptions(str(tmp_path / "nowhere"), offline=True), StateOptions(str(folder)))
    with pytest.raises(LongdocError):
        reading_of(session, book)
    assert not folder.exists()
