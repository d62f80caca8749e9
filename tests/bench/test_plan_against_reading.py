"""`bench plan`: what a plan says against what a reading takes. The fresh process is played in this one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny

from longdoc.bench import plan, plan_process
from longdoc.core.errors import LongdocError
from longdoc.core.settings import ModelOptions


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "long.txt", tmp_path / "longer.txt"]
    for number, path in enumerate(paths):
        path.write_text(tiny.prose(250 + 20 * number, seed=number))
    return paths


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The jobs of the processes that would have been started."""
    jobs: list[dict[str, Any]] = []

    def run(command: list[str], *, input: str, **how: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "longdoc.bench.plan_process"]
        jobs.append(json.loads(input))
        said, complaint = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "stdin", io.StringIO(input))
            patched.setattr(sys, "stdout", said)
            patched.setattr(sys, "stderr", complaint)
            code = plan_process.main()
        return subprocess.CompletedProcess(command, code, said.getvalue(), complaint.getvalue())

    monkeypatch.setattr(plan, "subprocess", SimpleNamespace(run=run))
    return jobs


def test_tokens_are_equal_and_the_second_reading_has_a_time(
    options: ModelOptions, files: list[Path], in_this_process: list[dict[str, Any]]
) -> None:
    result = plan.run(options, files, attentions=["stream"])
    assert [Path(job["source"]).name for job in in_this_process] == ["long.txt", "long.txt", "longer.txt"]
    assert [row["file"] for row in result["results"]] == ["long.txt", "longer.txt"]
    assert result["tokens_equal"]
    for row in result["results"]:
        assert row["tokens"] == row["planned_tokens"] > 5000
        assert row["planned_memory_bytes"] > 0
        assert row["seconds_ratio"] == pytest.approx(row["planned_s"] / row["seconds_s"], rel=0.05)
    assert result["largest_memory_error"] == round(max(abs(row["memory_ratio"] - 1) for row in result["results"]), 3)
    assert not Path(in_this_process[0]["folder"]).exists()


def test_a_reading_that_is_stopped_has_memory_and_no_time(
    options: ModelOptions, files: list[Path], in_this_process: list[dict[str, Any]]
) -> None:
    result = plan.run(options, files[:1], attentions=["stream", "exact"], stop_after=1000)
    assert [row["mode"] for row in result["results"]] == ["stream", "exact"]
    for row in result["results"]:
        assert 1000 <= row["tokens_read"] < row["tokens"] == row["planned_tokens"]
        assert row["planned_s"] is row["seconds_s"] is row["seconds_ratio"] is None
    assert "seconds_within_30_percent" not in result


def test_what_goes_wrong_in_the_process_is_told(
    options: ModelOptions, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 69, "", "The model is gone. It was deleted\n")

    monkeypatch.setattr(plan, "subprocess", SimpleNamespace(run=failed))
    with pytest.raises(LongdocError) as caught:
        plan.run(replace(options), files[:1])
    assert (caught.value.exit_code, caught.value.why) == (69, "The model is gone. It was deleted")
