"""The last measured speed of each model on this machine, in a small file beside the reading states.

It holds no text and no names of documents. Losing it costs nothing but an estimate, so that nothing here is an error.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longdoc.core.errors import OutputError
from longdoc.core.events import Event, Listener, SegmentRead, StateUsed
from longdoc.core.plans import MeasuredSpeed
from longdoc.core.types import ModelInfo
from longdoc.pipeline.states import make_folder

LEAST_TOKENS = 5_000  # that must have been read for a speed to count
_MOST_IMPORT_S = 300.0
FILE = "speeds.json"
SCHEMA = "longdoc.speeds/1"


class Pace:
    """A listener that hands on what it hears, and notes how the seconds of a reading grow with its tokens."""

    def __init__(self, on_event: Listener) -> None:
        self._on_event = on_event
        self._half: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None
        self._is_whole = True

    def __call__(self, event: Event) -> None:
        if isinstance(event, StateUsed):
            self._is_whole = False
        if isinstance(event, SegmentRead) and event.tokens_per_s > 0:
            self._last = event.tokens_read, event.tokens_read / event.tokens_per_s
            if self._half is None and 2 * event.tokens_read >= event.num_tokens:
                self._half = self._last
        self._on_event(event)

    def quadratic_s(self) -> float:
        """The b of seconds = a n + b n^2 through the middle and the end of a reading; 0 where it does not grow so."""
        if not self._is_whole or self._half is None or self._last is None or self._half[0] == self._last[0]:
            return 0.0
        (half, half_s), (whole, whole_s) = self._half, self._last
        return min(max(0.0, (whole_s / whole - half_s / half) / (whole - half)), whole_s / whole**2)


def start_s(running_s: float, load_s: float) -> float:
    """Seconds that starting takes: until the model stood there; of a program that had waited long, loading alone."""
    return running_s if running_s - load_s <= _MOST_IMPORT_S else load_s


def remember(folder: Path, model: ModelInfo, device: str, mode: str, speed: MeasuredSpeed) -> None:
    """Keep a speed in the place of the one before, if enough was read and the folder can be written to."""
    if speed.num_tokens <= LEAST_TOKENS or speed.tokens_per_s <= 0:
        return
    rows = {**_rows(folder), _key(model, device, mode): asdict(speed)}
    temporary = folder / f".{FILE}.{os.getpid()}.tmp"
    with suppress(OSError, OutputError):
        make_folder(folder)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump({"schema": SCHEMA, "speeds": rows}, stream, indent=1)
            temporary.replace(folder / FILE)
        finally:
            temporary.unlink(missing_ok=True)


def recall(folder: Path, model: ModelInfo, device: str, mode: str) -> MeasuredSpeed | None:
    """The last speed of this model, as it is quantized, on this kind of device and in this mode."""
    try:
        found = MeasuredSpeed(**_rows(folder)[_key(model, device, mode)])
        return found if found.tokens_per_s > 0 else None
    except (KeyError, TypeError):
        return None


def _rows(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    rows = found.get("speeds") if isinstance(found, dict) and found.get("schema") == SCHEMA else None
    return rows if isinstance(rows, dict) else {}


def _key(model: ModelInfo, device: str, mode: str) -> str:
    """A folder is named by its path; what was trained on there goes on under the same name."""
    path = Path(model.id).expanduser()
    name = str(path.resolve()) if path.is_dir() else model.id
    return " ".join([name, model.quantization, model.adapter or "none", device, mode])
