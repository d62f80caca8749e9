"""A training file is read whole or refused with the name of what is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from longdoc.core.errors import UsageError
from longdoc.engine.cache import Tiers
from longdoc.engine.lora import LoraConfig
from longdoc.train.config import AdapterConfig, TrainConfig, load_adapter_config, load_config

TOML = tiny.config_toml(tiny.CONFIG)
SHIPPED = sorted((Path(__file__).parent.parent.parent / "adapters").glob("*/train.toml"))


def refused(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert caught.value.exit_code == 2
    return f"{caught.value} {caught.value.why}"


def test_what_a_file_says_is_what_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text(TOML)
    assert load_config(path) == tiny.CONFIG


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_a_shipped_file_is_read(path: Path) -> None:
    is_for_an_adapter = "[tiers]" in path.read_text()
    config = load_adapter_config(path) if is_for_an_adapter else load_config(path)
    assert config.stages
    if isinstance(config, TrainConfig):
        assert config.name == path.parent.name
        assert all(layer < config.model.num_layers for layer in config.memory.layers)


def test_there_is_a_shipped_file() -> None:
    assert SHIPPED


@pytest.mark.parametrize("table", ["[data]", "[[data.text]]", "[model]", "[memory]", "[[stages]]", "[[stages.mixes]]"])
def test_an_unknown_key_is_named(tmp_path: Path, table: str) -> None:
    message = refused(tmp_path / "train.toml", TOML.replace(table, f"{table}\nlearning_speed = 3", 1))
    assert "learning_speed" in message
    assert table.strip("[]") in message


@pytest.mark.parametrize(
    "key", ["name", "seed", "qa", "glob", "weight", "vocab_size", "window", "steps", "rows", "sequence_tokens"]
)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    lines = TOML.split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{key} = "))
    assert key in refused(tmp_path / "train.toml", "\n".join(lines[:first] + lines[first + 1 :]))


@pytest.mark.parametrize("table", ["[data]", "[model]", "[memory]"])
def test_a_missing_table_is_named(tmp_path: Path, table: str) -> None:
    without = re.sub(rf"{re.escape(table)}\n.*?(?=\n\[)", "", TOML, flags=re.DOTALL)
    assert table.strip("[]") in refused(tmp_path / "train.toml", without)


def test_an_unknown_key_at_the_top_is_named(tmp_path: Path) -> None:
    assert "learning_speed" in refused(tmp_path / "train.toml", f"learning_speed = 3\n{TOML}")


def test_what_is_no_toml_or_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "train.toml", "name = ")
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


ADAPTER = AdapterConfig(
    "beside", 3, tiny.CONFIG.data, Tiers(2, 32), LoraConfig(4, 8.0, ("q_proj",)), tiny.MEMORY, tiny.STAGES
)


@pytest.mark.parametrize("config", [ADAPTER, replace(ADAPTER, lora=None)], ids=["lora", "memory alone"])
def test_a_file_for_an_adapter_says_what_is_configured(config: AdapterConfig, tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text(tiny.adapter_toml(config))
    assert load_adapter_config(path) == config
    path.write_text(tiny.adapter_toml(config).replace("memory = true\n", ""))
    assert load_adapter_config(path) == config  # what an adapter's stage has unless it says otherwise


@pytest.mark.parametrize("table", ["[tiers]", "[lora]", "[memory]"])
def test_an_unknown_key_for_an_adapter_is_named(tmp_path: Path, table: str) -> None:
    path = tmp_path / "train.toml"
    path.write_text(tiny.adapter_toml(ADAPTER).replace(table, f"{table}\nlearning_speed = 3", 1))
    with pytest.raises(UsageError, match=re.escape(table)) as caught:
        load_adapter_config(path)
    assert "learning_speed" in str(caught.value)


def test_a_file_for_a_model_is_none_for_an_adapter(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_text(TOML)
    with pytest.raises(UsageError, match="model"):
        load_adapter_config(path)
    path.write_text(tiny.adapter_toml(ADAPTER))
    with pytest.raises(UsageError, match="tiers"):
        load_config(path)


@pytest.mark.parametrize("change", ['form = "gamma"', "exact_heads = [9]", "exact_heads = [0]\nridge = 0"])
def test_a_memory_that_cannot_be_is_refused(tmp_path: Path, change: str) -> None:
    text = re.sub(r"^(form|exact_heads|ridge) = .*\n", "", TOML, flags=re.MULTILINE)
    message = refused(tmp_path / "train.toml", text.replace("[memory]", f"[memory]\n{change}", 1))
    assert "[memory]" in message
    assert "cannot be" in message
