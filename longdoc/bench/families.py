"""A tiny random model of every family that longdoc streams, and what a reference has to know of it.

What a family does with positions is written down here once more, so that a reference (`reference.py`) need not ask
the model or the engine. Qwen2 stands for Qwen2.5 too: they are one architecture. Random weights know nothing, but
their attention is made so peaky that a wrong position shows in the logits.

Shapes: D head dim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    rotated: int = 16
    interleaved: bool = False
    thetas: tuple[float | None, float | None] = (1e4, 1e4)
    sliding: tuple[bool, bool] = (False, False)
    softcap: float | None = None


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


@cache
def build(name: str) -> Any:
    """The family's random model in float32 under stock eager attention. Not to be changed: copy it."""
    import transformers

    family = FAMILIES[name]
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
