"""Scaled rotations keep their effect under longdoc's attention, in whatever pieces a text is read."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from longdoc.bench.families import SCALED, build, random_ids
from longdoc.bench.reference import family_rules, logits
from longdoc.engine.attention import install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.rope import fix_length, length_dependent

SINKS, WINDOW, NUM_TOKENS = 4, 90, 120  # distances reach beyond the 64 tokens of the original training
BY_LENGTH = ("llama-dynamic", "phi3-longrope")
every_scaling = pytest.mark.parametrize("name", SCALED)


@cache
def stock(name: str) -> Tensor:
    """(1, T, V) of stock eager attention."""
    with torch.no_grad():
        found: Tensor = copy.deepcopy(build(name))(random_ids(NUM_TOKENS)).logits
    return found


def streamed(name: str, segment_tokens: int, window: int, reach: int | None) -> Tensor:
    """(1, T, V), with frequencies for `reach` tokens, or as transformers chooses them call by call."""
    model: Any = copy.deepcopy(build(name))
    install(model)
    if reach is not None:
        for rotary in length_dependent(model):
            fix_length(rotary, reach)
    cache = StreamingCache(model.config, Tiers(SINKS, window))
    with torch.inference_mode():
        pieces = torch.split(random_ids(NUM_TOKENS), segment_tokens, 1)
        return torch.cat([model(p, past_key_values=cache, use_cache=True).logits for p in pieces], 1)


@every_scaling
@pytest.mark.parametrize("segment_tokens", [1, 7, 32, 150])
def test_with_a_covering_window_the_result_is_that_of_stock_attention(name: str, segment_tokens: int) -> None:
    ours = streamed(name, segment_tokens, NUM_TOKENS, NUM_TOKENS)
    torch.testing.assert_close(ours, stock(name), rtol=0, atol=1e-5)


@every_scaling
def test_the_scaling_has_an_effect(name: str) -> None:
    unscaled = stock(name.split("-")[0])
    assert float((stock(name) - unscaled).abs().max()) > 0.1


@every_scaling
@pytest.mark.parametrize("window", [24, WINDOW])
@pytest.mark.parametrize("segment_tokens", [7, 150])
def test_with_a_small_window_the_result_is_that_of_the_published_formulas(
    name: str, segment_tokens: int, window: int
) -> None:
    reach = SINKS + window
    reference = logits(build(name), random_ids(NUM_TOKENS), family_rules(name, SINKS, window, reach))
    ours = streamed(name, segment_tokens, window, reach)
    torch.testing.assert_close(ours.double(), reference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", BY_LENGTH)
def test_without_a_fixed_length_segments_would_give_other_results(name: str) -> None:
    assert float((streamed(name, 32, NUM_TOKENS, None) - stock(name)).abs().max()) > 0.05


@pytest.mark.parametrize("name", BY_LENGTH)
def test_a_length_can_be_fixed_again(name: str) -> None:
    model: Any = copy.deepcopy(build(name))
    (rotary,) = length_dependent(model)
    fix_length(rotary, 120)
    long = rotary.inv_freq.clone()
    fix_length(rotary, 60)
    assert not torch.equal(rotary.inv_freq, long)
    rotary(torch.zeros(1, 1, 4), torch.arange(200)[None])
    fix_length(rotary, 120)
    assert torch.equal(rotary.inv_freq, long)


@pytest.mark.parametrize("name", sorted(set(SCALED) - set(BY_LENGTH)))
def test_scalings_that_do_not_depend_on_the_length_are_left_alone(name: str) -> None:
    assert not length_dependent(build(name))
