"""NaN and infinity stop a reading: they are found after each call, before another call can read them.

What a layer holds after a call is new, or was looked at after an earlier call. So a look at the window's new tokens,
and at the rest, which is small, is enough: the largest and the smallest number of each tensor, which are not finite
when any number is not, and one transfer from the device for all layers.

Knows nothing of models: the layer that is named is the first one whose state is not finite.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longdoc.core.errors import LongdocError
from longdoc.engine.cache import StreamingCache, StreamingLayer

_FIX = "--no-memory where it is the memory's, else other weights: they are damaged, or too large for their numbers"


def check_state(cache: StreamingCache, num_new: int) -> None:
    """Raise LongdocError when the last `num_new` tokens brought a number that is not finite."""
    parts = [(i, name, t) for i, layer in enumerate(cache.layers) for name, t in _parts(layer, num_new)]
    if not parts:
        return
    extremes = torch.stack([extreme.float() for _, _, tensor in parts for extreme in tensor.aminmax()])
    is_finite = torch.isfinite(extremes).view(-1, 2).all(1).tolist()
    for (index, name, _), is_good in zip(parts, is_finite, strict=True):
        if not is_good:
            raise not_finite(f"the {name} of layer {index}", cache.num_seen)


def check_logits(logits: Tensor, num_tokens: int) -> None:
    """(V,): raise LongdocError when one is not finite after `num_tokens`."""
    if not bool(torch.isfinite(logits).all()):
        raise not_finite("the model's output", num_tokens)


def not_finite(what: str, num_tokens: int) -> LongdocError:
    """The error that names what is not finite."""
    return LongdocError(
        "The model has come to numbers that are not finite.",
        why=f"{what} has NaN or infinity after {num_tokens:,} tokens",
        fix=_FIX,
    )


def _parts(layer: StreamingLayer, num_new: int) -> Iterator[tuple[str, Tensor]]:
    """What may be new in a layer's state, by its name for people; nothing empty."""
    if not layer.is_initialized:
        return
    assert layer.keys is not None
    in_window = (layer.keys, layer.values) if layer.key_scales is None else (layer.key_scales, layer.value_scales)
    held = [("window", tensor[:, :, -num_new:]) for tensor in in_window if tensor is not None]
    if layer.num_seen - num_new < layer.tiers.sinks:
        held += [("sinks", tensor) for tensor in (layer.sink_keys, layer.sink_values) if tensor is not None]
    if layer.highlights is not None:
        held += [("highlights", tensor) for tensor in layer.highlights.named_tensors().values()]
    if layer.memory is not None:
        held += [("memory", tensor) for tensor in layer.memory.named_tensors().values()]
    yield from ((name, tensor) for name, tensor in held if tensor.numel())
