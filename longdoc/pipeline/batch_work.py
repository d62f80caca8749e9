"""One document of a batch: read once, summarized and asked, and its results rendered. Writes no file of a result.

The reading is cut at the document's parts, as for a summary, also when there are only questions: so it has checkpoints
that go when the result is out, and a batch leaves no reading states behind.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from longdoc.core.batch import BatchTask, Item, Made
from longdoc.core.events import Listener
from longdoc.core.records import to_text
from longdoc.core.types import Answer, Summary
from longdoc.engine.reader import ReadingState
from longdoc.output.documents import FORMS, DocumentResult, timeless
from longdoc.output.json import error_json
from longdoc.output.wording import incomplete_words, one_line, shorten
from longdoc.pipeline.ask import interview_on
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.session import Session
from longdoc.pipeline.summarize import check, summarize

_MAX_FIRST = 200  # characters of the first sentence in the manifest


class NoNotes:
    """A `PartNotes` that takes none: the reading stops at parts, and its checkpoint is released."""

    purpose = "batch"
    basis = ""

    def __call__(self, reading: Reading, part: int, state: ReadingState) -> None:
        """Nothing to note."""

    def saved(self) -> list[Any]:
        return []

    def restore(self, reading: Reading, saved: list[Any]) -> None:
        """Nothing was noted."""


def make(item: Item, task: BatchTask, session: Session, on_event: Listener) -> Made:
    """The results on a document, or its failure. KeyboardInterrupt goes through, a checkpoint is kept then."""
    began = time.perf_counter()
    try:
        summary, answers = _results(item.path, task, session, on_event)
    except Exception as error:  # a parser or a model may raise anything: the other documents go on
        return failure(error, seconds=time.perf_counter() - began)
    result = DocumentResult(item.name, summary, tuple(answers), task.quote)
    receipt, plain = result.receipt, timeless(result)
    return Made(
        status=result.status,
        pages={form: FORMS[form].render(plain) for form in task.forms},
        title=one_line(receipt.title) if receipt.title else None,
        first=shorten(result.first, _MAX_FIRST),
        sha256=receipt.source.sha256,
        num_bytes=receipt.source.num_bytes,
        lost=incomplete_words(receipt) if result.status == "partial" else None,
        stats={
            "seconds": round(time.perf_counter() - began, 3),
            "tokens": receipt.num_tokens,
            "tokens_from_state": receipt.tokens_from_state,
            "read_tokens_per_s": round(receipt.read_tokens_per_s, 1),
            "write_tokens_per_s": round(receipt.write_tokens_per_s, 1),
            "peak_memory_bytes": receipt.peak_memory_bytes,
        },
        result=to_text(plain),
    )


def failure(error: Exception, *, seconds: float = 0.0) -> Made:
    """What is recorded of a document without a result."""
    return Made(status="failed", error=error_json(error), stats={"seconds": round(seconds, 3)})


def _results(
    path: str, task: BatchTask, session: Session, on_event: Listener
) -> tuple[Summary | None, Sequence[Answer]]:
    summary = None
    if task.summary is not None:
        summary = summarize(
            path,
            source_options=task.source,
            model_options=session.options,
            options=task.summary,
            on_event=on_event,
            session=session,
        )
    if not task.questions:
        return summary, ()
    began = time.perf_counter()
    reading = session.last_reading if summary is not None else None
    if reading is None:
        reading = session.read(path, task.source, on_event, NoNotes())
    interview = interview_on(reading, task.ask, on_event, time.perf_counter() - began)
    answers = [*interview.answers(task.questions)]
    reading.release()
    return summary, answers


def check_session(task: BatchTask, session: Session, on_event: Listener) -> None:
    """Load the model, and refuse what no document of the batch could have. Raises ModelUnavailable, UsageError, ..."""
    session.load(on_event)
    if task.summary is not None:
        session.is_verbatim(task.summary.verbatim)
        check(session, task.summary, on_event)
    if task.questions:
        session.is_verbatim(task.ask.verbatim)
