"""Runs of a PDF page to rows: what stands on one baseline, and which gaps in it are nothing but spaces.

Knows nothing of columns, tables or reading order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.pdf_text import WIDE_GAP, Run

Row = list[Run]  # what stands on one baseline, from left to right

SAME_ROW = 0.35  # of the height: baselines that lie closer are one row
WORD_GAP = 0.1  # of the height: a narrower gap lies inside a word
FAR = 2.5  # of the height: rows that lie further apart say nothing of each other
OTHER_SIZE = 1.3  # times the height: letters of another size
MOST_RAISED = 3  # characters
RAISED_HEIGHT = 0.85
_AFTER_MARK = 3.0  # of the height: what stands behind the mark of an item is no other cell
_ITEM_MARK = re.compile(r"[•◦▪‣●○■□➢✓∙·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)]|[QA]:")
_ALIGNED = 3.0  # points
_USUAL_SPACE = 0.25  # of the height
_NEVER_A_SPACE = 2.2
_STANDS_OUT = 1.5  # times the median of its line
_FEW_SPACES = 5
_EVEN = 0.4  # points


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """From top to bottom, what stands on one baseline, from left to right; pieces no further apart than words join."""
    rows: list[Row] = []
    for run in sorted(_with_raised(runs), key=lambda run: -run.bottom):
        last = rows[-1] if rows else None
        if last is not None and last[0].bottom - run.bottom < SAME_ROW * min(last[0].height, run.height):
            last.append(run)
        else:
            rows.append([run])
    return [_words_joined(sorted(row, key=lambda run: (run.left, run.order))) for row in rows]


def _with_raised(runs: Sequence[Run]) -> list[Run]:
    """The runs, with the raised numbers that call footnotes joined to the words before them."""
    most = max((run.height for run in runs), default=0.0)
    raised = [run for run in runs if len(run.text) <= MOST_RAISED and run.height < RAISED_HEIGHT * most]
    joined = {id(run): run for run in runs}
    for mark in raised:
        for run in runs:
            rise = mark.bottom - run.bottom
            if (
                mark.height < RAISED_HEIGHT * run.height
                and 0.05 * run.height < rise < 0.7 * run.height
                and -0.2 * run.height < mark.left - run.right < 0.3 * run.height
                and id(run) in joined
            ):
                word = joined.pop(id(mark), None)
                if word is not None:
                    last = joined[id(run)]
                    joined[id(run)] = last._replace(text=last.text + word.text, right=max(last.right, word.right))
                break
        else:
            _put_before(mark, runs, joined)
    return list(joined.values())


def _put_before(mark: Run, runs: Sequence[Run], joined: dict[int, Run]) -> None:
    """Join a raised mark that stands before its line: of a note, or of an address."""
    for run in runs:
        rise, gap = mark.bottom - run.bottom, run.left - mark.right
        is_raised = mark.height < RAISED_HEIGHT * run.height and 0.05 * run.height < rise < 0.7 * run.height
        is_near = is_raised and -0.2 * run.height < gap < 0.5 * run.height
        if is_near and id(run) in joined and not any(_stands_before(other, mark, run) for other in runs):
            word, line = joined.pop(id(mark), None), joined[id(run)]
            if word is not None:
                space = " " if gap > WORD_GAP * run.height else ""
                joined[id(run)] = line._replace(text=f"{word.text}{space}{line.text}", left=min(word.left, line.left))
            return


def _stands_before(other: Run, mark: Run, run: Run) -> bool:
    """Whether a run stands left of a mark, on the row of the run right of it."""
    room = mark.left - other.right
    return other is not mark and -run.height < room < FAR * run.height and abs(other.bottom - run.bottom) < run.height


def _words_joined(row: Row) -> Row:
    pieces = [row[0]]
    for run in row[1:]:
        last = pieces[-1]
        gap, height = run.left - last.right, max(run.height, last.height)
        is_item = len(pieces) == 1 and _ITEM_MARK.fullmatch(last.text)
        widest = _AFTER_MARK if is_item else WIDE_GAP
        if -0.5 * height < gap < widest * height:
            pieces[-1] = last._replace(
                text=f"{last.text}{' ' if gap > WORD_GAP * height else ''}{run.text}",
                right=max(last.right, run.right),
                height=height,
                order=min(last.order, run.order),
            )
        else:
            pieces.append(run)
    return pieces


def is_aligned(run: Run, left: float, right: float) -> bool:
    """Whether a cell can stand below another: they begin at one place, or are numbers that end or centre there."""
    if abs(run.left - left) < _ALIGNED:
        return True
    middle = abs((run.left + run.right) - (left + right)) / 2
    return min(abs(run.right - right), middle) < _ALIGNED and not any(map(str.isalpha, run.text))


def joined(row: Row) -> Row:
    """Pieces of a row joined where nothing but a space divides them. A justified line has wide spaces throughout."""
    gaps = [b.left - a.right for a, b in pairwise(row)]
    spaces = [gap for gap, run in zip(gaps, row, strict=False) if gap > WORD_GAP * run.height]
    spaces += [run.height * _USUAL_SPACE for run in row for _ in range(run.text.count(" "))]
    is_numeric = 2 * sum(not any(map(str.isalpha, run.text)) for run in row) > len(row)
    widest = 0.0
    if len(spaces) >= _FEW_SPACES and not is_numeric:
        widest = min(_STANDS_OUT * median(spaces), _NEVER_A_SPACE * row[0].height)
    if len(gaps) > 1 and not is_numeric and max(gaps) - min(gaps) < _EVEN and max(gaps) < 3 * row[0].height:
        widest = 3 * row[0].height  # justified: all spaces are alike
    pieces = [row[0]]
    for gap, run in zip(gaps, row[1:], strict=True):
        last = pieces[-1]
        height = max(run.height, last.height)
        if gap > max(WIDE_GAP * height, widest) or gap < -0.5 * height or last.text.endswith("-"):
            pieces.append(run)
        else:
            pieces[-1] = together(last, run, " " if gap > WORD_GAP * height else "")
    return pieces


def together(left: Run, right: Run, between: str) -> Run:
    return left._replace(
        text=f"{left.text}{between}{right.text}",
        right=max(left.right, right.right),
        height=max(left.height, right.height),
        order=min(left.order, right.order),
    )


def closed(rows: list[Row]) -> list[Row]:
    """Close the gaps that are nothing but wide spaces: a line above or below runs across them.

    Two lines may have a space at the same place by chance, three hardly.
    """
    done: list[Row] = []
    for index, row in enumerate(rows):
        pieces = [row[0]]
        for run in row[1:]:
            last = pieces[-1]
            num_rows, crossed = _evidence(rows, index, (last.left, last.right), (run.left, run.right))
            least = 2 if run.left - last.right > _NEVER_A_SPACE * run.height else 3
            if num_rows < least and (crossed or num_rows == 1 == len(rows)):
                pieces[-1] = together(last, run, " ")
            else:
                pieces.append(run)
        done.append(pieces)
    return done


def _evidence(rows: list[Row], index: int, left: tuple[float, float], right: tuple[float, float]) -> tuple[int, bool]:
    """How many rows in a row have a gap between two pieces of one of them, and whether a line near them crosses it."""
    num_rows, crossed = 1, False
    for step in (-1, 1):
        other, last = index + step, rows[index]
        start, end = left[1], right[0]
        while 0 <= other < len(rows):
            row = rows[other]
            if abs(row[0].bottom - last[0].bottom) > FAR * max(last[0].height, row[0].height):
                break
            if _crosses(row, start, end):
                crossed = True
                break
            sides = [run for run in row if run.left < right[1] and run.right > left[0]]
            middle = (start + end) / 2
            before = [run.right for run in sides if run.right <= middle]
            after = [run for run in sides if run.left > middle]
            if before and after:
                start, end = max(start, *before), min(end, *(run.left for run in after))
                num_rows += is_aligned(after[0], *right)
            other, last = other + step, row
        else:
            crossed = crossed or num_rows == 1
    return num_rows, crossed


def _crosses(row: Row, left: float, right: float) -> bool:
    return any(run.left < left + 0.1 * run.height and run.right > right - 0.1 * run.height for run in row)
