"""What the tests of kept readings share: sessions on a known model, and how two readings are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from longdoc.core.events import Event, SegmentRead, Warned
from longdoc.core.settings import SourceOptions, StateOptions
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.session import Session


def session_of(known: Session, folder: Path | None, **options: Any) -> Session:
    """A session with nothing in its memory, and the model of another."""
    states = StateOptions(str(folder)) if folder is not None else None
    session = Session(replace(known.options, **options), states)
    session._loaded = known.loaded
    return session


def reading_of(session: Session, source: Path, events: list[Event] | None = None) -> Reading:
    return session.read(str(source), SourceOptions(), (events if events is not None else []).append)


def same(first: Reading, second: Reading) -> bool:
    """Whether two states are equal in every tensor, and write the same."""
    a, b = first.state.cache.named_tensors(), second.state.cache.named_tensors()
    assert first.state.num_tokens == second.state.num_tokens
    assert a.keys() == b.keys()
    tokens = [list(r.reader.write(r.state, max_tokens=20)) for r in (first, second)]
    return all(torch.equal(a[name], b[name]) for name in a) and tokens[0] == tokens[1]


def num_segments_read(events: list[Event]) -> int:
    return sum(isinstance(event, SegmentRead) for event in events)


def warnings(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Warned)]
