"""What makes two readings the same, apart from the text: the model's bytes, its adapter's, and how they read.

Hashes are of what is in memory, so that they are the same wherever the files came from, and differ when a file was
changed in place under the same name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from longdoc import __version__
from longdoc.engine.attention import attention_modules
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.rope import length_dependent
from longdoc.engine.state import raw_bytes

_NOT_HASHED = frozenset({"_name_or_path", "transformers_version", "architectures", "quantization_config"})
_HASHED_WHOLE_BYTES = 1 << 29  # half a second
_SAMPLED_BYTES = 1 << 16  # of each tensor of a larger model, evenly spread: what was trained further differs everywhere


def model_fingerprint(loaded: LoadedModel) -> dict[str, Any]:
    """JSON that names one loaded model. To be taken before it writes: 4-bit weights are packed then.

    longdoc: its version, which stands for the text's normalisation and its cut into segments.
    """
    info, adapter = loaded.info, loaded.adapter
    memories = {
        f"{module.layer_idx}.{name}": tensor
        for module in attention_modules(loaded.model)
        if (memory := getattr(module, "longdoc_memory", None)) is not None
        for name, tensor in memory.state_dict().items()
    }
    if loaded.lora is not None:
        memories |= {f"lora.{name}": tensor for name, tensor in loaded.lora.state_dict().items()}
    return {
        "longdoc": __version__,
        "model": info.id,
        "revision": info.revision,
        "quantization": info.quantization,
        "configuration": _configuration_hash(loaded.model.config),
        "weights": hash_of(loaded.model.state_dict().items()),
        "adapter": info.adapter,
        "prompts": adapter.prompts if adapter is not None else None,
        "memory_form": _as_json(asdict(adapter.memory)) if adapter is not None and adapter.memory is not None else None,
        "adapter_weights": hash_of(memories.items()) if memories else None,
        "tokenizer": _tokenizer_hash(loaded.tokenizer),
        "dtype": str(next(loaded.model.parameters()).dtype).removeprefix("torch."),
        "device": loaded.device.type,
    }


def plan_fingerprint(loaded: LoadedModel, plan: ReadingPlan) -> dict[str, Any]:
    """JSON of how a document is read: the sizes of all tiers and of a segment, and what the rotation is fixed for."""
    return {
        **asdict(plan.tiers),
        "memory": plan.use_memory,
        "segment_tokens": plan.segment_tokens,
        "reach_tokens": plan.reach_tokens if length_dependent(loaded.model) else None,
        **({"keys": "rotated"} if plan.info.mode == "ring" else {}),
    }


def hash_of(named: Iterable[tuple[str, Any]]) -> str:
    """SHA-256 of tensors with their names, types and shapes; of large models a sample of each tensor."""
    tensors = sorted((name, t) for name, t in named if isinstance(t, Tensor))
    total = sum(t.numel() * t.element_size() for _, t in tensors)
    digest = hashlib.sha256()
    for name, tensor in tensors:
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        if tensor.numel():
            flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
            step = 1 if total <= _HASHED_WHOLE_BYTES else -(-flat.numel() // _SAMPLED_BYTES)
            digest.update(raw_bytes(flat[::step].contiguous().cpu()))
    return digest.hexdigest()


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """The values as they come back from a file: tuples are lists there."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _configuration_hash(config: Any) -> str:
    """Of what the weights do not show: rotary scaling, windows, soft caps. Not of where the files lie."""
    settings = {name: value for name, value in config.to_dict().items() if name not in _NOT_HASHED}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def _tokenizer_hash(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    text = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    template = getattr(tokenizer, "chat_template", None)  # what stands before a document is made of it
    return hashlib.sha256(f"{text}\n{template}".encode()).hexdigest()
