"""An adapter's folder: written, read back, refused when it is not what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.adapter import AdapterInfo, load_adapter, load_weights, save_adapter
from longdoc.engine.cache import Tiers
from longdoc.engine.memory import DeltaMemory, MemoryForm, PaperMemory

INFO = AdapterInfo(
    name="tiny",
    base="someone/a-model",
    tiers=Tiers(4, 64),
    segment_tokens=128,
    memory=tiny.MEMORY,
    attention="stream",
    verbatim=True,
    prompts="embedded",
    notes={"stage": "tasks", "recipe": 'says "hé" – 😀\n', "nats": 1e-05, "licences": ["CC0", "MIT"]},
)


def memories(form: MemoryForm = "delta") -> dict[int, DeltaMemory | PaperMemory]:
    config = replace(tiny.MEMORY, form=form)
    made = DeltaMemory(64, config) if form == "delta" else PaperMemory(4, config, gate_init=1.5)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return {1: made}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_adapter(tmp_path, INFO, memories())
    return tmp_path


@pytest.mark.parametrize("info", [INFO, replace(INFO, memory=None, notes={})], ids=["memory", "none"])
def test_what_is_saved_is_loaded(info: AdapterInfo, tmp_path: Path) -> None:
    save_adapter(tmp_path, info, {})
    assert load_adapter(tmp_path) == info


@pytest.mark.parametrize("form", ["delta", "paper-delta", "paper-linear"])
def test_weights_come_back_rounded_to_bfloat16(form: MemoryForm, tmp_path: Path) -> None:
    saved, fresh = memories(form), memories(form)
    save_adapter(tmp_path, replace(INFO, memory=saved[1].config), saved)
    load_weights(tmp_path, fresh)
    for (name, kept), (_, read) in zip(saved[1].named_parameters(), fresh[1].named_parameters(), strict=True):
        assert torch.equal(kept.to(torch.bfloat16).float(), read), name


def refused(folder: Path) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as caught:
        load_adapter(folder)
    assert caught.value.exit_code == 69
    return caught.value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "tiny"', 'name = "tiny"\ntemperature = 1'),
        ("window = 64", "window = 64\nhighlights = 3"),
        ("lags = 3", "lags = 3\nforget = true"),
        ('form = "delta"', 'form = "gamma"'),
        ("key_products = 0", "key_products = -1"),
        ("exact_heads = []", "exact_heads = [7]"),
        ("exact_heads = []", "exact_heads = [0, 0]"),
        ("ridge = 0.3", "ridge = 0.0\nexact_heads = [0]"),
        ("layers = [1]", ""),
        ("[tiers]", "[tears]"),
        ('base = "someone/a-model"', ""),
        ("segment_tokens = 128", "segment_tokens = "),
    ],
)
def test_settings_that_are_not_understood_are_refused(folder: Path, old: str, new: str) -> None:
    file = folder / "adapter.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert refused(folder).why


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    refused(tmp_path)


def test_settings_that_are_not_text_are_refused(folder: Path) -> None:
    (folder / "adapter.toml").write_bytes(b"\xff\xfe\x00")
    refused(folder)


@pytest.mark.parametrize("change", ["missing", "unknown", "other shape", "damaged", "no file"])
def test_weights_that_do_not_fit_are_refused(folder: Path, change: str) -> None:
    file = folder / "adapter.safetensors"
    weights = load_file(file)
    if change == "missing":
        del weights["1.read_gate.bias"]
    elif change == "unknown":
        weights["1.surprise"] = torch.zeros(1)
    elif change == "other shape":
        weights["1.reduce.weight"] = weights["1.reduce.weight"][:3].clone()
    save_file(weights, file)
    if change == "damaged":
        file.write_bytes(b"not tensors")
    elif change == "no file":
        file.unlink()
    with pytest.raises(ModelUnavailable, match="do not fit"):
        load_weights(folder, memories())
