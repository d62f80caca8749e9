"""What can be drawn of a reading: how the tokens came over time, and where in the document the quotes stand.

Geometry only, in a box of WIDTH x HEIGHT that is stretched to its place; the page's template draws it. Knows nothing of
how anything was read: it listens to the events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from longdoc.core.events import Event, SegmentRead, StateUsed, Step, Writing
from longdoc.core.types import SummaryPart

WIDTH, HEIGHT = 1000, 100
_MAX_POINTS = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """points: (seconds since the start, tokens read by then), with a point where the reading began.

    seconds: when the result was there.
    """

    points: tuple[tuple[float, int], ...]
    num_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A `Reading` as a picture. line: the points of an SVG polyline.   begin, end: x of where the reading did so."""

    line: str
    begin: float
    end: float
    begin_s: float
    end_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the document. number: in reading order, from 1."""

    x: float
    width: float
    number: int
    title: str


@dataclass(frozen=True, slots=True)
class Map:
    """The parts of a document side by side, as wide as they are long, and the x of each quote."""

    bands: tuple[Band, ...]
    marks: tuple[float, ...]


class Recorder:
    """A listener that remembers the times of a reading. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._start: float | None = None
        self._before = (0.0, 0)
        self._points: list[tuple[float, int]] = []
        self._num_tokens = 0

    def __call__(self, event: Event) -> None:
        now = self._clock()
        if self._start is None:
            self._start = now
        at = now - self._start
        if isinstance(event, SegmentRead):
            if not self._points:
                self._points.append(self._before)
            if event.tokens_read > self._points[-1][1]:
                self._points.append((at, event.tokens_read))
                self._num_tokens = event.num_tokens
        elif isinstance(event, StateUsed):
            self._before = (at, event.tokens_read)
        elif not self._points and not isinstance(event, Step | Writing):
            self._before = (at, self._before[1])

    def take(self) -> Reading | None:
        """The reading so far, and a new start. None where nothing was read."""
        seconds = self._clock() - self._start if self._start is not None else 0.0
        points, num_tokens = tuple(self._points), self._num_tokens
        self._reset()
        return Reading(points, num_tokens, seconds) if len(points) > 1 else None


def curve(reading: Reading) -> Curve:
    """Time to the right, tokens upwards; very many points are thinned, the first and the last stay."""
    points = reading.points
    step = -(-len(points) // _MAX_POINTS)
    kept = [*points[:-1:step], points[-1]]
    whole_s = max(reading.seconds, points[-1][0], 1e-9)

    def x_of(at_s: float) -> float:
        return round(WIDTH * at_s / whole_s, 1)

    def y_of(tokens: int) -> float:
        return round(HEIGHT * (1 - tokens / max(reading.num_tokens, 1)), 1)

    drawn = [(0.0, points[0][1]), *kept, (whole_s, points[-1][1])]
    return Curve(
        line=" ".join(f"{x_of(at_s):g},{y_of(tokens):g}" for at_s, tokens in drawn),
        begin=x_of(points[0][0]),
        end=x_of(points[-1][0]),
        begin_s=points[0][0],
        end_s=points[-1][0],
        seconds=whole_s,
    )


def document_map(parts: Sequence[SummaryPart], starts: Iterable[int]) -> Map | None:
    """starts: offsets of the quotes. None for a document of no parts."""
    length = max((part.end for part in parts), default=0)
    if not length:
        return None
    bands = tuple(
        Band(
            round(WIDTH * part.start / length, 1),
            round(WIDTH * max(part.end - part.start, 0) / length, 1),
            number,
            part.title,
        )
        for number, part in enumerate(parts, start=1)
    )
    inside = {round(WIDTH * start / length, 1) for start in starts if 0 <= start <= length}
    return Map(bands, tuple(sorted(inside)))
