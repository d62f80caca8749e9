"""Tables on a PDF page: rows of short cells that stand below each other, one line of text for each row.

Two columns of prose have gaps that lie below each other too. They are told apart by how the producer wrote them
(column after column, or row after row) and by how long and how full the pieces are. Knows nothing of pdfium or blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from longdoc.ingest.pdf_rows import Row, is_aligned

CELL_BREAK = "\t"

_LEAST_ROWS = 2
_MOST_ALIGNED = 0.6
_FEW_ROWS = 3  # two words that stand below two others are no table
_PROSE_CHARACTERS = 18  # median of each column: shorter pieces are cells
_TABLE_PITCH = 1.75  # of the height: rows of prose stand closer
_FAR = 4.0  # of the height: a row further away belongs to no table above
_MOST_SINGLE_ROWS = 3  # of a cell that is wrapped over several lines
_NUMERIC = re.compile(r"[^\w\s]*\d[\d.,:/%\s–-]*\w{0,3}[^\w\s]*|[-–—.]+")


def table_bands(rows: Sequence[Row]) -> list[tuple[int, int, list[tuple[str, Row]]]]:
    """Tables among rows from top to bottom: (first row, row after the last, (text, its cells) of each row)."""
    found = []
    start = 0
    while start < len(rows):
        if len(rows[start]) < 2:
            start += 1
            continue
        end, columns = _band(rows, start)
        band = rows[start:end]
        if sum(len(row) > 1 for row in band) >= _LEAST_ROWS and _is_table(band, columns):
            found.append((start, end, _texts(band, columns)))
            start = end
        else:
            start = max(end, start + 1)
    return found


Columns = list[tuple[float, float]]


def _band(rows: Sequence[Row], start: int) -> tuple[int, Columns]:
    """The rows from `start` on that share gaps, and the columns between the gaps."""
    gaps = _gaps(rows[start])
    end = start + 1
    single = 0
    for index in range(start + 1, len(rows)):
        row, above = rows[index], rows[index - 1]
        if above[0].bottom - row[0].bottom > _FAR * max(above[0].height, row[0].height):
            break
        left = [shared for gap in gaps if (shared := _free(gap, row))]
        if not left:
            break
        if len(row) < 2 or (len(left) < len(gaps) and len(left) < len(row) - 1):
            single += 1
            if single > _MOST_SINGLE_ROWS:
                break
        else:
            single = 0
            end = index + 1
            gaps = left
            continue
        gaps = left
    # Single rows below the last full one are the rest of its wrapped cells when they stand close.
    while end < len(rows) and len(rows[end]) == 1 and _wraps(rows, start, end, gaps):
        end += 1
    while end - start > 1 and _is_prose_below(rows, end, gaps):
        end -= 1
    edges = sorted(gaps)
    cuts = [(a + b) / 2 for a, b in edges]
    borders = [float("-inf"), *cuts, float("inf")]
    return end, list(pairwise(borders))


def _is_prose_below(rows: Sequence[Row], end: int, gaps: list[tuple[float, float]]) -> bool:
    """Whether the last row of a band is the first line of the prose below: nearer to that than to the row above."""
    if end >= len(rows) or all(_free(gap, rows[end]) for gap in gaps):
        return False
    above, last, below = rows[end - 2][0], rows[end - 1][0], rows[end][0]
    return 1.2 * (last.bottom - below.bottom) < above.bottom - last.bottom


def _wraps(rows: Sequence[Row], start: int, index: int, gaps: list[tuple[float, float]]) -> bool:
    row, above = rows[index], rows[index - 1]
    pitches = [a[0].bottom - b[0].bottom for a, b in zip(rows[start:index], rows[start + 1 : index], strict=False)]
    drop = above[0].bottom - row[0].bottom
    is_cell = all(_free(gap, row) for gap in gaps) and row[0].left > min(left for left, _ in gaps)
    return is_cell and drop < 1.35 * row[0].height and (not pitches or drop < 0.85 * max(pitches) or len(gaps) > 1)


def _gaps(row: Row) -> list[tuple[float, float]]:
    return [(a.right, b.left) for a, b in pairwise(row)]


def _free(gap: tuple[float, float], row: Row) -> tuple[float, float] | None:
    """The part of a gap that a row leaves free too, when there is something left of it."""
    left, right = gap
    for run in row:
        if run.right <= left or run.left >= right:
            continue
        if run.left <= left and run.right >= right:
            return None
        if run.left <= left:
            left = run.right
        else:
            right = min(right, run.left)
    return (left, right) if right - left > 0.25 * row[0].height else None


def _cells(row: Row, columns: Columns) -> list[str]:
    """The texts of a row by column; pieces of one column are joined."""
    cells = [""] * len(columns)
    for run in row:
        middle = run.left if len(columns) < 2 else (run.left + run.right) / 2
        place = next(index for index, (a, b) in enumerate(columns) if a <= middle <= b)
        cells[place] = f"{cells[place]} {run.text}".strip()
    return cells


def _is_table(band: Sequence[Row], columns: Columns) -> bool:
    full = [_cells(row, columns) for row in band if len(row) > 1]
    texts = [[cells[place] for cells in full if cells[place]] for place in range(len(columns))]
    texts = [column for column in texts if column]
    if len(texts) < 2:
        return False
    numeric = [sum(bool(_NUMERIC.fullmatch(text)) for text in column) >= 0.6 * len(column) for column in texts]
    by_columns = _written_by_columns(band, columns)
    if sum(numeric) * 2 >= len(texts):
        return True
    if by_columns or not _is_aligned(band) or (len(columns) == 2 and len(full) < _FEW_ROWS):
        return False
    lengths = [median(len(text) for text in column) for column in texts]
    if min(lengths) < _PROSE_CHARACTERS:
        return True
    drops = [a[0].bottom - b[0].bottom for a, b in pairwise(band)]
    height = median(run.height for row in band for run in row)
    return bool(drops) and median(drops) > _TABLE_PITCH * height


def _is_aligned(band: Sequence[Row]) -> bool:
    """Whether most pieces but the first of their row stand below another: spaces between words do not."""
    rows = [row for row in band if len(row) > 1]
    found = [
        any(is_aligned(run, other.left, other.right) for other in above[1:])
        for above, row in pairwise(rows)
        for run in row[1:]
    ]
    return sum(found) >= _MOST_ALIGNED * len(found)


def _written_by_columns(band: Sequence[Row], columns: Columns) -> bool:
    """Whether the content goes down one column before it begins the next."""
    places = []
    for index, row in enumerate(band):
        for run in row:
            middle = (run.left + run.right) / 2
            column = next(number for number, (a, b) in enumerate(columns) if a <= middle <= b)
            places.append((run.order, column, index))
    places.sort()
    switches = sum(a[1] != b[1] for a, b in pairwise(places))
    return len(band) > 2 and switches <= len(columns)


def _texts(band: Sequence[Row], columns: Columns) -> list[tuple[str, Row]]:
    """One text for each row of the table; the lines of wrapped cells go to the row that they belong to."""
    full_drops = [a[0].bottom - b[0].bottom for a, b in pairwise(band) if len(a) > 1 and len(b) > 1]
    pitch = median(full_drops) if full_drops else 0.0
    rows: list[tuple[list[str], Row]] = []
    for index, row in enumerate(band):
        cells = _cells(row, columns)
        above = band[index - 1] if index else None
        if above is not None and rows and _continues(cells, above, row, pitch):
            rows[-1] = (
                [f"{a} {b}".strip() if b else a for a, b in zip(rows[-1][0], cells, strict=True)],
                [*rows[-1][1], *row],
            )
        else:
            rows.append((cells, row))
    return [(CELL_BREAK.join(filter(None, cells)), row) for cells, row in rows]


def _continues(cells: list[str], above: Row, row: Row, pitch: float) -> bool:
    """Whether these are further lines of the cells above: something is missing, and they stand close."""
    drop = above[0].bottom - row[0].bottom
    if all(cells):
        return False
    close = drop < 0.85 * pitch if pitch else drop < 1.35 * row[0].height
    return close or (not cells[0] and drop < 1.35 * row[0].height)
