"""What `adapter.toml` says of a memory adapter: its base, its sizes, the constants of its memory and its additions.

Knows nothing of tensors: a reading can be planned from it before torch is there.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.tiers import Tiers

SETTINGS_FILE = "adapter.toml"
WEIGHTS_FILE = "adapter.safetensors"
POINTS_AMONG = 12

MemoryForm = Literal["delta", "paper-delta", "paper-linear"]


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """All constants of a memory; an adapter's `[memory]` table.

    layers: indices of the decoder layers that have one.
    segment_tokens: N, tokens between two updates.
    width: R, the hidden state is projected down to it before keys and queries are made of `lags` tokens.
    heads, key_dim, value_dim, lags, width, write_threshold: for the delta form only.
    write_threshold: write gates below it are exactly zero.
    exact_heads: those written by least squares with `ridge` and `drift` (`write_rules.least_squares`) instead of the
        delta rule; for heads that write little, since they do not forget. For the delta form only.
    key_products: products of their own numbers that stand beside each number of those heads' keys and queries
        (`key_products.py`): room for (1 + key_products) key_dim keys, trained or not.
    exact_threshold: the least strength with which those write while reading; `write_threshold` where it is larger.
        Training goes by `write_threshold` alone: what is between the two is learned from, and not kept.
    """

    form: MemoryForm = "delta"
    layers: tuple[int, ...] = ()
    segment_tokens: int = 256
    heads: int = 4
    key_dim: int = 128
    value_dim: int = 64
    lags: int = 6
    width: int = 128
    write_threshold: float = 0.3
    exact_heads: tuple[int, ...] = ()
    key_products: int = 0
    exact_threshold: float = 0.0
    ridge: float = 0.3
    drift: float = 0.0

    @property
    def wide_key_dim(self) -> int:
        """Rows of a memory's matrix: the key dim of the exact heads; the others leave those beyond their own empty."""
        return self.key_dim * (1 + self.key_products) if self.exact_heads else self.key_dim

    def thresholds(self) -> list[float]:
        """The least strength of a write while reading, by head."""
        exact = max(self.write_threshold, self.exact_threshold)
        return [exact if head in self.exact_heads else self.write_threshold for head in range(self.heads)]

    def __post_init__(self) -> None:
        """Raise ValueError for constants that no memory can have."""
        if self.form not in get_args(MemoryForm):
            raise ValueError(f"unknown form of memory {self.form!r}")
        if not 0 <= self.key_products < self.key_dim:
            raise ValueError(f"{self.key_products} products for each of {self.key_dim} numbers of a key")
        exact = self.exact_heads
        if not exact:
            return
        if self.form != "delta" or len({*exact}) < len(exact) or not {*exact} <= {*range(self.heads)}:
            raise ValueError(f"exact_heads {list(exact)}: each one of {self.heads} of a delta memory, once")
        if not (self.ridge > 0 and self.drift >= 0):
            raise ValueError(f"a ridge of {self.ridge} and a drift of {self.drift}: above zero, and zero or more")


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """An adapter's `[lora]` table. targets: names of linear layers in the attention; empty: all of them."""

    rank: int = 16
    alpha: float = 16.0
    targets: tuple[str, ...] = ()


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
            lists = {"layers": tuple(memory["layers"]), "exact_heads": tuple(memory.get("exact_heads", ()))}
            memory = MemoryConfig(**{**memory, **lists})
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
