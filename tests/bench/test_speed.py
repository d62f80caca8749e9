"""Speed: the measuring process, its progress and its errors, and when memory counts as flat."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from longdoc.bench import speed, speed_process
from longdoc.bench.pictures import picture
from longdoc.bench.speed_process import MODES
from longdoc.core.errors import UsageError
from longdoc.core.events import Event, SegmentRead
from longdoc.core.settings import ModelOptions

REPOSITORY = Path(__file__).resolve().parents[2]


def measured(options: ModelOptions, mode: str) -> dict[str, Any]:
    job = {"tokens": 900, "text": None, "mode": mode, "options": asdict(options), "started": time.time()}
    (row,) = speed_process.measure(job)["results"]
    return dict(row)


@pytest.mark.parametrize("mode", MODES)
def test_a_made_text_has_about_the_tokens_that_were_asked_for(options: ModelOptions, mode: str) -> None:
    row = measured(options, mode)
    assert row["mode"] == mode
    assert 750 <= row["tokens"] <= 900
    assert row["tokens_per_s"] > 0
    assert (row.get("write_tokens_per_s") is not None) == (mode in ("stream", "exact"))
    assert row["peak_memory_bytes"] > 50_000_000
    tokens, seconds = zip(*row["curve"], strict=True)
    assert list(tokens) == sorted(set(tokens))
    assert list(seconds) == sorted(seconds)


def test_a_full_cache_holds_every_token_and_no_history_none(options: ModelOptions) -> None:
    rows = {mode: measured(options, mode) for mode in MODES}
    assert rows["no-history"]["state_bytes"] == 0
    assert rows["exact"]["state_bytes"] == rows["stock"]["state_bytes"] == full_bytes(rows["exact"]["tokens"])
    assert rows["stream"]["state_bytes"] < rows["exact"]["state_bytes"]


def full_bytes(num_tokens: int) -> int:
    """Of keys and values of the tiny model, in the precision of this processor."""
    shape = tiny.CONFIG.model
    element_bytes = 2 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else 4
    return 2 * shape.num_layers * shape.num_kv_heads * shape.head_dim * num_tokens * element_bytes


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
    job = {"source": "a.txt", "mode": "stream", "options": wrong, "started": time.time()}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(job)))
    assert speed_process.main() == 69
    error = speed._error(json.loads(capsys.readouterr().out), 69, "")
    assert str(tmp_path) in error.what
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


def made(mode: str, tokens: int, tokens_per_s: float, **more: Any) -> dict[str, Any]:
    return {
        "source": None, "mode": mode, "tokens": tokens, "tokens_per_s": tokens_per_s, "state_bytes": tokens,
        "peak_memory_bytes": 10**8, "curve": [], **more,
    }  # fmt: skip


def test_a_quadratic_cost_is_found_again() -> None:
    seconds = speed.quadratic([(n, 2e-4 * n + 3e-9 * n * n) for n in range(1000, 33_000, 1000)])
    assert seconds(131_072) == pytest.approx(2e-4 * 131_072 + 3e-9 * 131_072**2)
    assert speed.quadratic([(1000, 1.0)])(3000) == pytest.approx(3.0)
    falling = speed.quadratic([(n, n**0.5) for n in range(1000, 5000, 1000)])
    assert falling(100_000) > falling(10_000) > 0


def test_a_full_cache_is_projected_where_it_was_not_measured() -> None:
    curve = [(n, 1e-4 * n + 1e-8 * n * n) for n in range(1000, 32_001, 1000)]
    rows = [
        made("stream", 32_000, 5000.0),
        made("exact", 32_000, 2400.0, curve=curve),
        made("stream", 130_990, 5000.0),
    ]
    (row,) = speed.projections(rows, [32_768, 131_072], ["stream", "exact"])
    assert (row["mode"], row["tokens"], row["projected"], row["state_bytes"]) == ("exact", 130_990, True, 130_990)
    assert row["tokens_per_s"] == pytest.approx(1 / (1e-4 + 1e-8 * 130_990), rel=0.01)
    found = speed.ratios([*rows, row])
    assert found["stream over exact at 32,000"] == pytest.approx(5000 / 2400)
    assert found["stream over exact at 130,990 projected"] == pytest.approx(5000 / row["tokens_per_s"])


def test_ratios_are_of_what_the_bars_speak_of() -> None:
    rows = [
        made("stream", 1_000, 9000.0, write_tokens_per_s=90.0),  # its window is not full
        made("stream", 16_000, 8000.0, write_tokens_per_s=80.0),
        made("no-history", 16_100, 10_000.0),
        made("stream", 1_000_000, 7600.0, write_tokens_per_s=76.0),
    ]
    assert speed.ratios(rows) == pytest.approx(
        {
            "reading 1,000,000 tokens over 16,000": 0.95,
            "writing after 1,000,000 tokens over 16,000": 0.95,
            "stream over no history at 16,000": 0.8,
        }
    )
    assert speed.ratios([made("exact", 5, 1.0)]) == {}


def test_only_what_is_needed_is_measured() -> None:
    jobs = speed._jobs(["a.txt"], [131_072, 16_384], None, ["stream", "exact", "no-history"], 32_768)
    assert [(job["mode"], job.get("source") or job["tokens"]) for job in jobs] == [
        *((mode, "a.txt") for mode in ("stream", "exact", "no-history")),
        *((mode, 16_384) for mode in ("stream", "exact", "no-history")),
        ("stream", 131_072),
    ]
    jobs = speed._jobs([], [131_072], None, ["exact"], 32_768)
    assert [(job["mode"], job["tokens"]) for job in jobs] == [("exact", 32_768)]


def test_of_several_runs_the_median_counts(options: ModelOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([5000.0, 9000.0, 7000.0, 8000.0, 6000.0, 9000.0])

    def measure(job: dict[str, Any], on_event: object) -> dict[str, Any]:
        row = made(job["mode"], job["tokens"], next(speeds))
        return {"schema": "s", "bench": "speed", "model": {"id": "m", "adapter": None}, "machine": {}, "results": [row]}

    monkeypatch.setattr(speed, "_in_a_process", measure)
    result = speed.run(options, lengths=[16_384], modes=["stream", "no-history"], runs=3)
    assert [(row["mode"], row["tokens_per_s"]) for row in result["results"]] == [("stream", 6000), ("no-history", 9000)]
    assert result["stream over no history at 16,384"] == pytest.approx(0.667)  # of 5/9, 7/8, 6/9
    assert result["runs"] == 3
    assert "curve" not in result["results"][0]
    assert "Speed of reading" in picture(result)


def test_a_mode_that_is_not_there_is_a_usage_error(options: ModelOptions) -> None:
    with pytest.raises(UsageError, match="no mode fast"):
        speed.run(options, lengths=[100], modes=["stream", "fast"])
