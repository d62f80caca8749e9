"""What several tests of the pipeline work on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of three texts, one of them below it."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    for name, text in {"a.txt": "alpha", "b.txt": "beta", "sub/c.txt": "gamma"}.items():
        (folder / name).write_text(text)
    return folder
