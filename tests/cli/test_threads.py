"""numpy's products are computed by one thread: that is settled before numpy is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, sys

class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("numpy with", os.environ.get("OPENBLAS_NUM_THREADS"))

sys.meta_path.insert(0, Look())
from longdoc.cli import main

assert "numpy" not in sys.modules
main()
"""


@pytest.mark.parametrize(("before", "then"), [(None, "1"), ("3", "3")], ids=["by itself", "the user's own"])
def test_the_number_of_threads_is_set_before_numpy_is_imported(before: str | None, then: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": before} if before else {}
    arguments = [
        "batch",
        "nowhere",
        "-o",
        "out",
        "--focus",
        "the budget",
    ]  # a focus is checked before anything is opened
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 66, done.stderr
    assert done.stdout == f"numpy with {then}\n"
