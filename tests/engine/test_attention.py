"""Sinks and window in stock models against an independent, dense, one-token-at-a-time reference in float64.

The reference knows each family's rotation from a table in this file and shares no code with the engine.

Shapes: B = 1, H query heads, Hkv key/value heads, T tokens, D head dim.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from torch import Tensor
from transformers import AttentionInterface

from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine.attention import attention_modules, install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import load_model

SINKS, WINDOW, NATIVE_WINDOW, NUM_TOKENS = 4, 24, 40, 120
SEGMENTS = (1, 7, 32, 150)


@dataclass(frozen=True)
class Family:
    """A tiny model of one kind. rotated: how many dims of a head.   interleaved: pairs are neighbours, not halves.

    thetas: the rotation's base by layer; None: the layer has no positions.   sliding: layers with a native window.
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    rotated: int = 16
    interleaved: bool = False
    thetas: tuple[float | None, float | None] = (1e4, 1e4)
    sliding: tuple[bool, bool] = (False, False)
    softcap: float | None = None


ALTERNATING = {"sliding_window": NATIVE_WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
SLIDES_FIRST = (True, False)
FAMILIES = {
    "llama": Family("Llama"),
    "qwen2": Family("Qwen2"),
    "qwen3": Family("Qwen3"),
    "mistral": Family("Mistral", {"sliding_window": None}),
    "mistral-sliding": Family("Mistral", {"sliding_window": NATIVE_WINDOW}, sliding=(True, True)),
    "mixtral": Family("Mixtral", {"num_local_experts": 4}, thetas=(1e6, 1e6)),
    "gemma2": Family(
        "Gemma2",
        {**ALTERNATING, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 3.0},
        sliding=SLIDES_FIRST,
        softcap=3.0,
    ),
    "gemma3": Family(
        "Gemma3Text", {**ALTERNATING, "query_pre_attn_scalar": 16}, sliding=SLIDES_FIRST, thetas=(1e4, 1e6)
    ),
    "phi": Family("Phi", {"partial_rotary_factor": 0.5}, rotated=8),
    "phi3": Family("Phi3"),
    "smollm3": Family("SmolLM3", {"no_rope_layers": [1, 0]}, thetas=(2e6, None)),
    "granite": Family("Granite", {"attention_multiplier": 0.25}),
    "olmo2": Family("Olmo2"),
    "glm": Family("Glm", {"partial_rotary_factor": 0.5}, rotated=8, interleaved=True),
    "cohere2": Family("Cohere2", ALTERNATING, interleaved=True, thetas=(1e4, None), sliding=SLIDES_FIRST),
}

every_family = pytest.mark.parametrize("name", FAMILIES)


def ids(num_tokens: int) -> Tensor:
    """(1, T) random token ids."""
    return torch.randint(3, 97, (1, num_tokens), generator=torch.Generator().manual_seed(5))


@cache
def stock(name: str) -> Any:
    """The family's random model with attention so peaky that a wrong position shows."""
    family = FAMILIES[name]
    config = getattr(transformers, f"{family.name}Config")(**{**tiny.SHAPE, **family.config})
    torch.manual_seed(1)
    model = getattr(transformers, f"{family.name.removesuffix('Text')}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "q_norm" in parameter_name or "k_norm" in parameter_name:
                parameter.add_(1.0)
            elif "q_proj" in parameter_name or "k_proj" in parameter_name:
                parameter.mul_(8)
            elif "qkv_proj" in parameter_name:
                parameter[: 6 * 16].mul_(8)
    model.set_attn_implementation("eager")
    if name == "mixtral":  # the grouped product knows no float64
        model.set_experts_implementation("eager")
    return model


@cache
def full(name: str) -> Tensor:
    """(1, T, V) of stock full attention."""
    with torch.no_grad():
        logits: Tensor = stock(name)(ids(NUM_TOKENS)).logits
    return logits


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


def rotate(vector: Tensor, position: int, theta: float | None, family: Family) -> Tensor:
    """(..., D) -> (..., D): pair i of the rotated dims turns by position * theta ** (-2 i / rotated)."""
    if theta is None:
        return vector
    half = family.rotated // 2
    turned = vector.clone()
    for i in range(half):
        angle = torch.tensor(position * theta ** (-2 * i / family.rotated), dtype=torch.float64)
        a, b = (2 * i, 2 * i + 1) if family.interleaved else (i, i + half)
        turned[..., a] = vector[..., a] * angle.cos() - vector[..., b] * angle.sin()
        turned[..., b] = vector[..., b] * angle.cos() + vector[..., a] * angle.sin()
    return turned


def reference_attention(name: str) -> Callable[..., tuple[Tensor, None]]:
    """Attention of one query after the other to the sinks and the window, at the documented positions."""
    family = FAMILIES[name]

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, scaling: float = 0.25, **kwargs: Any
    ) -> tuple[Tensor, None]:
        index = module.layer_idx
        theta = family.thetas[index]
        sinks, window = (0, min(NATIVE_WINDOW, WINDOW)) if family.sliding[index] else (SINKS, WINDOW)
        group = query.shape[1] // key.shape[1]
        keys, values = key.repeat_interleave(group, 1)[0], value.repeat_interleave(group, 1)[0]
        in_place = torch.stack([rotate(keys[:, j], j, theta, family) for j in range(keys.shape[1])], 1)
        outputs = []
        for t in range(query.shape[2]):
            near = rotate(query[0, :, t], t, theta, family)
            to_sinks = rotate(query[0, :, t], min(t, sinks + window - 1), theta, family)
            seen = [j for j in range(t + 1) if j < sinks or t - j < window]
            rows = [(to_sinks if j < sinks else near) for j in seen]
            scores = (torch.stack(rows, 1) * in_place[:, seen]).sum(-1) * scaling
            if family.softcap is not None:
                scores = family.softcap * torch.tanh(scores / family.softcap)
            outputs.append((scores.softmax(-1)[..., None] * values[:, seen]).sum(1))
        return torch.stack(outputs)[None], None

    return attend


def identity_rotation(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if kwargs.get("position_embeddings") is not None:
        cos, sin = kwargs["position_embeddings"]
        kwargs["position_embeddings"] = torch.ones_like(cos), torch.zeros_like(sin)
    return args, kwargs


@cache
def reference(name: str) -> Tensor:
    """(1, T, V) float64 of the whole text in one pass."""
    model = copy.deepcopy(stock(name)).double()
    AttentionInterface.register(f"reference-{name}", reference_attention(name))
    model.set_attn_implementation(f"reference-{name}")
    for module in attention_modules(model):
        module.register_forward_pre_hook(identity_rotation, with_kwargs=True)
    with torch.no_grad():
        logits: Tensor = model(ids(NUM_TOKENS), use_cache=False).logits
    return logits


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
