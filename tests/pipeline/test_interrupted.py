"""Readings and summaries that are interrupted or killed, and go on with the same result."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import num_segments_read, reading_of, same, session_of, warnings

from longdoc.core.events import Event, SegmentRead, StateUsed
from longdoc.core.settings import SourceOptions, SummaryOptions
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states
from longdoc.pipeline.summarize import summarize


class StopAt:
    """A listener that stops the reading, as Ctrl-C does, when so many segments were read."""

    def __init__(self, num_segments: int) -> None:
        self.left = num_segments
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, SegmentRead):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt


@pytest.mark.parametrize("num_segments", [1, 3, 5])
def test_an_interrupted_reading_goes_on_where_it_stopped(
    pointing: Session, folder: Path, book: Path, num_segments: int, always: None
) -> None:
    stop = StopAt(num_segments)
    with pytest.raises(KeyboardInterrupt):
        session_of(pointing, folder).read(str(book), SourceOptions(), stop)
    said = [message for message in warnings(stop.events) if "the same command goes on from there" in message]
    assert len(said) == (num_segments > 1)
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    fresh_events: list[Event] = []
    fresh = reading_of(session_of(pointing, None), book, fresh_events)
    assert num_segments_read(events) == num_segments_read(fresh_events) - (num_segments - 1)
    assert same(again, fresh)


def test_a_short_reading_that_is_interrupted_leaves_nothing(pointing: Session, folder: Path, book: Path) -> None:
    stop = StopAt(3)
    with pytest.raises(KeyboardInterrupt):
        session_of(pointing, folder).read(str(book), SourceOptions(), stop)
    assert not list_states(folder)
    (said,) = warnings(stop.events)
    assert said.endswith("nothing of it is kept: the same command starts over")


def test_a_reading_that_is_soon_interrupted_again_says_from_where_it_goes_on(
    pointing: Session, folder: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("longdoc.pipeline.keeping.CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            session_of(pointing, folder).read(str(book), SourceOptions(), StopAt(3))
    (kept,) = list_states(folder)
    stop = StopAt(2)
    with pytest.raises(KeyboardInterrupt):
        session_of(pointing, folder).read(str(book), SourceOptions(), stop)
    (said,) = warnings(stop.events)
    assert said.endswith(f"; the same command goes on from {kept.num_tokens:,}")
    assert list_states(folder)[0].num_tokens == kept.num_tokens


@pytest.mark.parametrize("kind", ["pointing", "writing"])
@pytest.mark.parametrize("num_segments", [3, 9, 14])
def test_an_interrupted_summary_goes_on_with_its_notes(
    kind: str, num_segments: int, folder: Path, book: Path, always: None, request: pytest.FixtureRequest
) -> None:
    model: Session = request.getfixturevalue(kind)

    def summary(session: Session, on_event: Any) -> Any:
        made = summarize(
            str(book),
            source_options=SourceOptions(),
            model_options=session.options,
            options=SummaryOptions(words=60),
            on_event=on_event,
            session=session,
        )
        return made, (made.statements, made.parts, made.citations, made.receipt.prompts)

    # shorter segments, so that parts have several
    options: dict[str, Any] = {"segment_tokens": 128}
    with pytest.raises(KeyboardInterrupt):
        summary(session_of(model, folder, **options), StopAt(num_segments))
    assert [path.name.endswith(".checkpoint.safetensors") for path in folder.iterdir()] == [True]
    events: list[Event] = []
    again, content = summary(session_of(model, folder, **options), events.append)
    assert any(isinstance(event, StateUsed) for event in events)
    assert again.receipt.tokens_from_state > 0
    assert content == summary(session_of(model, None, **options), lambda event: None)[1]
    assert not list(folder.iterdir())  # a summary leaves no state behind


_KILLED = """
import sys, time
from longdoc.core.events import SegmentRead
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions
from longdoc.pipeline import keeping
from longdoc.pipeline.session import Session

keeping.CHECKPOINT_SECONDS, keeping._SAVE_SHARE = 0.0, 1e9
model, states, source = sys.argv[1:]

def slowly(event):
    if isinstance(event, SegmentRead):
        sys.stdout.write("segment\\n")
        sys.stdout.flush()
        time.sleep(0.02)

session = Session(ModelOptions(model, offline=True, device="cpu"), StateOptions(states))
session.read(source, SourceOptions(), slowly)
"""


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


@pytest.mark.parametrize("num_segments", [4, 11])
def test_a_reading_that_was_killed_goes_on_with_the_same_result(
    pointing: Session, folder: Path, book: Path, num_segments: int, child_environment: dict[str, str]
) -> None:
    program = [sys.executable, "-c", _KILLED, str(pointing.options.model), str(folder), str(book)]
    process = subprocess.Popen(program, env=child_environment, stdout=subprocess.PIPE, text=True)
    lines = _lines(process)
    for _ in range(num_segments):
        assert next(lines) == "segment\n"
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert not list(folder.glob("*[0-9a-f].safetensors"))  # no whole state: it was killed on the way
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    fresh_events: list[Event] = []
    fresh = reading_of(session_of(pointing, None), book, fresh_events)
    assert not warnings(events)
    assert again.tokens_from_state > 0
    assert num_segments_read(events) <= num_segments_read(fresh_events) - (num_segments - 1)
    assert same(again, fresh)
