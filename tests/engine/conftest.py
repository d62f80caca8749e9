"""One random checkpoint for the whole room."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from longdoc.core.settings import ModelOptions
from longdoc.engine.load import LoadedModel, load_model


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `longdoc train model` would export, memory included."""
    return tiny.checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def loaded(checkpoint: Path) -> LoadedModel:
    """The checkpoint, loaded in the CPU's own precision. Not to be changed by tests."""
    return load_model(ModelOptions(str(checkpoint), offline=True, device="cpu"))
