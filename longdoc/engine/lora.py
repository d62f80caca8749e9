"""Low-rank additions to the attention's projections: Hu et al. 2021 (arXiv 2106.09685), equation 3.

y = W x + (alpha / rank) B A x. The additions are computed beside the projections and never merged into them: the
model's modules, parameters and state dict stay as they are, so it works on quantized weights too, and taking the
additions away leaves the model as it was, bit for bit.

Knows nothing of memories, files or training.

Shapes: T tokens, R rank.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.adapter_file import LoraConfig as LoraConfig
from longdoc.engine.attention import attention_modules


class LowRank(nn.Module):
    """B A x, times a constant. Zero until it has been trained."""

    def __init__(self, in_features: int, out_features: int, config: LoraConfig) -> None:
        super().__init__()
        self.scale = config.alpha / config.rank
        self.down = nn.Linear(in_features, config.rank, bias=False)
        self.up = nn.Linear(config.rank, out_features, bias=False)
        nn.init.normal_(self.down.weight, std=in_features**-0.5)
        nn.init.zeros_(self.up.weight)

    def forward(self, states: Tensor) -> Tensor:
        """(..., T, in) -> (..., T, out)."""
        added: Tensor = self.up(self.down(states)) * self.scale
        return added


class Lora(nn.Module):
    """The additions to all layers of a model, in its hooks until `remove`. Not registered with the model.

    Its parameters are named `<layer>.<projection>.down.weight` and `.up.weight`.
    """

    def __init__(self, model: Any, config: LoraConfig) -> None:
        super().__init__()
        self._handles: list[Any] = []
        for attention in attention_modules(model):
            linear = {name: m for name, m in attention.named_children() if isinstance(m, nn.Linear)}
            names = config.targets or tuple(linear)
            if missing := sorted(set(names) - set(linear)):
                raise ModelUnavailable(
                    f"The attention of this model has no {', '.join(missing)} to add to.",
                    why=f"it has {', '.join(linear)}",
                    fix="name those as `targets` of [lora], or none for all of them",
                )
            additions = nn.ModuleDict({name: self._beside(linear[name], config) for name in names})
            self.add_module(str(attention.layer_idx), additions)

    def _beside(self, projection: nn.Linear, config: LoraConfig) -> LowRank:
        """An addition to what a projection gives, from now on."""
        addition = LowRank(projection.in_features, projection.out_features, config)

        def add(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            added: Tensor = addition(args[0])
            return output + added.to(output.dtype)

        self._handles.append(projection.register_forward_hook(add))
        return addition

    def remove(self) -> None:
        """Take the additions away: the model is the stock one again."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
