"""Summaries: notes at the end of every part while the document is read once, then the whole out of them.

Two ways to take notes: sentences of the document (`notes_chosen`), or a model's own words (`notes_written`). Here is
what they share: the reading, the style of the result, the check of every citation, the receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from longdoc.core.errors import Interrupted, UsageError
from longdoc.core.events import Finished, Listener, Writing, ignore
from longdoc.core.paths import data_folder
from longdoc.core.sentences import RULES
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions, SummaryOptions
from longdoc.core.types import Statement, Summary, SummaryPart
from longdoc.engine.reader import ReadingState
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.pipeline import citations
from longdoc.pipeline.notes import Notes
from longdoc.pipeline.notes_chosen import Chosen
from longdoc.pipeline.notes_written import Written
from longdoc.pipeline.prompts import load_prompt
from longdoc.pipeline.session import Reading, Session
from longdoc.pipeline.surroundings import surroundings
from longdoc.search.focus import check_focus


def summarize(
    source: str | Together | Given,
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    options: SummaryOptions,
    on_event: Listener = ignore,
    session: Session | None = None,
    states: StateOptions | None = None,
) -> Summary:
    """Read a source, or several as one document, once and summarize it, part by part and as a whole.

    session: a model that is loaded already.   states: that of a new session, as in `Session`; what is kept while it
    is read goes when the summary is made, unless they say that notes stay. Raises what `read_document` and
    `load_model` raise, and Interrupted with a partial summary of what was read.
    """
    session = session or Session(model_options, states)
    check(session, options, on_event)
    noting = _Noting(session, options, on_event)
    try:
        reading = session.read(source, source_options, on_event, noting)
        notes = noting.of(reading)
        on_event(Writing("summary", 0, 1))
        whole, parts = notes.finish(on_event)
    except Interrupted as stop:
        stop.results = _so_far(noting)
        raise
    on_event(Writing("summary", 1, 1))
    reading.release()
    summary = _result(reading, options, whole, parts, notes)
    on_event(Finished(summary.receipt))
    return summary


def check(session: Session, options: SummaryOptions, on_event: Listener) -> None:
    """Refuse what cannot be had before the document is read. Raises UsageError."""
    check_focus(options.focus)
    if options.verbatim is not False and options.language is None:
        return
    session.load(on_event)
    if session.is_verbatim(options.verbatim) and options.language is not None:
        raise UsageError(
            f"This summary cannot be written in {options.language}.",
            why=f"with the model {session.options.model} it is made of the document's own sentences, in their language",
            fix="leave out --language, or name a model that writes with --model, without --verbatim",
        )


def _so_far(noting: _Noting) -> tuple[Summary, ...]:
    """The summary of what was read when Ctrl-C came; none when there is nothing to say yet."""
    reading = noting.session.stopped or (noting.notes.reading if noting.notes is not None else None)
    if reading is None:
        return ()
    notes = noting.of(reading)
    whole, parts = notes.so_far()
    if not parts:
        return ()
    made = _result(reading, noting.options, whole, parts, notes)
    told = "the summary was interrupted: it is of what was read until then"
    return (replace(made, status="partial", receipt=replace(made.receipt, warnings=(*made.receipt.warnings, told))),)


def _result(
    reading: Reading,
    options: SummaryOptions,
    whole: Sequence[Statement],
    parts: Sequence[SummaryPart],
    notes: Notes,
) -> Summary:
    """Check every citation and put the result together, in its style, with its receipt."""
    document, verbatim = reading.document, isinstance(notes, Chosen)
    whole, parts = _styled(options, whole, parts)
    everything = [*whole, *(s for part in parts for s in part.statements)]
    checked, counts = citations.check(document, everything)
    rest = iter(checked[len(whole) :])
    checked_parts = tuple(
        SummaryPart(part.title, tuple(next(rest) for _ in part.statements), part.start, part.end) for part in parts
    )
    receipt = reading.receipt({**asdict(options), "words": notes.words, "verbatim": verbatim})
    return Summary(
        status="complete" if receipt.is_complete else "partial",
        statements=tuple(checked[: len(whole)]),
        parts=checked_parts,
        citations=counts,
        receipt=receipt,
        verbatim=verbatim,
        style=options.style,
        focus=notes.focus,
        around=surroundings(document, reading.terms, checked),
    )


def _styled(
    options: SummaryOptions, whole: Sequence[Statement], parts: Sequence[SummaryPart]
) -> tuple[Sequence[Statement], Sequence[SummaryPart]]:
    """What of a summary belongs to a style. When it was interrupted before there is a whole, the parts stand for it."""
    if options.style == "full":
        return whole, parts
    if options.style == "chapters" or not whole:
        return [], parts
    return (_in_order(whole) if options.style == "timeline" else whole), []


def _in_order(statements: Sequence[Statement]) -> list[Statement]:
    """By where they stand in the document; what stands nowhere follows what it was said after."""
    placed, last = [], 0
    for statement in statements:
        last = statement.citations[0].start if statement.citations else last
        placed.append((last, statement))
    return [statement for _, statement in sorted(placed, key=lambda pair: pair[0])]


class _Noting:
    """Takes notes at the end of each part, in the way that fits the model (a `PartNotes`)."""

    def __init__(self, session: Session, options: SummaryOptions, on_event: Listener) -> None:
        self.session = session
        self.options = options
        self.on_event = on_event
        self.notes: Notes | None = None

    @property
    def purpose(self) -> str:
        """Verbatim notes do for every summary of the document; written ones are on a focus and in a language."""
        if self.session.is_verbatim(self.options.verbatim):
            return "summary, verbatim"
        asked = {"focus": self.options.focus, "language": self.options.language}
        return ", ".join(["summary, written", *(f"{name} {value}" for name, value in asked.items() if value)])

    @property
    def basis(self) -> str:
        """SHA-256 of the prompt that notes are asked for with, the ranker that proposes them, RULES of sentences."""
        prompt = load_prompt(f"{self.session.prompt_set}/notes", self.session.prompts_folder)
        ranker = (data_folder("adapters") / "lexical" / "salience.json").read_bytes()
        made_of = prompt.sha256.encode() + hashlib.sha256(ranker).digest() + str(RULES).encode()
        return hashlib.sha256(made_of).hexdigest()

    def __call__(self, reading: Reading, part: int, state: ReadingState) -> None:
        """Notes on one more part."""
        self.of(reading).take(part, state)
        self.on_event(Writing("notes", part + 1, len(reading.parts), reading.parts[part].title))

    def saved(self) -> list[Any]:
        """What `Notes.add` needs again, part by part."""
        return self.notes.said if self.notes is not None else []

    def restore(self, reading: Reading, saved: list[Any]) -> None:
        """The notes of an earlier run."""
        for part, said in enumerate(saved):
            self.of(reading).add(part, said)

    def of(self, reading: Reading) -> Notes:
        """The notes on a reading."""
        if self.notes is None:
            verbatim = self.session.is_verbatim(self.options.verbatim)
            self.notes = (Chosen if verbatim else Written)(reading, self.options, self.on_event)
        return self.notes
