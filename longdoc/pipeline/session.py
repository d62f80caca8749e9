"""A session: one model, loaded once, and what it has read of the last document.

`Session.read` is the only way to a `Reading`: the document, its tokens through the model, its receipt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from longdoc.core.errors import UsageError
from longdoc.core.events import Finished, Listener, ModelLoaded, ModelLoading, SegmentRead, Warned
from longdoc.core.paths import data_folder
from longdoc.core.settings import ModelOptions, SourceOptions
from longdoc.core.types import Document, Receipt, Section, Segment
from longdoc.engine.load import LoadedModel, load_model
from longdoc.engine.machine import peak_resident_bytes
from longdoc.engine.reader import Reader, ReadingPlan, ReadingState, plan_reading
from longdoc.ingest import read_document
from longdoc.pipeline.framing import Framing, tokens_of
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import RankerFile, load
from longdoc.search.terms import DocumentTerms
from longdoc.segment import count_tokens, parts, segment

OnPart = Callable[["Reading", int, ReadingState], None]


class PartSalience:
    """What the model's probe says of the tokens of the part that is being read."""

    def __init__(self) -> None:
        self._ends: list[npt.NDArray[np.int64]] = []
        self._values: list[npt.NDArray[np.float32]] = []

    def add(self, reading: Reading, piece: Segment, values: npt.NDArray[np.float32]) -> None:
        """Take the values of a segment's tokens. Where its text alone gives other tokens, places are even."""
        tokens = reading.session.encode(reading.document.text[piece.start : piece.end])
        if len(tokens) == len(values):
            ends = np.array([end for _, _, end in tokens], dtype=np.int64)
        else:
            ends = np.linspace(0, piece.end - piece.start, len(values) + 1)[1:].astype(np.int64)
        self._ends.append(ends + piece.start)
        self._values.append(values)

    def of(self, spans: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64] | None:
        """The mean over the tokens of each span, standardised over the spans; None without a probe."""
        if not self._values or len(spans) < 2:
            return None
        ends = np.concatenate(self._ends)
        total = np.concatenate([[0.0], np.cumsum(np.concatenate(self._values), dtype=np.float64)])
        first = np.searchsorted(ends, [start for start, _ in spans], "right")
        last = np.maximum(first + 1, np.searchsorted(ends, [end for _, end in spans], "right"))
        last = np.minimum(last, len(total) - 1)
        first = np.minimum(first, last - 1)
        mean = (total[last] - total[first]) / (last - first)
        standard: npt.NDArray[np.float64] = (mean - mean.mean()) / max(1e-6, float(mean.std()))
        return standard


class Reading:
    """A document on its way through the model, and afterwards what is left of it.

    parts: sections that tile the text.   state: of all that was read so far.   num_tokens: of the whole document.
    """

    def __init__(self, session: Session, document: Document, started: float) -> None:
        loaded = session.loaded
        self.session = session
        self.document = document
        self.started = started
        self.parts: tuple[Section, ...] = parts(document)
        self.num_tokens = count_tokens(document, session.encode, parts=self.parts)
        self.plan: ReadingPlan = plan_reading(loaded, session.options, self.num_tokens)
        self.reader = Reader(loaded, self.plan)
        self.framing = Framing(loaded.tokenizer, loaded.adapter.prompts if loaded.adapter else "chat")
        self.tokens_read = 0
        self.read_seconds = 0.0
        self.state: ReadingState = self.reader.start()
        self.salience = PartSalience()

    @cached_property
    def terms(self) -> DocumentTerms:
        """Sentences and words, for choosing and checking."""
        return DocumentTerms(self.document.text)

    @cached_property
    def index(self) -> PassageIndex:
        """Passages, for searching."""
        return PassageIndex(self.document.text, self.document.sections)

    def read_all(self, on_event: Listener, on_part: OnPart | None) -> None:
        """Every token of the document, segment by segment; `on_part` is called at the end of each part."""
        for warning in self.plan.warnings:
            on_event(Warned(warning))
        self.state = self.reader.read(self.state, self.framing.opening())
        pieces = segment(self.document, self.session.encode, self.plan.segment_tokens, parts=self.parts)
        for piece in pieces:
            began = time.perf_counter()
            self.state = self.reader.read(self.state, piece.token_ids)
            self.read_seconds += time.perf_counter() - began
            self.tokens_read += piece.num_tokens
            if self.state.salience is not None and piece.num_tokens:
                self.salience.add(self, piece, self.state.salience.numpy())
            title = self.parts[piece.part].title
            speed = self.tokens_read / max(1e-9, self.read_seconds)
            on_event(SegmentRead(self.tokens_read, self.num_tokens, speed, title, peak_resident_bytes()))
            if piece.closes_part:
                if on_part is not None:
                    on_part(self, piece.part, self.state)
                self.salience = PartSalience()

    def receipt(self, settings: dict[str, Any]) -> Receipt:
        """What was read, of how much, by what, at what cost; to be taken when all is done."""
        document, reader = self.document, self.reader
        return Receipt(
            source=document.source,
            title=document.title,
            num_pages=document.num_pages,
            skipped=document.skipped,
            num_tokens=self.num_tokens,
            tokens_read=self.tokens_read,
            model=self.session.loaded.info,
            attention=self.plan.info,
            prompts=dict(self.framing.used),
            settings={**asdict(self.session.options), "segment_tokens": self.plan.segment_tokens, **settings},
            seconds=time.perf_counter() - self.started,
            read_tokens_per_s=self.tokens_read / max(1e-9, self.read_seconds),
            write_tokens_per_s=reader.tokens_written / reader.write_seconds if reader.write_seconds else 0.0,
            peak_memory_bytes=peak_resident_bytes(),
            warnings=document.warnings + self.plan.warnings,
        )

    def finish(self, settings: dict[str, Any], on_event: Listener) -> Receipt:
        """The receipt, told to the listener as well."""
        receipt = self.receipt(settings)
        on_event(Finished(receipt))
        return receipt


@dataclass(frozen=True, slots=True)
class _Key:
    """What makes two readings the same: the bytes, and how they were parsed."""

    name: str
    sha256: str
    options: SourceOptions


class Session:
    """Loads the model at the first need and keeps it; remembers the reading of the last document."""

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self._loaded: LoadedModel | None = None
        self._last: tuple[_Key, Reading] | None = None

    @property
    def loaded(self) -> LoadedModel:
        """The model. `load` comes first."""
        assert self._loaded is not None
        return self._loaded

    @cached_property
    def rankers(self) -> dict[str, RankerFile]:
        """The small rankers that choose among sentences: "ranker" for answers, "salience" for summaries."""
        folder = data_folder("adapters") / "lexical"
        return {name: load(folder / f"{name}.json") for name in ("ranker", "salience")}

    def load(self, on_event: Listener) -> None:
        """Load the model unless it is there."""
        if self._loaded is not None:
            return
        began = time.perf_counter()
        on_event(ModelLoading(self.options.model))
        self._loaded = load_model(self.options)
        weights = self._loaded.info.quantization
        why = f"{'not quantized' if weights == 'none' else weights}, on {self._loaded.device}"
        seconds = time.perf_counter() - began
        on_event(ModelLoaded(self.options.model, self._loaded.num_parameters, seconds, why))

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """(token id, start, end) of each token of a text. No special tokens, also where the text spells one."""
        return tokens_of(self.loaded.tokenizer, text)

    def is_verbatim(self, asked: bool | None) -> bool:
        """Whether results are the document's own words: as asked, else as the model was trained. `load` comes first.

        Raises UsageError when a model that only points is asked for words of its own.
        """
        adapter = self.loaded.adapter
        if asked is False and adapter is not None and adapter.prompts == "embedded":
            raise UsageError(
                f"The model {self.options.model} has no words of its own.",
                why="it was trained to point at sentences of the document",
                fix="leave out --no-verbatim, or name a model that writes with --model",
            )
        return asked if asked is not None else adapter is not None and adapter.verbatim

    def read(self, source: str, options: SourceOptions, on_event: Listener, on_part: OnPart | None = None) -> Reading:
        """Read a source to its end. Without `on_part`, a document that was just read is not read again."""
        started = time.perf_counter()
        document = read_document(source, options, on_event)
        key = _Key(document.source.name, document.source.sha256, options)
        if on_part is None and self._last is not None and self._last[0] == key:
            return self._last[1]
        self._last = None  # two documents are never held at once
        self.load(on_event)
        reading = Reading(self, document, started)
        reading.read_all(on_event, on_part)
        self._last = (key, reading)
        return reading


def open_session(options: ModelOptions, on_event: Listener) -> Session:
    """A session with its model loaded, for several sources or questions."""
    session = Session(options)
    session.load(on_event)
    return session
