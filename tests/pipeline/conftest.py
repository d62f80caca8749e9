"""A random model that points, one that writes, and a short book in three formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from made_books import write_pdf, write_text, write_vtt
from transformers import LlamaConfig, LlamaForCausalLM

from longdoc.core.settings import ModelOptions
from longdoc.pipeline import keeping
from longdoc.pipeline.session import Session


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {
        "text": write_text(folder / "book.md"),
        "pdf": write_pdf(folder / "book.pdf"),
        "vtt": write_vtt(folder / "talk.vtt"),
    }


def open_session(folder: Path, **changes: Any) -> Session:
    session = Session(ModelOptions(str(folder), offline=True, device="cpu", **changes))
    session.load(lambda event: None)
    return session


@pytest.fixture(scope="session")
def pointing(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A model with the embedded one's adapter: it chooses sentences of the document."""
    return open_session(tiny.checkpoint(tmp_path_factory.mktemp("pointing")))


@pytest.fixture(scope="session")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A stock model without an adapter: it writes its own words, which are noise, after the prompts for chat models."""
    return open_session(stock(tmp_path_factory.mktemp("writing")), attention="stream")


def stock(folder: Path) -> Path:
    """A random stock model with 4,096 tokens of native context."""
    torch.manual_seed(7)
    shape = tiny.SHAPE | {"vocab_size": tiny.tokenizer().get_vocab_size()}
    tiny.save(LlamaForCausalLM(LlamaConfig(**shape)), folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "states"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_text(tmp_path / "book.md")


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every segment."""
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "_SAVE_SHARE", 1e9)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder of three texts, one of them below it."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    for name, text in {"a.txt": "alpha", "b.txt": "beta", "sub/c.txt": "gamma"}.items():
        (folder / name).write_text(text)
    return folder
