"""Pages of one column whose reading order is certain: from top to bottom, in whatever order the content was written.

Most pages of most books are such: a head, lines below each other, a page number. `pdf_layout` gives the same lines for
them, after asking many questions that they answer with no. What is checked here is what its answers rest on:

- All rows but the first and the last are one run, so there are no tables, and the pieces of those two are joined.
- Rows stand clear of each other, so no run is a raised mark of another, and rows are never mixed. A head may stand
  closer when no run could be such a mark.
- There are no three rows that stand right of where three others end, so there is no gutter.
- Blocks of lines that hang together (cut where `pdf_layout` cuts them) lie above each other, so they go from top to
  bottom.

When one of them does not hold, nothing is said. Knows nothing of pdfium, of other pages, or of what a line means.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from longdoc.ingest.pdf_rows import FAR, MOST_RAISED, OTHER_SIZE, RAISED_HEIGHT, joined, rows_of, together
from longdoc.ingest.pdf_text import Run

_ONE_BASELINE = 0.05  # of the height
_CLEAR = 0.7  # of the height, from one row to the next
_CLEAR_OF_HEAD = 0.4  # the first row may stand so close to the second
_MOST_IN_EDGE = 6  # runs of the first and of the last row
_MOST_ROWS = 250
_GUTTER_LINES = 3


def simple_order(runs: Sequence[Run]) -> list[Run] | None:
    """The runs of a level page from top to bottom, those of the first and of the last row joined; None if in doubt."""
    rows = _rows(runs)
    if rows is None:
        return None
    lefts, rights = sorted(run.left for run in runs), sorted(run.right for run in runs)
    if len(runs) >= 2 * _GUTTER_LINES and lefts[-_GUTTER_LINES] >= rights[_GUTTER_LINES - 1]:
        return None
    tallest = max(run.height for run in runs)
    has_marks = any(len(run.text) <= MOST_RAISED and run.height < RAISED_HEIGHT * tallest for run in runs)
    ordered = [_one(row) for row in rows]
    return ordered if _is_stack(ordered, _CLEAR if has_marks else _CLEAR_OF_HEAD) else None


def _rows(runs: Sequence[Run]) -> list[list[Run]] | None:
    """The runs by their baselines, from top to bottom."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=_by_baseline):
        last = rows[-1][0] if rows else None
        if last is not None and last.bottom - run.bottom < _ONE_BASELINE * min(run.height, last.height):
            rows[-1].append(run)
        elif len(rows) > 1 and len(rows[-1]) > 1:
            return None  # in the middle of the page
        else:
            rows.append([run])
    if len(rows) > _MOST_ROWS or not rows or max(len(rows[0]), len(rows[-1])) > _MOST_IN_EDGE:
        return None
    if len(rows) > 1 and min(len(rows[0]), len(rows[-1])) > 1 and not _is_divided(rows):
        return None
    return rows


def _is_divided(rows: Sequence[Sequence[Run]]) -> bool:
    """Whether a row between the first and the last runs across the gaps of both, so that these are not one table."""
    edges = (rows[0], rows[-1])
    left = min(run.right for row in edges for run in row)
    right = max(run.left for row in edges for run in row)
    return any(row[0].left < left and row[0].right > right for row in rows[1:-1])


def _by_baseline(run: Run) -> float:
    return -run.bottom


def _one(row: list[Run]) -> Run:
    """The pieces of a row at the edge of the page: no other row has a gap below or above theirs."""
    return row[0] if len(row) == 1 else reduce(_spaced, joined(rows_of(row)[0]))


def _spaced(left: Run, right: Run) -> Run:
    return together(left, right, " ")


def _is_stack(rows: Sequence[Run], clear_of_head: float) -> bool:
    """Whether rows stand clear of each other, and their blocks lie above each other.

    clear_of_head: of the height, from the first row to the second.
    """
    first = rows[0]
    block_left, block_right = first.left, first.right
    widest_left, narrowest_right = float("-inf"), float("inf")
    above = first
    for number, run in enumerate(rows[1:], start=1):
        drop, height = above.bottom - run.bottom, max(above.height, run.height)
        if drop < (_CLEAR if number > 1 else clear_of_head) * height or drop + above.height <= run.height:
            return False
        meets = run.left < above.right and above.left < run.right
        if not meets and number + 1 < len(rows) and drop <= 2 * FAR * height:
            return False  # the row above may look past this one
        if not meets or drop >= FAR * height or height >= OTHER_SIZE * min(above.height, run.height):
            widest_left, narrowest_right = max(widest_left, block_left), min(narrowest_right, block_right)
            block_left, block_right = run.left, run.right
        else:
            block_left, block_right = min(block_left, run.left), max(block_right, run.right)
        above = run
    return max(widest_left, block_left) < min(narrowest_right, block_right)
