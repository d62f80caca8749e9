"""A tiny random model of every family that longdoc streams, and what a reference has to know of it.

What a family does with positions is written down here once more, so that a reference (`reference.py`) need not ask
the model or the engine. Qwen2 stands for Qwen2.5 too: they are one architecture. Random weights know nothing, but
their attention is made so peaky that a wrong position shows in the logits.

Shapes: D head dim.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

VOCABULARY = 97
# What every family's configuration is given.
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
NATIVE_WINDOW = 40  # of the layers that slide by themselves


@dataclass(frozen=True)
class Family:
    """A tiny model of one kind.

    name: of the classes in transformers.   config: on top of SHAPE.
    rotated: how many dims of a head are rotated.   interleaved: pairs are neighbours, not halves.
    thetas: the rotation's base by layer; None: the layer has no positions.   sliding: layers with a native window.
    scaling: of the rotation, as `rope.py` takes it, native_tokens included.
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    rotated: int = 16
    interleaved: bool = False
    thetas: tuple[float | None, float | None] = (1e4, 1e4)
    sliding: tuple[bool, bool] = (False, False)
    softcap: float | None = None
    scaling: dict[str, Any] = field(default_factory=dict)


_ALTERNATING = {"sliding_window": NATIVE_WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
_SLIDES_FIRST = (True, False)
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
FAMILIES = {
    "llama2": Family("Llama", {"num_key_value_heads": 4}),
    "llama": Family("Llama"),
    "qwen2": Family("Qwen2"),
    "qwen3": Family("Qwen3"),
    "qwen3-moe": Family("Qwen3Moe", _EXPERTS),
    "mistral": Family("Mistral", {"sliding_window": None}),
    "mistral-sliding": Family("Mistral", {"sliding_window": NATIVE_WINDOW}, sliding=(True, True)),
    "mixtral": Family("Mixtral", {"num_local_experts": 4}, thetas=(1e6, 1e6)),
    "gemma": Family("Gemma"),
    "gemma2": Family(
        "Gemma2",
        {**_ALTERNATING, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 3.0},
        sliding=_SLIDES_FIRST,
        softcap=3.0,
    ),
    "gemma3": Family(
        "Gemma3Text", {**_ALTERNATING, "query_pre_attn_scalar": 16}, sliding=_SLIDES_FIRST, thetas=(1e4, 1e6)
    ),
    "phi": Family("Phi", {"partial_rotary_factor": 0.5}, rotated=8),
    "phi3": Family("Phi3"),
    "smollm3": Family("SmolLM3", {"no_rope_layers": [1, 0]}, thetas=(2e6, None)),
    "granite": Family("Granite", {"attention_multiplier": 0.25}),
    "olmo2": Family("Olmo2"),
    "olmo3": Family("Olmo3", _ALTERNATING, sliding=_SLIDES_FIRST, thetas=(5e5, 5e5)),
    "glm": Family("Glm", {"partial_rotary_factor": 0.5}, rotated=8, interleaved=True),
    "glm4": Family("Glm4", {"partial_rotary_factor": 0.5}, rotated=8, interleaved=True),
    "cohere": Family("Cohere", interleaved=True, thetas=(5e5, 5e5)),
    "cohere2": Family("Cohere2", _ALTERNATING, interleaved=True, thetas=(1e4, None), sliding=_SLIDES_FIRST),
}


def _scaled(family: Family, native_tokens: int, **scaling: Any) -> Family:
    """The family with a scaled rotation. native_tokens: `max_position_embeddings`."""
    rope = {"rope_theta": family.thetas[0], **scaling}
    config = {**family.config, "max_position_embeddings": native_tokens, "rope_parameters": rope}
    if family.name == "Phi3":  # it overwrites what stands in `rope_parameters`
        config["original_max_position_embeddings"] = scaling["original_max_position_embeddings"]
    return replace(family, config=config, scaling={**scaling, "native_tokens": native_tokens})


_ORIGINAL = {"original_max_position_embeddings": 64}
# Scaled rotations; what stands before the dash is the family without.
SCALED = {
    "llama-linear": _scaled(FAMILIES["llama"], 256, rope_type="linear", factor=4.0),
    "llama-dynamic": _scaled(FAMILIES["llama"], 64, rope_type="dynamic", factor=4.0),
    "llama-yarn": _scaled(FAMILIES["llama"], 256, rope_type="yarn", factor=4.0, **_ORIGINAL),
    "llama-llama3": _scaled(
        FAMILIES["llama"], 512, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, **_ORIGINAL
    ),
    "phi3-longrope": _scaled(
        FAMILIES["phi3"],
        256,
        rope_type="longrope",
        factor=4.0,
        short_factor=[1.0 + 0.1 * i for i in range(8)],
        long_factor=[2.0 + i for i in range(8)],
        **_ORIGINAL,
    ),
}
ALL = {**FAMILIES, **SCALED}


@cache
def build(name: str) -> Any:
    """The family's random model in float32 under stock eager attention. Not to be changed: copy it."""
    import transformers

    family = ALL[name]
    config = getattr(transformers, f"{family.name}Config")(**{**SHAPE, **family.config})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = getattr(transformers, f"{family.name.removesuffix('Text')}ForCausalLM")(config).float().eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "q_norm" in parameter_name or "k_norm" in parameter_name:
                parameter.add_(1.0)
            elif "q_proj" in parameter_name or "k_proj" in parameter_name:
                parameter.mul_(8)
            elif "qkv_proj" in parameter_name:
                parameter[: 6 * 16].mul_(8)
    model.set_attn_implementation("eager")
    if "num_experts_per_tok" in config.to_dict():  # the grouped product knows no float64
        model.set_experts_implementation("eager")
    return model


def random_ids(num_tokens: int, vocabulary: int = VOCABULARY) -> Tensor:
    """(1, T) token ids, none of them special; the same for every call."""
    return torch.randint(3, vocabulary, (1, num_tokens), generator=torch.Generator().manual_seed(5))
