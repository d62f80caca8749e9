"""How many bytes a model and its reading take, from the configuration alone.

Loads no weights, and torch only where it must. The sizes of what is kept are exact; those of the workspace are
estimates on the safe side.

Letters: T tokens of a segment, K kept tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longdoc.engine.adapter_file import MemoryConfig
from longdoc.engine.tiers import Tiers, layer_tiers

_WEIGHT_BITS = {"none": 16.0, "8bit": 8.2, "4bit": 4.2}  # with the scales of the blocks
_SCALE_BYTES = 4  # of a token of one head in 8 bits
_FLOAT_BYTES = 4
_BLOCK_ROWS, _PRODUCT_SCORES = 128, 1 << 21  # of `kernels.py` and `products.py`
_MOST_WITNESSES = 16  # of the tokens between two turns of the highlights
_PROC_MEMORY = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def text_config(config: Any) -> Any:
    """The decoder's part of a configuration."""
    return config.get_text_config(decoder=True)


def kv_dims(config: Any) -> tuple[int, int]:
    """Key/value heads, and dims of one."""
    text = text_config(config)
    heads: int = text.num_attention_heads
    kv_heads: int = getattr(text, "num_key_value_heads", None) or heads
    dim: int = getattr(text, "head_dim", None) or text.hidden_size // heads
    return kv_heads, dim


def cache_bytes(config: Any, tiers: Tiers, num_tokens: int, element_bytes: int = 2) -> int:
    """Keys and values of all layers after `num_tokens`. A window that covers everything gives the full cache."""
    heads, dim = kv_dims(config)
    layers = layer_tiers(config, tiers)
    scores = sum(4 * (one.window + 2 * one.turn + 4 * one.highlights) for one in layers if one.highlights)
    return heads * (sum(_layer_bytes(one, num_tokens, dim, element_bytes) for one in layers) + scores)


def _layer_bytes(tiers: Tiers, num_tokens: int, dim: int, element_bytes: int) -> int:
    """Keys and values of one head: sinks, the window with the tokens that wait for their turn, highlights."""
    sinks = min(num_tokens, tiers.sinks)
    window = min(num_tokens - sinks, tiers.window - 1 + (tiers.turn - 1 if tiers.highlights else 0))
    highlights = min(num_tokens - sinks - window, tiers.highlights)
    in_window = dim + _SCALE_BYTES if tiers.kv_bits == 8 else dim * element_bytes
    return 2 * ((sinks + highlights) * dim * element_bytes + window * in_window)


def memory_bytes(config: Any, memory: MemoryConfig) -> int:
    """The compressive memory of all its layers when most tokens are pending: matrices, keys, values, tallies."""
    heads, key_dim, value_dim = _memory_dims(config, memory)
    recent = memory.lags * memory.width if memory.form == "delta" else 0
    pending = (memory.segment_tokens - 1) * (key_dim + value_dim + 1)
    tally = 4  # two numbers in float64
    return matrix_bytes(config, memory) + 4 * len(memory.layers) * (heads * (pending + tally) + recent)


def matrix_bytes(config: Any, memory: MemoryConfig) -> int:
    """The matrices, normalisers and covariances alone: what stands for all that has left the window; float32."""
    heads, key_dim, value_dim = _memory_dims(config, memory)
    rows = memory.wide_key_dim if memory.form == "delta" else key_dim
    covariance = len(memory.exact_heads) * rows**2
    return 4 * len(memory.layers) * (heads * (rows * value_dim + key_dim) + covariance)


def _memory_dims(config: Any, memory: MemoryConfig) -> tuple[int, int, int]:
    """Heads, Dk, Dv."""
    if memory.form == "delta":
        return memory.heads, memory.key_dim, memory.value_dim
    heads, dim = kv_dims(config)
    return heads, dim, dim


def workspace_bytes(
    config: Any, segment_tokens: int, num_keys: int, element_bytes: int = 2, *, highlights: int = 0, whole: bool = False
) -> int:
    """What one segment needs besides: activations, one layer's keys and values rotated and copied, scores.

    num_keys: sinks, window and highlights.   highlights: what they need is counted with them alone.
    whole: every key is seen, and the fused operator keeps no scores.
    The work of a compressive memory is not counted.
    """
    text = text_config(config)
    kv_heads, dim = kv_dims(config)
    heads: int = text.num_attention_heads
    seen = num_keys + segment_tokens
    wide = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    activations = segment_tokens * (8 * text.hidden_size + 3 * wide) * element_bytes
    one_layer = 2 * kv_heads * dim * seen * element_bytes
    scores = heads * _BLOCK_ROWS * seen  # of a block of rows
    if whole and getattr(text, "attn_logit_softcapping", None) is None:  # what is merged: two outputs and their sum
        blocks = 3 * _FLOAT_BYTES * segment_tokens * heads * dim
    elif getattr(text, "attn_logit_softcapping", None) is not None:
        blocks = 4 * _FLOAT_BYTES * scores  # one after the other: products, capped, with their mask, weights
    else:  # of some heads at a time, as they are and once more in float32
        blocks = (element_bytes + _FLOAT_BYTES) * min(scores, max(_PRODUCT_SCORES, scores // kv_heads))
    turns = 2 * dim * seen * element_bytes  # cosines and sines
    total = activations + 3 * one_layer + turns + blocks
    if highlights:  # in float32: outputs with them and without, the keys that witnesses look at, and their scores
        outputs = 2 * segment_tokens * heads * dim
        total += _FLOAT_BYTES * (outputs + kv_heads * dim * seen + 3 * _MOST_WITNESSES * heads * seen)
    return int(total)


def weight_bytes(config: Any, quantize: str = "none") -> int:
    """The weights in bfloat16 or quantized; embeddings and head are never quantized."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    plain = {id(model.get_input_embeddings().weight): model.get_input_embeddings().weight}
    if model.get_output_embeddings() is not None:
        plain[id(model.get_output_embeddings().weight)] = model.get_output_embeddings().weight
    outside = sum(weight.numel() for weight in plain.values())
    inside = sum(parameter.numel() for parameter in model.parameters()) - outside
    return int(2 * outside + inside * _WEIGHT_BITS[quantize] / 8)


def dense_weight_bytes(config: Any, quantize: str = "none") -> int:
    """As `weight_bytes`, by counting the matrices of a dense model of Llama's kind. Without torch."""
    kv_heads, dim = kv_dims(config)
    text = text_config(config)
    attention = 2 * text.hidden_size * dim * (text.num_attention_heads + kv_heads)
    inside = text.num_hidden_layers * (attention + 3 * text.hidden_size * text.intermediate_size)
    outside = text.vocab_size * text.hidden_size * (1 if text.tie_word_embeddings else 2)
    return int(2 * outside + inside * _WEIGHT_BITS[quantize] / 8)


def free_bytes(device: Any) -> int | None:
    """Memory that can still be had on a device; None where the system does not tell."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = _PROC_MEMORY.read_text(encoding="utf-8").splitlines()
        found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
    try:  # a container may have less than the machine
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):
        return found
    return min(found, max(0, limit - used))
