"""The window in 8 bits: how wrong an entry can be, and what it saves."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from longdoc.bench.families import build, random_ids
from longdoc.core.settings import ModelOptions
from longdoc.engine.attention import install
from longdoc.engine.cache import KEEP_ALL, StreamingCache, Tiers
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import plan_reading
from longdoc.engine.window import keep


@pytest.fixture(scope="module")
def model() -> Any:
    made = copy.deepcopy(build("llama"))
    install(made)
    return made


def read(model: Any, tiers: Tiers, segment_tokens: int) -> tuple[Tensor, StreamingCache]:
    """(1, T, V), and the cache after it."""
    cache = StreamingCache(model.config, tiers)
    with torch.inference_mode():
        pieces = torch.split(random_ids(120), segment_tokens, 1)
        logits = [model(p, past_key_values=cache, use_cache=True).logits for p in pieces]
    return torch.cat(logits, 1), cache


def test_an_entry_is_wrong_by_half_a_step_of_its_tokens_largest_at_most() -> None:
    states = torch.randn(2, 3, 50, 16, generator=torch.Generator().manual_seed(0))
    states[0, 0, 7] *= 1e4
    states[1, 2, 9] = 0
    kept = keep(states, 8)
    assert kept.codes.dtype == torch.int8
    largest = states.abs().amax(-1, keepdim=True)
    wrong = (kept.read(torch.float32) - states).abs()
    assert bool((wrong <= largest / 254 * 1.0001).all())
    assert float((wrong / largest.clamp_min(1e-9)).max()) > 1 / 300  # the bound is not idle


def test_sixteen_bits_are_the_states_themselves() -> None:
    states = torch.randn(1, 2, 5, 8)
    assert keep(states, 16).read(torch.float32) is states


@pytest.mark.parametrize("tiers", [Tiers(4, 24, 0, 8), Tiers(4, 24, 10, 8), Tiers(0, KEEP_ALL, 0, 8)], ids=str)
def test_the_result_does_not_depend_on_where_the_text_is_cut(model: Any, tiers: Tiers) -> None:
    whole, _ = read(model, tiers, 120)
    for segment_tokens in (1, 7, 32):
        found = read(model, tiers, segment_tokens)[0]
        wrong = (found - whole).abs()
        assert float(wrong.median()) < 1e-6
        assert float(wrong.max()) < 2e-3  # an entry between two steps may fall on either side


def test_the_logits_move_a_little_and_the_bytes_shrink(model: Any) -> None:
    exact, wide = read(model, Tiers(4, 64), 32)
    close, narrow = read(model, Tiers(4, 64, 0, 8), 32)
    assert 0 < float((close - exact).abs().max() / exact.std()) < 0.5
    assert narrow.num_bytes() < 0.4 * wide.num_bytes()  # of float32, with heads of 16 dims


def test_a_state_in_eight_bits_is_forked_and_restored(model: Any) -> None:
    _, kept = read(model, Tiers(4, 24, 10, 8), 32)
    fresh = StreamingCache(model.config, Tiers(4, 24, 10, 8))
    fresh.restore(kept.named_tensors(), kept.num_seen)
    with torch.inference_mode():
        logits = [
            model(random_ids(40), past_key_values=cache, use_cache=True).logits for cache in (kept.fork(), fresh, kept)
        ]
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2])


def test_it_is_off_unless_somebody_asks_for_it(loaded: LoadedModel) -> None:
    assert plan_reading(loaded, ModelOptions(), 100).tiers.kv_bits == 16
    assert plan_reading(loaded, ModelOptions(kv_bits=8), 100).tiers.kv_bits == 8
    assert plan_reading(loaded, ModelOptions(kv_bits=8, attention="exact"), 40).tiers.kv_bits == 8
