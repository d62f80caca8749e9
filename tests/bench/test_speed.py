"""Speed: the measuring process, its progress and its errors, and when memory counts as flat."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from longdoc.bench import speed
from longdoc.core.events import Event, SegmentRead
from longdoc.core.settings import ModelOptions

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_made_text_has_about_the_tokens_that_were_asked_for(options: ModelOptions) -> None:
    result = speed.measure({"tokens": 900, "text": None, "options": asdict(options), "started": time.time()})
    (row,) = result["results"]
    assert 750 <= row["tokens"] <= 900
    assert row["read_tokens_per_s"] > 0
    assert row["write_tokens_per_s"] > 0
    assert row["peak_memory_bytes"] > 50_000_000
    assert 0 < row["state_bytes"] < 5_000_000


@pytest.mark.slow
def test_a_process_of_its_own_measures_and_tells_its_progress(
    options: ModelOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    path = tmp_path / "a.txt"
    path.write_text("It rained for 9 days. The road gave way.\n\n" * 20)
    told: list[Event] = []
    result = speed.run(options, sources=[str(path)], on_event=told.append)
    (row,) = result["results"]
    assert row["source"] == str(path)
    assert row["load_s"] > 0
    assert result["bench"] == "speed"
    assert any(isinstance(event, SegmentRead) for event in told)


def test_an_error_in_the_process_keeps_its_exit_code(
    options: ModelOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = asdict(replace(options, model=str(tmp_path)))
    job = {"source": "a.txt", "options": wrong, "started": time.time()}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(job)))
    assert speed.main() == 69
    error = speed._error(json.loads(capsys.readouterr().out), 69, "")
    assert "cannot be loaded" in error.what
    assert error.exit_code == 69


@pytest.mark.parametrize(
    ("peaks", "said"),
    [
        ({100_000: 500, 1_000_000: 545}, {"peak_ratio": 1.09, "memory_is_flat": True}),
        ({100_000: 500, 1_000_000: 600}, {"peak_ratio": 1.2, "memory_is_flat": False}),
        ({100_000: 500, 200_000: 510}, {"peak_ratio": 1.02}),
        ({100: 500, 1_000: 510}, {"peak_ratio": 1.02}),
        ({100: 500}, {}),
    ],
)
def test_memory_is_flat_when_tenfold_length_costs_a_tenth_at_most(
    peaks: dict[int, int], said: dict[str, object]
) -> None:
    rows = [{"tokens": tokens, "peak_memory_bytes": peak} for tokens, peak in peaks.items()]
    assert speed.flatness(rows) == said


def test_a_process_that_was_killed_says_so() -> None:
    error = speed._error({}, -9, "")
    assert error.why == "killed by signal 9"
    assert speed._error({}, 1, "Traceback\nValueError: x\n").why == "ValueError: x"
