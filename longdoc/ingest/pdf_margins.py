"""Line numbers in the margin, as of court transcripts and manuscripts: they would stand in the middle of sentences.

The rows of a numbered table look alike; but what stands beside line numbers is one line of prose each, which goes on
below. Knows nothing of pdfium, of other pages or of reading order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.pdf_rows import SAME_ROW
from longdoc.ingest.pdf_text import Run

_LEAST = 8  # numbers
_LONGEST = 4  # digits
_ALIGNED = 3.0  # points
_MOST = 0.8  # of the steps, of the lines
_EVEN = 0.1  # by which most steps differ from the usual one
_MOST_PIECES = 2
_GO_ON = 0.1  # of the lines begin with a small letter, and as many do not


def without_line_numbers(runs: list[Run]) -> list[Run]:
    """The runs without the numbers that count the lines of the page."""
    numbers = [run for run in runs if run.text.isdigit() and len(run.text) <= _LONGEST and run.angle == 0]
    if len(numbers) < _LEAST:
        return runs
    ends = sorted(run.right for run in numbers)
    end = min(ends, key=lambda place: sum(abs(place - other) > _ALIGNED for other in ends))
    column = sorted((run for run in numbers if abs(run.right - end) <= _ALIGNED), key=lambda run: -run.bottom)
    if len(column) < _LEAST or not _count_lines(column, runs):
        return runs
    taken = {run.order for run in column}
    return [run for run in runs if run.order not in taken]


def _count_lines(column: Sequence[Run], runs: Sequence[Run]) -> bool:
    """Whether numbers from top to bottom count the lines of prose right of them."""
    if any(int(below.text) - int(above.text) != 1 for above, below in pairwise(column)):
        return False
    steps = [above.bottom - below.bottom for above, below in pairwise(column)]
    usual = median(steps)
    if sum(abs(step - usual) <= _EVEN * usual for step in steps) < _MOST * len(steps):
        return False
    taken = {run.order for run in column}
    right = max(run.right for run in column)
    others = [run for run in runs if run.order not in taken]
    between = [run for run in others if column[-1].bottom - 1 <= run.bottom <= column[0].bottom + 1]
    if sum(run.left > right for run in between) < len(between):
        return False
    beside = [
        [run for run in between if abs(run.bottom - number.bottom) < SAME_ROW * number.height] for number in column
    ]
    # "Q." and what is asked may be two pieces.
    lines = [min(row, key=lambda run: run.left).text for row in beside if 0 < len(row) <= _MOST_PIECES]
    num_small = sum(line[:1].islower() for line in lines)
    return (
        len(lines) >= _MOST * sum(map(bool, beside))
        and len(between) - sum(map(len, beside)) <= (1 - _MOST) * len(between)  # few lines without a number
        and min(num_small, len(lines) - num_small) >= max(_GO_ON * len(lines), 1)
    )
