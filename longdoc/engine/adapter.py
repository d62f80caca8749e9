"""A memory adapter: a folder with `adapter.toml` (what it is) and `adapter.safetensors` (its weights).

The folder may hold a whole checkpoint too, as the embedded model's does.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.cache import Tiers
from longdoc.engine.memory import DeltaMemory, MemoryConfig, MemoryForm, PaperMemory

SETTINGS_FILE = "adapter.toml"
WEIGHTS_FILE = "adapter.safetensors"
POINTS_AMONG = 12
_PLAIN = ("name", "base", "segment_tokens", "attention", "verbatim", "prompts", "points_among", "sure_nats")


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """What `adapter.toml` says.

    base: id of the model that it belongs to.   tiers, segment_tokens: the sizes that it was trained with.
    memory: None when the adapter has none.   attention: the mode to use unless the user says otherwise.
    verbatim: the model points at the document's words and does not write its own.
    points_among: how many of the best sentences it chooses an answer among, by verbatim decoding; 1: it does not.
    sure_nats: mean log-probability per token from which on a span that it decodes is the answer; None: never.
    prompts: the folder of prompts that it was trained with.   notes: recipe and measurements, not interpreted.
    """

    name: str
    base: str
    tiers: Tiers
    segment_tokens: int
    memory: MemoryConfig | None = None
    attention: str = "auto"
    verbatim: bool = False
    prompts: str = "chat"
    points_among: int = POINTS_AMONG
    sure_nats: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def save_adapter(folder: Path, info: AdapterInfo, memories: dict[int, DeltaMemory | PaperMemory]) -> None:
    """Write both files; the weights in bfloat16."""
    tables = {
        "": {k: v for k in _PLAIN if (v := getattr(info, k)) is not None},
        "tiers": asdict(info.tiers),
        "memory": asdict(info.memory) if info.memory else None,
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
        return AdapterInfo(**raw, tiers=tiers, memory=memory)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(
            f"The adapter {folder} cannot be used.", why=str(error), fix="name a folder with an adapter.toml"
        ) from error


def load_weights(folder: Path, memories: dict[int, DeltaMemory | PaperMemory]) -> None:
    """Fill the memories from `adapter.safetensors`; every tensor must be there and fit."""
    try:
        weights = load_file(folder / WEIGHTS_FILE)
        for index, memory in memories.items():
            prefix = f"{index}."
            memory.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ModelUnavailable(
            f"The weights of the adapter {folder} do not fit.",
            why=str(error),
            fix="--adapter none, or the model's own",
        ) from error
