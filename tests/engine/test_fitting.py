"""What ways of reading take, and which one a limit of memory allows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from longdoc.bench.families import build
from longdoc.core.errors import OutOfMemory
from longdoc.core.plans import PlannedMemory
from longdoc.core.settings import ModelOptions
from longdoc.engine import fitting
from longdoc.engine.fitting import fitted, flags, modes, needs, ring_needs, ring_tokens
from longdoc.engine.outline import PROGRAM_BYTES, Outline, outline
from longdoc.engine.plan import plan_reading, ring_bytes, ring_segment_tokens
from longdoc.engine.ring.cache import Register, RingCache
from longdoc.engine.ring.transport import Ring
from longdoc.engine.tiers import KEEP_ALL

SHAPE = {
    **tiny.SHAPE, "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 8,
    "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 8192,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(7)
    config = LlamaConfig(**SHAPE | {"vocab_size": tiny.tokenizer().get_vocab_size()})
    tiny.save(LlamaForCausalLM(config).to(torch.bfloat16), path)
    return path


@pytest.fixture
def options(folder: Path) -> ModelOptions:
    return ModelOptions(str(folder), offline=True, device="cpu")


@pytest.fixture
def model(options: ModelOptions) -> Outline:
    return outline(options)


def total(model: Outline, options: ModelOptions, num_tokens: int) -> int:
    return needs(model, plan_reading(model, options, num_tokens), num_tokens).total


def test_the_total_is_the_peak_of_loading_or_of_reading() -> None:
    reading = PlannedMemory(weights=10, kept=1, workspace=2, program=100, document=5)
    assert reading.total == 118
    assert replace(reading, loading=2).total == 118
    assert replace(reading, loading=20).total == 135


def test_weights_that_are_turned_into_others_lie_in_memory_twice(folder: Path, tmp_path: Path) -> None:
    as_saved = outline(ModelOptions(str(folder), offline=True, device="cpu"))
    other = torch.float32 if as_saved.element_bytes == 2 else torch.bfloat16
    config = LlamaConfig(**SHAPE | {"vocab_size": tiny.tokenizer().get_vocab_size()})
    tiny.save(LlamaForCausalLM(config).to(other), tmp_path)
    turned = outline(ModelOptions(str(tmp_path), offline=True, device="cpu"))
    quantized = outline(ModelOptions(str(folder), offline=True, device="cpu", quantize="4bit"))
    assert (as_saved.loading > 0) == (as_saved.element_bytes == 4)
    assert turned.loading == (tmp_path / "model.safetensors").stat().st_size
    assert quantized.loading == (folder / "model.safetensors").stat().st_size


def test_a_stream_takes_the_same_for_any_length_and_the_others_do_not(model: Outline, options: ModelOptions) -> None:
    short, long = ({m.mode: m for m in modes(model, options, n, "", 4)} for n in (20_000, 40_000))
    totals = {name: (short[name].memory, long[name].memory) for name in short}
    assert totals["stream"][0] == totals["stream"][1]
    exact = totals["exact"]
    assert exact[0] is not None
    assert exact[1] is not None
    assert exact[1].kept == 2 * exact[0].kept
    ring = totals["ring"][1]
    assert ring is not None
    assert (long["ring"].processes, ring.kept) == (4, exact[1].kept // 4)
    assert ring.total < exact[1].total
    assert ring_needs(model, 1024, 40_000, 8).total < ring.total


def test_the_longest_document_of_a_ring_fits_and_one_token_more_does_not(model: Outline, options: ModelOptions) -> None:
    at_a_time, limit = ring_segment_tokens(model, options), 1_000_000_000
    for processes in (1, 2, 8):
        longest = ring_tokens(model, at_a_time, processes, limit)
        assert longest
        assert ring_needs(model, at_a_time, longest, processes).total <= limit
        more = ring_needs(model, at_a_time, longest + processes, processes)  # a share is of whole tokens
        assert more.total > limit
    assert ring_tokens(model, at_a_time, 2, PROGRAM_BYTES) == 0
    four, eight = (ring_tokens(model, at_a_time, n, 10 * limit) or 0 for n in (4, 8))
    assert eight / four == pytest.approx(2, rel=0.05)


def test_processes_on_one_processor_share_what_is_free_and_gpus_do_not(
    model: Outline, options: ModelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_time = ring_segment_tokens(model, options)
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 8_000_000_000)
    shared = ring_tokens(model, at_a_time, 4, None)
    on_gpus = ring_tokens(replace(model, device=torch.device("meta")), at_a_time, 4, None)
    assert shared
    assert on_gpus
    assert on_gpus > 4 * shared
    monkeypatch.setattr(fitting, "free_bytes", lambda device: None)
    assert ring_tokens(model, at_a_time, 4, None) is None


@pytest.mark.parametrize("family", ["llama", "gemma3", "mistral-sliding"])
def test_what_a_process_of_a_ring_keeps_is_what_was_estimated_also_where_a_window_slides(
    model: Outline, family: str
) -> None:
    stock = build(family)
    cache = RingCache(stock.config, Ring(), Register())
    heads, dim = stock.config.num_key_value_heads, stock.config.head_dim
    for layer in cache.layers:
        layer.add(torch.zeros(1, heads, 100, dim), torch.zeros(1, heads, 100, dim))
    made = replace(model, config=stock.config, element_bytes=4)
    assert ring_bytes(made, 199, 64, 2)[0] == cache.own_bytes()


def test_a_plan_of_a_ring_takes_what_its_row_says_and_a_limit_does_not_change_the_mode(
    model: Outline, options: ModelOptions
) -> None:
    asked = replace(options, attention="ring", processes=3)
    reading = plan_reading(model, asked, 5000)
    row = modes(model, asked, 5000, "", 3)[2]
    assert (row.mode, row.memory) == ("ring", needs(model, reading, 5000))
    assert fitted(model, asked, 5000, "", needs(model, reading, 5000).total)[1] == asked
    with pytest.raises(OutOfMemory):
        fitted(model, asked, 5000, "", needs(model, reading, 5000).total - 1)


def test_a_document_is_counted(model: Outline, options: ModelOptions) -> None:
    reading = plan_reading(model, options, 9000)
    text = "x" * 1_000_000
    assert needs(model, reading, 9000, text).total - needs(model, reading, 9000).total >= len(text)


def test_within_a_limit_the_best_way_is_taken(model: Outline, options: ModelOptions) -> None:
    whole = total(model, options, 5000)
    assert fitted(model, options, 5000, "", whole)[1] == options
    stream = total(model, replace(options, attention="stream"), 7000)
    assert stream < total(model, options, 7000)
    chosen = fitted(model, options, 7000, "", stream)[1]
    assert (chosen.attention, chosen.quantize, chosen.window) == ("stream", "auto", None)
    _, smaller = fitted(model, options, 7000, "", stream - 2_000_000)
    assert total(model, smaller, 7000) <= stream - 2_000_000
    assert smaller.kv_bits == 8
    assert "--kv-bits 8" in flags(options, smaller)
    _, smallest = fitted(model, options, 7000, "", total(model, smaller, 7000) - 1)
    assert smallest.window in (2048, 1024)
    assert f"--window {smallest.window}" in flags(options, smallest)


def test_what_the_user_chose_stays(model: Outline, options: ModelOptions) -> None:
    asked = replace(options, window=4096, quantize="none", attention="stream", kv_bits=8)
    with pytest.raises(OutOfMemory):
        fitted(model, asked, 7000, "", total(model, asked, 7000) - 1)
    assert fitted(model, asked, 7000, "", total(model, asked, 7000))[1] == asked
    exact = replace(options, attention="exact")
    _, chosen = fitted(model, exact, 5000, "", total(model, exact, 5000) - 1_000_000)
    assert (chosen.attention, chosen.kv_bits) == ("exact", 8)


def test_the_tiers_of_an_adapter_stay(tmp_path: Path) -> None:
    options = ModelOptions(str(tiny.checkpoint(tmp_path)), offline=True, device="cpu")
    model = outline(options)
    assert fitted(model, options, 50_000, "", 10**9)[1] == options
    with pytest.raises(OutOfMemory):
        fitted(model, options, 50_000, "", total(model, options, 50_000) - 1)


def test_where_nothing_fits_the_least_is_told(model: Outline, options: ModelOptions) -> None:
    with pytest.raises(OutOfMemory) as caught:
        fitted(model, options, 7000, "", PROGRAM_BYTES)
    assert caught.value.exit_code == 71
    assert "415 MB for Python and its libraries" in str(caught.value.why)
    assert "longdoc models list" in str(caught.value.fix)


def test_a_gpu_holds_neither_program_nor_text(model: Outline, options: ModelOptions) -> None:
    reading = plan_reading(model, options, 5000)
    on_gpu = replace(model, device=torch.device("meta"))
    takes = needs(on_gpu, reading, 5000, "text")
    assert (takes.program, takes.document, takes.loading) == (0, 0, 0)
    assert takes.kept == needs(model, reading, 5000).kept
    assert reading.tiers.window == KEEP_ALL
    assert json.loads((Path(options.model) / "config.json").read_text())["num_hidden_layers"] == 4
