"""A session: one model, loaded once, and what it has read of the last document.

`Session.read` is the only way to a `Reading`. With `StateOptions` it is kept on the disk, and what an earlier run kept
is not read again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from longdoc.core.errors import Interrupted, UsageError
from longdoc.core.events import Listener, ModelLoaded, ModelLoading, Warned
from longdoc.core.paths import data_folder
from longdoc.core.plans import MeasuredSpeed
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Document
from longdoc.engine.fingerprint import model_fingerprint, plan_fingerprint
from longdoc.engine.load import LoadedModel, load_model
from longdoc.engine.machine import peak_resident_bytes, running_s
from longdoc.engine.ring.reader import load_in_ring
from longdoc.ingest import Together, read_source
from longdoc.ingest.given import Given, read_given
from longdoc.pipeline import speeds
from longdoc.pipeline.framing import is_framed
from longdoc.pipeline.keeping import Keeper
from longdoc.pipeline.limit import MemoryLimit
from longdoc.pipeline.plain_text import PlainText
from longdoc.pipeline.prompts import check_folder
from longdoc.pipeline.reading import OnPart, PartNotes, Reading
from longdoc.pipeline.states import folder_of
from longdoc.search.ranker import RankerFile, load


@dataclass(frozen=True, slots=True)
class _Key:
    """What makes two readings the same: the bytes, and how they were parsed."""

    name: str
    sha256: str
    options: SourceOptions


class Session:
    """Loads the model at the first need and keeps it; remembers the reading of the last document.

    states: None: nothing is kept on the disk, and nothing that was kept is used.
    prompts_folder: of the user's own prompts.
    stopped: the reading that Ctrl-C stopped last.
    """

    def __init__(self, options: ModelOptions, states: StateOptions | None = None) -> None:
        self.options = options
        self.states = states
        self.prompts_folder = check_folder(options.prompts) if options.prompts is not None else None
        self.stopped: Reading | None = None
        self._loaded: LoadedModel | None = None
        self._load_s = 0.0
        self._start_s: float | None = None
        self._last: tuple[_Key, Reading] | None = None
        self._limit = MemoryLimit(options) if options.memory_limit is not None else None

    @property
    def loaded(self) -> LoadedModel:
        """The model. `load` comes first."""
        assert self._loaded is not None
        return self._loaded

    @property
    def last_reading(self) -> Reading | None:
        """The reading of the last document, while it is remembered."""
        return self._last[1] if self._last is not None else None

    @cached_property
    def rankers(self) -> dict[str, RankerFile]:
        """The small rankers that choose among sentences: "ranker" for answers, "salience" for summaries."""
        folder = data_folder("adapters") / "lexical"
        return {name: load(folder / f"{name}.json") for name in ("ranker", "salience")}

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Of the model. To be taken before it writes."""
        return model_fingerprint(self.loaded)

    def load(self, on_event: Listener, document: Document | None = None) -> None:
        """Load the model unless it is there. document: that is read first, for the weights that a limit allows."""
        if self._loaded is not None:
            return
        began = time.perf_counter()
        if self._limit is not None:
            self.options = replace(self.options, quantize=self._limit.quantize(document))
            self._limit.loaded_with(self.options.quantize)
        on_event(ModelLoading(self.options.model))
        self._loaded = load_in_ring(self.options) if self.options.attention == "ring" else load_model(self.options)
        weights = self._loaded.info.quantization
        why = f"{'not quantized' if weights == 'none' else weights}, on {self._loaded.device}"
        seconds = time.perf_counter() - began
        self._load_s, self._start_s = seconds, running_s()
        on_event(ModelLoaded(self.options.model, self._loaded.num_parameters, seconds, why))

    def options_for(self, num_tokens: int, text: str) -> ModelOptions:
        """How a document is read: as the user says, with sizes that keep a memory limit. Raises OutOfMemory."""
        return self.options if self._limit is None else self._limit.options_for(num_tokens, text)

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """(token id, start, end) of each token of a text. No control tokens, also where the text spells one."""
        return self._plain_text.tokens(text)

    @property
    def prompt_set(self) -> str:
        """The folder of prompts that the model is asked with. `load` comes first."""
        adapter = self.loaded.adapter
        return adapter.prompts if adapter is not None else "chat"

    @cached_property
    def _plain_text(self) -> PlainText:
        return PlainText(self.loaded.tokenizer, is_framed=is_framed(self.prompt_set))

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

    def read(
        self, source: str | Together | Given, options: SourceOptions, on_event: Listener, on_part: OnPart | None = None
    ) -> Reading:
        """Read a source, or several as one document, to its end. What is given as a text leaves no state.

        Without `on_part`, a document that was just read is not read again.
        With `StateOptions` it goes on from a kept state; notes without `PartNotes` are always taken anew.
        """
        started = time.perf_counter()
        self.stopped = None
        with _before_reading(on_event):
            if isinstance(source, Given):
                document = read_given(source, options, on_event)
            else:
                document = read_source(source, options, on_event)
        opening_s = time.perf_counter() - started
        key = _Key(document.source.name, document.source.sha256, options)
        if on_part is None and self._last is not None and self._last[0] == key:
            return self._last[1]
        self._last = None  # two documents are never held at once
        is_loaded = self._loaded is not None
        with _before_reading(on_event):
            self.load(on_event, document)
        if not is_loaded and self._start_s is not None:
            self._start_s -= opening_s
        pace = speeds.Pace(on_event)
        reading = Reading(self, document, started, by_part=on_part is not None)
        try:
            keeper = None if isinstance(source, Given) else self._keeper(reading, on_part, on_event)
            reading.read_all(pace, on_part, keeper)
        except Interrupted:
            self.stopped = reading
            raise
        self._remember_speed(reading, pace)
        self._last = (key, reading)
        return reading

    def _remember_speed(self, reading: Reading, pace: speeds.Pace) -> None:
        """For `longdoc plan`; nothing is left on the disk where no states are kept."""
        if self.states is None:
            return
        num_tokens = reading.tokens_read - reading.tokens_from_state
        speeds.remember(
            folder_of(self.states.folder),
            self.loaded.info,
            self.loaded.device.type,
            reading.plan.info.mode,
            MeasuredSpeed(
                tokens_per_s=round(num_tokens / max(1e-9, reading.read_seconds), 1),
                num_tokens=num_tokens,
                peak_memory_bytes=peak_resident_bytes(),
                measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
                start_s=None if self._start_s is None else round(speeds.start_s(self._start_s, self._load_s), 3),
                quadratic_s=pace.quadratic_s() if reading.plan.info.mode in {"exact", "ring"} else 0.0,
            ),
        )

    def _keeper(self, reading: Reading, on_part: OnPart | None, on_event: Listener) -> Keeper | None:
        """What keeps a reading, if it is to be kept and can be."""
        if self.states is None or not (on_part is None or isinstance(on_part, PartNotes)):
            return None
        fingerprint = {**self.fingerprint, **plan_fingerprint(self.loaded, reading.plan)}
        if opening := reading.framing.opening():
            fingerprint["opening"] = hashlib.sha256(repr(opening).encode()).hexdigest()
        variant = ", without memory" if self.loaded.has_memory and not self.options.memory else ""
        variant = ", in a ring" if reading.plan.info.mode == "ring" else variant
        if on_part is None:
            return Keeper(self.states, reading.document, fingerprint, reading.num_tokens, on_event, variant=variant)
        tiles = repr([(part.title, part.start, part.end) for part in reading.parts])
        fingerprint["parts"] = hashlib.sha256(tiles.encode("utf-8", "surrogatepass")).hexdigest()
        fingerprint["basis"] = on_part.basis
        return Keeper(
            self.states, reading.document, fingerprint, reading.num_tokens, on_event, on_part.purpose, variant
        )


@contextmanager
def _before_reading(on_event: Listener) -> Iterator[None]:
    """Ctrl-C in here is told to have lost nothing."""
    try:
        yield
    except Interrupted:
        on_event(Warned("stopped before reading began; the same command begins again"))
        raise


def open_session(options: ModelOptions, on_event: Listener, states: StateOptions | None = None) -> Session:
    """A session with its model loaded, for several sources or questions."""
    session = Session(options, states)
    session.load(on_event)
    return session
