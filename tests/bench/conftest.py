"""One random checkpoint for the benches."""

from __future__ import annotations

import pytest
import tiny

from longdoc.core.settings import ModelOptions


@pytest.fixture(scope="session")
def options(tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    """It reads with sinks 4, a window of 64 tokens and a memory."""
    folder = tiny.checkpoint(tmp_path_factory.mktemp("checkpoint"))
    return ModelOptions(model=str(folder), attention="stream", segment_tokens=48, device="cpu", threads=1)
