"""A reading: one document on its way through the model, and what is left of it: a state, an index, a receipt.

Opened by a session (`session.py`). With a keeper (`keeping.py`) it goes on from what an earlier run kept.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from longdoc.core.errors import StoppedNow
from longdoc.core.events import Finished, Listener, SegmentRead, StateUsed, Step, Warned
from longdoc.core.types import Document, Receipt, Section, Segment
from longdoc.engine.machine import peak_resident_bytes
from longdoc.engine.reader import Reader, ReadingPlan, ReadingState, plan_reading
from longdoc.engine.ring.reader import reader_of
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.keeping import Keeper, Place
from longdoc.search.index import PassageIndex
from longdoc.search.terms import DocumentTerms
from longdoc.segment import count_tokens, file_tiles, parts, segment

if TYPE_CHECKING:
    from longdoc.pipeline.session import Session

OnPart = Callable[["Reading", int, ReadingState], None]


@runtime_checkable
class PartNotes(Protocol):
    """An `OnPart` whose notes can be kept with a checkpoint."""

    @property
    def purpose(self) -> str:
        """Names what the notes depend on besides the model and the text. The model is loaded by then."""

    @property
    def basis(self) -> str:
        """What the notes were made with, besides the model: when it changes they are not used."""

    def __call__(self, reading: Reading, part: int, state: ReadingState) -> None:
        """Take notes at the end of a part."""

    def saved(self) -> list[Any]:
        """The notes as JSON, one value for each part that they were taken on."""

    def restore(self, reading: Reading, saved: list[Any]) -> None:
        """Stand where another run stood when it gave these."""


@dataclass(frozen=True, slots=True)
class _Done:
    """How far a reading has come: all of it changes at once, so that an interruption finds it whole.

    held: the last tokens before `place`, which the model has not been given yet. Segments end at sentences, but calls
    of one size are faster: what is over waits for the next segment, at most until its part ends.
    """

    state: ReadingState
    place: Place
    held: tuple[int, ...] = ()


class Reading:
    """A document on its way through the model, and afterwards what is left of it.

    by_part: no segment spans two parts, so that notes can be taken between them. Otherwise the cut does not depend on
    what follows, and the state of a text that grows at its end can be gone on from.
    options: of the model, with the sizes that a memory limit allows.
    parts: sections that tile the text.   state: of all that was read so far.   num_tokens: of the whole document.
    tokens_from_state: how many of tokens_read an earlier run had read.
    parts_read, characters_read: how many parts were read to their end, and what of the text.
    """

    def __init__(self, session: Session, document: Document, started: float, *, by_part: bool = True) -> None:
        loaded = session.loaded
        self.session = session
        self.document = document
        self.started = started
        tiles = file_tiles(document)
        self.parts: tuple[Section, ...] = parts(document) if by_part else tiles
        counts = [count_tokens(document, session.encode, tiles=(tile,)) for tile in tiles]
        self.num_tokens = sum(counts)
        self.files = tuple(replace(f, num_tokens=n) for f, n in zip(document.files, counts, strict=False))
        self.options = session.options_for(self.num_tokens, document.text)
        self.plan: ReadingPlan = plan_reading(loaded, self.options, self.num_tokens)
        self.reader: Reader = reader_of(loaded, self.plan)
        self.framing = Framing(loaded.tokenizer, session.prompt_set, session.prompts_folder)
        self.tokens_read = 0
        self.parts_read = 0
        self.characters_read = 0
        self.tokens_from_state = 0
        self.read_seconds = 0.0
        self.state: ReadingState = self.reader.start()
        self.keeper: Keeper | None = None

    @cached_property
    def terms(self) -> DocumentTerms:
        """Sentences and words, for choosing and checking."""
        return DocumentTerms(self.document.text)

    @cached_property
    def index(self) -> PassageIndex:
        """Passages, for searching."""
        return PassageIndex(self.document.text, self.document.sections)

    def read_all(self, on_event: Listener, on_part: OnPart | None, keeper: Keeper | None = None) -> None:
        """Every token of the document, segment by segment; `on_part` is called at the end of each part.

        keeper: keeps what is read, and knows what an earlier run has kept.
        """
        for warning in self.plan.warnings:
            on_event(Warned(warning))
        self.keeper = keeper
        if keeper is None:
            self._read_all(on_event, on_part)
            return
        keeper.open()
        try:
            self._read_all(on_event, on_part)
        finally:
            keeper.close()

    def _read_all(self, on_event: Listener, on_part: OnPart | None) -> None:
        keeper, opening = self.keeper, self.framing.opening()
        done = self._kept(opening, on_part, on_event)
        if done is None:
            done = _Done(self.reader.read(self.state, opening), Place.start(opening))
        self._stand(done)
        if keeper is not None:
            keeper.start_clock()
        is_grown = False
        try:
            for num_left, piece in _with_left(islice(self._pieces(), done.place.num_segments, None), 2):
                if keeper is not None and keeper.grows and num_left == 1:
                    self._save(done, on_part)  # the last two may be cut otherwise when the text has grown
                    is_grown = True
                on_event(Step())
                done = self._after(done, piece, on_part, on_event)
                self._stand(done)
                if keeper is not None and keeper.is_due() and not is_grown and num_left:
                    self._save(done, on_part)
            on_event(Step(follows=False))
        except KeyboardInterrupt as stop:
            if keeper is not None and not isinstance(stop, StoppedNow):
                self._keep_stopped(done, on_part, keeper, on_event)
            raise
        if keeper is not None:
            self._end(done, on_part, keeper)

    def _keep_stopped(self, done: _Done, on_part: OnPart | None, keeper: Keeper, on_event: Listener) -> None:
        """Ctrl-C: keep what was read if that is worth it, and say from where the same command goes on."""
        if keeper.is_worth_keeping():
            self._save(done, on_part)
        kept = max(self.tokens_from_state, keeper.tokens_kept)
        if kept == done.place.num_tokens and kept:
            rest = "the same command goes on from there"
        elif kept:
            rest = f"the same command goes on from {kept:,}"
        else:
            rest = "nothing of it is kept: the same command starts over"
        stopped = f"reading was stopped after {done.place.num_tokens:,} of {self.num_tokens:,} tokens"
        on_event(Warned(f"{stopped}; {rest}"))

    def _pieces(self) -> Iterator[Segment]:
        return segment(self.document, self.session.encode, self.plan.segment_tokens, parts=self.parts)

    def _kept(self, opening: list[int], on_part: OnPart | None, on_event: Listener) -> _Done | None:
        """Where an earlier run stood."""
        if self.keeper is None:
            return None
        kept = self.keeper.find(self.state, self.session.loaded.device, lambda place: self._is_cut_at(place, opening))
        if kept is None:
            return None
        if isinstance(on_part, PartNotes):
            on_part.restore(self, kept.notes[: kept.place.num_parts])
        self.tokens_from_state = kept.place.num_tokens
        on_event(StateUsed(self.keeper.name, kept.place.num_tokens, self.num_tokens))
        return _Done(kept.state, kept.place, kept.held)

    def _is_cut_at(self, place: Place, opening: list[int]) -> bool:
        """Whether a segment ends at a place of another run, after the same tokens in the same segments."""
        here = Place.start(opening)
        for piece in islice(self._pieces(), place.num_segments):
            here = here.after(piece)
        return here == place

    def _after(self, done: _Done, piece: Segment, on_part: OnPart | None, on_event: Listener) -> _Done:
        """Read one segment, and let notes be taken where it ends its part."""
        began = time.perf_counter()
        held = (*done.held, *piece.token_ids)
        count = len(held) if piece.closes_part else len(held) // self.plan.segment_tokens * self.plan.segment_tokens
        state = self.reader.read(done.state, held[:count]) if count else done.state
        self.read_seconds += time.perf_counter() - began
        done = _Done(state, done.place.after(piece), held[count:])
        if count:
            tokens_read = done.place.num_tokens - len(done.held)
            speed = (tokens_read - self.tokens_from_state) / max(1e-9, self.read_seconds)
            on_event(SegmentRead(tokens_read, self.num_tokens, speed, self._title(piece), peak_resident_bytes()))
        if piece.closes_part and on_part is not None:
            self.state = state
            on_part(self, piece.part, state)
        return done

    def _title(self, piece: Segment) -> str | None:
        """What is being read, for the progress."""
        if len(self.parts) > 1:
            return self.parts[piece.part].title
        section = self.document.sections[piece.section] if piece.section is not None else None
        return section.title if section is not None else self.parts[0].title or None

    def _stand(self, done: _Done) -> None:
        self.state, self.tokens_read = done.state, done.place.num_tokens
        self.parts_read, self.characters_read = done.place.num_parts, done.place.num_characters

    def _save(self, done: _Done, on_part: OnPart | None, *, whole: bool = False) -> bool:
        assert self.keeper is not None
        notes = on_part.saved()[: done.place.num_parts] if isinstance(on_part, PartNotes) else []
        return self.keeper.save(done.state, done.place, notes, done.held, whole=whole)

    def _end(self, done: _Done, on_part: OnPart | None, keeper: Keeper) -> None:
        """Keep the state of the whole text for questions; notes until their result is out (`release`), or beyond it."""
        if on_part is not None:
            is_new = self.tokens_from_state < self.tokens_read or not keeper.whole.exists()
            is_kept = keeper.options.notes and is_new and self._save(done, on_part, whole=True)
            if not is_kept and keeper.checkpoint.exists():
                self._save(done, on_part)
            return
        if self.tokens_from_state < self.tokens_read:
            self._save(done, None, whole=True)
        if not keeper.grows:
            keeper.drop_checkpoint()

    def release(self) -> None:
        """The result is made: a checkpoint that served it is not needed any more."""
        if self.keeper is not None:
            self.keeper.drop_checkpoint()

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
            settings={**asdict(self.options), "segment_tokens": self.plan.segment_tokens, **settings},
            seconds=time.perf_counter() - self.started,
            read_tokens_per_s=(self.tokens_read - self.tokens_from_state) / max(1e-9, self.read_seconds),
            write_tokens_per_s=reader.tokens_written / reader.write_seconds if reader.write_seconds else 0.0,
            peak_memory_bytes=peak_resident_bytes(),
            warnings=document.warnings + self.plan.warnings,
            tokens_from_state=self.tokens_from_state,
            files=self.files,
            memory=self.state.cache.memory_use(),
        )

    def finish(self, settings: dict[str, Any], on_event: Listener) -> Receipt:
        """The receipt, told to the listener as well."""
        receipt = self.receipt(settings)
        on_event(Finished(receipt))
        return receipt


def _with_left(pieces: Iterator[Segment], most: int) -> Iterator[tuple[int, Segment]]:
    """Each segment with how many follow it, `most` for all that have so many or more behind them."""
    waiting: deque[Segment] = deque()
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) > most:
            yield most, waiting.popleft()
    while waiting:
        piece = waiting.popleft()
        yield len(waiting), piece
