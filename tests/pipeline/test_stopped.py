"""Ctrl-C between two steps: what there is so far is the result, marked partial, and the same command goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kept import reading_of, same, session_of

from longdoc.core.errors import Interrupted, StoppedNow
from longdoc.core.events import Event, ModelLoading, Opening, SegmentRead, StateUsed, Step, Warned, Writing
from longdoc.core.settings import AskOptions, SourceOptions, StateOptions, SummaryOptions
from longdoc.core.stopping import Stopper
from longdoc.core.types import Summary
from longdoc.pipeline.ask import begin
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states
from longdoc.pipeline.summarize import summarize


class CtrlC:
    """A listener that is interrupted at the n-th event of a kind."""

    def __init__(self, kind: type[Event], number: int, times: int = 1) -> None:
        self.stopper = Stopper()
        self.kind, self.left, self.times = kind, number, times
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, self.kind):
            self.left -= 1
            for _ in range(self.times if self.left == 0 else 0):
                self.stopper.ask()
        self.stopper(event)


def summary_of(session: Session, book: Path, on_event: Any) -> Summary:
    return summarize(
        str(book),
        source_options=SourceOptions(),
        model_options=session.options,
        options=SummaryOptions(words=60),
        on_event=on_event,
        session=session,
    )


def content(summary: Summary) -> tuple[Any, ...]:
    return summary.statements, summary.parts, summary.citations, summary.receipt.prompts


@pytest.mark.parametrize("kind", [Opening, ModelLoading])
def test_ctrl_c_before_reading_begins_says_so(kind: type[Event], pointing: Session, folder: Path, book: Path) -> None:
    session = Session(pointing.options, StateOptions(str(folder)))  # the model is not loaded yet
    stop = CtrlC(kind, 1)
    with pytest.raises(Interrupted) as caught:
        summary_of(session, book, stop)
    assert caught.value.results == ()
    told = [event.message for event in stop.events if isinstance(event, Warned)]
    assert told == ["stopped before reading began; the same command begins again"]


@pytest.mark.parametrize("kind", ["pointing", "writing"])
@pytest.mark.parametrize("number", [9, 14])
def test_a_summary_that_is_stopped_tells_what_was_read_and_goes_on(
    kind: str, number: int, folder: Path, book: Path, always: None, request: pytest.FixtureRequest
) -> None:
    model: Session = request.getfixturevalue(kind)
    stop = CtrlC(SegmentRead, number)
    with pytest.raises(Interrupted) as raised:
        summary_of(session_of(model, folder, segment_tokens=128), book, stop)
    (partial,) = raised.value.results
    read = partial.receipt.tokens_read
    assert partial.status == "partial"
    assert partial.citations.verified == partial.citations.total
    whole = summary_of(session_of(model, None, segment_tokens=128), book, lambda event: None)
    assert 0 < read < whole.receipt.tokens_read
    noted = [(part.title, part.statements) for part in partial.parts]
    full = [(part.title, part.statements) for part in whole.parts]
    begun = len([e for e in stop.events if isinstance(e, Writing)])
    assert noted[:begun] == full[:begun]
    assert len(noted) == begun + (kind == "pointing")  # the part that was begun needs no model
    assert bool(partial.statements) == (kind == "pointing")
    assert all(c.end <= partial.parts[-1].end for s in partial.all_statements() for c in s.citations)
    events: list[Event] = []
    again = summary_of(session_of(model, folder, segment_tokens=128), book, events.append)
    assert again.receipt.tokens_from_state == read  # the step that was finished is not read again
    assert content(again) == content(whole)


def test_a_merge_that_is_stopped_leaves_the_notes(writing: Session, book: Path) -> None:
    steps: list[Event] = []
    whole = summary_of(session_of(writing, None), book, steps.append)
    last = sum(isinstance(event, Step) and event.follows for event in steps)
    stopped = CtrlC(Step, last)  # before the notes are merged
    with pytest.raises(Interrupted) as raised:
        summary_of(session_of(writing, None), book, stopped)
    assert stopped.events[-2:] == [Writing("summary", 0, 1), Step()]
    (partial,) = raised.value.results
    assert (partial.status, partial.statements, partial.parts) == ("partial", (), whole.parts)


def test_a_second_ctrl_c_keeps_and_tells_nothing(pointing: Session, folder: Path, book: Path, always: None) -> None:
    with pytest.raises(StoppedNow):
        summary_of(session_of(pointing, None), book, CtrlC(SegmentRead, 3, times=2))
    stop = CtrlC(SegmentRead, 1, times=2)
    with pytest.raises(StoppedNow):
        session_of(pointing, folder).read(str(book), SourceOptions(), stop)
    assert not list_states(folder)


def test_answers_that_are_finished_come_before_the_stop(pointing: Session, book: Path) -> None:
    stop = CtrlC(Writing, 3)  # while the second question is answered
    interview = begin(
        str(book),
        source_options=SourceOptions(),
        model_options=pointing.options,
        options=AskOptions(),
        on_event=stop,
        session=session_of(pointing, None),
    )
    answers: list[str] = []
    with pytest.raises(Interrupted):
        answers.extend(answer.question for answer in interview.answers(["Who?", "When?", "Why?"]))
    assert answers == ["Who?", "When?"]


def test_a_fresh_reading_uses_nothing_that_was_kept_and_replaces_it(
    pointing: Session, folder: Path, book: Path
) -> None:
    first = reading_of(session_of(pointing, folder), book)
    (state,) = list_states(folder)
    session = session_of(pointing, folder)
    assert session.states is not None
    session.states = replace(session.states, fresh=True)
    events: list[Event] = []
    again = reading_of(session, book, events)
    assert not any(isinstance(event, StateUsed) for event in events)
    assert again.tokens_from_state == 0
    assert same(first, again)
    assert [kept.name for kept in list_states(folder)] == [state.name]
    assert reading_of(session_of(pointing, folder), book).tokens_from_state == first.tokens_read
    assert StateOptions().fresh is False
