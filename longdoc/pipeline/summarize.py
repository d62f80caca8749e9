"""Summaries: notes at the end of every part while the document is read once, then the whole out of them.

Two ways. Verbatim: the statements are sentences of the document, chosen by a salience ranker and by how well the
model, having read the part, expects each of them as the part's short form. Written: a model writes notes on each
part, and a merge that never overflows makes the whole of them; each sentence is then traced to the document.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from longdoc.core.errors import Interrupted, UsageError
from longdoc.core.events import Finished, Listener, Step, Writing, ignore
from longdoc.core.sentences import sentence_spans
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions, SummaryOptions
from longdoc.core.types import Section, Statement, Summary, SummaryPart
from longdoc.engine.reader import ReadingState
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.pipeline import citations
from longdoc.pipeline.room import visible_tokens
from longdoc.pipeline.session import Reading, Session
from longdoc.search.salience import SalientSentence, score_part
from longdoc.search.selection import select, select_overall, shortlist

_CANDIDATES = 24  # sentences per part that the model is asked about
_MODEL_SHARE = 0.3  # weight of the model's expectation beside salience, both in standard deviations
_PART_WORDS = 60  # budget of the notes on one part
_NOTE_TOKENS = 2  # tokens that a written word may take
_LAST_SENTENCE_TOKENS = 60  # room to finish the sentence
_GAP_TOKENS = 2  # between two notes, at most
_MERGE_TOKENS = 3000  # notes that one merge reads at most; fewer in a small window
_LEAST_MERGE_TOKENS = 128  # two notes of a sentence or two: with room for fewer nothing is merged


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
    is read goes when the summary is made. Raises what `read_document` and `load_model` raise, and Interrupted with a
    partial summary of what was read.
    """
    session = session or Session(model_options, states)
    if options.verbatim is False:  # refused before the document is read
        session.load(on_event)
        session.is_verbatim(options.verbatim)
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
    summary = _result(reading, options, whole, parts, isinstance(notes, _Chosen))
    on_event(Finished(summary.receipt))
    return summary


def _so_far(noting: _Noting) -> tuple[Summary, ...]:
    """The summary of what was read when Ctrl-C came; none when there is nothing to say yet."""
    reading = noting.session.stopped or (noting.notes.reading if noting.notes is not None else None)
    if reading is None:
        return ()
    notes = noting.of(reading)
    whole, parts = notes.so_far()
    if not parts:
        return ()
    made = _result(reading, noting.options, whole, parts, isinstance(notes, _Chosen))
    told = "the summary was interrupted: it is of what was read until then"
    return (replace(made, status="partial", receipt=replace(made.receipt, warnings=(*made.receipt.warnings, told))),)


def _result(
    reading: Reading,
    options: SummaryOptions,
    whole: Sequence[Statement],
    parts: Sequence[SummaryPart],
    verbatim: bool,
) -> Summary:
    """Check every citation and put the result together with its receipt."""
    document = reading.document
    everything = [*whole, *(s for part in parts for s in part.statements)]
    checked, counts = citations.check(document, everything)
    rest = iter(checked[len(whole) :])
    checked_parts = tuple(
        SummaryPart(part.title, tuple(next(rest) for _ in part.statements), part.start, part.end) for part in parts
    )
    receipt = reading.receipt({**asdict(options), "verbatim": verbatim})
    return Summary(
        status="complete" if receipt.is_complete else "partial",
        statements=tuple(checked[: len(whole)]),
        parts=checked_parts,
        citations=counts,
        receipt=receipt,
        verbatim=verbatim,
    )


class _Noting:
    """Takes notes at the end of each part, in the way that fits the model (a `PartNotes`)."""

    def __init__(self, session: Session, options: SummaryOptions, on_event: Listener) -> None:
        self.session = session
        self.options = options
        self.on_event = on_event
        self.notes: _Notes | None = None

    @property
    def purpose(self) -> str:
        """What notes depend on besides model and text; the session has its model by then."""
        return f"summary, {'verbatim' if self.session.is_verbatim(self.options.verbatim) else 'written'}"

    def __call__(self, reading: Reading, part: int, state: ReadingState) -> None:
        """Notes on one more part."""
        self.of(reading).take(part, state)
        self.on_event(Writing("notes", part + 1, len(reading.parts), reading.parts[part].title))

    def saved(self) -> list[Any]:
        """What `_Notes.add` needs again, part by part."""
        return self.notes.said if self.notes is not None else []

    def restore(self, reading: Reading, saved: list[Any]) -> None:
        """The notes of an earlier run."""
        for part, said in enumerate(saved):
            self.of(reading).add(part, said)

    def of(self, reading: Reading) -> _Notes:
        """The notes on a reading."""
        if self.notes is None:
            verbatim = self.session.is_verbatim(self.options.verbatim)
            self.notes = (_Chosen if verbatim else _Written)(reading, self.options)
        return self.notes


class _Notes:
    """Notes on the parts of one reading. said: JSON, what the model said of each part so far."""

    def __init__(self, reading: Reading, options: SummaryOptions) -> None:
        self.reading = reading
        self.options = options
        self.said: list[Any] = []

    def take(self, part: int, state: ReadingState) -> None:
        """Called at the end of each part with the state that has just read it."""
        self.add(part, self.ask(part, state))

    def ask(self, part: int, state: ReadingState) -> Any:
        """What the model says of a part, as JSON."""
        raise NotImplementedError

    def add(self, part: int, said: Any) -> None:
        """Make notes of what the model said."""
        raise NotImplementedError

    def finish(self, on_event: Listener) -> tuple[list[Statement], list[SummaryPart]]:
        """The whole, and the parts."""
        raise NotImplementedError

    def so_far(self) -> tuple[list[Statement], list[SummaryPart]]:
        """The same of what was read and noted when the reading was stopped; the model is asked no more."""
        raise NotImplementedError


class _Chosen(_Notes):
    """Statements are sentences of the document."""

    def __init__(self, reading: Reading, options: SummaryOptions) -> None:
        super().__init__(reading, options)
        self.scored: list[list[SalientSentence]] = []  # shortlists: what a long document's parts may keep
        self.lengths: list[int] = []
        self._last: tuple[int, list[SalientSentence]] | None = None  # scored for `ask`, and again for `add`
        self.request = reading.framing.request("notes", **_values(reading, "", _PART_WORDS))

    def ask(self, part: int, state: ReadingState) -> list[tuple[int, float]]:
        """(number of a sentence in the part, what the model adds to its score)."""
        adapter = self.reading.session.loaded.adapter
        if adapter is not None and adapter.points_among < 2:
            return []
        return self._expected(self._scored(part), state)

    def add(self, part: int, said: Any) -> None:
        scored = self._scored(part)
        bonus: dict[int, float] = dict(said)
        self.said.append(said)
        self.lengths.append(sum(s.num_words for s in scored))
        self.scored.append(shortlist([_raised(s, bonus[s.number]) if s.number in bonus else s for s in scored]))

    def _scored(self, part: int) -> list[SalientSentence]:
        if self._last is None or self._last[0] != part:
            section = self.reading.parts[part]
            rankers = self.reading.session.rankers["salience"]
            scored = score_part(self.reading.terms, section.start, section.end, rankers, title=section.title)
            self._last = part, scored
        return self._last[1]

    def _expected(self, scored: list[SalientSentence], state: ReadingState) -> list[tuple[int, float]]:
        """For the most salient sentences, how much the model, having read the part, expects each in short."""
        best = sorted(scored, key=lambda s: (-s.score, s.number))[:_CANDIDATES]
        if len(best) < 2:
            return []
        reader, framing = self.reading.reader, self.reading.framing
        text = self.reading.document.text
        began = time.perf_counter()
        rows = [framing.encode(" " + " ".join(text[s.start : s.end].split())) for s in best]
        asked = reader.score(reader.read(state, self.request), rows)
        mean = np.array([float(row.mean()) for row in asked])
        reader.write_seconds += time.perf_counter() - began
        expected = (mean - mean.mean()) / max(1e-6, float(mean.std()))
        return [(s.number, _MODEL_SHARE * float(e)) for s, e in zip(best, expected, strict=True)]

    def finish(self, on_event: Listener) -> tuple[list[Statement], list[SummaryPart]]:
        return self._put_together(self.reading.parts)

    def so_far(self) -> tuple[list[Statement], list[SummaryPart]]:
        reading, number = self.reading, len(self.said)
        noted = [*reading.parts[:number]]
        if number == reading.parts_read < len(reading.parts):
            begun = replace(reading.parts[number], end=reading.characters_read)
            scored = score_part(
                reading.terms, begun.start, begun.end, reading.session.rankers["salience"], title=begun.title
            )
            if scored:
                noted.append(begun)
                self.lengths.append(sum(s.num_words for s in scored))
                self.scored.append(shortlist(scored))
        return self._put_together(noted) if noted else ([], [])

    def _put_together(self, noted: Sequence[Section]) -> tuple[list[Statement], list[SummaryPart]]:
        chosen = select_overall(self.scored, self.options.words, self.lengths)
        parts = []
        for section, scored in zip(noted, self.scored, strict=True):
            picked = select(scored, _PART_WORDS)
            parts.append(SummaryPart(section.title, tuple(map(self._statement, picked)), section.start, section.end))
        return [self._statement(s) for s in chosen], parts

    def _statement(self, sentence: SalientSentence) -> Statement:
        citation = self.reading.document.cite(sentence.start, sentence.end)
        return Statement(" ".join(citation.quote.split()), (citation,))


def _raised(sentence: SalientSentence, bonus: float) -> SalientSentence:
    """The sentence with its score raised by the model's bonus."""
    return SalientSentence(
        sentence.number,
        sentence.start,
        sentence.end,
        sentence.score + bonus,
        sentence.num_words,
        sentence.stems,
        sentence.self_contained,
        sentence.features,
    )


class _Written(_Notes):
    """Statements are the model's own words, traced to the document afterwards."""

    def __init__(self, reading: Reading, options: SummaryOptions) -> None:
        super().__init__(reading, options)
        self.notes: list[str] = []
        self._request("")  # its hash stands in the receipt, also when all notes are those of an earlier run
        self.supporter = citations.Supporter(reading.document, reading.terms)
        self.merge_tokens = self._merge_tokens() if len(reading.parts) > 1 else 0

    def ask(self, part: int, state: ReadingState) -> str:
        return self._write(state, self._request(self.reading.parts[part].title), _PART_WORDS)

    def add(self, part: int, said: Any) -> None:
        self.said.append(said)
        self.notes.append(said)

    def _request(self, title: str) -> list[int]:
        return self.reading.framing.request("notes", **_values(self.reading, title, _PART_WORDS))

    def finish(self, on_event: Listener) -> tuple[list[Statement], list[SummaryPart]]:
        whole = self._merge(self.notes, on_event)
        return self._traced(whole, self.reading.parts), self.so_far()[1]

    def so_far(self) -> tuple[list[Statement], list[SummaryPart]]:
        parts = [
            SummaryPart(section.title, tuple(self._traced(note, [section])), section.start, section.end)
            for section, note in zip(self.reading.parts, self.notes, strict=False)
        ]
        return [], parts

    def _merge_tokens(self) -> int:
        """How many tokens of notes a merge can read so that the model sees them while it writes what it can of them.

        Raises UsageError when that is too little to merge two notes.
        """
        reader, framing = self.reading.reader, self.reading.framing
        prompt = len(framing.opening()) + len(framing.request("merge", words=str(self.options.words)))
        visible = visible_tokens(reader, reader.start())
        written = min(_NOTE_TOKENS * self.options.words + _LAST_SENTENCE_TOKENS, (visible - prompt) // 2)
        if visible - prompt - written < _LEAST_MERGE_TOKENS:
            raise UsageError(
                f"A window of {visible:,} tokens is too small to merge the notes on several parts.",
                why=f"the prompt takes {prompt:,} tokens, and the notes and the summary need {2 * _LEAST_MERGE_TOKENS}",
                fix=f"--window {prompt + 2 * _LEAST_MERGE_TOKENS} or more, or --verbatim",
            )
        return min(_MERGE_TOKENS, visible - prompt - written)

    def _merge(self, notes: list[str], on_event: Listener) -> str:
        """One text out of many, in rounds that read at most `merge_tokens` tokens of notes at a time."""
        framing = self.reading.framing
        if len(notes) == 1:
            return notes[0]
        on_event(Step())
        lengths = [min(len(framing.encode(note)) + _GAP_TOKENS, self.merge_tokens // 2) for note in notes]
        if sum(lengths) <= self.merge_tokens:
            return self._merge_once(notes, self.options.words)
        groups: list[list[str]] = [[]]
        size = 0
        for note, length in zip(notes, lengths, strict=True):
            if len(groups[-1]) >= 2 and size + length > self.merge_tokens:
                groups.append([])
                size = 0
            groups[-1].append(note)
            size += length
        words = min(self.options.words, self._words_in(self.merge_tokens // 2 - _GAP_TOKENS))
        return self._merge([self._merge_once(group, words) for group in groups], on_event)

    def _words_in(self, num_tokens: int) -> int:
        """The budget in words of a text that may have so many tokens."""
        return max(1, (num_tokens - _LAST_SENTENCE_TOKENS) // _NOTE_TOKENS)

    def _merge_once(self, notes: list[str], words: int) -> str:
        reader, framing = self.reading.reader, self.reading.framing
        ids = framing.opening()
        for number, note in enumerate(notes):
            ids += framing.encode("\n\n") if number else []
            ids += framing.encode(note)[: self.merge_tokens // 2 - _GAP_TOKENS]
        state = reader.read(reader.start(), ids)
        return self._write(state, framing.request("merge", words=str(words)), words)

    def _write(self, state: ReadingState, request: list[int], words: int) -> str:
        reader, framing = self.reading.reader, self.reading.framing
        ids = list(
            reader.write(
                reader.read(state, request),
                max_tokens=_NOTE_TOKENS * words + _LAST_SENTENCE_TOKENS,
                end_ids=framing.end_ids(),
            )
        )
        return _whole_sentences(framing.tokenizer.decode(ids, skip_special_tokens=True).strip())

    def _traced(self, text: str, within: Sequence[Section]) -> list[Statement]:
        spans = [(section.start, section.end) for section in within]
        statements = [" ".join(text[a:b].split()) for a, b in sentence_spans(text)]
        return [Statement(s, self.supporter.support(s, spans)) for s in statements]


def _whole_sentences(text: str) -> str:
    """A text without the sentence that the budget cut off, unless it is the only one."""
    spans = sentence_spans(text)
    if len(spans) > 1 and text[spans[-1][1] - 1] not in ".!?\"'”’)»。！？":
        return text[: spans[-2][1]]
    return text


def _values(reading: Reading, title: str, words: int) -> dict[str, str]:
    """The variables of the notes prompt; the embedded model's has none."""
    return {} if reading.framing.prompt_set == "embedded" else {"title": title, "words": str(words)}
