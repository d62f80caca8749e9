"""A data folder, and what the training makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from longdoc.train.corpus import Corpus, build


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few documents, questions and summaries."""
    return tiny.write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def corpus(data: Path, cache: Path) -> Corpus:
    return build(data, tiny.CONFIG.data, tiny.tokenizer(), cache)
