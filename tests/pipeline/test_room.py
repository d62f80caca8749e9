"""What is read again fits into what the model sees at once, and nothing of it is left unread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny

from longdoc.core.events import Event, Warned
from longdoc.core.settings import AskOptions, SourceOptions
from longdoc.core.types import Answer, Passage
from longdoc.engine.reader import Reader
from longdoc.pipeline import rerank
from longdoc.pipeline.ask import ask
from longdoc.pipeline.room import encode_line, piece_at, pieces, room_beside, visible_tokens
from longdoc.pipeline.session import Reading, Session
from longdoc.search.answers import ScoredSentence

DENSE = "0123 4567 8901 2345 6789 0123. " * 40 + "The key hangs in the mill. " + "灯塔由马格努斯建造" * 30


@pytest.fixture(scope="module")
def reading(pointing: Session, sources: dict[str, Path]) -> Reading:
    return pointing.read(str(sources["text"]), SourceOptions(), lambda event: None)


def scored(start: int, end: int, score: float, passage: int = 0) -> ScoredSentence:
    return ScoredSentence(start, end, score, 0.5, passage, {})


@pytest.mark.parametrize("room", [40, 64, 200])
def test_pieces_fit_and_hold_every_word(reading: Reading, room: int) -> None:
    cut = pieces(reading.framing, DENSE, (0, len(DENSE)), room)
    assert all(len(encode_line(reading.framing, DENSE, piece)) <= room for piece in cut)
    assert cut == sorted(cut)
    assert "".join("".join(DENSE[a:b] for a, b in cut).split()) == "".join(DENSE.split())
    assert "key hangs" in DENSE[slice(*cut[piece_at(cut, DENSE.index("key hangs"))])]


def test_what_fits_stays_whole(reading: Reading) -> None:
    assert pieces(reading.framing, "One. Two. Three.", (5, 16), 64) == [(5, 16)]


def test_room_is_the_window_without_the_request_and_never_nothing(reading: Reading) -> None:
    window = reading.plan.tiers.window
    assert visible_tokens(reading.reader, reading.state) == window
    assert room_beside(reading.reader, reading.state, 10) == max(64, window - 10)
    assert room_beside(reading.reader, reading.state, 10 * window) == 64


def test_a_dense_passage_is_read_in_pieces_with_the_question(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, its start was out of sight when the question was read."""
    read: list[list[int]] = []
    expect = Reader.expect
    monkeypatch.setattr(Reader, "expect", lambda self, state, rows: read.extend(rows) or expect(self, state, rows))
    monkeypatch.setattr(rerank, "room_beside", lambda reader, state, used: 100)
    at = DENSE.index("The key hangs")
    ranked = [scored(at, at + 26, 1.0), scored(0, 30, 0.5)]
    question = "Where is the key?"
    columns = rerank.model_columns(
        reading.reader, reading.framing, DENSE, question, [Passage(0, len(DENSE), 1.0)], ranked
    )
    request = [*reading.framing.request("question", question=question), *reading.framing.request("answer")]
    rows = [row for row in read if row[-len(request) :] == request]
    assert len(rows) > 5
    assert all(len(row) <= 100 + len(request) for row in rows)
    assert columns["question_gain"][0] != columns["question_gain"][1]


def windowed(writing: Session, window: int) -> Session:
    """The model that writes, with a window of so many tokens."""
    return Session(replace(writing.options, window=window))


def answer(source: Path, session: Session, events: list[Event], question: str, **changes: Any) -> Answer:
    options = AskOptions(passages=changes.pop("passages", 5), verbatim=changes.pop("verbatim", None))
    return ask(
        str(source),
        [question],
        source_options=SourceOptions(),
        model_options=session.options,
        options=options,
        on_event=events.append,
        session=session,
    )[0]


def test_passages_that_do_not_fit_are_not_called_re_read(tmp_path: Path, writing: Session) -> None:
    source = tmp_path / "book.txt"
    source.write_text(tiny.prose(400, seed=5))
    wide: list[Event] = []
    narrow: list[Event] = []
    question = "Who carried the silver lantern near the harbour?"
    several = answer(source, windowed(writing, 2500), wide, question, verbatim=False)
    fewer = answer(source, windowed(writing, 1200), narrow, question, verbatim=False)
    assert len(several.evidence) == 5
    assert 1 <= len(fewer.evidence) < 5
    (said,) = [event.message for event in narrow if isinstance(event, Warned)]
    assert f"only {len(fewer.evidence)} of" in said
    assert said in fewer.receipt.warnings
    assert not [event for event in wide if isinstance(event, Warned)]


def test_a_question_that_is_longer_than_the_window_is_said(pointing: Session, sources: dict[str, Path]) -> None:
    events: list[Event] = []
    found = answer(sources["vtt"], pointing, events, "Why? " * 500)
    (said,) = [event.message for event in events if isinstance(event, Warned)]
    assert said.startswith("the question has ")
    assert said in found.receipt.warnings
