"""One TOML file that reproduces a training: data, shapes, stages. Unknown keys are errors."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from longdoc.core.errors import UsageError
from longdoc.engine.cache import Tiers
from longdoc.engine.lora import LoraConfig
from longdoc.engine.memory import MemoryConfig


@dataclass(frozen=True, slots=True)
class TextSource:
    """Documents by glob below the data folder. weight: share of the text rows."""

    glob: str
    weight: float


@dataclass(frozen=True, slots=True)
class DataConfig:
    """held_out: documents never trained on, by id; besides, one document in `hold_out_one_in` is kept back."""

    text: tuple[TextSource, ...]
    qa: str
    summaries: str
    held_out: tuple[str, ...] = ()
    hold_out_one_in: int = 40


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A Qwen3-type decoder with tied embeddings. Sizes are in units, not in heads times units."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    sinks: int
    window: int
    rope_theta: float = 10000.0


@dataclass(frozen=True, slots=True)
class Mix:
    """One kind of batch. share: of a stage's steps.   rows: kind of row -> share.

    window: of the attention in these batches, in tokens; None: the model's. A short one makes recall the memory's task
    after a few tokens, so that short rows can teach it.
    lives: batches that a memory's state lives through on average before it starts empty again; 1: each starts empty.
    What earlier rows left behind is then what a long text would have left.
    teaches_writing: False: these batches' loss does not train the write gates of the stage's sparse heads. Text is
    foretold better when all of it is written, which is what a lasting memory must not do.
    facts, asked_tokens: with `facts`, the rows are not those of `rows` but those of one life after the other
        (`lives.py`): each tells up to so many facts, in its first rows, and the last `asked_tokens` of every row ask
        for any of them, on a fork of the state.
    number_heavy: share of the rows with codes or facts whose other text is full of numbers.
    muted: share of these batches in which only the sparse heads are read, so that they learn to do without the others.
    """

    name: str
    sequence_tokens: int
    batch: int
    rows: dict[str, float] = field(default_factory=dict)
    share: float = 1.0
    window: int | None = None
    lives: float = 1.0
    teaches_writing: bool = True
    muted: float = 0.0
    facts: int = 0
    asked_tokens: int = 0
    number_heavy: float = 0.3


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training. mixes: the kinds of batches, one of them in each step.

    lr: AdamW's peak; muon_lr: for a decoder's matrices, not for an adapter.   final_lr: share of the peak left.
    text_loss: weight of the plain text in rows that ask for something.
    sparsity: weight of the mean write strength in the loss, `final_sparsity` after `sparse_from` of the steps.
    threshold_from: share of the steps after which write strengths below the memory's threshold count as zero.
    sparse_heads: heads of the memories that the penalty is for; all of them when empty. The others stay free to write
        everything, which serves copying near by, and forget it.
    fresh_memories: layers whose delta memory starts anew with this stage.
    """

    name: str
    steps: int
    mixes: tuple[Mix, ...]
    lr: float = 3e-3
    muon_lr: float = 0.02
    memory: bool = False
    warmup_steps: int = 100
    final_lr: float = 0.1
    text_loss: float = 0.3
    sparsity: float = 0.05
    final_sparsity: float = 1.0
    sparse_from: float = 0.6
    threshold_from: float = 0.85
    sparse_heads: tuple[int, ...] = ()
    fresh_memories: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """The whole file for a model of its own."""

    name: str
    seed: int
    data: DataConfig
    model: ModelShape
    memory: MemoryConfig
    stages: tuple[Stage, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The whole file for an adapter: what reads is any model that is already there, and stays as it is.

    tiers: what its attention sees exactly, in training and later.   lora: None: the memory alone is trained.
    A stage has a memory unless it says otherwise.
    """

    name: str
    seed: int
    data: DataConfig
    tiers: Tiers
    lora: LoraConfig | None
    memory: MemoryConfig
    stages: tuple[Stage, ...] = field(default_factory=tuple)


def load_config(path: Path) -> TrainConfig:
    """Read and check a file. Raises UsageError that names the offending key."""
    config: TrainConfig = _load(path, TrainConfig, {"model": ModelShape, "memory": MemoryConfig}, {})
    return config


def load_adapter_config(path: Path) -> AdapterConfig:
    """As `load_config`, for an adapter."""
    tables = {"tiers": Tiers, "lora": LoraConfig, "memory": MemoryConfig}
    config: AdapterConfig = _load(path, AdapterConfig, tables, {"memory": True})
    return config


def _load(path: Path, kind: type, tables: dict[str, type], stage_defaults: dict[str, Any]) -> Any:
    """A configuration of that kind. tables: what else it consists of; `lora` alone may be missing."""
    try:
        raw = tomllib.loads(path.read_text())
        if unknown := set(raw) - {f.name for f in fields(kind)}:
            raise UsageError(f"The training file {path} does not know {sorted(unknown)}.")
        if "lora" in tables:
            raw.setdefault("lora", None)
        data = dict(raw.pop("data"))
        text = tuple(_make(TextSource, t, "data.text") for t in data.pop("text"))
        return kind(
            name=raw.pop("name"),
            seed=raw.pop("seed"),
            data=_make(DataConfig, {**data, "text": text}, "data"),
            stages=tuple(_stage({**stage_defaults, **s}) for s in raw.pop("stages")),
            **{n: _make(t, table, n) if (table := raw.pop(n)) is not None else None for n, t in tables.items()},
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The training file {path} cannot be read.", why=str(error)) from error
    except KeyError as error:
        raise UsageError(f"The training file {path} lacks {error}.") from error


def _stage(table: dict[str, Any]) -> Stage:
    mixes = tuple(_make(Mix, mix, "stages.mixes") for mix in table.get("mixes", []))
    if not mixes:
        raise UsageError(f"The stage {table.get('name')!r} has no [[stages.mixes]].")
    for mix in mixes:
        is_of_rows = bool(mix.rows) and not mix.facts and not mix.asked_tokens
        is_of_facts = not mix.rows and mix.facts >= 2 and 0 < mix.asked_tokens < mix.sequence_tokens
        if not is_of_rows and not is_of_facts:
            raise UsageError(
                f"[stages.mixes] {mix.name!r} is neither one of rows nor one of facts.",
                why="it needs either rows, or two facts or more and asked_tokens, fewer than sequence_tokens",
            )
    stage: Stage = _make(Stage, {**table, "mixes": mixes}, "stages")
    return stage


def _make(kind: type, values: dict[str, Any], where: str) -> Any:
    """A dataclass from a TOML table; lists become tuples."""
    known = {f.name for f in fields(kind)}
    if unknown := set(values) - known:
        raise UsageError(f"[{where}] does not know {sorted(unknown)}.", why=f"known: {sorted(known)}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (TypeError, ValueError) as error:  # its message names what is missing or wrong
        raise UsageError(f"[{where}] is not complete, or has values that cannot be.", why=str(error)) from error
