"""Forms: where the fields of a page are, what is filled into them beside its label, and which boxes are ticked.

Producers write the words of a page first and the fields behind them, so the order of the content says nothing of which
value belongs to which label; their places do. Knows nothing of tables or reading order.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from longdoc.ingest.pdf_rows import FAR
from longdoc.ingest.pdf_text import Run

Box = tuple[float, float, float, float]  # left, bottom, right, top

_MOST_ANNOTATIONS = 1000  # of a page, that are looked at
_MOST_FIELDS = 500  # of a page, that are put beside their labels
_LEVEL = 0.6  # of the height, by which a value may stand higher or lower than its label
_SLACK = 2.0  # points
_NEAR = 4.0  # of the height: the label of a box to tick stands no further from it
_SIGN = 2  # characters
_LONGEST_NAME = 64


class Field(NamedTuple):
    """box: where it is.   is_on: whether it is ticked; None for what is no box to tick."""

    box: Box
    is_on: bool | None = None


def fields_of(page: Any) -> list[Field]:
    """The fields of a form and typed notes on a page of pdfium's: their words are no part of its contents."""
    import pypdfium2.raw as pdfium_c

    found = []
    box = pdfium_c.FS_RECTF()
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _MOST_ANNOTATIONS)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, number)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if kind in (pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT):
            has_box = pdfium_c.FPDFAnnot_GetRect(annotation, box)
            place = (box.left, box.bottom, box.right, box.top) if has_box else (0.0, 0.0, 0.0, 0.0)
            is_widget = kind == pdfium_c.FPDF_ANNOT_WIDGET
            found.append(Field(place, _is_on(pdfium_c, annotation) if is_widget and has_box else None))
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    return found


def _is_on(pdfium_c: Any, annotation: Any) -> bool | None:
    """Whether a box or a button is ticked. Only those show one of several states; push buttons have one at most."""
    state = _name(pdfium_c, annotation, b"AS")
    if not state or _name(pdfium_c, annotation, b"FT") not in ("Btn", ""):  # a group of buttons names its type once
        return None
    return state != "Off"


def _name(pdfium_c: Any, annotation: Any, key: bytes) -> str:
    """The value of an entry, "" when there is none or it is longer than a name."""
    buffer = (ctypes.c_ushort * _LONGEST_NAME)()
    num_bytes = pdfium_c.FPDFAnnot_GetStringValue(annotation, key, buffer, ctypes.sizeof(buffer))
    return bytes(buffer)[: num_bytes - 2].decode("utf-16-le", "replace") if 2 < num_bytes < 2 * _LONGEST_NAME else ""


def with_ticks(runs: Sequence[Run], fields: Sequence[Field]) -> list[Run]:
    """The runs with "[x]" or "[ ]" at the label of each box to tick: what stands next to it, on either side."""
    ticks = [field for field in fields[:_MOST_FIELDS] if field.is_on is not None]
    if not ticks:
        return list(runs)
    # What draws a tick may be a letter of a font of signs.
    kept = {r.order: r for r in runs if len(r.text) > _SIGN or not any(_is_inside(r, tick.box) for tick in ticks)}
    alone: list[Run] = []
    for tick in ticks:
        left, bottom, right, top = tick.box
        sign = "[x]" if tick.is_on else "[ ]"
        label, is_right = _label_beside(tick.box, list(kept.values()))
        if label is None:
            alone.append(Run(sign, left, right, bottom, max(top - bottom, 1.0), 0, 0))
        elif is_right:
            kept[label.order] = label._replace(text=f"{sign} {label.text}", left=left)
        else:
            kept[label.order] = label._replace(text=f"{label.text} {sign}", right=right)
    return [run._replace(order=number) for number, run in enumerate([*kept.values(), *alone])]


def _label_beside(box: Box, runs: Sequence[Run]) -> tuple[Run | None, bool]:
    """The nearest run on the level of a box, and whether it stands right of it."""
    left, bottom, right, top = box
    nearest: tuple[float, Run | None, bool] = (math.inf, None, False)
    for run in runs:
        if run.angle == 0 and run.bottom < (bottom + top) / 2 < run.bottom + run.height:
            for gap, is_right in ((run.left - right, True), (left - run.right, False)):
                if -_SLACK <= gap < min(nearest[0], _NEAR * run.height):
                    nearest = gap, run, is_right
    return nearest[1:]


def beside_labels(runs: Sequence[Run], fields: Sequence[Field]) -> list[Run]:
    """The runs with each that stands in a field behind its label: the one left of the field, or right above it."""
    values = [run for run in runs if any(_is_inside(run, field.box) for field in fields[:_MOST_FIELDS])]
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
