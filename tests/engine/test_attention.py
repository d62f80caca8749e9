"""Sinks and window in stock models against an independent, dense, one-token-at-a-time reference in float64.

The families are those of `longdoc.bench.families`, the reference is that of `longdoc.bench.reference`.

Shapes: T tokens, V vocabulary.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from torch import Tensor

from longdoc.bench.families import FAMILIES, NATIVE_WINDOW
from longdoc.bench.families import build as stock
from longdoc.bench.families import random_ids as ids
from longdoc.bench.reference import family_rules, logits
from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine.attention import install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import load_model

SINKS, WINDOW, NUM_TOKENS = 4, 24, 120
SEGMENTS = (1, 7, 32, 150)

every_family = pytest.mark.parametrize("name", FAMILIES)


@cache
def full(name: str) -> Tensor:
    """(1, T, V) of stock full attention."""
    with torch.no_grad():
        found: Tensor = stock(name)(ids(NUM_TOKENS)).logits
    return found


@cache
def streaming(name: str) -> Any:
    model = copy.deepcopy(stock(name))
    install(model)
    return model


@cache
def streamed(name: str, segment_tokens: int, num_tokens: int = NUM_TOKENS, window: int = WINDOW) -> Tensor:
    """(1, T, V), read in calls of `segment_tokens`."""
    cache = StreamingCache(streaming(name).config, Tiers(SINKS, window))
    with torch.inference_mode():
        pieces = torch.split(ids(num_tokens), segment_tokens, 1)
        return torch.cat([streaming(name)(p, past_key_values=cache, use_cache=True).logits for p in pieces], 1)


@cache
def reference(name: str) -> Tensor:
    """(1, T, V) float64 of the whole text in one pass."""
    return logits(stock(name), ids(NUM_TOKENS), family_rules(name, SINKS, WINDOW, NUM_TOKENS))


def difference(a: Tensor, b: Tensor) -> float:
    """The largest difference, in standard deviations of the logits."""
    return float((a.double() - b.double()).abs().max() / b.double().std())


@every_family
@pytest.mark.parametrize("segment_tokens", [1, 5, 16, 48])
def test_equals_full_attention_while_nothing_is_dropped(name: str, segment_tokens: int) -> None:
    ours = streamed(name, segment_tokens, num_tokens=48, window=48 - SINKS)
    if any(FAMILIES[name].sliding):
        ours = streamed(name, segment_tokens, num_tokens=NATIVE_WINDOW, window=48)
    assert difference(ours, full(name)[:, : ours.shape[1]]) < 1e-4


@every_family
@pytest.mark.parametrize("segment_tokens", SEGMENTS)
def test_equals_a_naive_reference_of_sinks_and_window(name: str, segment_tokens: int) -> None:
    assert difference(streamed(name, segment_tokens), reference(name)) < 1e-4


@every_family
def test_the_reference_is_not_full_attention(name: str) -> None:
    assert difference(reference(name), full(name)) > 0.3


@every_family
def test_the_result_does_not_depend_on_where_the_text_is_cut(name: str) -> None:
    whole = streamed(name, 150)
    for segment_tokens in SEGMENTS[:-1]:
        torch.testing.assert_close(streamed(name, segment_tokens), whole, rtol=0, atol=1e-5)


@every_family
def test_training_computes_what_reading_computes(name: str) -> None:
    cache = StreamingCache(streaming(name).config, Tiers(SINKS, WINDOW))
    trained = streaming(name)(ids(NUM_TOKENS), past_key_values=cache, use_cache=True).logits
    assert trained.requires_grad
    assert difference(trained.detach(), streamed(name, 32)) < 1e-4


def test_a_native_sliding_window_is_the_models_own() -> None:
    ours = streamed("mistral-sliding", 32, window=200)
    assert difference(ours, full("mistral-sliding")) < 1e-4
    assert difference(full("mistral-sliding"), full("mistral")) > 0.3


LATENT = {
    "q_lora_rank": 32, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16,
    "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    "num_key_value_heads": 4, "first_k_dense_replace": 1,
}  # fmt: skip
LEARNED_SINKS = {"num_local_experts": 4, "sliding_window": 40, "layer_types": ["sliding_attention", "full_attention"]}


@pytest.mark.parametrize(("name", "config"), [("DeepseekV3", LATENT), ("GptOss", LEARNED_SINKS)])
def test_a_family_that_cannot_be_streamed_is_refused(name: str, config: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(2)
    shape = {**tiny.SHAPE, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}, **config}
    model = getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, f"{name}Config")(**shape))
    tiny.save(model, tmp_path)
    with pytest.raises(ModelUnavailable) as caught:
        load_model(ModelOptions(str(tmp_path), offline=True))
    assert caught.value.exit_code == 69
    assert caught.value.fix
