"""A memory adapter: a folder with `adapter.toml` (what it is) and `adapter.safetensors` (its weights).

The folder may hold a whole checkpoint too, as the embedded model's does. The weights are the memories' and, for a
model that was trained without them, low-rank additions to its attention.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.adapter_file import POINTS_AMONG as POINTS_AMONG
from longdoc.engine.adapter_file import SETTINGS_FILE, WEIGHTS_FILE, AdapterInfo
from longdoc.engine.adapter_file import load_adapter as load_adapter
from longdoc.engine.attention import attach_memory
from longdoc.engine.lora import Lora
from longdoc.engine.memory import DeltaMemory, PaperMemory

_HASHED_ROWS = 256  # of the embedding
_PLAIN = (
    "name", "base", "base_sha256", "segment_tokens", "attention", "verbatim", "prompts", "points_among", "sure_nats",
)  # fmt: skip


def save_adapter(
    folder: Path, info: AdapterInfo, memories: dict[int, DeltaMemory | PaperMemory], lora: Lora | None = None
) -> None:
    """Write both files; the weights in bfloat16."""
    tables = {
        "": {k: v for k in _PLAIN if (v := getattr(info, k)) is not None},
        "tiers": asdict(info.tiers),
        "memory": asdict(info.memory) if info.memory else None,
        "lora": asdict(info.lora) if info.lora else None,
        "notes": info.notes or None,
    }
    lines = []
    for name, table in tables.items():
        if table is None:
            continue
        lines += [f"\n[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    (folder / SETTINGS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    weights = {
        f"{index}.{name}": tensor.detach().to(torch.bfloat16).contiguous()
        for index, memory in memories.items()
        for name, tensor in memory.state_dict().items()
    }
    if lora is not None:
        weights |= {f"lora.{n}": t.detach().to(torch.bfloat16).contiguous() for n, t in lora.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE, {"longdoc": "adapter/1"})


def load_weights(folder: Path, memories: dict[int, DeltaMemory | PaperMemory], lora: Lora | None = None) -> None:
    """Fill memories and additions from `adapter.safetensors`; every tensor must be there and fit."""
    modules: dict[str, nn.Module] = {f"{index}.": memory for index, memory in memories.items()}
    if lora is not None:
        modules["lora."] = lora
    try:
        weights = load_file(folder / WEIGHTS_FILE)
        for prefix, module in modules.items():
            module.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ModelUnavailable(
            f"The weights of the adapter {folder} do not fit.",
            why=str(error),
            fix="--adapter none, or the model's own",
        ) from error


def attach_adapter(model: Any, folder: Path, info: AdapterInfo) -> Lora | None:
    """Give a model the adapter of that folder, in the model's own dtype; -> its additions.

    Raises ModelUnavailable when the adapter was made for another model.
    """
    if info.base_sha256 is not None and info.base_sha256 != hash_of_base(model):
        raise ModelUnavailable(
            f"The adapter {info.name} does not belong to this model.",
            why=f"it was trained beside {info.base}, whose weights are others",
            fix=f"--model {info.base}, or --adapter none",
        )
    memories = attach_memory(model, info.memory) if info.memory else {}
    lora = Lora(model, info.lora) if info.lora else None
    load_weights(folder, memories, lora)
    embedding = model.get_input_embeddings().weight
    dtype = embedding.dtype if embedding.dtype.is_floating_point else torch.float32
    for module in [*memories.values(), *([lora] if lora else [])]:
        module.to(embedding.device, dtype).eval().requires_grad_(False)
    return lora


def hash_of_base(model: Any) -> str:
    """SHA-256 that tells one base from another, the same however its matrices are quantized.

    Of what quantization leaves alone, rounded to bfloat16: norms, biases, and rows of the embedding, evenly spread.
    A copy that was trained further in its matrices alone is not told apart.
    """
    embedding = model.get_input_embeddings().weight
    step = -(-embedding.shape[0] // _HASHED_ROWS)
    hashed = {name: p for name, p in model.named_parameters() if p.ndim == 1 and p.dtype.is_floating_point}
    hashed["embedding"] = embedding[::step]
    digest = hashlib.sha256(f"{model.config.model_type} {list(embedding.shape)}".encode())
    for name, tensor in sorted(hashed.items()):
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
