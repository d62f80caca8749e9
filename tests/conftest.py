"""What the tests of several rooms share: surroundings of their own, and the fake pipeline of `handmade`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handmade import FakePipeline

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No settings of the person who runs the tests, nor their reading states: neither files nor environment."""
    for name in [*os.environ]:
        if name.startswith("LONGDOC_") or name in {"NO_COLOR", "FORCE_COLOR", "HF_HUB_OFFLINE"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-settings"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "no-states"))


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """The fake in the place of the real modules."""
    fake = FakePipeline()
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def child_environment() -> dict[str, str]:
    """The environment of a child process that imports longdoc from this checkout."""
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture
def longdoc_process(child_environment: dict[str, str]) -> Callable[..., subprocess.Popen[bytes]]:
    """Start `longdoc` with the fake pipeline in a process of its own."""

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        program = [sys.executable, str(REPOSITORY / "tests" / "handmade.py"), *arguments]
        options.setdefault("env", child_environment)
        # a test run in the background of a shell may itself ignore Ctrl-C, and its children would too
        options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        process: subprocess.Popen[bytes] = subprocess.Popen(program, **options)
        return process

    return start
