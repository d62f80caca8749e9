"""Rotary frequencies that depend on the length of the text, fixed for the whole of a reading.

Dynamic NTK and longrope (Phi-3, Ding et al. 2024, arXiv 2402.13753) take their frequencies from the largest position
of a call. A text that is read in segments would be turned by other frequencies at its end than at its start, and a
sink's key by others than the query that looks at it. So a reader fixes them once, for the largest distance that it
will ever ask for. All other scalings (linear, YaRN, llama3) do not depend on the length and are left alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

_BY_LENGTH = frozenset({"dynamic", "longrope"})
_FIXED = "fixed"  # a kind that transformers does not know, and so does not update


def length_dependent(model: nn.Module) -> list[Any]:
    """The model's rotary embeddings whose frequencies depend on the length of the text."""
    return [m for name, m in model.named_modules() if name.endswith("rotary_emb") and _kinds(m)]


def fix_length(rotary: Any, num_tokens: int) -> None:
    """Turn as for a text of `num_tokens`, whatever the positions of a call. rotary: of `length_dependent`."""
    if getattr(rotary, "longdoc_tokens", None) == num_tokens:
        return
    for layer_type, kind in _kinds(rotary).items():
        name = "inv_freq" if layer_type is None else f"{layer_type}_inv_freq"
        device = getattr(rotary, name).device
        arguments = {} if layer_type is None else {"layer_type": layer_type}
        frequencies, _ = ROPE_INIT_FUNCTIONS[kind](rotary.config, device, seq_len=num_tokens, **arguments)
        with torch.no_grad():
            setattr(rotary, name, frequencies)
        if layer_type is None:
            rotary.rope_type = _FIXED
        else:
            rotary.rope_type = {**rotary.rope_type, layer_type: _FIXED}
    rotary.longdoc_tokens = num_tokens


def _kinds(rotary: Any) -> dict[str | None, str]:
    """The scalings that depend on the length, by layer type; None where all layers have the same."""
    settings = getattr(getattr(rotary, "config", None), "rope_parameters", None) or {}
    if "rope_type" in settings:
        settings = {None: settings}
    kinds = {layer_type: (one or {}).get("rope_type", "default") for layer_type, one in settings.items()}
    return {layer_type: kind for layer_type, kind in kinds.items() if kind in _BY_LENGTH}
