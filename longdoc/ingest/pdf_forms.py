"""Forms: where the fields of a page are, and what is filled into them beside its label.

Producers write the words of a page first and the fields behind them, so the order of the content says nothing of which
value belongs to which label; their places do. Knows nothing of tables or reading order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from longdoc.ingest.pdf_rows import FAR
from longdoc.ingest.pdf_text import Run

Box = tuple[float, float, float, float]  # left, bottom, right, top

_MOST_ANNOTATIONS = 1000  # of a page, that are looked at
_MOST_FIELDS = 500  # of a page, that are put beside their labels
_LEVEL = 0.6  # of the height, by which a value may stand higher or lower than its label
_SLACK = 2.0  # points


def field_boxes(page: Any) -> list[Box]:
    """Where the fields of a form and typed notes are on a page of pdfium's: their words are no part of its contents."""
    import pypdfium2.raw as pdfium_c

    found = []
    box = pdfium_c.FS_RECTF()
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _MOST_ANNOTATIONS)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, number)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if kind in (pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT):
            has_box = pdfium_c.FPDFAnnot_GetRect(annotation, box)
            found.append((box.left, box.bottom, box.right, box.top) if has_box else (0.0, 0.0, 0.0, 0.0))
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    return found


def beside_labels(runs: Sequence[Run], fields: Sequence[Box]) -> list[Run]:
    """The runs with each that stands in a field behind its label: the one left of the field, or right above it."""
    values = [run for run in runs if any(_is_inside(run, box) for box in fields[:_MOST_FIELDS])]
    if not values:
        return list(runs)
    inside = {run.order for run in values}
    others = [run for run in runs if run.order not in inside]
    behind: dict[int, list[Run]] = {}
    alone = []
    for run in sorted(values, key=lambda run: (-run.bottom, run.left)):
        label = _label(run, others)
        if label is None:
            alone.append(run)
        else:
            behind.setdefault(label.order, []).append(run)
    ordered = [each for run in others for each in (run, *behind.get(run.order, ()))]
    return [run._replace(order=number) for number, run in enumerate([*ordered, *alone])]


def _is_inside(run: Run, box: Box) -> bool:
    left, bottom, right, top = box
    is_level = bottom - _SLACK <= run.bottom <= top and bottom < run.bottom + 0.5 * run.height < top
    return run.angle == 0 and is_level and left - _SLACK <= run.left and run.right <= right + _SLACK


def _label(value: Run, others: Sequence[Run]) -> Run | None:
    level = [
        run
        for run in others
        if run.right <= value.left + _SLACK and abs(run.bottom - value.bottom) < _LEVEL * max(run.height, value.height)
    ]
    if level:
        return max(level, key=lambda run: run.right)
    above = [
        run
        for run in others
        if run.left < value.right
        and value.left < run.right
        and 0 < run.bottom - value.bottom < FAR * max(run.height, value.height)
    ]
    return min(above, key=lambda run: run.bottom) if above else None
