"""What a batch does with each of its documents, and what it tells while it works. Plain data; runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from longdoc.core.events import Event
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions, SummaryOptions


@dataclass(frozen=True, slots=True)
class BatchTask:
    """What is done with every document.

    summary: None when none is wanted.   questions: asked of each document by itself.
    forms: of the results, as in `longdoc.output.documents`.   quote: show the passages that were re-read.
    """

    source: SourceOptions = field(default_factory=SourceOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    states: StateOptions | None = None
    summary: SummaryOptions | None = field(default_factory=SummaryOptions)
    questions: tuple[str, ...] = ()
    ask: AskOptions = field(default_factory=AskOptions)
    forms: tuple[str, ...] = ("md",)
    quote: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One document. name: of its results below the output folder, without their ending.   path: of the source."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker made of a document.

    status: complete, partial or failed.   pages: form -> text of the result.   first: its first sentence.
    sha256, num_bytes: of what was read.   error: what, why, fix and exit code of a failure.
    lost: in words, what of a partial result is missing.   stats: seconds, tokens, speeds, memory.
    result: what the pages were made of, as a text, so that other forms can be made of it later; "" where there is none.
    """

    status: str
    pages: dict[str, str] = field(default_factory=dict)
    title: str | None = None
    first: str = ""
    sha256: str | None = None
    num_bytes: int | None = None
    error: dict[str, Any] | None = None
    lost: str | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    result: str = ""


@dataclass(frozen=True, slots=True)
class BatchStarted(Event):
    """How many documents there are, and how many of them need not be done again."""

    num_documents: int
    num_workers: int
    where: str


@dataclass(frozen=True, slots=True)
class OfDocument(Event):
    """An event of one document. worker: its number, from 1."""

    document: str
    worker: int
    event: Event


@dataclass(frozen=True, slots=True)
class DocumentDone(Event):
    """A document is recorded. status: complete, partial, failed, or "before" when an earlier run had done it.

    what: of a failure or a partial result.   num_done: of num_documents, this one counted.
    """

    document: str
    worker: int | None
    status: str
    num_done: int
    num_documents: int
    what: str | None = None
    seconds: float | None = None
    read_tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class BatchFinished(Event):
    """How many documents have which status, and how many of all were done now."""

    num_documents: int
    num_now: int
    num_complete: int
    num_partial: int
    num_failed: int
    seconds: float
