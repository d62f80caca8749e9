"""Reading without a question: the state of each document is kept, for questions that come later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from longdoc.core.events import Listener, ignore
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Receipt
from longdoc.ingest import Together
from longdoc.pipeline.kept_reading import keep
from longdoc.pipeline.rereading import question_tokens
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import KeptState, kept_state


@dataclass(frozen=True, slots=True)
class KeptReading:
    """A document that was read, and what is kept of it. The receipt says how much of it an earlier run had read."""

    status: Literal["complete", "partial"]
    kept: KeptState
    receipt: Receipt


def read(
    source: str | Together,
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    states: StateOptions,
    on_event: Listener = ignore,
    session: Session | None = None,
) -> KeptReading:
    """Read a source, or several as one document, once and keep its state, or the rest of it when a state is there.

    Raises what `read_document` and `load_model` raise, and OutputError when the state cannot be kept.
    """
    session = session or Session(model_options, states)
    reading = session.read(source, source_options, on_event)
    assert reading.keeper is not None, "a session that keeps states has a keeper for each reading"
    receipt = reading.finish({}, on_event)
    keep(reading, source_options, question_tokens(reading))
    kept = kept_state(reading.keeper.folder, reading.keeper.name)
    return KeptReading("complete" if receipt.is_complete else "partial", kept, receipt)
