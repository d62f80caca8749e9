"""Columns of prose on a PDF page: a gutter that no line crosses for a good part of the page, with prose on both sides.

Tables have gutters too, but what stands beside them is short. Knows nothing of the order of the content.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.pdf_rows import Row, rows_of
from longdoc.ingest.pdf_text import Run

_CERTAIN_LINES = 6
_LEAST_LINES = 3  # on each side of a gutter
_PROSE_CHARACTERS = 16  # median of the lines on each side
_FILLED = 0.55  # of its side, that the median line takes
_MANY_LINES = 12
_GRID = 3.0  # points between the places that are tried


def split_columns(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs above the columns, left of the gutter, right of it, and below; one part when there is no gutter.

    A part may have columns of its own.
    """
    rows = rows_of(runs)
    best: tuple[int, float, int, int] | None = None
    for place in _places(rows):
        for first, end in _free_bands(rows, place):
            left, right = _sides(rows[first:end], place)
            score = min(len(left), len(right))
            if score < _LEAST_LINES or (best is not None and score <= best[0]):
                continue
            stands_out = score >= _CERTAIN_LINES or all(_stands_out(row, place) for row in rows[first:end])
            if stands_out and _is_prose(left) and _is_prose(right):
                best = score, place, first, end
    if best is None:
        return [list(runs)]
    _, place, first, end = best
    band = rows[first:end]
    left_side = [run for row in band for run in row if run.right <= place]
    right_side = [run for row in band for run in row if run.right > place]
    above = [run for row in rows[:first] for run in row]
    below = [run for row in rows[end:] for run in row]
    return [part for part in (above, left_side, right_side, below) if part]


def _places(rows: Sequence[Row]) -> list[float]:
    """Where a gutter may be: left of where something begins, with room before it, as often as it takes."""
    seen: dict[int, tuple[int, float]] = {}
    for row in rows:
        for run in row:
            key = int(run.left / _GRID)
            count, least = seen.get(key, (0, run.left))
            seen[key] = count + 1, min(least, run.left)
    left = min(run.left for row in rows for run in row)
    found = [least - 0.5 for key, (count, least) in seen.items() if _near(seen, key) >= _LEAST_LINES]
    return sorted(place for place in found if place > left + 5 * _GRID)


def _near(seen: dict[int, tuple[int, float]], key: int) -> int:
    return sum(seen[other][0] for other in (key - 1, key, key + 1) if other in seen)


def _free_bands(rows: Sequence[Row], place: float) -> list[tuple[int, int]]:
    """Runs of rows that nothing crosses at `place`, trimmed to those with something on both sides of it."""
    bands = []
    start = 0
    for index in range(len(rows) + 1):
        if index == len(rows) or any(run.left < place < run.right + 0.3 * run.height for run in rows[index]):
            if index > start:
                bands.append((start, index))
            start = index + 1
    return bands


def _sides(band: Sequence[Row], place: float) -> tuple[list[Row], list[Row]]:
    left = [part for row in band if (part := [run for run in row if run.right <= place])]
    right = [part for row in band if (part := [run for run in row if run.right > place])]
    return left, right


def _stands_out(row: Row, place: float) -> bool:
    """Whether the gap at the gutter is wider than the other spaces of the line: by chance, spaces lie below spaces."""
    gaps = [(b.left - a.right, a.right <= place < b.left) for a, b in pairwise(row)]
    others = [gap for gap, is_gutter in gaps if not is_gutter]
    return not others or all(gap > 1.4 * median(others) for gap, is_gutter in gaps if is_gutter)


def _is_prose(side: Sequence[Row]) -> bool:
    """Whether most lines are as long as prose and fill the side."""
    left = min(row[0].left for row in side)
    right = max(row[-1].right for row in side)
    filled = median((row[-1].right - row[0].left) / max(right - left, 1e-6) for row in side)
    if filled < _FILLED and len(side) < _MANY_LINES:  # of many lines, the side may have columns of its own
        return False
    return median(sum(len(run.text) for run in row) for row in side) >= _PROSE_CHARACTERS
