"""A memory adapter: a folder with `adapter.toml` (what it is) and `adapter.safetensors` (its weights).

The folder may hold a whole checkpoint too, as the embedded model's does. The weights are the memories' and, for a
model that was trained without them, low-rank additions to its attention.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.attention import attach_memory
from longdoc.engine.cache import Tiers
from longdoc.engine.lora import Lora, LoraConfig
from longdoc.engine.memory import DeltaMemory, MemoryConfig, MemoryForm, PaperMemory

SETTINGS_FILE = "adapter.toml"
WEIGHTS_FILE = "adapter.safetensors"
POINTS_AMONG = 12
_HASHED_ROWS = 256  # of the embedding
_PLAIN = (
    "name", "base", "base_sha256", "segment_tokens", "attention", "verbatim", "prompts", "points_among", "sure_nats",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What `adapter.toml` says.

    base: id of the model that it belongs to.   base_sha256: its `hash_of_base`; None: not checked.
    tiers, segment_tokens: the sizes that it was trained with.
    memory, lora: None when the adapter has none.   attention: the mode to use unless the user says otherwise.
    verbatim: the model points at the document's words and does not write its own.
    points_among: how many of the best sentences it chooses an answer among, by verbatim decoding; 1: it chooses neither
        answers nor the sentences of a summary.
    sure_nats: mean log-probability per token from which on a span that it decodes is the answer; None: never.
    prompts: the folder of prompts that it was trained with.   notes: recipe and measurements, not interpreted.
    """

    name: str
    base: str
    tiers: Tiers
    segment_tokens: int
    base_sha256: str | None = None
    memory: MemoryConfig | None = None
    lora: LoraConfig | None = None
    attention: str = "auto"
    verbatim: bool = False
    prompts: str = "chat"
    points_among: int = POINTS_AMONG
    sure_nats: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)


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


def load_adapter(folder: Path) -> AdapterInfo:
    """Read `adapter.toml`. Raises ModelUnavailable when it is not there or not understood."""
    path = folder / SETTINGS_FILE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        known = {f.name for f in fields(AdapterInfo)}
        if unknown := set(raw) - known:
            raise ModelUnavailable(f"{path} has unknown entries.", why=", ".join(sorted(unknown)))
        tiers = Tiers(**raw.pop("tiers"))
        memory = raw.pop("memory", None)
        if memory is not None:
            memory = MemoryConfig(**{**memory, "layers": tuple(memory["layers"])})
            if memory.form not in get_args(MemoryForm):
                raise ValueError(f"unknown form of memory {memory.form!r}")
        lora = raw.pop("lora", None)
        if lora is not None:
            lora = LoraConfig(**{**lora, "targets": tuple(lora["targets"])})
            if lora.rank < 1:
                raise ValueError(f"a rank of {lora.rank}")
        return AdapterInfo(**raw, tiers=tiers, memory=memory, lora=lora)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(
            f"The adapter {folder} cannot be used.", why=str(error), fix="name a folder with an adapter.toml"
        ) from error


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
