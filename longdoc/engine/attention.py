"""Attention over sinks, window and memory, inside stock transformers models.

Two public hooks, no model code forked:

1. `AttentionInterface.register("longdoc", ...)`: the function below computes the attention of every layer.
2. A forward pre-hook on every self-attention module takes the cache out of the model's hands and replaces the
   rotary (cos, sin) by (1, 0), the exact identity. So queries and keys arrive un-rotated, after their norms and
   biases, and are rotated here, with the model's own rotary embedding (its scaling is kept) and its own
   `apply_rotary_pos_emb`, at positions that never leave the trained range.

What is computed there is in `streaming.py` (reading), `decoding.py` (writing), `training_attention.py` (with
gradients) and `ring` (several processes).

Shapes: B batch, H query heads, Hkv key/value heads, T new tokens, D head dim.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.cache import StreamingCache, StreamingLayer
from longdoc.engine.decoding import can_step, decoded
from longdoc.engine.memory import DeltaMemory, MemoryConfig, PaperMemory
from longdoc.engine.positions import Rope
from longdoc.engine.ring.attention import ring_attention
from longdoc.engine.ring.cache import RingCache
from longdoc.engine.streaming import streamed
from longdoc.engine.training_attention import differentiable

NAME = "longdoc"


def longdoc_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    longdoc_cache: StreamingCache | RingCache | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """(B, H, T, D), (B, Hkv, T, D) x2 -> (B, T, H, D). The function registered with transformers."""
    assert longdoc_cache is not None, "longdoc's attention needs past_key_values=StreamingCache(...)"
    if kwargs.get("s_aux") is not None:
        raise ModelUnavailable(
            "This model has learned attention sinks.", why="longdoc's sinks are tokens, the two do not combine"
        )
    scale = float(scaling) if scaling is not None else query.shape[-1] ** -0.5
    if isinstance(longdoc_cache, RingCache):
        assert longdoc_cache.call is not None, "RingCache.begin comes first"
        share = longdoc_cache.layers[module.layer_idx]
        out = ring_attention(module, share, longdoc_cache.call, query, key, value, scale, softcap)
        return out.transpose(1, 2).contiguous(), None
    layer: StreamingLayer = longdoc_cache.layers[module.layer_idx]
    num_seen = layer.num_seen
    if not torch.is_grad_enabled() and can_step(layer, query.shape[2]):
        out = decoded(module, layer, query, key, value, scale, softcap)
    else:
        keys, values = layer.update(key, value)
        if torch.is_grad_enabled():
            assert layer.highlights is None, "highlights are for reading, not for training"
            out = differentiable(module, query, keys, values, num_seen, layer.tiers, scale, softcap)
        else:
            out = streamed(module, layer, query, keys, values, num_seen, scale, softcap)
    memory = getattr(module, "longdoc_memory", None)
    if longdoc_cache.use_memory and isinstance(memory, PaperMemory):
        out, layer.memory = memory.mix(out, query, key, value, layer.memory, num_seen)
    return out.transpose(1, 2).contiguous(), None


def attention_modules(model: nn.Module) -> Iterator[nn.Module]:
    """The decoder's self-attention modules, in layer order."""
    for module in model.modules():
        if type(module).__name__.endswith("Attention") and hasattr(module, "layer_idx"):
            yield module


def install(model: Any) -> None:
    """Give every self-attention module of a stock model longdoc's attention. Adds no parameters."""
    model.set_attn_implementation(NAME)
    rotary = next((m for name, m in model.named_modules() if name.endswith("rotary_emb")), None)
    if rotary is None:
        raise ModelUnavailable(
            f"Models of the type {model.config.model_type!r} have no rotary positions.",
            why="longdoc gives positions within the cache, which needs them",
            fix="choose a Llama, Qwen, Mistral, Gemma, Phi, Granite or OLMo model",
        )
    by_layer_type = "layer_type" in inspect.signature(rotary.forward).parameters
    ropes: dict[str | None, Rope] = {}
    for module in attention_modules(model):
        text: Any = module.config
        layer_type: str | None = text.layer_types[module.layer_idx] if by_layer_type else None
        rope = ropes.setdefault(layer_type, Rope(rotary, layer_type))
        module.longdoc_rope = rope if _has_positions(module) else None  # type: ignore[assignment]
        module.register_forward_pre_hook(_take_over, with_kwargs=True)


def _has_positions(module: Any) -> bool:
    """False for the layers without rotation of SmolLM3, and for Cohere2's full layers."""
    if not getattr(module, "use_rope", True):
        return False
    return not (module.config.model_type == "cohere2" and module.sliding_window is None)


def _take_over(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The pre-hook: take the cache from the model, give it to the attention, make the rotation the identity."""
    name = "layer_past" if "layer_past" in kwargs else "past_key_values"  # GPT-NeoX: layer_past
    cache = kwargs.get(name)
    if isinstance(cache, StreamingCache | RingCache):
        kwargs[name], kwargs["longdoc_cache"] = None, cache
        if kwargs.get("position_embeddings") is not None:
            cos, sin = kwargs["position_embeddings"]
            kwargs["position_embeddings"] = (torch.ones_like(cos), torch.zeros_like(sin))
    return args, kwargs


def attach_memory(model: Any, config: MemoryConfig) -> dict[int, DeltaMemory | PaperMemory]:
    """Add a memory to the layers that the config names; -> the new modules by layer index. `install` comes first.

    The modules are not registered with the model: its state dict, and what it does with the memory off, stay.
    """
    memories: dict[int, DeltaMemory | PaperMemory] = {}
    for module in attention_modules(model):
        index = int(module.layer_idx)  # type: ignore[arg-type]
        if index not in config.layers:
            continue
        text: Any = module.config
        if config.form == "delta":
            memories[index] = DeltaMemory(text.hidden_size, config)
            module.register_forward_hook(_add_memory, with_kwargs=True)
        else:
            memories[index] = PaperMemory(text.num_attention_heads, config)
        object.__setattr__(module, "longdoc_memory", memories[index])
    if missing := sorted(set(config.layers) - set(memories)):
        raise ModelUnavailable(
            "The adapter does not belong to this model.", why=f"the model has no layers {missing}", fix="--adapter none"
        )
    return memories


def _add_memory(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
    """The hook after a self-attention: read and write the delta memory on the hidden state that entered it."""
    cache = kwargs.get("longdoc_cache")
    if cache is None or not cache.use_memory:
        return output
    hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    layer: StreamingLayer = cache.layers[module.layer_idx]
    memory: DeltaMemory = module.longdoc_memory  # type: ignore[assignment]
    read, layer.memory = memory(hidden, layer.memory)
    return (output[0] + read.to(output[0].dtype), *output[1:])


AttentionInterface.register(NAME, longdoc_attention)  # not in AttentionMaskInterface: then no mask is ever built
