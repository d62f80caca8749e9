"""Sinks, window, highlights and memory as plain loops in float64: one query after the other, one key after the other.

What the engine must equal, written from the documented rules. For the models of `families.py` it shares no code with
the engine and uses none of transformers' rotations. For a model that it is given it turns by the engine's `rotate`:
that this is right is shown by the comparison with stock attention, under a window that covers everything.

Shapes: B = 1, H query heads, Hkv key/value heads, T tokens, D head dim, V vocabulary.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longdoc.bench.families import ALL, NATIVE_WINDOW, Family
from longdoc.bench.reference_highlights import attend_head
from longdoc.bench.reference_memory import delta_memory, paper_memory
from longdoc.bench.rope import frequencies

_NAME = "longdoc-reference"
# (..., D) and a position -> (..., D), turned to that position.
Rotation = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one layer sees, and where it stands. softcap: scores s become softcap * tanh(s / softcap)."""

    rotate: Rotation
    sinks: int
    window: int
    softcap: float | None = None
    highlights: int = 0


def family_rules(name: str, sinks: int, window: int, num_tokens: int, highlights: int = 0) -> list[Rules]:
    """The rules of each layer of a tiny model. A layer that slides by itself has its own window, and nothing else.

    num_tokens: the length that scaled rotations are meant for.
    """
    family = ALL[name]
    return [
        Rules(table_rotation(family, index, num_tokens), 0, min(NATIVE_WINDOW, window), family.softcap)
        if slides
        else Rules(table_rotation(family, index, num_tokens), sinks, window, family.softcap, highlights)
        for index, slides in enumerate(family.sliding)
    ]


def table_rotation(family: Family, layer: int, num_tokens: int) -> Rotation:
    """Pair i of the rotated dims turns by position * its frequency (`rope.py`)."""
    theta = family.thetas[layer]
    if theta is None:
        return lambda vector, position: vector
    found, factor = frequencies({"rope_theta": theta, **family.scaling}, family.rotated, num_tokens)

    def rotate(vector: Tensor, position: int) -> Tensor:
        turned = vector.clone()
        for i, frequency in enumerate(found):
            cos, sin = factor * math.cos(position * frequency), factor * math.sin(position * frequency)
            a, b = (2 * i, 2 * i + 1) if family.interleaved else (i, i + family.rotated // 2)
            turned[..., a] = vector[..., a] * cos - vector[..., b] * sin
            turned[..., b] = vector[..., b] * cos + vector[..., a] * sin
        return turned

    return rotate


def attend(query: Tensor, key: Tensor, value: Tensor, rules: Rules, scaling: float) -> Tensor:
    """(1, H, T, D), (1, Hkv, T, D) x2, un-rotated -> (T, H, D)."""
    group = query.shape[1] // key.shape[1]
    keys, values = key.repeat_interleave(group, 1)[0], value.repeat_interleave(group, 1)[0]
    in_place = torch.stack([rules.rotate(keys[:, j], j) for j in range(keys.shape[1])], 1)
    if rules.highlights:
        sizes = rules.sinks, rules.window, rules.highlights
        heads = [
            attend_head(query[0, i * group : (i + 1) * group], k, v, rules.rotate, sizes, scaling, rules.softcap)
            for i, (k, v) in enumerate(zip(key[0], value[0], strict=True))
        ]
        return torch.cat(heads, 1)
    outputs = []
    for t in range(query.shape[2]):
        near = rules.rotate(query[0, :, t], t)
        to_sinks = rules.rotate(query[0, :, t], min(t, rules.sinks + rules.window - 1))
        seen = [j for j in range(t + 1) if j < rules.sinks or t - j < rules.window]
        rows = [(to_sinks if j < rules.sinks else near) for j in seen]
        scores = (torch.stack(rows, 1) * in_place[:, seen]).sum(-1) * scaling
        if rules.softcap is not None:
            scores = rules.softcap * torch.tanh(scores / rules.softcap)
        outputs.append((scores.softmax(-1)[..., None] * values[:, seen]).sum(1))
    return torch.stack(outputs)


def model_rules(model: Any, sinks: int, window: int, highlights: int = 0) -> list[Rules]:
    """The rules of each layer of any model that longdoc's attention was installed in."""
    text = model.config.get_text_config(decoder=True)
    native: int = getattr(text, "sliding_window", None) or 0
    kinds = getattr(text, "layer_types", None) or ["sliding_attention" if native else ""] * text.num_hidden_layers
    softcap = getattr(text, "attn_logit_softcapping", None)
    found = []
    for module in _attention_modules(model):
        slides = kinds[module.layer_idx] == "sliding_attention" and native > 0
        own = Rules(_rotation_of(module), sinks, window, softcap, highlights)
        found.append(replace(own, sinks=0, window=min(native, window), highlights=0) if slides else own)
    return found


def _rotation_of(module: Any) -> Rotation:
    from longdoc.engine.positions import rotate

    def turned(vector: Tensor, position: int) -> Tensor:
        return rotate(module, vector[None, :, None], torch.tensor([position]))[0, :, 0]

    return turned


def logits(model: Any, ids: Tensor, rules: Sequence[Rules], memories: Mapping[int, Any] | None = None) -> Tensor:
    """(1, T) -> (1, T, V) float64 of the whole text in one pass of a copy of a stock model.

    rules: by layer.   memories: the memory module of each layer that has one.
    """
    from transformers import AttentionInterface

    exact = copy.deepcopy(model).double()
    AttentionInterface.register(_NAME, _reference_attention)
    exact.set_attn_implementation(_NAME)
    for module in _attention_modules(exact):
        module._forward_pre_hooks.clear()  # of a model that longdoc's attention was installed in
        module._forward_hooks.clear()
        module.reference_rules = rules[module.layer_idx]
        memory = (memories or {}).get(module.layer_idx)
        object.__setattr__(module, "reference_memory", memory)
        module.register_forward_pre_hook(_rotate_by_nothing, with_kwargs=True)
        if memory is not None and memory.config.form == "delta":
            module.register_forward_hook(_add_delta, with_kwargs=True)
    with torch.no_grad():
        found: Tensor = exact(ids, use_cache=False).logits
    return found


def _attention_modules(model: Any) -> Iterator[Any]:
    return (m for m in model.modules() if type(m).__name__.endswith("Attention") and hasattr(m, "layer_idx"))


def _reference_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, scaling: float = 1.0, **kwargs: Any
) -> tuple[Tensor, None]:
    """The function registered with transformers."""
    out = attend(query, key, value, module.reference_rules, scaling)
    memory = module.reference_memory
    if memory is not None and memory.config.form != "delta":
        out = paper_memory(memory, query[0], key[0], value[0], out)
    return out[None], None


def _rotate_by_nothing(module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The hook before an attention: cos 1 and sin 0, so that queries and keys arrive un-rotated."""
    if kwargs.get("position_embeddings") is not None:
        cos, sin = kwargs["position_embeddings"]
        kwargs["position_embeddings"] = torch.ones_like(cos), torch.zeros_like(sin)
    return args, kwargs


def _add_delta(module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    """The hook after an attention with a delta memory."""
    hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    return (output[0] + delta_memory(module.reference_memory, hidden[0])[None], *output[1:])
