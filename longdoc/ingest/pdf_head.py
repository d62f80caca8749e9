"""The head of a letter or an invoice: a block at the top right (sender, number, date) beside the address at the left.

Their lines share no baselines, or share them by chance: read row by row they would be woven into each other. A table
has its rows on common baselines, and columns of prose go on down the page: neither is taken for such a head.
Knows nothing of the order of the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.pdf_text import Run

_MIDDLE = 0.42  # of the width of what is on the page: the block at the right begins beyond it
_TOP = 0.3  # of the height: it begins within
_NEXT_LINE = 2.1  # of the height: lines that are closer hang together
_LEAST_LINES = 2
_MOST_LINES = 14
_MOST_CHARACTERS = 42  # of the median line: longer ones are prose
_ONE_ROW = 0.12  # of the height: baselines that lie closer are one
_GAP = 1.5  # of the height, between the two blocks
_MOSTLY = 0.6
# What stands before numbers and dates in letters; an address may end with one of them.
_LABEL = re.compile(
    r":|\b(?:number|no\.|date|dated|due|ref|reference|our|your|account|order|customer|vat|tax)\b"
    r"|\w*(?:nummer|datum|zeichen)\b|\b(?:nr\.|numéro|n°|fecha|número|data|fattura)",
    re.IGNORECASE,
)


def split_head(runs: Sequence[Run]) -> list[list[Run]] | None:
    """What stands above the two blocks, the block that begins higher, the other, and the rest; None without a head.

    Each is in the order of the content. Somewhere below the head a line crosses over: else the page has columns.
    """
    ordered = sorted(runs, key=lambda run: (-run.bottom, run.left))
    first, last = min(run.left for run in runs), max(run.right for run in runs)
    middle = first + _MIDDLE * (last - first)
    right = _block([run for run in ordered if run.left >= middle])
    top, floor = ordered[0].bottom, ordered[-1].bottom
    if not right or top - right[0].bottom > _TOP * (top - floor):
        return None
    edge = min(run.left for run in right)
    beside = [run for run in ordered if run.left < edge and _is_beside(run, right)]
    if not beside or any(run.right > edge - _GAP * run.height for run in beside):
        return None
    others = [run for run in ordered if run not in beside and run not in right]
    left = _widened(beside, others, edge)
    if not (_are_short(left) and _are_short(right) and _are_apart(left, right)):
        return None
    blocks = sorted([left, right], key=lambda block: (-_tops(block), block is right))
    highest = max(_tops(left), _tops(right))
    above = [run for run in others if run not in left and run.bottom >= highest]
    taken = {id(run) for block in (left, right, above) for run in block}
    rest = [run for run in runs if id(run) not in taken]
    if not any(run.left < edge < run.right for run in rest):
        return None
    return [sorted(part, key=lambda run: run.order) for part in (above, *blocks, rest)]


def _tops(block: Sequence[Run]) -> float:
    return max(run.bottom for run in block)


def _block(runs: Sequence[Run]) -> list[Run]:
    """The first lines that hang together; `runs` go from top to bottom."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].bottom - run.bottom > _NEXT_LINE * min(run.height, found[-1].height):
            if len(_baselines(found)) >= _LEAST_LINES:
                break
            found = []  # a line by itself, such as a running head
        found.append(run)
    return found if _LEAST_LINES <= len(_baselines(found)) <= _MOST_LINES else []


def _is_beside(run: Run, block: Sequence[Run]) -> bool:
    return block[-1].bottom - 0.5 * run.height < run.bottom < block[0].bottom + 0.5 * run.height


def _widened(beside: Sequence[Run], others: Sequence[Run], edge: float) -> list[Run]:
    """The block at the left, with the lines above and below that hang together with it and stand alone."""
    block = [*beside]
    alone = [run for run in others if run.right < edge and not any(_is_row(run, o) for o in others if o is not run)]
    for run in sorted(alone, key=lambda run: -run.bottom):
        if 0 < block[-1].bottom - run.bottom < _NEXT_LINE * run.height and _alike(run, block[-1]):
            block.append(run)
    for run in sorted(alone, key=lambda run: run.bottom):
        if 0 < run.bottom - block[0].bottom < _NEXT_LINE * run.height and _alike(run, block[0]):
            block.insert(0, run)
    return block


def _alike(run: Run, other: Run) -> bool:
    return abs(run.height - other.height) < 0.1 * run.height and abs(run.left - other.left) < run.height


def _is_row(run: Run, other: Run) -> bool:
    return abs(run.bottom - other.bottom) < 0.5 * min(run.height, other.height)


def _baselines(block: Sequence[Run]) -> list[float]:
    found: list[float] = []
    for run in block:
        if not found or found[-1] - run.bottom > _ONE_ROW * run.height:
            found.append(run.bottom)
    return found


def _are_short(block: Sequence[Run]) -> bool:
    return median(len(run.text) for run in block) <= _MOST_CHARACTERS


def _are_apart(left: Sequence[Run], right: Sequence[Run]) -> bool:
    """Whether the two are blocks of their own and no rows of a table: by baselines, by the file's order, by labels."""
    if not _LEAST_LINES <= len(_baselines(left)) == len(left):  # an address has no cells beside each other
        return False
    reach = [run for run in left if _is_beside(run, right)]
    common = sum(any(abs(run.bottom - o.bottom) < _ONE_ROW * run.height for o in right) for run in reach)
    if common <= (1 - _MOSTLY) * len(reach):
        return True
    if _descends(left) and _descends(right) and (_precedes(left, right) or _precedes(right, left)):
        return True
    if len(_baselines(right)) <= _LEAST_LINES:
        return False
    labelled = sum(_LABEL.search(run.text) is not None for run in right)
    return labelled >= _MOSTLY * len(_baselines(right)) and not any(_LABEL.search(run.text) for run in left[:-1])


def _precedes(block: Sequence[Run], other: Sequence[Run]) -> bool:
    """Whether the file has all of a block before the other."""
    return max(run.order for run in block) < min(run.order for run in other)


def _descends(block: Sequence[Run]) -> bool:
    """Whether the file has its lines from top to bottom."""
    return all(a.bottom >= b.bottom - 1 for a, b in pairwise(sorted(block, key=lambda run: run.order)))
