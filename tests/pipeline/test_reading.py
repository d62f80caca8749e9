"""What a reading says of how it was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from longdoc.core.events import Event, Warned
from longdoc.core.settings import SourceOptions
from longdoc.engine.reader import Reader, ReadingState
from longdoc.pipeline.session import Session


@pytest.mark.parametrize(("mode", "warned"), [("exact", True), ("stream", False)])
def test_a_reading_beyond_the_native_context_is_told_and_stands_in_the_receipt(
    sources: dict[str, Path], pointing: Session, mode: str, warned: bool
) -> None:
    session = Session(replace(pointing.options, attention=mode))
    session._loaded = pointing.loaded
    told: list[Event] = []
    reading = session.read(str(sources["text"]), SourceOptions(), told.append)
    receipt = reading.receipt({})
    assert receipt.attention.mode == mode
    assert any(isinstance(event, Warned) and "nonsense" in event.message for event in told) == warned
    assert any("nonsense" in warning for warning in receipt.warnings) == warned
    assert ("beyond the native context" in receipt.attention.why) == warned


def test_the_model_is_given_whole_segments_until_a_part_ends(
    sources: dict[str, Path], pointing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(replace(pointing.options, segment_tokens=64))
    session._loaded = pointing.loaded
    given: list[int] = []
    read = Reader.read

    def watched(reader: Reader, state: ReadingState, ids: Sequence[int]) -> ReadingState:
        given.append(len(ids))
        return read(reader, state, ids)

    monkeypatch.setattr(Reader, "read", watched)
    ends: list[int] = []
    reading = session.read(
        str(sources["text"]), SourceOptions(), lambda event: None, lambda reading, part, state: ends.append(len(given))
    )
    assert len(ends) == len(reading.parts) > 1
    assert all(count % 64 == 0 for number, count in enumerate(given, 1) if number not in ends and number > 1)
    assert sum(given) == reading.state.num_tokens
    assert any(count % 64 for count in given)  # segments themselves end at sentences
