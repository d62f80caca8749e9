"""`longdoc doctor` on this installation, with a random model in the place of the embedded one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longdoc.core.events import Event
from longdoc.core.settings import ModelOptions
from longdoc.engine import quantized
from longdoc.engine.known import known_models
from longdoc.pipeline.doctor import examine, is_fit

PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def test_an_installation_that_works_makes_a_summary_and_one_without_a_model_does_not(
    options: ModelOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    checks = {check.name: check for check in examine(options, told.append)}
    assert is_fit(list(checks.values()))
    assert "tokens read" in checks["summary"].found
    assert "with a memory" in checks["model"].found
    assert checks["sandbox"].is_ok
    assert checks["torch"].details["instructions"] in checks["torch"].found
    assert "fused on cpu" in checks["attention"].found
    assert [row["id"] for row in checks["models"].details["models"]] == [model.id for model in known_models()]
    assert all(check.fix is None for check in checks.values() if check.is_ok)
    assert told
    # once is enough for 4-bit weights: the other trial imports nothing
    monkeypatch.setattr(quantized, "start_trial", lambda: subprocess.Popen([sys.executable, "-c", ""], **PIPES))
    broken = {check.name: check for check in examine(replace(options, model=str(tmp_path)))}
    assert not is_fit(list(broken.values()))
    assert (broken["model"].is_ok, broken["summary"].is_ok, broken["search"].is_ok) == (False, False, True)
