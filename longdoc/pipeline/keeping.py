"""Keeping what was read: states on the disk while a document is read and after it, and going on from them.

A reading stands between two segments at a `Place`. It goes on from a kept state only when the text up to there, the cut
into segments, the model and all sizes are the same; then it gives the same result as if it had never stopped.
"""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from longdoc.core.errors import OutputError, StateRefused
from longdoc.core.events import Listener, StateKept, Warned
from longdoc.core.settings import StateOptions
from longdoc.core.types import Document, Segment
from longdoc.engine.reader import ReadingState
from longdoc.engine.state import load_state, save_state
from longdoc.engine.state_file import read_header, refused
from longdoc.pipeline.claims import Claim, claim
from longdoc.pipeline.states import (
    drop_checkpoint,
    folder_of,
    keep_within,
    make_folder,
    mark_used,
    may_grow,
    paths_of,
    state_name,
)

# A document that is read in less time has no checkpoint: reading it again costs little. And a save may take at most
# a twentieth of the time: the state of a large model has half a gigabyte.
CHECKPOINT_SECONDS = 30.0
_SAVE_SHARE = 0.05
_WORTH_SECONDS = 5.0  # of reading, for which an interrupted run leaves a checkpoint
_BLOCK_CHARACTERS = 1 << 18
_MOST_BYTES = 1 << 30  # a larger state is kept only where the user asks for it


@dataclass(frozen=True, slots=True)
class Place:
    """Between two segments: how many segments, parts, tokens and characters of the document lie before it.

    cut: SHA-256 over the tokens of each of these segments, one after the other.
    """

    num_segments: int
    num_parts: int
    num_tokens: int
    num_characters: int
    cut: str

    @classmethod
    def start(cls, opening: Sequence[int]) -> Place:
        """Before the document; opening: the tokens that stand before it."""
        return cls(0, 0, 0, 0, _chained("", opening))

    def after(self, piece: Segment) -> Place:
        """Behind one more segment."""
        return Place(
            self.num_segments + 1,
            self.num_parts + piece.closes_part,
            self.num_tokens + piece.num_tokens,
            piece.end,
            _chained(self.cut, [piece.end, *piece.token_ids]),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A place with all that is needed to go on from it. notes, held: what `Keeper.save` was given."""

    state: ReadingState
    place: Place
    notes: list[Any]
    held: tuple[int, ...]


class Keeper:
    """Saves the states of one reading, and finds what an earlier run kept of it.

    fingerprint: of the model and of how it reads.   purpose: "" for a reading that questions are asked of.
    variant: of the reading, whose state is kept beside that of the usual one.
    tokens_kept: up to where this reading was saved.
    """

    def __init__(
        self,
        options: StateOptions,
        document: Document,
        fingerprint: Mapping[str, Any],
        total_tokens: int,
        on_event: Listener,
        purpose: str = "",
        variant: str = "",
    ) -> None:
        self.options = options
        self.document = document
        self.fingerprint = {**fingerprint, "purpose": purpose}
        self.total_tokens = total_tokens
        self.on_event = on_event
        self.grows = may_grow(document) and not purpose
        self.name = state_name(document.source, str(fingerprint["model"]), purpose + variant)
        self.folder = folder_of(options.folder)
        self.whole, self.checkpoint = paths_of(self.folder, self.name)
        self.tokens_kept = 0
        self._is_off = False
        self._claim: Claim | None = None
        self._is_another_writing = False
        self._started = self._due = 0.0
        self.start_clock()

    def open(self) -> None:
        """Be the one that writes this state. While another process is, a reading waits that was asked to keep it."""
        with suppress(OutputError):  # who saves is told
            make_folder(self.folder)
        self._claim = claim(self.folder, self.name)
        if self._claim is None and self.options.wanted:
            self.on_event(Warned(f"another process is reading {self.document.source.name}: waiting for it"))
            self._claim = claim(self.folder, self.name, wait=True)
        self._is_another_writing = self._claim is None

    def close(self) -> None:
        """Let others write it."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def start_clock(self) -> None:
        """From now on it is read."""
        self._started = time.monotonic()
        self._due = self._started + CHECKPOINT_SECONDS

    def find(self, start: ReadingState, device: torch.device, is_cut_alike: Callable[[Place], bool]) -> Kept | None:
        """The kept state that reaches farthest; None when none can be used, and a warning that says why.

        start: an empty state.   is_cut_alike: whether the document has a boundary there, after the same tokens.
        """
        if self.options.fresh:
            return None
        reasons: dict[str | None, None] = {}  # each once: both files were saved by the same run
        found = None
        changed = False
        for path, place in self._farthest_first(reasons):
            try:
                is_whole = place.num_characters == len(self.document.text)
                if self._text_hash(place) != read_header(path).fingerprint.get("text_sha256"):
                    changed = True
                elif is_whole or is_cut_alike(place):
                    state, about = load_state(path, self._fingerprint_at(place), start, device)
                    found = Kept(state, place, about["notes"], tuple(about["held"]))
                    mark_used(path)
                    break
                elif path == self.checkpoint:
                    changed = True
                # else the text goes on behind its old end, and its last segment is another now
            except StateRefused as error:
                reasons[error.why] = None
        if changed and found is None:
            reasons["the text has changed before its end"] = None
        for why in reasons:
            self.on_event(Warned(f"the kept state {self.name} is not used: {why}"))
        return found

    def _farthest_first(self, reasons: dict[str | None, None]) -> list[tuple[Path, Place]]:
        """The files that are there, with the places that they reach; to the reasons: why one cannot be read."""
        places: list[tuple[Path, Place]] = []
        for path in (self.whole, self.checkpoint):
            try:
                if path.exists():
                    places.append((path, _place_in(path)))
            except StateRefused as error:
                reasons[error.why] = None
        return sorted(places, key=lambda there: there[1].num_characters, reverse=True)

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() >= self._due

    def save(
        self,
        state: ReadingState,
        place: Place,
        notes: Sequence[Any] = (),
        held: Sequence[int] = (),
        *,
        whole: bool = False,
    ) -> bool:
        """Keep a place: as a checkpoint, or as the end of the text. -> whether it is. What cannot be is said once.

        held: the last tokens before the place that `state` has not been given.
        """
        if self._is_off or not state.num_tokens:
            return False
        if self._is_another_writing:
            self._give_up("another process is reading it")
            return False
        num_bytes = state.cache.num_bytes()
        if num_bytes > min(_MOST_BYTES, self.options.most_bytes) and not self.options.wanted:
            instead = "" if self.fingerprint["purpose"] else "; longdoc read keeps it"
            self._give_up(f"it has {num_bytes / 1e9:.1f} GB{instead}")
            return False
        source = self.document.source
        about = {
            "source": source.name if source.name == "-" else str(Path(source.name).resolve()),
            "selection": source.selection,
            "title": self.document.title,
            "format": source.format,
            "document_sha256": source.sha256,
            "model": self.fingerprint["model"],
            "place": asdict(place),
            "total_tokens": self.total_tokens,
            "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "notes": list(notes),
            "held": list(held),
        }
        began = time.monotonic()
        try:
            make_folder(self.folder)
            path = self.whole if whole else self.checkpoint
            num_bytes = save_state(path, state, self._fingerprint_at(place), about)
            self._make_room()
        except OutputError as error:
            if self.options.wanted:
                raise
            self._give_up(error.why or error.what)
            return False
        self.tokens_kept = place.num_tokens
        now = time.monotonic()
        self._due = now + max(CHECKPOINT_SECONDS, (now - began) / _SAVE_SHARE)
        self.on_event(StateKept(self.name, place.num_tokens, self.total_tokens, num_bytes))
        return True

    def is_worth_keeping(self) -> bool:
        """Whether enough was read that an interrupted run should leave a checkpoint."""
        return time.monotonic() - self._started >= min(_WORTH_SECONDS, CHECKPOINT_SECONDS)

    def drop_checkpoint(self) -> None:
        """The reading is done, or the result that it served. One that another process is writing stays."""
        drop_checkpoint(self.folder, self.name, self._claim)

    def _make_room(self) -> None:
        """States that were not used for longest go when all of them take too much."""
        try:
            count, num_bytes = keep_within(self.folder, self.options.most_bytes, self.name)
        except OutputError as error:
            self.on_event(Warned(f"{error.what} ({error.why})"))
            return
        if count:
            limit = f"all may take {self.options.most_bytes / 1e9:.1f} GB (--states-bytes)"
            noun = "state" if count == 1 else "states"
            self.on_event(Warned(f"removed {count} {noun} not used for longest, {num_bytes / 1e6:.1f} MB: {limit}"))

    def _give_up(self, why: str) -> None:
        self._is_off = True
        self.on_event(Warned(f"the state of {self.document.source.name} is not kept: {why}"))

    def _fingerprint_at(self, place: Place) -> dict[str, Any]:
        return {**self.fingerprint, "text_sha256": self._text_hash(place)}

    def _text_hash(self, place: Place) -> str:
        """SHA-256 of the text up to there, in UTF-8; block by block, as the whole would be copied twice."""
        digest = hashlib.sha256()
        for start in range(0, place.num_characters, _BLOCK_CHARACTERS):
            block = self.document.text[start : min(start + _BLOCK_CHARACTERS, place.num_characters)]
            digest.update(block.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _place_in(path: Path) -> Place:
    try:
        return Place(**read_header(path).about["place"])
    except (KeyError, TypeError) as error:
        raise refused(path, "it was not saved by longdoc read, ask or summarize") from error


def _chained(before: str, numbers: Sequence[int]) -> str:
    return hashlib.sha256(before.encode() + array("q", numbers).tobytes()).hexdigest()
