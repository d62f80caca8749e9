"""The training loop: stages of mixed rows, Muon for the decoder's matrices, AdamW for the rest, resumable.

A run's folder holds `log.jsonl` (one line per report), `cache/` (tokens), `checkpoint.pt` (weights, optimizer,
position) and, at the end of each stage, `export/`, the folder that longdoc loads.

On CUDA the same code runs; on the CPU it uses bfloat16 autocast.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.memory import DeltaMemory
from longdoc.train.config import Stage, TrainConfig
from longdoc.train.corpus import Corpus
from longdoc.train.model import build_model, export
from longdoc.train.tasks import ANSWER_LOSS, RowMaker

REPORT_STEPS = 25
CHECKPOINT_STEPS = 200
Report = Callable[[dict[str, Any]], None]


class Run:
    """One training in one folder. `train()` goes on from the last checkpoint."""

    def __init__(self, config: TrainConfig, corpus: Corpus, tokenizer: Tokenizer, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.tokenizer = tokenizer
        self.corpus = corpus
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(config.seed)
        self.model, self.memories = build_model(config)
        self.model.to(self.device).train()
        for memory in self.memories.values():
            memory.to(self.device).train()
        self.stage_index = self.step = self.tokens_seen = 0
        self.seconds = 0.0
        self.optimizers: list[torch.optim.Optimizer] = []
        folder.mkdir(parents=True, exist_ok=True)

    def train(self, report: Report) -> None:
        """All stages, from where the checkpoint stands."""
        state = self._load_checkpoint()
        while self.stage_index < len(self.config.stages):
            stage = self.config.stages[self.stage_index]
            self.optimizers = self._make_optimizers(stage)
            if state is not None:
                for optimizer, saved in zip(self.optimizers, state, strict=True):
                    peaks = [group["peak"] for group in optimizer.param_groups]
                    optimizer.load_state_dict(saved)
                    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                        group["peak"] = peak  # the file's rates count, also when they changed since
                state = None
            self._train_stage(stage, report)
            self.stage_index, self.step = self.stage_index + 1, 0
            self.export(stage)
            self._save_checkpoint(with_optimizer=False)

    def export(self, stage: Stage) -> None:
        """Write the folder that longdoc loads."""
        notes = {"stage": stage.name, "tokens": self.tokens_seen, "seconds": round(self.seconds), "device": self.device}
        memories = self.memories if stage.memory else None
        export(self.folder / "export", self.model, memories, self.tokenizer, self.config, notes)

    def _train_stage(self, stage: Stage, report: Report) -> None:
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for batch in self._batches(stage):
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
            self.tokens_seen += stage.batch * stage.sequence_tokens
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

    def _batches(self, stage: Stage) -> Iterator[tuple[Tensor, Tensor, list[str]]]:
        """(ids (B, T + 1), weights (B, T + 1), kinds), made one step ahead in a thread, the same for the same seed."""
        kinds, shares = list(stage.rows), list(stage.rows.values())
        maker = RowMaker(self.corpus, self.tokenizer, 0, stage.text_loss)

        def make(step: int) -> tuple[Tensor, Tensor, list[str]]:
            rng = random.Random(hash((self.config.seed, self.stage_index, step)))
            maker.rng = rng
            chosen = rng.choices(kinds, shares, k=stage.batch)
            rows = [maker.row(kind, stage.sequence_tokens) for kind in chosen]
            ids = torch.from_numpy(np.stack([ids for ids, _ in rows]).astype(np.int64))
            return ids, torch.from_numpy(np.stack([weights for _, weights in rows])), chosen

        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(make, self.step)
            for step in range(self.step, stage.steps):
                batch = ahead.result()
                ahead = pool.submit(make, step + 1)
                yield batch

    def _loss(self, stage: Stage, batch: tuple[Tensor, Tensor, list[str]], sums: dict[str, list[float]]) -> Tensor:
        """Weighted cross-entropy, logits only where there is a weight, and the write gates' sparsity penalty."""
        ids, weights, kinds = batch[0].to(self.device), batch[1].to(self.device), batch[2]
        shape = self.config.model
        cache = StreamingCache(self.model.config, Tiers(shape.sinks, shape.window), use_memory=stage.memory)
        done = self.step / stage.steps
        deltas = [m for m in self.memories.values() if isinstance(m, DeltaMemory)] if stage.memory else []
        for memory in deltas:
            memory.train_threshold = memory.config.write_threshold if done >= 0.85 else 0.0
        with torch.autocast(self.device, torch.bfloat16):
            hidden = self.model.model(ids[:, :-1], past_key_values=cache, use_cache=True).last_hidden_state
            wanted = weights[:, 1:] > 0
            logits = F.linear(hidden[wanted], self.model.get_output_embeddings().weight)
        target, weight = ids[:, 1:][wanted], weights[:, 1:][wanted]
        losses = F.cross_entropy(logits.float(), target, reduction="none")
        loss = (losses * weight).sum() / weight.sum()
        row = wanted.nonzero()[:, 0]
        with torch.no_grad():
            hit = logits.argmax(-1) == target
            for index, kind in enumerate(kinds):
                asked = (row == index) & (weight >= 1.0)
                _add(sums, f"{kind}_nats", losses[asked])
                _add(sums, f"{kind}_answer_hit", hit[asked & (weight == ANSWER_LOSS)].float())
        if deltas:
            strength = torch.stack([m.last_strength.mean() for m in deltas if m.last_strength is not None]).mean()
            loss = loss + (stage.final_sparsity if done >= 0.6 else stage.sparsity) * strength
            _add(sums, "write_strength", strength.detach()[None])
        return loss

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [p for group in self.optimizers for g in group.param_groups for p in g["params"]]

    def _make_optimizers(self, stage: Stage) -> list[torch.optim.Optimizer]:
        """Muon for the decoder's matrices, AdamW for all else; the memories' gate biases at ten times the rate."""
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
        groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0, "peak": stage.lr}]
        if stage.memory:
            memory = [(n, p) for m in self.memories.values() for n, p in m.named_parameters()]
            gates = [p for n, p in memory if n in ("write_gate.bias", "read_gate.bias", "gate")]
            large = [p for n, p in memory if p.ndim == 2 and "gate" not in n]
            small = [p for n, p in memory if p.ndim == 2 and "gate" in n]
            groups += [
                {"params": gates, "weight_decay": 0.0, "peak": 10 * stage.lr},
                {"params": small, "weight_decay": 0.0, "peak": stage.lr},
                {"params": large, "weight_decay": 0.1, "peak": stage.lr},
            ]
        groups = [g for g in groups if g["params"]]
        adam = torch.optim.AdamW(groups, lr=stage.lr, betas=(0.9, 0.95))
        muon = torch.optim.Muon([{"params": matrices, "peak": stage.muon_lr}], lr=stage.muon_lr, weight_decay=0.01)
        return [adam, muon]

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
                "model": self.model.state_dict(),
                "memories": {i: m.state_dict() for i, m in self.memories.items()},
                "optimizers": [o.state_dict() for o in self.optimizers] if with_optimizer else None,
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
        self.model.load_state_dict(saved["model"])
        for index, memory in self.memories.items():
            memory.load_state_dict(saved["memories"][index])
        self.stage_index, self.step, self.tokens_seen, self.seconds = saved["at"]
        states: list[dict[str, Any]] | None = saved["optimizers"]
        return states


def _add(sums: dict[str, list[float]], key: str, values: Tensor) -> None:
    """Add to a running mean."""
    if values.numel():
        sums[key][0] += float(values.sum())
        sums[key][1] += values.numel()
