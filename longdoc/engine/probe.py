"""A salience probe: one number per token that was read, how much its sentence belongs into a summary.

A linear read-out of the hidden states, after Alain and Bengio 2016 (arXiv 1610.01644): the mean over a sentence's
tokens, less the mean over its surroundings, is fitted to the sentences that human summaries share most with
(`longdoc.train.probe`). Being linear, it costs nothing while reading and needs no hidden state to be kept.

Shapes: T tokens, E hidden size, P probed layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from longdoc.core.errors import ModelUnavailable

PROBE_FILE = "probe.safetensors"


@dataclass(frozen=True, slots=True)
class SalienceProbe:
    """layers: indices into the model's hidden states.   weight: (P * E,) float32, for states as they are."""

    layers: tuple[int, ...]
    weight: Tensor

    def features(self, hidden_states: Sequence[Tensor]) -> Tensor:
        """P x (1, T, E) -> (T, P * E) float32."""
        return torch.cat([hidden_states[layer][0].float() for layer in self.layers], -1)

    def __call__(self, hidden_states: Sequence[Tensor]) -> Tensor:
        """P x (1, T, E) -> (T,) float32, higher is more salient; only differences within a document mean something."""
        return self.features(hidden_states) @ self.weight


def save_probe(folder: Path, probe: SalienceProbe) -> None:
    """Write `probe.safetensors` beside an adapter."""
    layers = ",".join(map(str, probe.layers))
    save_file({"weight": probe.weight.contiguous()}, folder / PROBE_FILE, {"longdoc": "probe/1", "layers": layers})


def load_probe(folder: Path, num_features: int, device: torch.device) -> SalienceProbe | None:
    """The probe of an adapter's folder, if it has one. num_features: E of the model that it must fit."""
    path = folder / PROBE_FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            layers = tuple(int(layer) for layer in file.metadata()["layers"].split(","))
            weight = file.get_tensor("weight").float().to(device)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelUnavailable(f"The probe {path} cannot be read.", why=str(error), fix="--adapter none") from error
    if weight.numel() != len(layers) * num_features:
        raise ModelUnavailable(f"The probe {path} is for another model.", fix="--adapter none")
    return SalienceProbe(layers, weight)
