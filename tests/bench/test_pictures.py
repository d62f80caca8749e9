"""Pictures: what is drawn is what was measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from longdoc.bench.pictures import picture
from longdoc.bench.plot import Curves, Heatmap, svg

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter(_SVG + kind))


def texts(text: str) -> list[str]:
    return [element.text or "" for element in drawn(text, "text")]


def report(bench: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bench": bench, "model": {"id": "a<b", "adapter": None}, "results": rows}


def cells(text: str) -> list[ET.Element]:
    """The rectangles but for the background."""
    return [rect for rect in drawn(text, "rect") if rect.get("x") is not None]


def test_a_heatmap_has_a_cell_for_each_value_darker_the_higher_and_grey_where_there_is_none() -> None:
    made = svg("title", [Heatmap("a", "x", "y", ["1", "2", "3"], ["r", "s"], [[0, 0.5, 1.0], [None, 2.0, 1.0]])])
    fills = [cell.get("fill") for cell in cells(made)]
    assert len(fills) == 6
    assert fills[0] == "#f7fbff"
    assert fills[2] == fills[4] == fills[5] == "#084594"
    assert fills[3] == "#eeeeee"
    brightness = [int(fill[1:3], 16) for fill in fills[:3] if fill]
    assert brightness == sorted(brightness, reverse=True)
    assert [text for text in texts(made) if text in {"0", "0.5", "1", "2"}].count("2") == 2  # a column and a value


def test_curves_go_through_their_points_on_a_scale_of_logarithms() -> None:
    made = svg("t", [Curves("c", "x", "y", {"a": [(1, 0), (10, 5), (100, 10)], "b": [(1, 10), (100, 0)]})])
    lines = [
        [[float(n) for n in p.split(",")] for p in (e.get("points") or "").split()] for e in drawn(made, "polyline")
    ]
    (x0, y0), (x1, y1), (x2, y2) = lines[0]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y0 > y2
    assert lines[1] == [[x0, y2], [x2, y0]]
    assert {"a", "b", "100", "10", "0"} <= set(texts(made))


def test_curves_of_one_point_or_none_are_drawn_too() -> None:
    made = svg("t", [Curves("c", "x", "y", {"a": [(4, 2)]}), Curves("d", "x", "y", {})])
    assert len(drawn(made, "circle")) == 1


def test_panels_stand_beside_each_other_inside_the_picture() -> None:
    panel = Heatmap("a", "x", "y", ["1"], ["r"], [[1.0]])
    root = ET.fromstring(svg("t", [panel] * 3))
    places = [group.get("transform") for group in root.iter(_SVG + "g")]
    assert len(set(places)) == 3
    assert places[0] == "translate(0,30)"
    assert places[2] is not None
    assert places[2].startswith("translate(0,")
    assert float(root.get("height") or 0) > 2 * 100


def test_pass_keys_have_a_panel_for_each_way_by_length_and_depth() -> None:
    rows = [
        {"length": length, "depth": depth, "accuracy": accuracy, "without": without}
        for without, accuracy in ((None, 1.0), ("memory", 0.0))
        for length in (4096, 32768)
        for depth in (0, 0.5, 0.95)
    ]
    made = picture(report("passkey", rows))
    assert len(cells(made)) == 12
    assert {"Pass key, exact", "Pass key, exact, without memory", "32,768", "0.95"} <= set(texts(made))
    assert "longdoc bench passkey: a<b" in texts(made)
    assert [cell.get("fill") for cell in cells(made)] == ["#084594"] * 6 + ["#f7fbff"] * 6


def test_facts_are_drawn_by_number_and_by_place() -> None:
    rows = [
        {"length": 4096, "facts": facts, "accuracy": 0.5, "accuracy_by_third": thirds, "without": None}
        for facts, thirds in ((1, [None, 0.0, None]), (8, [0.25, 0.5, 1.0]))
    ]
    made = picture(report("needles", rows))
    assert len(cells(made)) == 2 + 3
    assert {"0.25", "first third", "Facts, exact"} <= set(texts(made))
