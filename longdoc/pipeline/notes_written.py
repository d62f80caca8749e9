"""Notes in a model's own words, and a merge that never overflows; each sentence is then traced to the document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from longdoc.core.errors import UsageError
from longdoc.core.events import Listener, Step, ignore
from longdoc.core.sentences import sentence_spans
from longdoc.core.settings import SummaryOptions
from longdoc.core.types import Section, Statement, SummaryPart
from longdoc.engine.reader import ReadingState
from longdoc.pipeline import citations
from longdoc.pipeline.notes import PART_WORDS, Notes, one_line, values
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.room import visible_tokens
from longdoc.pipeline.writing import write

_NOTE_TOKENS = 2  # tokens that a written word may take
_LAST_SENTENCE_TOKENS = 60  # room to finish the sentence
_GAP_TOKENS = 2  # between two notes, at most
_MERGE_TOKENS = 3000  # notes that one merge reads at most; fewer in a small window
_LEAST_MERGE_TOKENS = 128  # two notes of a sentence or two: with room for fewer nothing is merged
_LIST_MARK = re.compile(r"^(?:[-*•]|\d{1,3}[.)])\s+")


class Written(Notes):
    """Statements are the model's own words, traced to the document afterwards."""

    def __init__(self, reading: Reading, options: SummaryOptions, on_event: Listener = ignore) -> None:
        super().__init__(reading, options, on_event)
        self.notes: list[str] = []
        self._request("")  # its hash stands in the receipt, also when all notes are those of an earlier run
        self.supporter = citations.Supporter(reading.document, reading.terms)
        self.merge_tokens = self._merge_tokens() if len(reading.parts) > 1 else 0

    def ask(self, part: int, state: ReadingState) -> str:
        return self._write(state, self._request(self.reading.parts[part].title), PART_WORDS)

    def add(self, part: int, said: Any) -> None:
        self.said.append(said)
        self.notes.append(said)

    def _request(self, title: str) -> list[int]:
        return self.reading.framing.request("notes", **values(self.reading.framing, title, self.options))

    def _merge_request(self, words: int) -> list[int]:
        focus, language = one_line(self.options.focus), one_line(self.options.language)
        return self.reading.framing.request("merge", words=str(words), focus=focus, language=language)

    def finish(self, on_event: Listener) -> tuple[list[Statement], list[SummaryPart]]:
        whole = self._merge(self.notes, on_event) if self.options.style != "chapters" else ""
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
        prompt = len(framing.opening()) + len(self._merge_request(self.words))
        visible = visible_tokens(reader, reader.start())
        written = min(_NOTE_TOKENS * self.words + _LAST_SENTENCE_TOKENS, (visible - prompt) // 2)
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
            return self._merge_once(notes, self.words)
        groups: list[list[str]] = [[]]
        size = 0
        for note, length in zip(notes, lengths, strict=True):
            if len(groups[-1]) >= 2 and size + length > self.merge_tokens:
                groups.append([])
                size = 0
            groups[-1].append(note)
            size += length
        words = min(self.words, self._words_in(self.merge_tokens // 2 - _GAP_TOKENS))
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
        return self._write(state, self._merge_request(words), words)

    def _write(self, state: ReadingState, request: list[int], words: int) -> str:
        reader, framing = self.reading.reader, self.reading.framing
        most = _NOTE_TOKENS * words + _LAST_SENTENCE_TOKENS
        return _whole_sentences(write(reader, framing, reader.read(state, request), most, self.on_event)[1])

    def _traced(self, text: str, within: Sequence[Section]) -> list[Statement]:
        spans = [(section.start, section.end) for section in within]
        statements = [_LIST_MARK.sub("", " ".join(text[a:b].split())) for a, b in sentence_spans(text)]
        return [Statement(s, self.supporter.support(s, spans)) for s in statements if s]


def _whole_sentences(text: str) -> str:
    """A text without the sentence that the budget cut off, unless it is the only one."""
    spans = sentence_spans(text)
    if len(spans) > 1 and text[spans[-1][1] - 1] not in ".!?\"'”’)»。！？":
        return text[: spans[-2][1]]
    return text
