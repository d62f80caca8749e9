"""What a reading says of how it was done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from longdoc.core.events import Event, Warned
from longdoc.core.settings import SourceOptions
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
