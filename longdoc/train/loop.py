"""The training loop: stages of mixed rows, resumable, the same for a model and for an adapter (`learner.py`).

A run's folder holds `log.jsonl` (one line per report), `cache/` (tokens), `checkpoint.pt` (weights, optimizer,
position) and, at the end of each stage, `export/`, the folder that longdoc loads, if it has no other place.

On CUDA the same code runs; on the CPU it uses bfloat16 autocast.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from longdoc.core.errors import ModelUnavailable, UsageError
from longdoc.engine.cache import StreamingCache
from longdoc.engine.memory import DeltaMemory, MemoryState
from longdoc.train.batches import Batch, Lives, batches
from longdoc.train.config import AdapterConfig, Stage, TrainConfig
from longdoc.train.corpus import Corpus
from longdoc.train.learner import Learner
from longdoc.train.tasks import ANSWER_LOSS, RowMaker

REPORT_STEPS = 25
CHECKPOINT_STEPS = 200
Report = Callable[[dict[str, Any]], None]


class Run:
    """One training in one folder. `train()` goes on from the last checkpoint."""

    def __init__(
        self,
        config: TrainConfig | AdapterConfig,
        learner: Learner,
        corpus: Corpus,
        tokenizer: Tokenizer,
        folder: Path,
        export_to: Path | None = None,
        row_maker: type[RowMaker] = RowMaker,
    ) -> None:
        self.config = config
        self.learner = learner
        self.model, self.memories, self.device = learner.model, learner.memories, learner.device
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.folder = folder
        self.export_to = export_to or folder / "export"
        self.row_maker = row_maker
        self.stage_index = self.step = self.tokens_seen = 0
        self.seconds = 0.0
        self.optimizers: list[torch.optim.Optimizer] = []
        self.living: dict[str, dict[int, MemoryState]] = {}  # by mix and layer: what the last batch left behind
        self.lives: dict[str, Lives] = {}  # by mix: the facts behind it, a life for each row
        folder.mkdir(parents=True, exist_ok=True)

    def start_from(self, folder: Path, stage: str) -> None:
        """Take the weights that another run exported and begin with the stage of that name."""
        names = [s.name for s in self.config.stages]
        if stage not in names:
            raise UsageError(f"The configuration has no stage {stage!r}.", why=f"it has {', '.join(names)}")
        self.learner.load(folder)
        self.stage_index = names.index(stage)

    def train(self, report: Report) -> None:
        """All stages, from where the checkpoint stands."""
        state = self._load_checkpoint()
        while self.stage_index < len(self.config.stages):
            stage = self.config.stages[self.stage_index]
            self.optimizers = self.learner.optimizers(stage)
            if state is not None:
                for optimizer, saved in zip(self.optimizers, state, strict=True):
                    peaks = [group["peak"] for group in optimizer.param_groups]
                    optimizer.load_state_dict(saved)
                    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                        group["peak"] = peak  # the file's rates count, also when they changed since
                state = None
            if self.step == 0:
                for index in set(stage.fresh_memories) & set(self.memories):
                    self.learner.start_memory_anew(index)
            self._train_stage(stage, report)
            self.stage_index, self.step, self.living, self.lives = self.stage_index + 1, 0, {}, {}
            self.export(stage)
            self._save_checkpoint(with_optimizer=False)

    def export(self, stage: Stage) -> None:
        """Write the folder that longdoc loads."""
        notes = {"stage": stage.name, "tokens": self.tokens_seen, "seconds": round(self.seconds), "device": self.device}
        self.learner.export(self.export_to, notes, with_memory=stage.memory)

    def _train_stage(self, stage: Stage, report: Report) -> None:
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        maker = self.row_maker(self.corpus, self.tokenizer, 0, stage.text_loss)
        seed, window = (self.config.seed, self.stage_index), self.learner.tiers.window
        for batch in batches(stage, seed, self.step, maker, window, self.lives):
            started = time.perf_counter()
            self._set_rates(stage)
            loss = self._loss(stage, batch, sums)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(self._parameters(), 1.0)
            if not bool(torch.isfinite(norm)):
                raise ModelUnavailable(
                    f"The training diverged in stage {stage.name}, step {self.step}.",
                    why="the gradient is not finite",
                    fix="lower lr and muon_lr, and start again from the last checkpoint",
                )
            for optimizer in self.optimizers:
                optimizer.step()
            self.step += 1
            self.tokens_seen += batch.mix.batch * batch.mix.sequence_tokens
            self.seconds += time.perf_counter() - started
            if self.step % REPORT_STEPS == 0 or self.step == stage.steps:
                line = {"stage": stage.name, "step": self.step, "tokens": self.tokens_seen, "s": round(self.seconds)}
                line |= {key: round(total / count, 4) for key, (total, count) in sorted(sums.items()) if count}
                sums.clear()
                with (self.folder / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                report(line)
            if self.step % CHECKPOINT_STEPS == 0:
                self._save_checkpoint(with_optimizer=True)

    def _loss(self, stage: Stage, batch: Batch, sums: dict[str, list[float]]) -> Tensor:
        """Weighted cross-entropy, logits only where there is a weight, and the write gates' sparsity penalty."""
        mix, ids, weights, kinds = batch.mix, batch.ids.to(self.device), batch.weights.to(self.device), batch.kinds
        tiers = replace(self.learner.tiers, window=mix.window or self.learner.tiers.window)
        cache = StreamingCache(self.model.config, tiers, use_memory=stage.memory)
        if stage.memory and batch.lives_on:
            for index, state in self.living.get(mix.name, {}).items():
                cache.layers[index].memory = state
        done = self.step / stage.steps
        deltas = {i: m for i, m in self.memories.items() if isinstance(m, DeltaMemory)} if stage.memory else {}
        for memory in deltas.values():
            memory.train_threshold = memory.config.write_threshold if done >= stage.threshold_from else 0.0
            memory.deaf_heads = [] if mix.teaches_writing else list(stage.sparse_heads)
            free = [head for head in range(memory.config.heads) if head not in stage.sparse_heads]
            memory.muted_heads = free if stage.sparse_heads and batch.is_muted else []
        asked_from = mix.sequence_tokens - mix.asked_tokens
        content, questions = slice(0, asked_from), slice(asked_from, None)
        with torch.autocast(self.device, torch.bfloat16):
            logits, target, weight, row = self._predicted(ids, weights, content, cache)
            strengths = {index: memory.last_strength for index, memory in deltas.items()}
            if stage.memory and mix.lives > 1:
                left = {index: cache.layers[index].memory for index in self.memories}
                self.living[mix.name] = {index: state.map(Tensor.detach) for index, state in left.items() if state}
                self.lives[mix.name] = batch.lives
            if mix.asked_tokens:  # the life goes on from the state before them
                parts = (logits, target, weight, row), self._predicted(ids, weights, questions, cache)
                logits, target, weight, row = (torch.cat(pair) for pair in zip(*parts, strict=True))
        losses = F.cross_entropy(logits.float(), target, reduction="none")
        loss = (losses * weight).sum() / weight.sum()
        with torch.no_grad():
            hit = logits.argmax(-1) == target
            for index, kind in enumerate(kinds):
                asked = (row == index) & (weight >= 1.0)
                _add(sums, f"{mix.name}_{kind}_nats", losses[asked])
                _add(sums, f"{mix.name}_{kind}_answer_hit", hit[asked & (weight == ANSWER_LOSS)].float())
        if deltas:
            sparsity = stage.final_sparsity if done >= stage.sparse_from else stage.sparsity
            for index, memory in deltas.items():
                strength = strengths[index]
                assert strength is not None
                strength = strength[..., list(stage.sparse_heads) or list(range(memory.config.heads))]
                loss = loss + sparsity * strength.mean()
                _add(sums, f"strength_{index}", strength.detach().mean()[None])
                written = (strength >= memory.config.write_threshold).float().mean((1, 2))  # by row
                for kind, share in zip(kinds, written, strict=True):
                    _add(sums, f"{mix.name}_{kind}_written_{index}", share[None])
        return loss

    def _predicted(
        self, ids: Tensor, weights: Tensor, part: slice, cache: StreamingCache
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, T + 1) x2, read on from `cache` -> (n, vocabulary), (n,) x3: logits, tokens, weights, rows.

        Only of the n tokens with a weight: the model's head, with its scaling, is given nothing else.
        """
        target, weight = ids[:, 1:][:, part], weights[:, 1:][:, part]
        wanted = weight > 0
        head = self.model.get_output_embeddings()
        handle = head.register_forward_pre_hook(lambda module, args: (args[0][wanted],))
        try:
            logits: Tensor = self.model(ids[:, :-1][:, part], past_key_values=cache, use_cache=True).logits
        finally:
            handle.remove()
        return logits, target[wanted], weight[wanted], wanted.nonzero()[:, 0]

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [p for group in self.optimizers for g in group.param_groups for p in g["params"]]

    def _set_rates(self, stage: Stage) -> None:
        """Linear warm-up, then a cosine down to `final_lr` of the peak."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / stage.steps))
        rate = min(1.0, (self.step + 1) / stage.warmup_steps) * (stage.final_lr + (1 - stage.final_lr) * cosine)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate

    def _save_checkpoint(self, *, with_optimizer: bool) -> None:
        """Weights, optimizer and position in one file, replaced at once."""
        path = self.folder / "checkpoint.pt"
        temporary = path.with_suffix(".tmp")
        torch.save(
            {
                "model": self.learner.weights.state_dict(),
                "memories": {i: m.state_dict() for i, m in self.memories.items()},
                "optimizers": [o.state_dict() for o in self.optimizers] if with_optimizer else None,
                "living": {
                    mix: {index: _tensors(state) for index, state in layers.items()}
                    for mix, layers in self.living.items()
                },
                "lives": self.lives,
                "at": [self.stage_index, self.step, self.tokens_seen, self.seconds],
            },
            temporary,
        )
        temporary.replace(path)

    def _load_checkpoint(self) -> list[dict[str, Any]] | None:
        """Restore the position; -> the optimizers' states, if the checkpoint lies inside a stage."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return None
        saved = torch.load(path, map_location=self.device, weights_only=True)
        self.learner.weights.load_state_dict(saved["model"])
        for index, memory in self.memories.items():
            memory.load_state_dict(saved["memories"][index])
        self.stage_index, self.step, self.tokens_seen, self.seconds = saved["at"]
        self.living = {
            mix: {index: MemoryState(**tensors) for index, tensors in layers.items()}
            for mix, layers in saved["living"].items()
        }
        self.lives = saved.get("lives", {})
        states: list[dict[str, Any]] | None = saved["optimizers"]
        return states


def _tensors(state: MemoryState) -> dict[str, Tensor]:
    return {f.name: tensor for f in fields(state) if (tensor := getattr(state, f.name)) is not None}


def _add(sums: dict[str, list[float]], key: str, values: Tensor) -> None:
    """Add to a running mean."""
    if values.numel():
        sums[key][0] += float(values.sum())
        sums[key][1] += values.numel()
