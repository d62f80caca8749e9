"""Notes that are sentences of the document: the most salient of each part, and of those what the model expects.

What the model says does not depend on words, style and focus: it can be kept, and used for another summary.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from longdoc.core.events import Listener, ignore
from longdoc.core.settings import SummaryOptions
from longdoc.core.types import Section, Statement, SummaryPart
from longdoc.engine.reader import ReadingState
from longdoc.pipeline.citations import cite_sentence
from longdoc.pipeline.notes import Notes, values, words_of_part
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.telling import Telling
from longdoc.search.salience import SHORT, SalientSentence
from longdoc.search.selection import select, select_overall, shortlist

_CANDIDATES = 24  # sentences per part that the model is asked about
_MODEL_SHARE = 0.3  # weight of the model's expectation beside salience, both in standard deviations


class Chosen(Notes):
    """Statements are sentences of the document."""

    def __init__(self, reading: Reading, options: SummaryOptions, on_event: Listener = ignore) -> None:
        super().__init__(reading, options, on_event)
        self.scored: list[list[SalientSentence]] = []  # shortlists: what a long document's parts may keep
        self.lengths: list[int] = []
        self.touched: list[bool] = []  # whether the part touches the focus
        self._telling = Telling(reading.document, reading.terms, reading.session.rankers["salience"])
        self._last: tuple[int, list[SalientSentence]] | None = None  # scored for `ask`, and again for `add`
        self.request = reading.framing.request("notes", **values(reading.framing, ""))

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
        self._hold([replace(s, score=s.score + bonus.get(s.number, 0.0)) for s in scored])

    def _hold(self, scored: list[SalientSentence]) -> None:
        """Keep what a summary may take of one more part: of one that touches the focus, what touches it."""
        touching = self.topic.touching(scored) if self.topic is not None else []
        self.touched.append(bool(touching))
        told = touching or scored
        self.lengths.append(sum(s.num_words for s in told))
        self.scored.append(shortlist(told))

    def _scored(self, part: int) -> list[SalientSentence]:
        if self._last is None or self._last[0] != part:
            self._last = part, self._telling.score(self.reading.parts[part])
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
            scored = self._telling.score(begun)
            if scored:
                noted.append(begun)
                self._hold(scored)
        return self._put_together(noted) if noted else ([], [])

    def _put_together(self, noted: Sequence[Section]) -> tuple[list[Statement], list[SummaryPart]]:
        """The whole and all parts. With a focus the whole is of those that touch it; any other gives one sentence."""
        is_on_focus = any(self.touched)
        told = [n for n, touched in enumerate(self.touched) if touched or not is_on_focus]
        candidates = self._for_the_whole(noted, told)
        chosen = select_overall(candidates, self.words, [self.lengths[n] for n in told])
        parts, words_each = [], words_of_part(len(self.reading.parts))
        for section, scored, touched in zip(noted, self.scored, self.touched, strict=True):
            picked = select(scored, words_each, max_sentences=1 if is_on_focus and not touched else None)
            parts.append(SummaryPart(section.title, tuple(map(self._statement, picked)), section.start, section.end))
        return [self._statement(s) for s in chosen], parts

    def _for_the_whole(self, noted: Sequence[Section], told: Sequence[int]) -> list[list[SalientSentence]]:
        """The sentences of each part that is told, for a summary of the whole.

        In a book, and in chapters, they are weighed against those of their part; in a short document whose parts are
        mere pieces, against all.
        """
        kept = [self.scored[n] for n in told]
        if noted[-1].end > SHORT or self.reading.document.sections or len(told) < 2:
            return kept
        bonus = {number: value for said in self.said for number, value in said}
        whole = self._telling.score(Section(self.reading.document.title or "", 0, noted[-1].end))
        scored = [replace(s, score=s.score + bonus.get(s.number, 0.0)) for s in whole]
        found = [[s for s in scored if noted[n].start <= s.start < noted[n].end] for n in told]
        if self.topic is not None:
            found = [self.topic.touching(part) or part for part in found]
        return [part or before for part, before in zip(found, kept, strict=True)]

    def _statement(self, sentence: SalientSentence) -> Statement:
        citation = cite_sentence(self.reading.document, sentence.start, sentence.end)
        return Statement(" ".join(citation.quote.split()), (citation,))
