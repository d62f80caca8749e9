"""The batches of a stage, made a step ahead on a thread of their own, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longdoc.core.errors import UsageError
from longdoc.train import lives
from longdoc.train.config import Mix, Stage
from longdoc.train.tasks import RowMaker

Lives = list[dict[str, Any]]  # those of a mix's rows, as a checkpoint holds them


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, weights: (B, T + 1).   kinds: of the rows.   lives_on: from the state that the mix's last batch left behind.

    is_muted: only the sparse heads are read.   lives: the rows' lives after this batch; empty where a mix has no facts.
    """

    mix: Mix
    ids: Tensor
    weights: Tensor
    kinds: list[str]
    lives_on: bool
    is_muted: bool
    lives: Lives = field(default_factory=list)


def batches(
    stage: Stage, seed: tuple[int, int], first_step: int, maker: RowMaker, window: int, before: Mapping[str, Lives]
) -> Iterator[Batch]:
    """The stage's batches from `first_step` on.

    seed: the run's, and the stage's place in it.   window: of the attention, where a mix has none of its own.
    before: the lives, by mix, after the step before the first one.
    Raises UsageError for rows that the maker does not know.
    """
    if unknown := {kind for mix in stage.mixes for kind in mix.rows} - {*maker.kinds}:
        known = ", ".join(maker.kinds)
        raise UsageError(f"The stage {stage.name!r} asks for unknown rows {sorted(unknown)}.", why=f"known: {known}")
    living = {mix: [lives.Life.from_plain(life) for life in saved] for mix, saved in before.items()}

    def make(step: int) -> Batch:
        rng = maker.rng = random.Random(hash((*seed, step)))
        mix = rng.choices(stage.mixes, [m.share for m in stage.mixes])[0]
        maker.number_heavy = mix.number_heavy
        chance = random.Random(hash((*seed, step, 1)))
        lives_on, is_muted = chance.random() * mix.lives > 1, chance.random() < mix.muted
        if mix.facts:
            kinds = ["facts"] * mix.batch
            if not lives_on or mix.name not in living:
                living[mix.name] = [lives.begin(maker, mix.facts) for _ in kinds]
                lives_on = False
            rows = [lives.row(maker, life, mix.sequence_tokens, mix.asked_tokens) for life in living[mix.name]]
        else:
            kinds = rng.choices(list(mix.rows), list(mix.rows.values()), k=mix.batch)
            rows = [maker.row(kind, mix.sequence_tokens, mix.window or window) for kind in kinds]
        ids = torch.from_numpy(np.stack([ids for ids, _ in rows]).astype(np.int64))
        weights = torch.from_numpy(np.stack([weights for _, weights in rows]))
        after = [life.plain() for life in living.get(mix.name, [])]
        return Batch(mix, ids, weights, kinds, lives_on, is_muted, after)

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(make, first_step)
        for step in range(first_step, stage.steps):
            batch = ahead.result()
            ahead = pool.submit(make, step + 1)
            yield batch
