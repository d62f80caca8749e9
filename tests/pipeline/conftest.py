"""A random model that points, one that writes, and a short book in three formats."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from made_books import write_pdf, write_text, write_vtt

from longdoc.core.settings import ModelOptions
from longdoc.pipeline.session import Session


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {
        "text": write_text(folder / "book.md"),
        "pdf": write_pdf(folder / "book.pdf"),
        "vtt": write_vtt(folder / "talk.vtt"),
    }


def open_session(folder: Path) -> Session:
    session = Session(ModelOptions(str(folder), offline=True, device="cpu"))
    session.load(lambda event: None)
    return session


@pytest.fixture(scope="session")
def pointing(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A model with the embedded one's adapter: it chooses sentences of the document."""
    return open_session(tiny.checkpoint(tmp_path_factory.mktemp("pointing")))


@pytest.fixture(scope="session")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A model that writes its own words, which are noise, with the prompts for chat models."""
    return open_session(tiny.checkpoint(tmp_path_factory.mktemp("writing"), memory=False, prompts="chat"))
