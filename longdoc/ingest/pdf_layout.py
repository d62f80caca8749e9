"""Runs of a page to lines in reading order: columns, full-width titles above them, text at the side, tables.

Most producers write a page in the order in which it is read; then nothing is changed. Otherwise runs are put
together to rows, rows to blocks that hang together from line to line, and blocks are ordered as Breuel's
"High performance document layout analysis" (2003) does: what overlaps goes from top to bottom, what lies
apart goes from left to right unless something lies between. Right-to-left pages are mirrored while this is done.

Knows nothing of pdfium, of other pages, or of what a line means.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from longdoc.ingest.lines import ASIDE, TABLE, Line
from longdoc.ingest.pdf_cells import find_cell_table
from longdoc.ingest.pdf_columns import split_columns
from longdoc.ingest.pdf_head import split_head
from longdoc.ingest.pdf_rows import FAR, OTHER_SIZE, SAME_ROW, closed, joined, rows_of
from longdoc.ingest.pdf_simple import simple_order
from longdoc.ingest.pdf_tables import table_bands
from longdoc.ingest.pdf_text import Run

_LEAST_DROP = 0.6  # of the height, from one line to the next below it
_MAX_RUNS = 3000  # a page of more is taken as its producer wrote it
_MAX_BLOCKS = 300
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


@dataclass(slots=True, eq=False)
class _Block:
    """Lines that hang together, from top to bottom."""

    lines: list[Line]
    order: int
    left: float = field(init=False)
    right: float = field(init=False)
    top: float = field(init=False)
    bottom: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = min(line.left for line in self.lines)
        self.right = max(line.right for line in self.lines)
        self.top = max(line.bottom + line.height for line in self.lines)
        self.bottom = min(line.bottom for line in self.lines)


def lines_in_order(runs: Sequence[Run], page: int) -> list[Line]:
    """The lines of page number `page` (an index) as they are read."""
    if not any(run.angle for run in runs):
        return _level_lines(list(runs), page) if runs else []
    angles = Counter[int]()
    for run in runs:
        angles[run.angle] += len(run.text)
    lines: list[Line] = []
    for angle, _ in angles.most_common():
        level = [run for run in runs if run.angle == angle]
        kind = ASIDE if lines else ""
        lines += [line._replace(kind=kind) if kind else line for line in _level_lines(level, page)]
    return lines


def _level_lines(runs: list[Run], page: int) -> list[Line]:
    num_columns = columns_in_order(runs)
    if len(runs) > _MAX_RUNS or num_columns == 1 or not runs:
        return [_line(run, page) for run in runs]
    num_right_to_left = sum(len(run.text) for run in runs if not run.text.isascii() and _RIGHT_TO_LEFT.search(run.text))
    if page == 0 and not num_columns and not num_right_to_left and (head := split_head(runs)) is not None:
        return _with_head(head)
    if not num_columns and not num_right_to_left and (ordered := simple_order(runs)) is not None:
        return [_line(run, page) for run in ordered]
    if (table := find_cell_table(runs, page)) is not None:
        around = [*runs[: table.first], *runs[table.end :]]
        above = [run for run in around if run.bottom >= table.top]
        below = [run for run in around if run.bottom + run.height <= table.bottom]
        if len(above) + len(below) == len(around):
            return _one_below_the_other(_level_lines(above, page), table.lines, _level_lines(below, page))
    if num_columns > 1:
        part_of = _parts(runs)
        return [_line(run, page)._replace(part=part_of.get(run.order, 0)) for run in runs]
    mirrored = 2 * num_right_to_left > sum(len(run.text) for run in runs)
    if mirrored:
        runs = [run._replace(left=-run.right, right=-run.left) for run in runs]
    lines = [line._replace(part=number) for number, part in enumerate(_leaves(runs)) for line in _ordered(part, page)]
    if mirrored:
        lines = [line._replace(left=-line.right, right=-line.left) for line in lines]
    return lines


def _with_head(parts: Sequence[list[Run]]) -> list[Line]:
    """The lines of a first page with two blocks side by side at its top: each is read by itself, line by line."""
    above, first, second, rest = (_level_lines(part, 0) for part in parts)
    return _one_below_the_other(above, [line._replace(kind=TABLE) for line in (*first, *second)], rest)


def _one_below_the_other(above: list[Line], table: list[Line], below: list[Line]) -> list[Line]:
    """The lines of a page that a table divides; parts go on being counted."""
    last = max((line.part for line in above), default=0)
    return [*above, *(line._replace(part=last) for line in table), *(b._replace(part=b.part + last) for b in below)]


def _leaves(runs: list[Run]) -> list[list[Run]]:
    """Above the columns, each column, below them; in reading order."""
    parts = split_columns(runs)
    return [leaf for part in parts for leaf in _leaves(part)] if len(parts) > 1 else parts


def _parts(runs: list[Run]) -> dict[int, int]:
    """The part of the page that each run of a page stands in, by its order."""
    return {run.order: number for number, part in enumerate(_leaves(runs)) for run in part}


def _line(run: Run, page: int) -> Line:
    text, left, right, bottom, height, _, _ = run
    return Line(text, page, left, right, bottom, height)


def columns_in_order(runs: Sequence[Run]) -> int:
    """How many columns the content goes down, one after the other to the right; 0 when it is not in reading order."""
    columns: list[list[Run]] = []
    for run in runs:
        above = columns[-1][-1] if columns else None
        if above is None or run.bottom > above.bottom + _LEAST_DROP * run.height:
            columns.append([run])
        elif above.bottom - run.bottom < _LEAST_DROP * min(run.height, above.height):
            return 0
        else:
            if len(columns) > 1 and (run.left > above.right or run.right < above.left):
                return 0
            columns[-1].append(run)
    boxes = [
        (min(r.left for r in c), max(r.right for r in c), min(r.bottom for r in c), max(r.bottom + r.height for r in c))
        for c in columns
    ]
    for index, (left, right, _, top) in enumerate(boxes):
        for before_left, before_right, before_bottom, _ in boxes[:index]:
            overlaps = left < before_right and before_left < right
            if overlaps and top > before_bottom:
                return 0
            if not overlaps and left < before_left and top > before_bottom:
                return 0
    return len(columns)


def _ordered(runs: list[Run], page: int) -> list[Line]:
    """The lines of a part without columns of prose."""
    rows = closed([joined(row) for row in rows_of(runs)])
    blocks = []
    in_tables: set[int] = set()
    for first, last, texts in table_bands(rows):
        lines = [
            Line(text, page, piece[0].left, max(run.right for run in piece), piece[0].bottom, piece[0].height, TABLE)
            for text, piece in texts
        ]
        blocks.append(_Block(lines, min(run.order for row in rows[first:last] for run in row)))
        in_tables.update(range(first, last))
    rest = [run for index, row in enumerate(rows) if index not in in_tables for run in row]
    blocks += [_Block([_line(run, page) for run in chain], chain[0].order) for chain in _chains(rest)]
    if len(blocks) > _MAX_BLOCKS:
        blocks.sort(key=lambda block: block.order)
    else:
        blocks = _sorted(blocks)
    return [line for block in blocks for line in block.lines]


def _chains(runs: list[Run]) -> list[list[Run]]:
    """Lines of one column: each has exactly one line right below it, which has exactly one right above."""
    by_height = sorted(runs, key=lambda run: (-run.bottom, run.left))
    below = [_next_below(by_height, index) for index in range(len(by_height))]
    above = Counter(other for others in below for other in others)
    chains: list[list[Run]] = []
    chain_of: dict[int, list[Run]] = {}
    for index, run in enumerate(by_height):
        chain = chain_of.get(index)
        if chain is None:
            chain = []
            chains.append(chain)
        chain.append(run)
        if len(below[index]) == 1 and above[below[index][0]] == 1:
            other = by_height[below[index][0]]
            sizes = max(run.height, other.height) / min(run.height, other.height)
            if sizes < OTHER_SIZE and run.bottom - other.bottom < FAR * max(run.height, other.height):
                chain_of[below[index][0]] = chain
    return chains


def _next_below(runs: list[Run], index: int) -> list[int]:
    """What is seen when looking down from a run, in `runs` from top to bottom."""
    run = runs[index]
    found: list[int] = []
    covered: list[tuple[float, float]] = []
    for other in range(index + 1, len(runs)):
        below = runs[other]
        if run.bottom - below.bottom > 2 * FAR * max(run.height, below.height):
            break
        if run.bottom - below.bottom < SAME_ROW * min(run.height, below.height):
            continue
        left, right = max(run.left, below.left), min(run.right, below.right)
        if left < right and not any(a <= left and right <= b for a, b in covered):
            found.append(other)
            covered.append((left, right))
            covered = _merged(covered)
            if covered[0][0] <= run.left and covered[0][1] >= run.right:
                break
    first = runs[found[0]] if found else None
    if first is not None and len(found) > 1:  # what is seen past the end of a short line is the line below that
        found = [place for place in found if first.bottom - runs[place].bottom < _LEAST_DROP * first.height]
    return found


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for left, right in sorted(spans):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _sorted(blocks: list[_Block]) -> list[_Block]:
    """Blocks in reading order; where the rules leave a choice, the order of the content decides."""
    before = {
        block: {other for other in blocks if other is not block and _comes_before(other, block, blocks)}
        for block in blocks
    }
    waiting = sorted(blocks, key=lambda block: block.order)
    done: list[_Block] = []
    while waiting:
        ready = [block for block in waiting if not before[block].intersection(waiting)]
        chosen = ready[0] if ready else max(waiting, key=lambda block: block.top)
        waiting.remove(chosen)
        done.append(chosen)
    return done


def _comes_before(block: _Block, other: _Block, blocks: list[_Block]) -> bool:
    if _overlap(block, other):
        return block.top > other.top
    if block.left > other.left:
        return False
    upper, lower = (block, other) if block.top > other.top else (other, block)
    return not any(
        between.top <= upper.bottom + 1 and between.bottom + 1 >= lower.top
        for between in blocks
        if between is not block and between is not other and _overlap(between, block) and _overlap(between, other)
    )


def _overlap(block: _Block, other: _Block) -> bool:
    return block.left < other.right and other.left < block.right
