"""A bench's result as JSON (`longdoc.bench/1`), as a Markdown table and as a table on a terminal.

    {"schema": "longdoc.bench/1", "bench": "...", "model": {...}, "machine": {...}, "results": [{...}, ...], ...}

Knows nothing of what was measured: the columns are the keys of the rows. Whatever else a bench says stands beside
`results` and follows the table, one line each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from longdoc.core.types import ModelInfo
from longdoc.output.wording import count, memory, one_line

SCHEMA = "longdoc.bench/1"
Report = dict[str, Any]
Row = Mapping[str, Any]

_OWN_KEYS = frozenset({"schema", "bench", "model", "machine", "results"})


def report(bench: str, model: ModelInfo, results: Sequence[Row], **more: Any) -> Report:
    """The result of a bench that ran in this process. more: what is true of all rows."""
    from longdoc.engine import machine  # torch: not for drawing a result that another process measured

    own = {"schema": SCHEMA, "bench": bench, "model": asdict(model), "machine": machine.describe()}
    return {**own, **more, "results": [dict(row) for row in results]}


def markdown(result: Report) -> str:
    """A title, the table, what else the bench says, and what ran where."""
    header, rows = table(result["results"])
    lines = [
        f"## longdoc bench {result['bench']}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "|".join(" --- " if is_text else " ---: " for is_text in _text_columns(result["results"])) + "|",
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
        "",
        *(f"- {line}" for line in footer(result)),
    ]
    return "\n".join(lines) + "\n"


def terminal(result: Report) -> str:
    """The same, drawn with the terminal's means."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    header, rows = table(result["results"])
    drawn = Table(title=f"longdoc bench {result['bench']}", title_justify="left", box=box.SIMPLE_HEAD)
    for name, is_text in zip(header, _text_columns(result["results"]), strict=True):
        drawn.add_column(Text(name), justify="left" if is_text else "right")
    for row in rows:
        drawn.add_row(*map(Text, row))
    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(drawn)
        for line in footer(result):
            console.print(Text(f"  {line}"))
    return capture.get()


def table(results: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells as text. Columns that are empty in all rows are left out."""
    keys = _columns(results)
    return [_header(key) for key in keys], [[_cell(key, row.get(key)) for key in keys] for row in results]


def footer(result: Report) -> list[str]:
    """What is true of all rows: the bench's own words, the model, the machine."""
    more = [f"{_header(key)}: {_cell(key, value)}" for key, value in result.items() if key not in _OWN_KEYS]
    model, place = result["model"], result["machine"]
    words = [f"model {model['id']}", model["quantization"]]
    words += [f"adapter {model['adapter']}"] if model["adapter"] else []
    gpus = [f"{gpu['name']} ({memory(gpu['memory_bytes'])})" for gpu in place["gpus"]]
    where = [place["processor"], count(place["threads"], "thread"), *gpus]
    where += [f"torch {place['packages']['torch']}"] if "torch" in place["packages"] else []
    return [one_line(line) for line in (*more, ", ".join(words), ", ".join(where))]


def _columns(results: Sequence[Row]) -> list[str]:
    keys = list(dict.fromkeys(key for row in results for key in row))
    return [key for key in keys if any(row.get(key) is not None for row in results)]


def _text_columns(results: Sequence[Row]) -> list[bool]:
    """Whether a column holds words: those stand on the left, numbers on the right."""
    return [any(isinstance(row.get(key), str) for row in results) for key in _columns(results)]


def _header(key: str) -> str:
    """`peak_memory_bytes` -> `peak memory`, `load_s` -> `load (s)`."""
    if key.endswith("_bytes"):
        return key.removesuffix("_bytes").replace("_", " ")
    if key == "tokens_per_s":
        return "tokens/s"
    if key.endswith("_tokens_per_s"):
        return key.removesuffix("_tokens_per_s").replace("_", " ") + " (tokens/s)"
    return key.removesuffix("_s").replace("_", " ") + (" (s)" if key.endswith("_s") else "")


def _cell(key: str, value: object) -> str:
    """One value. Text is the document's or the user's: it loses its control characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_header(str(k))} {_cell(str(k), v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_cell(key, item) for item in value)
    if isinstance(value, int):
        return memory(value) if key.endswith("_bytes") else f"{value:,}"
    if isinstance(value, float):
        return _number(value)
    return one_line(str(value))


def _number(value: float) -> str:
    """`2.4e-07`, `0.031`, `0.95`, `12.4`, `9,100`: three figures are enough for a table."""
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
