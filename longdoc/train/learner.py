"""What a run trains: a whole model with its memories, or an adapter beside a frozen one. The loop knows only this."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from longdoc.engine.cache import Tiers
from longdoc.engine.memory import DeltaMemory, PaperMemory
from longdoc.train.config import Stage

Memories = dict[int, DeltaMemory | PaperMemory]
Groups = list[dict[str, Any]]


class Learner(Protocol):
    """model: reads the rows.   memories: by layer.   weights: what is trained beside the memories.

    tiers: what the model's attention sees exactly where a mix does not say otherwise.   device: where all of it is.
    """

    model: Any
    memories: Memories
    weights: nn.Module
    tiers: Tiers
    device: str

    def optimizers(self, stage: Stage) -> list[torch.optim.Optimizer]:
        """New ones for a stage; each group has the `peak` of its rate."""

    def start_memory_anew(self, layer: int) -> None:
        """Give a memory the weights of the beginning, beside layers that are trained."""

    def load(self, folder: Path) -> None:
        """Take what `export` wrote. Raises ModelUnavailable when it does not fit."""

    def export(self, folder: Path, notes: dict[str, Any], *, with_memory: bool) -> None:
        """Write what longdoc loads."""


def memory_groups(memories: Memories, lr: float) -> Groups:
    """The memories' gate biases at ten times the rate.

    The gates' weights at a third: their inputs have a common mean, which closed a gate for good in 100 steps.
    """
    memory = [(n, p) for m in memories.values() for n, p in m.named_parameters()]
    gates = [p for n, p in memory if n in ("write_gate.bias", "read_gate.bias", "gate")]
    large = [p for n, p in memory if p.ndim == 2 and "gate" not in n]
    small = [p for n, p in memory if p.ndim == 2 and "gate" in n]
    return [
        {"params": gates, "weight_decay": 0.0, "peak": 10 * lr},
        {"params": small, "weight_decay": 0.0, "peak": 0.3 * lr},
        {"params": large, "weight_decay": 0.1, "peak": lr},
    ]
