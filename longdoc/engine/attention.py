"""Attention over sinks, window and memory, inside stock transformers models.

Two public hooks, no model code forked:

1. `AttentionInterface.register("longdoc", ...)`: the function below computes the attention of every layer.
2. A forward pre-hook on every self-attention module takes the cache out of the model's hands and replaces the
   rotary (cos, sin) by (1, 0), the exact identity. So queries and keys arrive un-rotated, after their norms and
   biases, and are rotated here, with the model's own rotary embedding (its scaling is kept) and its own
   `apply_rotary_pos_emb`, at positions that never leave the trained range.

Positions, the same however the text is cut into calls: a window key stands at its true distance; a sink at the
distance min(true, S + W - 1 - its place). The two partial results are merged by their log-sum-exp. Departure
from StreamingLLM (Xiao et al. 2023, arXiv 2309.17453, section 3.2), which numbers tokens by their place in the
cache: there the distance to a sink depends on the size of the call.

Shapes: B batch, H query heads, Hkv key/value heads, G = H / Hkv, T new tokens, S sinks, W window,
K kept tokens before the call, D head dim.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.cache import StreamingCache, StreamingLayer, Tiers
from longdoc.engine.memory import DeltaMemory, MemoryConfig, PaperMemory
from longdoc.engine.positions import positions, rotate
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
    longdoc_cache: StreamingCache | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """(B, H, T, D), (B, Hkv, T, D) x2 -> (B, T, H, D). The function registered with transformers."""
    assert longdoc_cache is not None, "longdoc's attention needs past_key_values=StreamingCache(...)"
    if kwargs.get("s_aux") is not None:
        raise ModelUnavailable(
            "This model has learned attention sinks.", why="longdoc's sinks are tokens, the two do not combine"
        )
    layer: StreamingLayer = longdoc_cache.layers[module.layer_idx]
    num_seen = layer.num_seen
    scale = float(scaling) if scaling is not None else query.shape[-1] ** -0.5
    keys, values = layer.update(key, value)
    attend = differentiable if torch.is_grad_enabled() else _streamed
    out = attend(module, query, keys, values, num_seen, layer.tiers, scale, softcap)
    memory = getattr(module, "longdoc_memory", None)
    if longdoc_cache.use_memory and isinstance(memory, PaperMemory):
        out, layer.memory = memory.mix(out, query, key, value, layer.memory, num_seen)
    return out.transpose(1, 2).contiguous(), None


def _streamed(
    module: nn.Module,
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    num_seen: int,
    tiers: Tiers,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, T, D), (B, Hkv, K + T, D) x2 -> (B, H, T, D): two fused partial attentions, merged."""
    position, key_position = positions(num_seen, query.shape[2], keys.shape[2], tiers, query.device)
    num_sinks = min(tiers.sinks, num_seen + query.shape[2])
    if num_seen + query.shape[2] <= tiers.sinks + tiers.window:
        # nothing has left the window: one causal attention, everything at its true position
        mask = None if query.shape[2] == 1 else key_position[None] <= position[:, None]
        rotated = rotate(module, query, position), rotate(module, keys, key_position)
        return _attend(*rotated, values, mask, scale, softcap)[0]
    sink, local = key_position[:num_sinks], key_position[num_sinks:]
    base = int(local[0])  # so that no position exceeds W + T
    distance = position[:, None] - local[None]
    visible = (distance >= 0) & (distance < tiers.window)
    parts = [
        _attend(
            rotate(module, query, position - base),
            rotate(module, keys[:, :, num_sinks:], local - base),
            values[:, :, num_sinks:],
            None if bool(visible.all()) else visible,
            scale,
            softcap,
        )
    ]
    if num_sinks:
        last = tiers.sinks + tiers.window - 1
        parts.append(
            _attend(
                rotate(module, query, position.clamp(max=last)),
                rotate(module, keys[:, :, :num_sinks], sink),
                values[:, :, :num_sinks],
                None if num_seen >= num_sinks else sink[None] <= position[:, None],
                scale,
                softcap,
            )
        )
    return merge(parts).to(query.dtype)


def merge(parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    """[(B, H, T, D), (B, H, T)] ... -> (B, H, T, D) float32: softmax attention over the union of disjoint key sets."""
    if len(parts) == 1:
        return parts[0][0]
    total = torch.logsumexp(torch.stack([lse.float() for _, lse in parts]), 0)
    weighted = [out.float() * (lse.float() - total).exp()[..., None] for out, lse in parts]
    return torch.stack(weighted).sum(0)


def _attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scale: float, softcap: float | None
) -> tuple[Tensor, Tensor]:
    """(B, H, T, D), (B, Hkv, K, D) x2, (T, K) bool -> (B, H, T, D), log-sum-exp (B, H, T), -inf where none."""
    batch, heads, num_new, dim = query.shape
    kv_heads = keys.shape[1]
    if num_new == 1 and heads != kv_heads and mask is None:  # a decode step: the group's heads become rows
        grouped = query.view(batch, kv_heads, heads // kv_heads, dim)
        out, lse = _attend(grouped, keys, values, None, scale, softcap)
        return out.reshape(batch, heads, 1, values.shape[-1]), lse.reshape(batch, heads, 1)
    if query.device.type == "cpu" and softcap is None and keys.shape[-1] == values.shape[-1]:
        bias = None
        if mask is not None:
            bias = torch.zeros(mask.shape, dtype=query.dtype).masked_fill_(~mask, float("-inf"))[None, None]
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, 0.0, False, attn_mask=bias, scale=scale
        )
    else:
        repeats = heads // kv_heads
        scores = query.float() @ keys.float().repeat_interleave(repeats, 1).transpose(-1, -2) * scale
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        lse = scores.logsumexp(-1)
        weights = (scores - lse[..., None]).exp().to(values.dtype)
        out = weights @ values.repeat_interleave(repeats, 1)
    if mask is not None and not bool((seen := mask.any(1)).all()):
        out = out.masked_fill(~seen[:, None], 0)
        lse = lse.masked_fill(~seen, float("-inf"))
    return out, lse


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
    for module in attention_modules(model):
        module.longdoc_rope = _rope_of(module, rotary, by_layer_type)  # type: ignore[assignment]
        module.register_forward_pre_hook(_take_over, with_kwargs=True)


def _rope_of(module: Any, rotary: nn.Module, by_layer_type: bool) -> Callable[..., Any] | None:
    """The rotary embedding of one layer; None for layers without positions (SmolLM3, Cohere2's full layers)."""
    config = module.config
    if not getattr(module, "use_rope", True):
        return None
    if config.model_type == "cohere2" and module.sliding_window is None:
        return None
    if not by_layer_type:
        return lambda states, position: rotary(states, position)
    layer_type = config.layer_types[module.layer_idx]
    return lambda states, position: rotary(states, position, layer_type)


def _take_over(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The pre-hook: take the cache from the model, give it to the attention, make the rotation the identity."""
    name = "layer_past" if "layer_past" in kwargs else "past_key_values"  # GPT-NeoX: layer_past
    cache = kwargs.get(name)
    if isinstance(cache, StreamingCache):
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
