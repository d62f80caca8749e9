"""Fits a `Ranker`: a tiny network that must put the right candidates of each group first.

Deterministic: full batches, a fixed seed, one thread. Knows nothing of questions or summaries.

Shape letters: N candidates of all groups, F columns, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from longdoc.search.ranker import CLIP, Array, Ranker


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates of which some are right.

    features: (n, F).   target: (n,), how right each is.   weight: of the group.
    """

    features: Array
    target: Array
    weight: float = 1.0


def fit_listwise(
    groups: Sequence[Group],
    columns: Sequence[str],
    *,
    num_hidden: int = 6,
    num_steps: int = 400,
    learning_rate: float = 0.02,
    decay: float = 1e-3,
    seed: int = 0,
) -> Ranker:
    """The ranker whose softmax over each group puts most mass on its targets (cross entropy, full batch Adam)."""
    usable = [group for group in groups if group.target.sum() > 0 and len(group.target) > 1]
    assert usable, "nothing to fit on"
    mean, std = _moments([group.features for group in usable])
    x = torch.from_numpy(np.concatenate([_normal(group.features, mean, std) for group in usable])).float()
    target = torch.from_numpy(np.concatenate([group.target / group.target.sum() for group in usable])).float()
    owner = torch.repeat_interleave(torch.arange(len(usable)), torch.tensor([len(g.target) for g in usable]))
    weight = torch.tensor([group.weight for group in usable], dtype=torch.float32)
    target = target * (weight / weight.sum())[owner]

    def loss(score: Tensor) -> Tensor:
        peak = torch.full((len(usable),), -torch.inf).scatter_reduce(0, owner, score.detach(), "amax")
        mass = torch.zeros(len(usable)).index_add(0, owner, (score - peak[owner]).exp())
        return -(target * (score - (peak + mass.log())[owner])).sum()

    return _train(
        _Network(len(columns), num_hidden, seed), x, loss, columns, mean, std, num_steps, learning_rate, decay
    )


def fit_binary(
    features: Array, labels: Array, weights: Array, columns: Sequence[str], *, num_steps: int = 600, seed: int = 0
) -> Ranker:
    """Logistic regression without hidden units: its score is a log odds, so it is calibrated where it was fitted."""
    mean, std = _moments([features])
    x = torch.from_numpy(_normal(features, mean, std)).float()
    y, w = torch.from_numpy(labels).float(), torch.from_numpy(weights).float()

    def loss(score: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(score, y, w)

    return _train(_Network(len(columns), 0, seed), x, loss, columns, mean, std, num_steps, 0.05, 1e-3)


class _Network(nn.Module):
    """(..., F) -> (...): the same arithmetic as `Ranker.score`."""

    def __init__(self, num_columns: int, num_hidden: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.linear = nn.Parameter(torch.zeros(num_columns))
        self.w1 = nn.Parameter(torch.randn(num_hidden, num_columns, generator=generator) * 0.3)
        self.b1 = nn.Parameter(torch.zeros(num_hidden))
        self.w2 = nn.Parameter(torch.randn(num_hidden, generator=generator) * 0.3)
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.w1.T + self.b1) @ self.w2 + x @ self.linear + self.bias


def _train(
    network: _Network,
    x: Tensor,
    loss_of: Callable[[Tensor], Tensor],
    columns: Sequence[str],
    mean: Array,
    std: Array,
    num_steps: int,
    learning_rate: float,
    decay: float,
) -> Ranker:
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss = loss_of(network(x))
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    arrays = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    bias = float(arrays.pop("bias"))
    return Ranker(tuple(columns), mean, std, bias=bias, **arrays)


def _normal(features: Array, mean: Array, std: Array) -> Array:
    """What `Ranker.score` makes of raw columns."""
    return np.clip((features - mean) / std, -CLIP, CLIP)


def _moments(features: Sequence[Array]) -> tuple[Array, Array]:
    """Mean and standard deviation of each column; a constant column gets 1."""
    rows = np.concatenate(features)
    std = rows.std(0)
    return rows.mean(0), np.where(std > 1e-6, std, 1.0)
