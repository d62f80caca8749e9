"""The blocked attention of training against the dense one, and both against the streamed one of reading."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from longdoc.engine.attention import attention_modules, install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.training_attention import banded, dense

CLOSE = {"rtol": 1e-5, "atol": 1e-5}  # transformers' angles are float32, and other positions round in other ways


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    made = Qwen3ForCausalLM(Qwen3Config(**tiny.SHAPE)).double()
    install(made)
    return made


@pytest.mark.parametrize("num_tokens", [33, 48, 95, 96])
@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("sinks", [0, 3, 20])
def test_the_blocked_form_equals_the_dense_one(model: Any, num_tokens: int, sinks: int, softcap: float | None) -> None:
    module: Any = next(attention_modules(model))
    config = model.config
    heads, kv_heads, dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim

    def states(count: int) -> torch.Tensor:
        return torch.randn(2, count, num_tokens, dim, dtype=torch.float64, requires_grad=True)

    given = states(heads), states(kv_heads), states(kv_heads)
    tiers = Tiers(sinks, 16)
    wanted = dense(module, *given, 0, tiers, dim**-0.5, softcap)
    found = banded(module, *given, tiers, dim**-0.5, softcap)
    torch.testing.assert_close(found, wanted, **CLOSE)
    weight = torch.randn_like(wanted)
    expected = torch.autograd.grad((wanted * weight).sum(), given)
    for gradient, reference in zip(torch.autograd.grad((found * weight).sum(), given), expected, strict=True):
        torch.testing.assert_close(gradient, reference, **CLOSE)


@pytest.mark.parametrize("window", [16, 40, 200])
def test_training_computes_what_reading_computes(model: Any, window: int) -> None:
    ids = torch.randint(model.config.vocab_size, (1, 90))
    tiers = Tiers(2, window)
    trained = model(ids, past_key_values=StreamingCache(model.config, tiers), use_cache=True).logits
    with torch.inference_mode():
        read = model(ids, past_key_values=StreamingCache(model.config, tiers), use_cache=True).logits
    torch.testing.assert_close(trained, read, **CLOSE)
