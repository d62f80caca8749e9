"""Highlights, with sinks, window and memory, against a loop over queries and keys in float64
(`longdoc.bench.reference_highlights`), which knows nothing of calls: it reads the whole text once.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from longdoc.bench import reference
from longdoc.bench.families import build, random_ids
from longdoc.bench.reference import family_rules
from longdoc.core.settings import ModelOptions
from longdoc.engine import attention
from longdoc.engine import highlights as highlights_module
from longdoc.engine import memory as memory_module
from longdoc.engine.attention import attach_memory, install
from longdoc.engine.cache import StreamingCache, StreamingLayer, Tiers
from longdoc.engine.highlights import priority
from longdoc.engine.load import LoadedModel
from longdoc.engine.memory import MemoryConfig, MemoryForm
from longdoc.engine.plan import plan_reading
from longdoc.engine.positions import rotate
from longdoc.engine.sizes import cache_bytes
from longdoc.engine.write_rules import Held, WriteRule

TIERS = Tiers(sinks=4, window=24, highlights=10)
NUM_TOKENS = 120
SEGMENTS = (1, 7, 32, 150)
FAMILIES = ("llama", "qwen3", "gemma2", "phi", "glm", "smollm3")  # soft caps, partial, interleaved and no rotations
every_family = pytest.mark.parametrize("name", FAMILIES)


def wanted(name: str, memories: dict[int, Any] | None = None) -> Tensor:
    """(1, T, V) float64."""
    rules = family_rules(name, TIERS.sinks, TIERS.window, NUM_TOKENS, TIERS.highlights)
    return reference.logits(build(name), random_ids(NUM_TOKENS), rules, memories)


wanted_without_memory = cache(wanted)


@cache
def streaming(name: str) -> Any:
    model = copy.deepcopy(build(name))
    install(model)
    return model


def read(model: Any, segment_tokens: int, tiers: Tiers = TIERS, *, use_memory: bool = False) -> Tensor:
    """(1, T, V)."""
    cache = StreamingCache(model.config, tiers, use_memory=use_memory)
    with torch.inference_mode():
        pieces = torch.split(random_ids(NUM_TOKENS), segment_tokens, 1)
        return torch.cat([model(p, past_key_values=cache, use_cache=True).logits for p in pieces], 1)


def error(found: Tensor, expected: Tensor) -> float:
    """The largest difference of two logits."""
    return float((found.double() - expected.double()).abs().max())


@every_family
@pytest.mark.parametrize("segment_tokens", SEGMENTS)
def test_equals_the_loop(name: str, segment_tokens: int) -> None:
    assert error(read(streaming(name), segment_tokens), wanted_without_memory(name)) < 1e-5


@every_family
def test_the_highlights_change_the_result(name: str) -> None:
    assert error(read(streaming(name), 32, Tiers(TIERS.sinks, TIERS.window)), wanted_without_memory(name)) > 1e-2


@cache
def wanted_with_memory(form: MemoryForm) -> Tensor:
    return wanted("llama", with_memory(form)[1])


def with_memory(form: MemoryForm) -> tuple[Any, dict[int, Any]]:
    """A fresh model with a memory in both layers, its gates far from closed."""
    model = copy.deepcopy(build("llama"))
    install(model)
    config = MemoryConfig(form, (0, 1), 16, heads=2, key_dim=16, value_dim=16, lags=3, width=16)
    torch.manual_seed(2)
    memories = dict(attach_memory(model, config))
    for memory in memories.values():
        memory.eval().requires_grad_(False)
        for name, parameter in memory.named_parameters():
            if "gate" in name:
                torch.nn.init.normal_(parameter)
    return model, memories


every_form = pytest.mark.parametrize("form", ["delta", "paper-delta", "paper-linear"])


@every_form
@pytest.mark.parametrize("segment_tokens", SEGMENTS)
def test_all_four_tiers_and_the_gates_equal_the_loop(form: MemoryForm, segment_tokens: int) -> None:
    model, _ = with_memory(form)
    assert error(read(model, segment_tokens, use_memory=True), wanted_with_memory(form)) < 1e-5


def keep_keys_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache holds keys with the rotation of the call that brought them."""
    streamed = attention.streamed

    def broken(module: Any, layer: StreamingLayer, *given: Any) -> Tensor:
        out = streamed(module, layer, *given)
        assert layer.keys is not None
        layer.keys = rotate(module, layer.keys, torch.arange(layer.keys.shape[2]))
        return out

    monkeypatch.setattr(attention, "streamed", broken)


def write_before_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment reads what it has just written."""
    scan = memory_module.scan

    def broken(*given: Any, rule: WriteRule, **settings: Any) -> Any:
        def shifted(held: Held, *segments: Tensor) -> Held:
            after = rule(held, *segments)
            matrices, normalisers = after.matrices, after.normalisers
            return Held([*matrices[1:], matrices[-1]], [*normalisers[1:], normalisers[-1]], after.covariance)

        return scan(*given, rule=shifted, **settings)

    monkeypatch.setattr(memory_module, "scan", broken)


def ignore_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the memory says counts in full."""
    monkeypatch.setattr(torch, "sigmoid", torch.ones_like)


@pytest.mark.parametrize(("constant", "value"), [("_FADE", 0.0), ("RESERVOIR_SHARE", 0.0), ("RESERVOIR_SHARE", 0.5)])
def test_an_engine_that_chooses_otherwise_does_not_equal_the_loop(
    constant: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Second chance ignored, reservoir share ignored or doubled."""
    monkeypatch.setattr(highlights_module, constant, value)
    assert error(read(streaming("llama"), 32), wanted_without_memory("llama")) > 1e-3


@every_form
@pytest.mark.parametrize("broken", [keep_keys_rotated, write_before_reading, ignore_gates])
def test_an_engine_that_breaks_a_rule_does_not_equal_the_loop(
    form: MemoryForm, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = with_memory(form)
    expected = wanted_with_memory(form)
    broken(monkeypatch)
    assert error(read(model, 32, use_memory=True), expected) > 1e-2


def test_what_a_fork_reads_does_not_change_the_state() -> None:
    model = streaming("llama")
    ids = random_ids(NUM_TOKENS)
    with torch.inference_mode():
        kept = StreamingCache(model.config, TIERS)
        model(ids, past_key_values=kept, use_cache=True)
        before = {name: tensor.clone() for name, tensor in kept.named_tensors().items()}
        fork = kept.fork()
        first = model(ids[:, :50], past_key_values=fork, use_cache=True).logits
        for name, tensor in kept.named_tensors().items():
            assert torch.equal(tensor, before[name])
        assert not torch.equal(fork.named_tensors()["0.highlights.positions"], before["0.highlights.positions"])
        again = model(ids[:, :50], past_key_values=kept.fork(), use_cache=True).logits
    assert torch.equal(first, again)


def test_a_restored_state_goes_on_as_the_one_it_was_saved_from() -> None:
    model, _ = with_memory("delta")
    ids = random_ids(NUM_TOKENS)
    with torch.inference_mode():
        kept = StreamingCache(model.config, TIERS)
        model(ids[:, :77], past_key_values=kept, use_cache=True)  # between two turns
        fresh = StreamingCache(model.config, TIERS)
        fresh.restore(kept.named_tensors(), kept.num_seen)
        ours = model(ids[:, 77:], past_key_values=fresh, use_cache=True).logits
        assert torch.equal(ours, model(ids[:, 77:], past_key_values=kept, use_cache=True).logits)


def test_the_state_is_as_large_after_a_long_text_as_after_a_short_one() -> None:
    model = streaming("llama")
    cache = StreamingCache(model.config, TIERS)
    ids = torch.randint(3, 97, (1, 2400), generator=torch.Generator().manual_seed(0))
    sizes = []
    with torch.inference_mode():
        for piece in torch.split(ids, 240, 1):
            model(piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
            sizes.append(cache.num_bytes())
    assert set(sizes[1:]) == {sizes[0]}
    positions = cache.layers[0].highlights.positions
    assert positions.shape == (1, 2, TIERS.highlights)
    assert positions.min() >= TIERS.sinks
    assert bool((positions.diff() > 0).all())


def test_the_reservoir_is_a_uniform_sample_of_all_that_left_the_window() -> None:
    model = streaming("llama")
    tiers = Tiers(4, 24, 100)
    cache = StreamingCache(model.config, tiers)
    ids = torch.randint(3, 97, (1, 1500), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    left = torch.arange(tiers.sinks, 1500 - tiers.window + 1)
    sample = left[priority(left).topk(25).indices]
    for head in cache.layers[0].highlights.positions[0]:
        assert set(sample.tolist()) <= set(head.tolist())
    assert abs(float(sample.double().mean()) - 740) < 4 * 1500 / 12**0.5 / 25**0.5


def test_a_token_that_is_looked_at_stays() -> None:
    """One early key draws every query: without highlights it is lost, with them it is kept in every head."""
    model: Any = copy.deepcopy(streaming("smollm3"))  # its second layer has no positions
    module = list(attention.attention_modules(model))[1]
    drawing = 40
    given: list[int] = [0]

    def draw(_: Any, key: Tensor) -> Tensor:
        position = torch.arange(given[0], given[0] + key.shape[1])
        given[0] += key.shape[1]
        return torch.where((position == drawing)[:, None], 30.0, 0.1 * key)

    module.k_proj.register_forward_hook(lambda module, args, key: draw(args, key))  # type: ignore[union-attr]
    module.q_proj.register_forward_hook(lambda module, args, query: query.abs())  # type: ignore[union-attr]
    cache = StreamingCache(model.config, TIERS)
    ids = torch.randint(3, 97, (1, 1500), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for piece in torch.split(ids, 250, 1):
            model(piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
    held = cache.layers[1].highlights
    assert (held.positions == drawing).any(-1).all()
    assert (held.scores[held.positions == drawing] > 0.9).all()


def test_there_are_no_highlights_unless_somebody_asks_for_them(loaded: LoadedModel) -> None:
    plan = plan_reading(loaded, ModelOptions(), 1000)
    assert (plan.tiers.highlights, plan.info.highlights) == (0, 0)
    cache = StreamingCache(loaded.model.config, plan.tiers)
    with torch.inference_mode():
        loaded.model(random_ids(NUM_TOKENS), past_key_values=cache, use_cache=True)
    assert not any("highlights" in name for name in cache.named_tensors())


def test_the_plan_says_how_many_there_are_and_how_far_they_reach(loaded: LoadedModel) -> None:
    plan = plan_reading(loaded, ModelOptions(highlights=32), 1000)
    assert (plan.tiers.highlights, plan.info.highlights) == (32, 32)
    assert plan.reach_tokens == 4 + 64 + 32 + 16 - 1  # sinks, window, highlights, and the tokens of a turn
    assert any("32 highlights" in warning for warning in plan.warnings)  # trained for 68 tokens
    assert plan_reading(loaded, ModelOptions(highlights=32, attention="exact"), 60).tiers.highlights == 0


def test_the_bytes_of_the_state_are_what_was_estimated_at_most() -> None:
    model = streaming("llama")
    largest = 0
    for num_tokens in range(90, 121):
        cache = StreamingCache(model.config, TIERS)
        with torch.inference_mode():
            model(random_ids(num_tokens), past_key_values=cache, use_cache=True)
        largest = max(largest, cache.num_bytes())
    estimated = cache_bytes(model.config, TIERS, 120, 4)
    assert largest <= estimated <= 1.1 * largest
