"""Tables whose cells have several lines, as browsers print them: known by the order in which they were written.

A cell is written from its first line to its last, then the cell right of it, then the next row. The rows of such a
table have no common baselines (short cells stand in the middle of high ones), but they lie below each other with more
room between them than lines have in a cell. Prose in columns has no such room between what would be its rows.

Knows nothing of pdfium, and nothing of tables of single lines: see `pdf_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from longdoc.ingest.lines import TABLE, Line
from longdoc.ingest.pdf_rows import SAME_ROW
from longdoc.ingest.pdf_tables import CELL_BREAK
from longdoc.ingest.pdf_text import Run

_PITCH = (0.6, 1.6)  # of the height, from one line of a cell to the next
_BELOW = 3.0  # points, by which the lines of a cell may begin or be centred elsewhere
_MORE_ROOM = 1.08  # times the pitch of lines, between the rows of a table
_LEAST_ROWS = 3
_LEAST_COLUMNS = 2
_MOST_LINES = 12  # of a cell
_MOST_FULL = 0.5  # of the rows, at least, have as many cells as the fullest


@dataclass(frozen=True, slots=True)
class CellTable:
    """first, end: its places among the runs.   top, bottom: of its lines.   lines: one for each row."""

    first: int
    end: int
    top: float
    bottom: float
    lines: list[Line]


@dataclass(slots=True)
class _Cell:
    runs: list[Run]

    @property
    def left(self) -> float:
        return min(run.left for run in self.runs)

    @property
    def right(self) -> float:
        return max(run.right for run in self.runs)

    @property
    def text(self) -> str:
        return " ".join(run.text for run in self.runs)


def find_cell_table(runs: Sequence[Run], page: int) -> CellTable | None:
    """The first such table among level runs in the order of the content."""
    if not any(_goes_on(above, run) for above, run in pairwise(runs)):
        return None
    first = 0
    for band in _bands(_rows(_cells(runs))):
        place = next(place for place in range(first, len(runs)) if runs[place] is band[0][0].runs[0])
        first = place + sum(len(cell.runs) for row in band for cell in row)
        if _is_table(band):
            lines = [_line(row, page) for row in band]
            top = max(run.bottom + run.height for cell in band[0] for run in cell.runs)
            return CellTable(place, first, top, _lowest(band[-1]), lines)
    return None


def _cells(runs: Sequence[Run]) -> list[_Cell]:
    cells: list[_Cell] = []
    for run in runs:
        if cells and _goes_on(cells[-1].runs[-1], run):
            cells[-1].runs.append(run)
        else:
            cells.append(_Cell([run]))
    return cells


def _goes_on(above: Run, run: Run) -> bool:
    """Whether a line is the next one of the cell."""
    least, most = _PITCH
    drop, height = above.bottom - run.bottom, max(above.height, run.height)
    if not least * height < drop < most * height:
        return False
    middles = abs(run.left + run.right - above.left - above.right) / 2
    return min(abs(run.left - above.left), middles) < _BELOW


def _rows(cells: Sequence[_Cell]) -> list[list[_Cell]]:
    rows: list[list[_Cell]] = []
    for cell in cells:
        row = rows[-1] if rows else None
        if row is not None and cell.left > row[-1].right and _overlap(cell, row):
            row.append(cell)
        else:
            rows.append([cell])
    return rows


def _overlap(cell: _Cell, row: Sequence[_Cell]) -> bool:
    slack = SAME_ROW * cell.runs[0].height
    return cell.runs[0].bottom > _lowest(row) - slack and cell.runs[-1].bottom < _highest(row) + slack


def _lowest(row: Sequence[_Cell]) -> float:
    return min(cell.runs[-1].bottom for cell in row)


def _highest(row: Sequence[_Cell]) -> float:
    return max(cell.runs[0].bottom for cell in row)


def _bands(rows: Sequence[list[_Cell]]) -> Iterator[list[list[_Cell]]]:
    """Rows of several cells that follow each other downwards, where each cell stands below one of the row above."""
    band: list[list[_Cell]] = []
    for row in rows:
        if len(row) >= _LEAST_COLUMNS and band and _lowest(band[-1]) > _highest(row) and _share_columns(band[-1], row):
            band.append(row)
            continue
        if len(band) >= _LEAST_ROWS:
            yield band
        band = [row] if len(row) >= _LEAST_COLUMNS else []
    if len(band) >= _LEAST_ROWS:
        yield band


def _share_columns(above: Sequence[_Cell], row: Sequence[_Cell]) -> bool:
    """Whether each cell of the shorter row stands over or below exactly one of the other."""
    few, many = sorted((above, row), key=len)
    return all(sum(a.left < b.right and b.left < a.right for b in many) == 1 for a in few)


def _is_table(band: Sequence[Sequence[_Cell]]) -> bool:
    cells = [cell for row in band for cell in row]
    if not 1 < max(len(cell.runs) for cell in cells) <= _MOST_LINES:
        return False
    pitch = median(a.bottom - b.bottom for cell in cells for a, b in pairwise(cell.runs))
    if any(_lowest(above) - _highest(row) < _MORE_ROOM * pitch for above, row in pairwise(band)):
        return False
    fullest = max(len(row) for row in band)
    return sum(len(row) == fullest for row in band) >= _MOST_FULL * len(band)


def _line(row: Sequence[_Cell], page: int) -> Line:
    first = row[0].runs[0]
    left, right = min(cell.left for cell in row), max(cell.right for cell in row)
    return Line(CELL_BREAK.join(cell.text for cell in row), page, left, right, _lowest(row), first.height, TABLE)
