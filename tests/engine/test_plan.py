"""Which mode is chosen and why, and the sizes that the choice rests on."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig

from longdoc.bench.families import FAMILIES, SHAPE, build, random_ids
from longdoc.core.errors import OutOfMemory
from longdoc.core.settings import ModelOptions
from longdoc.engine import plan, sizes
from longdoc.engine.attention import install
from longdoc.engine.cache import KEEP_ALL, StreamingCache, Tiers
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import plan_reading

GIGABYTE = 10**9


@pytest.fixture
def plain(loaded: LoadedModel) -> LoadedModel:
    """A model without an adapter, trained for 8,192 tokens."""
    return replace(loaded, adapter=None, native_tokens=8192)


def with_free(monkeypatch: pytest.MonkeyPatch, num_bytes: int | None) -> None:
    monkeypatch.setattr(plan, "free_bytes", lambda device: num_bytes)


def test_auto_reads_exactly_what_fits_context_and_memory(plain: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free(monkeypatch, GIGABYTE)
    chosen = plan_reading(plain, ModelOptions(), 3000)
    assert chosen.info.mode == "exact"
    assert "the free memory" in chosen.info.why
    assert chosen.reach_tokens == 4024
    assert not chosen.warnings


def test_auto_streams_what_fits_the_context_but_not_the_memory(
    plain: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = plan.exact_bytes(plain, 4024, 1024)
    with_free(monkeypatch, needed)  # a share of it stays for others
    chosen = plan_reading(plain, ModelOptions(), 3000)
    assert chosen.info.mode == "stream"
    assert "are free" in chosen.info.why
    with_free(monkeypatch, 2 * needed)
    assert plan_reading(plain, ModelOptions(), 3000).info.mode == "exact"


def test_where_the_system_does_not_tell_the_context_decides(
    plain: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, None)
    assert plan_reading(plain, ModelOptions(), 3000).info.mode == "exact"
    assert plan_reading(plain, ModelOptions(), 8000).info.mode == "stream"


def test_exact_that_cannot_fit_is_an_error_before_anything_is_read(
    plain: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free(monkeypatch, 1_000_000)
    with pytest.raises(OutOfMemory) as caught:
        plan_reading(plain, ModelOptions(attention="exact"), 3000)
    assert caught.value.exit_code == 71
    assert "0.0 GB are free" in str(caught.value.why)
    assert "stream" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("asked", "num_tokens", "warned"),
    [
        (ModelOptions(attention="exact"), 7000, False),
        (ModelOptions(attention="exact"), 9000, True),
        (ModelOptions(attention="stream"), 9000, False),
        (ModelOptions(attention="stream", window=8192, sinks=0), 100, False),
        (ModelOptions(attention="stream", window=8192, sinks=1), 100, True),
        (ModelOptions(), 10**7, False),
    ],
)
def test_what_goes_beyond_the_native_context_is_said(
    plain: LoadedModel, monkeypatch: pytest.MonkeyPatch, asked: ModelOptions, num_tokens: int, warned: bool
) -> None:
    with_free(monkeypatch, 100 * GIGABYTE)
    chosen = plan_reading(plain, asked, num_tokens)
    assert bool(chosen.warnings) == warned
    assert ("beyond the native context of 8,192" in chosen.info.why) == warned
    assert all("nonsense" in warning for warning in chosen.warnings)


@pytest.mark.parametrize("native_tokens", [1, 64, 500, 8192, 131_072])
def test_the_default_sizes_stay_within_the_native_context(plain: LoadedModel, native_tokens: int) -> None:
    chosen = plan_reading(replace(plain, native_tokens=native_tokens), ModelOptions(attention="stream"), 10**6)
    assert not chosen.warnings
    assert chosen.tiers.window >= 1


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("tiers", [Tiers(4, 24), Tiers(0, KEEP_ALL)], ids=["stream", "exact"])
def test_the_size_of_a_cache_is_known_before_anything_is_read(name: str, tiers: Tiers) -> None:
    model = copy.deepcopy(build(name))
    install(model)
    cache = StreamingCache(model.config, tiers)
    with torch.inference_mode():
        model(random_ids(90), past_key_values=cache, use_cache=True)
    assert cache.num_bytes() == sizes.cache_bytes(model.config, tiers, 90, element_bytes=4)


@pytest.mark.parametrize("tiers", [Tiers(4, 24, 0, 8), Tiers(0, KEEP_ALL, 0, 8)], ids=["stream", "exact"])
def test_the_size_of_a_cache_in_eight_bits_is_known(tiers: Tiers) -> None:
    model = copy.deepcopy(build("gemma2"))
    install(model)
    cache = StreamingCache(model.config, tiers)
    with torch.inference_mode():
        model(random_ids(90), past_key_values=cache, use_cache=True)
    assert cache.num_bytes() == sizes.cache_bytes(model.config, tiers, 90, element_bytes=4)


def test_what_fits_in_eight_bits_alone_is_read_exactly_then(
    plain: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LlamaConfig(num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, hidden_size=4096)
    large = replace(plain, model=SimpleNamespace(config=config, dtype=torch.bfloat16))
    wide, narrow = (plan.exact_bytes(large, 8000, 1024, bits) for bits in (16, 8))
    assert narrow < 0.75 * wide
    with_free(monkeypatch, (wide + narrow) // 2)
    assert plan_reading(large, ModelOptions(), 6976).info.mode == "stream"
    assert plan_reading(large, ModelOptions(kv_bits=8), 6976).info.mode == "exact"


def test_the_size_of_a_memory_bounds_what_it_holds(loaded: LoadedModel) -> None:
    assert loaded.adapter is not None
    memory = loaded.adapter.memory
    assert memory is not None
    with_memory, without = (
        StreamingCache(loaded.model.config, Tiers(4, 24), use_memory=used) for used in (True, False)
    )
    held = []
    for cache in (with_memory, without):
        with torch.inference_mode():
            loaded.model(random_ids(16 * 3 - 1), past_key_values=cache, use_cache=True)
        held.append(cache.num_bytes())
    assert held[0] - held[1] == sizes.memory_bytes(loaded.model.config, memory)
    assert 0 < sizes.matrix_bytes(loaded.model.config, memory) < sizes.memory_bytes(loaded.model.config, memory)


def test_the_weights_are_counted_from_the_configuration() -> None:
    config = LlamaConfig(**{**SHAPE, "tie_word_embeddings": False})
    outside = 2 * 97 * 64
    inside = sum(p.numel() for p in build("llama").parameters()) - 97 * 64 * (
        1 if build("llama").config.tie_word_embeddings else 2
    )
    assert sizes.weight_bytes(config) == 2 * (inside + outside)
    assert sizes.weight_bytes(config, "4bit") < sizes.weight_bytes(config, "8bit") < sizes.weight_bytes(config)


def test_a_container_has_no_more_memory_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    monkeypatch.setattr(sizes, "_PROC_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(sizes, "_CGROUP", tmp_path)
    cpu = torch.device("cpu")
    assert sizes.free_bytes(cpu) == 8000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert sizes.free_bytes(cpu) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert sizes.free_bytes(cpu) == 8000 * 1024
    (tmp_path / "meminfo").unlink()
    assert sizes.free_bytes(cpu) is None
