"""An adapter beside a frozen model: memories, and low-rank additions to the attention. `longdoc train adapter`.

The model's weights never change. The memories alone do not learn: a model that was trained without them cannot use
what they give before its attention may adapt to it.

Shapes: B batch, T tokens, E hidden size.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from longdoc.engine.adapter import AdapterInfo, hash_of_base, load_weights, save_adapter
from longdoc.engine.attention import attach_memory, attention_modules
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import LoadedModel
from longdoc.engine.lora import Lora
from longdoc.engine.memory import DeltaMemory
from longdoc.train.config import AdapterConfig, Stage
from longdoc.train.learner import Groups, memory_groups

_FRESH_SHARE = 0.6  # of the output's scale, for a new memory beside trained layers
# Families that normalise what the attention gives before they add it have one of these in a layer.
_NORMS_AFTER = ("pre_feedforward_layernorm", "post_feedforward_layernorm", "post_self_attn_layernorm")


class Adapter:
    """Memories and additions of a loaded model: the `Learner` of `longdoc train adapter`. AdamW for everything."""

    def __init__(self, config: AdapterConfig, base: LoadedModel, text: Tensor) -> None:
        """text: (B, T) tokens of the data, which the memories' output is scaled on."""
        self.config = config
        self.base = base
        self.model = base.model
        self.tiers = config.tiers
        self.device = base.device.type
        self.base_sha256 = hash_of_base(self.model)
        layers = config.memory.layers
        self.scales = output_scales(self.model, text.to(base.device), config.tiers)
        torch.manual_seed(config.seed)
        self.memories = attach_memory(self.model, config.memory)
        self.lora = Lora(self.model, config.lora) if config.lora else None
        self.weights: nn.Module = self.lora or nn.Module()
        for layer in layers:
            self._reset(layer, 1.0)
        for module in (*self.memories.values(), self.weights):
            module.to(base.device, torch.float32).train()

    def optimizers(self, stage: Stage) -> list[torch.optim.Optimizer]:
        """AdamW; without weight decay for the additions."""
        groups: Groups = [{"params": [*self.weights.parameters()], "weight_decay": 0.0, "peak": stage.lr}]
        groups += memory_groups(self.memories, stage.lr) if stage.memory else []
        return [torch.optim.AdamW([g for g in groups if g["params"]], lr=stage.lr, betas=(0.9, 0.95))]

    def start_memory_anew(self, layer: int) -> None:
        """Its output is small, beside trained layers."""
        self._reset(layer, _FRESH_SHARE)

    def load(self, folder: Path) -> None:
        """Memories and additions of an adapter with the same tables."""
        load_weights(folder, self.memories, self.lora)

    def export(self, folder: Path, notes: dict[str, Any], *, with_memory: bool) -> None:
        """The adapter's two files. How the model is asked stays what it was without the adapter."""
        config, model = self.config, self.base.info.id
        base = Path(model).name if Path(model).is_dir() else model
        segment_tokens = max(512, 2 * config.tiers.window)
        info = self.base.adapter or AdapterInfo(config.name, base, config.tiers, segment_tokens)
        info = replace(
            info,
            name=config.name,
            base=base,
            base_sha256=self.base_sha256,
            tiers=config.tiers,
            segment_tokens=segment_tokens,
            memory=config.memory if with_memory else None,
            lora=config.lora,
            attention="stream",
            notes=notes,
        )
        folder.mkdir(parents=True, exist_ok=True)
        save_adapter(folder, info, self.memories if with_memory else {}, self.lora)

    def _reset(self, layer: int, share: float) -> None:
        memory = self.memories[layer]
        if isinstance(memory, DeltaMemory):
            memory.reset_parameters(output_scale=share * self.scales[layer])


@torch.no_grad()
def output_scales(model: Any, ids: Tensor, tiers: Tiers) -> dict[int, float]:
    """(B, T) -> by layer: what to multiply a memory's input with, so that it counts beside what it is added to.

    That is the residual stream, or the attention's output where the layer normalises the sum of both. A stream of
    large numbers would drown the memory, and training it would take long to find out. Medians over the tokens: the
    first ones can be a hundred times larger than all others.
    """
    found: dict[int, dict[str, float]] = {}
    handles = []

    def watch(layer: int, name: str) -> Any:
        def pre_hook(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
            found.setdefault(layer, {})[name] = _median_rms(args[0] if args else kwargs["hidden_states"])

        return pre_hook

    def watch_output(layer: int) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            found[layer]["output"] = _median_rms(output[0])

        return hook

    modules = dict(model.named_modules())
    names = {module: name for name, module in modules.items()}
    for attention in attention_modules(model):
        layer = int(attention.layer_idx)  # type: ignore[arg-type]
        block = modules[names[attention].rpartition(".")[0]]
        handles.append(block.register_forward_pre_hook(watch(layer, "residual"), with_kwargs=True))
        handles.append(attention.register_forward_pre_hook(watch(layer, "input"), with_kwargs=True))
        handles.append(attention.register_forward_hook(watch_output(layer)))
        found[layer] = {"norms_after": float(any(hasattr(block, name) for name in _NORMS_AFTER))}
    try:
        model(ids, past_key_values=StreamingCache(model.config, tiers, use_memory=False), use_cache=True)
    finally:
        for handle in handles:
            handle.remove()
    return {
        layer: (rms["output"] if rms["norms_after"] else rms["residual"]) / rms["input"] for layer, rms in found.items()
    }


def _median_rms(states: Tensor) -> float:
    """(B, T, E) -> the median of the tokens' root mean squares."""
    return float(states.float().pow(2).mean(-1).sqrt().median())
