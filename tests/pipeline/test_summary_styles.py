"""Styles, focus and language of a summary, and another summary out of the notes that an earlier one left."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from kept import num_segments_read, session_of, warnings
from made_books import CHAPTERS

from longdoc.core.errors import UsageError
from longdoc.core.events import Event, StateUsed
from longdoc.core.settings import SourceOptions, SummaryOptions, SummaryStyle
from longdoc.core.types import Citation, Statement, Summary, SummaryPart
from longdoc.output.json import summary_json
from longdoc.output.markdown import summary_markdown
from longdoc.output.text import summary_text
from longdoc.pipeline import notes_written
from longdoc.pipeline import summarize as pipeline
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states
from longdoc.search.words import content_stems


def run(source: Path, session: Session, events: list[Event] | None = None, **options: Any) -> Summary:
    return pipeline.summarize(
        str(source),
        source_options=SourceOptions(),
        model_options=session.options,
        options=SummaryOptions(**{"words": 60, **options}),
        on_event=(events if events is not None else []).append,
        session=session,
    )


def keeping(known: Session, folder: Path) -> Session:
    """A session that leaves its notes."""
    session = session_of(known, folder)
    assert session.states is not None
    session.states = replace(session.states, notes=True)
    return session


def said(summary: Summary) -> dict[str, Any]:
    """All of a result but its costs and how much of it was known before."""
    row = summary_json(summary)
    del row["stats"], row["source"]["tokens_from_state"]
    return row


def test_each_style_has_its_share_of_the_full_summary(sources: dict[str, Path], pointing: Session) -> None:
    full = run(sources["text"], pointing)
    made = {
        style: run(sources["text"], pointing, style=style) for style in ("brief", "chapters", "bullets", "timeline")
    }
    assert full.style == "full"
    assert full.statements
    assert len(full.parts) == len(CHAPTERS)
    for style in ("brief", "bullets", "timeline"):
        assert (made[style].statements, made[style].parts) == (full.statements, ())
    assert (made["chapters"].statements, made["chapters"].parts) == ((), full.parts)
    assert all(part.statements for part in made["chapters"].parts)
    for style, summary in made.items():
        assert summary.style == style
        assert summary.status == "complete"
        assert summary.citations.verified == summary.citations.total == len([*summary.all_statements()])


def test_a_timeline_shows_the_time_before_each_statement(sources: dict[str, Path], pointing: Session) -> None:
    summary = run(sources["vtt"], pointing, style="timeline")
    times = [statement.citations[0].start_s for statement in summary.statements]
    assert len(times) > 1
    assert times == sorted(times, key=lambda time: time or 0.0)
    rows = [line for line in summary_markdown(summary).splitlines() if line.startswith("- ")]
    lines = [line for line in summary_text(summary).splitlines() if line[:3] == "00:"]
    for time, statement, row, line in zip(times, summary.statements, rows, lines, strict=True):
        assert time is not None
        clock = f"00:{int(time) // 60:02}:{int(time) % 60:02}"
        assert row.startswith(f"- **{clock}** ")
        assert line == f"{clock}  {statement.text}"


def test_statements_that_stand_nowhere_stay_behind_what_they_followed() -> None:
    def at(start: int) -> Statement:
        return Statement(f"At {start}.", (Citation("x", start, start + 1, "book.md"),))

    nowhere, first = Statement("Nowhere."), Statement("First of all.")
    ordered = pipeline._in_order([first, at(50), nowhere, at(10), at(90)])
    assert ordered == [first, at(10), at(50), nowhere, at(90)]


@pytest.mark.parametrize("style", ["brief", "bullets", "timeline"])
def test_what_was_interrupted_before_there_is_a_whole_shows_its_parts(style: SummaryStyle) -> None:
    options = SummaryOptions(style=style)
    whole, parts = [Statement("All of it.")], [SummaryPart("One", (Statement("A note."),), 0, 9)]
    assert pipeline._styled(options, [], parts) == ([], parts)
    assert pipeline._styled(options, whole, parts) == (whole, [])


def test_a_focus_takes_what_touches_it_and_leaves_the_rest_of_the_parts_a_sentence(
    sources: dict[str, Path], pointing: Session
) -> None:
    plain = run(sources["text"], pointing)
    summary = run(sources["text"], pointing, focus="who built the lighthouse")
    asked = {*content_stems("built lighthouse")}
    assert summary.focus is not None
    assert summary.focus.num_sentences > 0
    assert summary.focus.missing == ()
    assert summary.statements != plain.statements
    for statement in summary.statements:
        assert asked & {*content_stems(f"{statement.text} {statement.citations[0].section}")}
    touched = [any(asked & {*content_stems(s.text)} for s in part.statements) for part in summary.parts]
    assert {True, False} == {*touched}
    for part, is_touched in zip(summary.parts, touched, strict=True):
        assert len(part.statements) == 1 or is_touched
    assert "Focus: who built the lighthouse (" in summary_text(summary)


def test_a_focus_that_nothing_touches_is_said_and_changes_nothing(sources: dict[str, Path], pointing: Session) -> None:
    plain = run(sources["text"], pointing)
    summary = run(sources["text"], pointing, focus="marmalade in Vladivostok")
    assert (summary.statements, summary.parts) == (plain.statements, plain.parts)
    assert summary.focus is not None
    assert (summary.focus.num_sentences, summary.focus.missing) == (0, ("marmalade", "vladivostok"))
    assert "**No sentence of the document has a word of the focus “marmalade in Vladivostok”" in summary_markdown(
        summary
    )
    assert summary_json(summary)["focus"]["sentences"] == 0


def test_a_focus_without_words_and_a_language_for_sentences_of_the_document_are_refused(
    sources: dict[str, Path], pointing: Session
) -> None:
    events: list[Event] = []
    with pytest.raises(UsageError, match="nothing to look for in the focus 'what about the'"):
        run(sources["text"], pointing, events, focus="what about the")
    with pytest.raises(UsageError, match="cannot be written in German") as caught:
        run(sources["text"], pointing, events, language="German")
    assert "own sentences" in str(caught.value.why)
    assert not events


def test_a_writing_model_is_told_focus_and_language(
    sources: dict[str, Path], writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[tuple[str, str]] = []
    render = Framing.render

    def noting(self: Framing, name: str, **values: str) -> str:
        text = render(self, name, **values)
        rendered.append((name, text))
        return text

    monkeypatch.setattr(Framing, "render", noting)
    monkeypatch.setattr(notes_written, "PART_WORDS", 4)
    summary = run(sources["text"], writing, words=4, focus="the  lamp", language="German", style="bullets")
    assert not summary.verbatim
    assert summary.parts == ()
    for name in ("notes", "merge"):
        texts = [text for asked, text in rendered if asked == name]
        assert texts
        assert all("about this: the lamp." in text and "Write in German." in text for text in texts)
    rendered.clear()
    run(sources["text"], writing, words=4, style="chapters")
    assert not any("about this" in text or "Write in" in text for _, text in rendered)
    assert summary.statements  # of noise


def test_chapters_are_not_merged(sources: dict[str, Path], writing: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def merged(*_: object) -> str:
        raise AssertionError

    monkeypatch.setattr(notes_written.Written, "_merge", merged)
    monkeypatch.setattr(notes_written, "PART_WORDS", 4)
    summary = run(sources["text"], writing, words=4, style="chapters")
    assert (len(summary.parts), summary.statements) == (len(CHAPTERS), ())


@pytest.mark.parametrize("kind", ["pointing", "writing"])
def test_another_summary_is_made_of_the_notes_and_is_that_of_a_fresh_run(
    kind: str, folder: Path, book: Path, request: pytest.FixtureRequest
) -> None:
    model: Session = request.getfixturevalue(kind)
    run(book, keeping(model, folder))
    (state,) = list_states(folder)
    assert state.purpose == ("summary, verbatim" if kind == "pointing" else "summary, written")
    assert state.is_complete
    for options in ({}, {"style": "timeline"}, {"words": 30}, {"style": "chapters"}):
        events: list[Event] = []
        again = run(book, keeping(model, folder), events, **options)
        assert num_segments_read(events) == 0
        assert again.receipt.tokens_from_state == again.receipt.tokens_read == again.receipt.num_tokens
        assert said(again) == said(run(book, session_of(model, None), **options))
    assert [kept.name for kept in list_states(folder)] == [state.name]


def test_notes_of_sentences_do_for_every_focus_those_in_own_words_for_theirs(
    folder: Path, book: Path, pointing: Session, writing: Session
) -> None:
    focus = "who built the lighthouse"
    run(book, keeping(pointing, folder))
    events: list[Event] = []
    again = run(book, keeping(pointing, folder), events, focus=focus)
    assert num_segments_read(events) == 0
    assert said(again) == said(run(book, session_of(pointing, None), focus=focus))
    for asked, is_known in ((None, False), (focus, False), (focus, True), (None, True)):
        events = []
        run(book, keeping(writing, folder), events, focus=asked, words=20)
        assert (num_segments_read(events) == 0) == is_known
    assert len(list_states(folder)) == 3


def test_notes_made_with_another_prompt_or_ranker_are_refused_with_a_warning(
    folder: Path, book: Path, pointing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(book, keeping(pointing, folder))
    monkeypatch.setattr(pipeline._Noting, "basis", "another")
    events: list[Event] = []
    again = run(book, keeping(pointing, folder), events)
    assert not any(isinstance(event, StateUsed) for event in events)
    assert again.receipt.tokens_from_state == 0
    assert any("is not used" in message for message in warnings(events))


def test_without_being_asked_to_a_summary_leaves_no_notes(folder: Path, book: Path, pointing: Session) -> None:
    run(book, session_of(pointing, folder))
    run(book, session_of(pointing, None))
    assert list_states(folder) == []


def test_the_settings_of_a_result_name_style_focus_and_language(sources: dict[str, Path], pointing: Session) -> None:
    options = SummaryOptions(words=30, style="brief", focus="lighthouse")
    summary = run(sources["text"], pointing, words=30, style="brief", focus="lighthouse")
    assert summary.receipt.settings.items() >= {**asdict(options), "verbatim": True}.items()
