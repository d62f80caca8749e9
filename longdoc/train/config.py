"""One TOML file that reproduces a training: data, shapes, stages. Unknown keys are errors."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from longdoc.core.errors import UsageError
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
    """

    name: str
    rows: dict[str, float]
    sequence_tokens: int
    batch: int
    share: float = 1.0
    window: int | None = None
    lives: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training. mixes: the kinds of batches, one of them in each step.

    lr: AdamW's peak; muon_lr: for the decoder's matrices.   final_lr: share of the peak left at the end.
    text_loss: weight of the plain text in rows that ask for something.
    sparsity: weight of the mean write strength in the loss, `final_sparsity` after `sparse_from` of the steps.
    threshold_from: share of the steps after which write strengths below the memory's threshold count as zero.
    sparse_memories: layers whose memories the penalty is for; all of them when empty.
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
    sparse_memories: tuple[int, ...] = ()
    fresh_memories: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """The whole file."""

    name: str
    seed: int
    data: DataConfig
    model: ModelShape
    memory: MemoryConfig
    stages: tuple[Stage, ...] = field(default_factory=tuple)


def load_config(path: Path) -> TrainConfig:
    """Read and check a file. Raises UsageError that names the offending key."""
    try:
        raw = tomllib.loads(path.read_text())
        if unknown := set(raw) - {f.name for f in fields(TrainConfig)}:
            raise UsageError(f"The training file {path} does not know {sorted(unknown)}.")
        data = dict(raw.pop("data"))
        text = tuple(_make(TextSource, t, "data.text") for t in data.pop("text"))
        return TrainConfig(
            name=raw.pop("name"),
            seed=raw.pop("seed"),
            data=_make(DataConfig, {**data, "text": text}, "data"),
            model=_make(ModelShape, raw.pop("model"), "model"),
            memory=_make(MemoryConfig, raw.pop("memory"), "memory"),
            stages=tuple(_stage(s) for s in raw.pop("stages")),
        )
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The training file {path} cannot be read.", why=str(error)) from error
    except KeyError as error:
        raise UsageError(f"The training file {path} lacks {error}.") from error


def _stage(table: dict[str, Any]) -> Stage:
    mixes = tuple(_make(Mix, mix, "stages.mixes") for mix in table.get("mixes", []))
    if not mixes:
        raise UsageError(f"The stage {table.get('name')!r} has no [[stages.mixes]].")
    stage: Stage = _make(Stage, {**table, "mixes": mixes}, "stages")
    return stage


def _make(kind: type, values: dict[str, Any], where: str) -> Any:
    """A dataclass from a TOML table; lists become tuples."""
    known = {f.name for f in fields(kind)}
    if unknown := set(values) - known:
        raise UsageError(f"[{where}] does not know {sorted(unknown)}.", why=f"known: {sorted(known)}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except TypeError as error:  # its message names what is missing
        raise UsageError(f"[{where}] is not complete.", why=str(error)) from error
