"""Which panels the picture of a bench has (`plot.py` draws them). Knows the reports, and nothing of how they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from longdoc.bench.plot import Curves, Heatmap, Panel, svg
from longdoc.bench.report import Report

Row = Mapping[str, Any]


def picture(report: Report) -> str:
    """The report as SVG."""
    model = report["model"]
    adapter = f" with {model['adapter']}" if model["adapter"] not in (None, model["id"]) else ""
    panels = _PANELS[report["bench"]](report["results"]) + _gains(report)
    return svg(f"longdoc bench {report['bench']}: {model['id']}{adapter}", panels)


def _passkey(rows: Sequence[Row]) -> list[Panel]:
    return [
        _grid(own, f"Pass key, exact{name}", "length", "depth", "accuracy", "tokens", "depth")
        for name, own in _by_way(rows)
    ]


def _needles(rows: Sequence[Row]) -> list[Panel]:
    """By length and number of facts, and by length and place: the mean over all numbers of facts."""
    panels: list[Panel] = []
    for name, own in _by_way(rows):
        panels.append(_grid(own, f"Facts, exact{name}", "length", "facts", "accuracy", "tokens", "facts"))
        lengths = sorted({row["length"] for row in own})
        values = [
            [_mean([row["accuracy_by_third"][third] for row in own if row["length"] == length]) for length in lengths]
            for third in range(3)
        ]
        names = ("first third", "middle", "last third")
        panels.append(Heatmap(f"By place{name}", "tokens", "", [f"{x:,}" for x in lengths], names, values))
    return panels


def _perplexity(rows: Sequence[Row]) -> list[Panel]:
    """The loss of each bucket of positions at its end, and what the memory saves of it."""
    lines: dict[str, list[tuple[float, float]]] = {}
    saved: dict[str, list[tuple[float, float]]] = {}
    longest = max(row["to"] for row in rows)
    if any(row["from"] for row in rows):  # several buckets: without the rows of all positions
        rows = [row for row in rows if row["from"] or row["to"] < longest]
    with_all = {(row["reset"], row["to"]): row["nats"] for row in rows if row["without"] is None}
    for row in rows:
        reset = "never reset" if row["reset"] == "never" else f"reset every {row['reset']:,}"
        name = reset + (f", without {row['without']}" if row["without"] else "")
        lines.setdefault(name, []).append((row["to"], row["nats"]))
        if row["without"]:
            saved.setdefault(reset, []).append((row["to"], row["nats"] - with_all[row["reset"], row["to"]]))
    panels: list[Panel] = [Curves("Loss by position", "tokens read", "nats", lines)]
    return panels + ([Curves("What the memory saves", "tokens read", "nats", saved)] if saved else [])


def _gains(report: Report) -> list[Panel]:
    """What the memory saves in each tenth of a text: where it drifts, the line falls."""
    by_tenth = report.get("memory_gain_by_tenth", {})
    lines = {
        ("never reset" if reset == "never" else f"reset every {int(reset):,}"): [
            (float(tenth), nats) for tenth, nats in enumerate(saved, 1) if nats is not None
        ]
        for reset, saved in by_tenth.items()
    }
    return [Curves("What the memory saves, by tenth of the text", "tenth", "nats", lines)] if lines else []


def _gates(rows: Sequence[Row]) -> list[Panel]:
    """Heads by layer at the greatest length, and the norm of each head's matrix by length."""
    longest = max(row["length"] for row in rows)
    last = [row for row in rows if row["length"] == longest]
    titles = {"write_strength": "Mean write strength", "share_written": "Share of tokens written"}
    panels: list[Panel] = [
        _grid(
            last, f"{title}, {longest:,} tokens", "head", "layer", value, "head", "layer", max(r[value] for r in last)
        )
        for value, title in titles.items()
    ]
    panels.append(_grid(last, f"Mean read gate, {longest:,} tokens", "head", "layer", "read_gate", "head", "layer"))
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        lines.setdefault(f"layer {row['layer']}, head {row['head']}", []).append((row["length"], row["norm"]))
    return [*panels, Curves("Norm of the memory's matrix", "tokens read", "norm", lines)]


def _speed(rows: Sequence[Row]) -> list[Panel]:
    """By length and mode; what was projected has a line of its own."""
    panels: list[Panel] = []
    for key, title, unit, scale in (
        ("tokens_per_s", "Speed of reading", "tokens/s", 1.0),
        ("peak_memory_bytes", "Peak memory", "MB", 1e6),
    ):
        lines: dict[str, list[tuple[float, float]]] = {}
        for row in sorted(rows, key=lambda row: int(row["tokens"])):
            if row.get(key):
                name = f"{row['mode']}, projected" if row.get("projected") else row["mode"]
                lines.setdefault(name, []).append((row["tokens"], row[key] / scale))
        panels.append(Curves(title, "tokens", unit, lines))
    return panels


def _grid(
    rows: Sequence[Row], title: str, x: str, y: str, value: str, x_label: str, y_label: str, most: float = 1.0
) -> Heatmap:
    """A heatmap of rows by two of their columns."""
    columns, lines = sorted({row[x] for row in rows}), sorted({row[y] for row in rows})
    found = {(row[y], row[x]): row[value] for row in rows}
    return Heatmap(
        title,
        x_label,
        y_label,
        [f"{column:,}" for column in columns],
        [f"{line:g}" for line in lines],
        [[found.get((line, column)) for column in columns] for line in lines],
        most,
    )


def _by_way(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows with everything on, then those without something: what a title says of it, and the rows."""
    ways = list(dict.fromkeys(row.get("without") for row in rows))
    return [(f", without {way}" if way else "", [row for row in rows if row.get("without") == way]) for way in ways]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


_PANELS: dict[str, Callable[[Sequence[Row]], list[Panel]]] = {
    "passkey": _passkey,
    "needles": _needles,
    "perplexity": _perplexity,
    "speed": _speed,
    "gates": _gates,
}
