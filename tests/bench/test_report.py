"""Results of benches as JSON, as Markdown and on a terminal."""

from __future__ import annotations

import json

from longdoc.bench.report import SCHEMA, markdown, report, table, terminal
from longdoc.core.types import ModelInfo

ROWS = [
    {"source": "a|b\x1b[31m", "length": 131_072, "accuracy": 0.95, "peak_memory_bytes": 512_000_000, "load_s": 2.04},
    {"source": None, "length": 4_096, "accuracy": None, "peak_memory_bytes": 9_100_000_000, "load_s": 1234.5},
]


def test_a_report_names_bench_model_and_machine_and_is_json() -> None:
    result = json.loads(json.dumps(report("speed", ModelInfo("tiny"), ROWS, peak_ratio=1.02)))
    assert result["schema"] == SCHEMA == "longdoc.bench/1"
    assert result["bench"] == "speed"
    assert result["model"] == {"id": "tiny", "revision": None, "quantization": "none", "adapter": None}
    assert result["machine"]["cores"] > 0
    assert result["machine"]["packages"]["torch"]
    assert result["peak_ratio"] == 1.02
    assert result["results"] == ROWS


def test_units_stand_in_the_header_or_with_the_number() -> None:
    header, rows = table(ROWS)
    assert header == ["source", "length", "accuracy", "peak memory", "load (s)"]
    assert rows[0][1:] == ["131,072", "0.950", "512 MB", "2.04"]
    assert rows[1] == ["–", "4,096", "–", "9.1 GB", "1,234"]


def test_a_speed_and_a_tiny_number_can_be_read() -> None:
    header, rows = table([{"tokens_per_s": 9100.4, "write_tokens_per_s": 12.3, "max_error": 2.4e-7}])
    assert header == ["tokens/s", "write (tokens/s)", "max error"]
    assert rows == [["9,100", "12.3", "2.4e-07"]]


def test_columns_without_a_value_are_left_out() -> None:
    assert table([{"a": 1, "b": None}, {"a": 2, "b": None}]) == (["a"], [["1"], ["2"]])


def test_markdown_keeps_its_columns_whatever_the_cells_hold() -> None:
    lines = markdown(report("speed", ModelInfo("tiny"), ROWS, memory_is_flat=True)).splitlines()
    assert lines[0] == "## longdoc bench speed"
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: |"
    assert lines[4].startswith("| a\\|b[31m | 131,072 |")
    assert "- memory is flat: yes" in lines
    assert any(line.startswith("- model tiny, none") for line in lines)


def test_a_terminal_gets_the_same_numbers() -> None:
    drawn = terminal(report("speed", ModelInfo("tiny"), ROWS))
    assert "131,072" in drawn
    assert "\x1b[31m|" not in drawn
