"""Pictures of results as SVG: heatmaps and curves, one panel beside the other.

Written by hand as text: a few rectangles and lines need no library, and a browser, a README and a paper take SVG.
Knows nothing of benches; `pictures.py` says which panels a report has. Sizes in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_CELL_W, _CELL_H = 58, 26
_LEFT, _TOP, _BOTTOM, _GAP = 92, 46, 44, 18
_CURVES_W, _CURVES_H, _LEGEND_H = 340, 200, 16
_LOW, _HIGH = (247, 251, 255), (8, 69, 148)  # light to dark blue, which grey printers keep apart
_COLOURS = ("#084594", "#d94801", "#238b45", "#6a51a3", "#525252", "#ce1256", "#807d00", "#02818a")
_FONT = 'font-family="sans-serif" font-size="11"'


@dataclass(frozen=True, slots=True)
class Heatmap:
    """values[row][column], None where there is nothing. most: the value of the darkest colour; 0 is the lightest."""

    title: str
    x_label: str
    y_label: str
    columns: Sequence[str]
    rows: Sequence[str]
    values: Sequence[Sequence[float | None]]
    most: float = 1.0


@dataclass(frozen=True, slots=True)
class Curves:
    """Lines by name, each of (x, y) points in order of x; x is drawn on a scale of logarithms, so it is above 0."""

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


Panel = Heatmap | Curves


def svg(title: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """One picture: the title, and the panels in rows of `columns`."""
    drawn: list[str] = []
    top = width = 30
    for first in range(0, len(panels), columns):
        left = height = 0
        for panel in panels[first : first + columns]:
            own_width, own_height = _extent(panel)
            drawn.append(f'<g transform="translate({left},{top})">{_draw(panel)}</g>')
            left, height = left + own_width + _GAP, max(height, own_height)
        top, width = top + height + _GAP, max(width, left)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}">'
        f'<rect width="100%" height="100%" fill="white"/>{_text(8, 20, title, "start", bold=True)}'
        + "".join(drawn)
        + "</svg>\n"
    )


def _extent(panel: Panel) -> tuple[int, int]:
    """Width and height with labels."""
    if isinstance(panel, Heatmap):
        return _LEFT + _CELL_W * max(3, len(panel.columns)), _TOP + _CELL_H * len(panel.rows) + _BOTTOM
    legend = _LEGEND_H * len(panel.lines)
    return _LEFT + _CURVES_W, _TOP + _CURVES_H + _BOTTOM + legend


def _draw(panel: Panel) -> str:
    return _heatmap(panel) if isinstance(panel, Heatmap) else _curves(panel)


def _heatmap(panel: Heatmap) -> str:
    parts = [_text(_LEFT, 20, panel.title, "start", bold=True), _text(_LEFT - 8, 38, panel.y_label, "end")]
    for r, (name, row) in enumerate(zip(panel.rows, panel.values, strict=True)):
        y = _TOP + r * _CELL_H
        parts.append(_text(_LEFT - 8, y + _CELL_H / 2 + 4, name, "end"))
        for c, value in enumerate(row):
            x = _LEFT + c * _CELL_W
            share = 0.0 if value is None else min(1.0, max(0.0, value / panel.most)) if panel.most else 0.0
            fill = "#eeeeee" if value is None else _colour(share)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL_W - 1}" height="{_CELL_H - 1}" fill="{fill}" stroke="#dddddd"/>'
            )
            if value is not None:
                ink = "white" if share > 0.55 else "black"
                parts.append(_text(x + _CELL_W / 2, y + _CELL_H / 2 + 4, f"{value:.3g}", "middle", ink))
    y = _TOP + len(panel.rows) * _CELL_H + 14
    parts += [_text(_LEFT + (c + 0.5) * _CELL_W, y, name, "middle") for c, name in enumerate(panel.columns)]
    parts.append(_text(_LEFT, y + 18, panel.x_label, "start"))
    return "".join(parts)


def _curves(panel: Curves) -> str:
    points = [point for line in panel.lines.values() for point in line]
    parts = [_text(_LEFT, 20, panel.title, "start", bold=True), _text(_LEFT - 8, 38, panel.y_label, "end")]
    if not points:
        return "".join(parts)
    xs, ys = [math.log(x) for x, _ in points], [y for _, y in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - low_x) / (high_x - low_x) if high_x > low_x else 0.5
        up = (y - low_y) / (high_y - low_y) if high_y > low_y else 0.5
        return round(_LEFT + across * (_CURVES_W - 12), 1), round(_TOP + (1 - up) * _CURVES_H, 1)

    bottom = _TOP + _CURVES_H
    parts.append(f'<path d="M{_LEFT},{_TOP}V{bottom}H{_LEFT + _CURVES_W - 12}" fill="none" stroke="#888888"/>')
    parts += [_text(_LEFT - 8, place(1, y)[1] + 4, f"{y:.4g}", "end") for y in sorted({low_y, high_y})]
    ticks = sorted({x for x, _ in points})
    for x in ticks[:: math.ceil(len(ticks) / 6)]:
        parts.append(_text(place(x, low_y)[0], bottom + 14, f"{x:,.0f}", "middle"))
    parts.append(_text(_LEFT, bottom + 32, panel.x_label, "start"))
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = ' stroke-dasharray="5 3"' if number >= len(_COLOURS) else ""
        along = " ".join(f"{x},{y}" for x, y in (place(*point) for point in line))
        y = bottom + _BOTTOM + _LEGEND_H * number
        parts.append(f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        parts += [f'<circle cx="{x}" cy="{y_}" r="2" fill="{colour}"/>' for x, y_ in (place(*p) for p in line)]
        parts.append(f'<path d="M{_LEFT},{y - 4}h18" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(_text(_LEFT + 24, y, name, "start"))
    return "".join(parts)


def _colour(share: float) -> str:
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in zip(_LOW, _HIGH, strict=True))


def _text(x: float, y: float, text: str, anchor: str, ink: str = "black", *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{ink}" {_FONT}{weight}>{escape(text)}</text>'
