"""What is said of a model that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine.hub import pull
from longdoc.engine.load import load_model
from longdoc.engine.outline import outline
from longdoc.engine.unavailable import explain


def refused(model: str | Path) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as caught:
        load_model(ModelOptions(str(model), offline=True, device="cpu"))
    return caught.value


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert (error.what, error.why) == (f"There is no model in the folder {tmp_path}.", "it is empty")
    (tmp_path / "adapter.toml").touch()
    assert refused(tmp_path).why == "it has no config.json"


def test_a_path_to_nothing_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").what == f"There is no folder {tmp_path / 'nowhere'}."
    assert refused("./nowhere").what == "There is no folder ./nowhere."


def test_an_empty_name_is_no_folder() -> None:
    assert refused("").what == "The model has no name."


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    assert "is a file" in refused(tmp_path / "model.gguf").what


def test_offline_is_named_as_the_reason() -> None:
    error = refused("nobody/nothing")
    assert error.what == "The model nobody/nothing is not on this machine."
    assert "--offline" in str(error.why)
    assert "hf download nobody/nothing" in str(error.fix)


def test_a_network_that_is_not_there_is_named_as_the_reason() -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    error = OSError("We couldn't connect")
    error.__cause__ = LocalEntryNotFoundError("not in the cache")
    told = explain(ModelOptions("nobody/nothing"), error)
    assert told.why == "huggingface.co cannot be reached"


def test_what_nobody_foresaw_is_told_in_the_words_of_transformers() -> None:
    told = explain(ModelOptions("a/b"), ValueError("line one\n\nline two\nline three"))
    assert told.why == "line one line two"


@pytest.mark.parametrize("look", [load_model, outline, pull])
def test_a_hub_that_does_not_answer_is_asked_once(look: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    class Session:
        def head(self, url: str, timeout: float) -> None:
            asked.append(url)
            raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_session", Session)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable) as caught:
        look(ModelOptions("nobody/nothing", device="cpu"))
    assert caught.value.why == "huggingface.co cannot be reached"
    assert asked == [constants.ENDPOINT]
