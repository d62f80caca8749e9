"""What the lower floors tell while they work. `output` draws events; nobody else prints.

An event is a frozen dataclass; a listener is any callable that takes one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from longdoc.core.types import Receipt


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True, slots=True)
class Opening(Event):
    """A source is being parsed. pages_done counts pages, of num_pages when that is known."""

    source: str
    pages_done: int = 0
    num_pages: int | None = None


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """A source has become a document."""

    source: str
    title: str | None
    format: str
    num_pages: int | None
    num_characters: int
    num_sections: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelLoading(Event):
    """Weights are being loaded."""

    model_id: str


@dataclass(frozen=True, slots=True)
class ModelLoaded(Event):
    """Weights are in place. why: the reason for the attention mode."""

    model_id: str
    num_parameters: int
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class SegmentRead(Event):
    """A segment went through the model. num_tokens is the document's total."""

    tokens_read: int
    num_tokens: int
    tokens_per_s: float
    section: str | None
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class StateUsed(Event):
    """A kept state holds the first `tokens_read` of the document's `num_tokens`: they are not read again."""

    name: str
    tokens_read: int
    num_tokens: int


@dataclass(frozen=True, slots=True)
class StateKept(Event):
    """What was read so far is on the disk."""

    name: str
    tokens_read: int
    num_tokens: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Writing(Event):
    """Step `done` of `total` of something that follows or interrupts the reading ("notes", "answer")."""

    what: str
    done: int
    total: int
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Step(Event):
    """Nothing is half done here: who wants to stop the work may raise. Nobody shows it.

    follows: whether there is another step; else what comes cannot be stopped half-way, or takes no time.
    """

    follows: bool = True


@dataclass(frozen=True, slots=True)
class Token(Event):
    """A piece of generated text, for showing it as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that the user should know and that does not stop the work."""

    message: str


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The result is complete."""

    receipt: Receipt


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that listens to nothing."""
