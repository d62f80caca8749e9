"""The reading state: sinks, highlights, window and memory of every layer, constant in size.

Keys are stored un-rotated; positions are given when attending (`streaming.py`). Tensors are never changed in
place, so a fork shares them and costs nothing; only the buffers of decoding are, and those are never shared.

Shapes: B batch, Hkv key/value heads, T new tokens, S sinks, W window, K kept tokens of both, D head dim.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from longdoc.core.memory_use import MemoryUse
from longdoc.engine.cache_layer import OwnLayer
from longdoc.engine.highlights import Highlights, no_highlights
from longdoc.engine.memory import MemoryState
from longdoc.engine.tiers import KEEP_ALL as KEEP_ALL
from longdoc.engine.tiers import Tiers as Tiers
from longdoc.engine.tiers import layer_tiers as layer_tiers
from longdoc.engine.window import Kept, keep


class StreamingLayer(OwnLayer):
    """Sinks, highlights, window and memory of one attention layer.

    sink_keys, sink_values: (B, Hkv, <= S, D).   keys, values: (B, Hkv, <= W - 1, D), in the model's dtype, un-rotated;
    with highlights up to a turn's tokens more, which the next turn will judge.
    highlights, memory: those of the layer, or None.
    num_seen: tokens read so far; bytes held do not depend on it. During `update` the peak is K + T tokens:
    the new segment sees the whole window before it shrinks.
    """

    def __init__(self, tiers: Tiers) -> None:
        super().__init__()
        self.tiers = tiers
        self.num_seen = 0
        self.sink_keys: Tensor | None = None
        self.sink_values: Tensor | None = None
        self.key_scales: Tensor | None = None  # of a window in 8 bits (`window.py`)
        self.value_scales: Tensor | None = None
        self.highlights: Highlights | None = None
        self.memory: MemoryState | None = None
        self.late: list[tuple[Tensor, Tensor]] = []  # keys and values that were written and are not in the window yet
        self.decoding: Any = None  # a `Decoding`, while one token comes at a time; never shared with a fork
        self.is_reading = False  # a single token is the rest of a text then, and no step of decoding

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take dtype, device and shape from the first tokens."""
        self.dtype, self.device = key_states.dtype, key_states.device
        # copies: an empty view would keep the bytes of the first call alive
        self.sink_keys, self.sink_values = key_states[:, :, :0].clone(), value_states[:, :, :0].clone()
        self._hold(keep(self.sink_keys, self.tiers.kv_bits), keep(self.sink_values, self.tiers.kv_bits))
        if self.tiers.highlights:
            self.highlights = no_highlights(key_states, value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """(B, Hkv, T, D) x2 -> (B, Hkv, K + T, D) x2: [sinks | window | new]; then the window shrinks."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.settle()
        assert self.sink_keys is not None
        assert self.sink_values is not None
        new_sinks = min(self.tiers.sinks - self.sink_keys.shape[2], key_states.shape[2])
        if new_sinks:
            self.sink_keys = torch.cat([self.sink_keys, key_states[:, :, :new_sinks]], 2)
            self.sink_values = torch.cat([self.sink_values, value_states[:, :, :new_sinks]], 2)
        bits, held_keys, held_values = self.tiers.kv_bits, *self._held()
        held_keys = held_keys.extended(keep(key_states[:, :, new_sinks:], bits))
        held_values = held_values.extended(keep(value_states[:, :, new_sinks:], bits))
        keys, values = held_keys.read(self.dtype), held_values.read(self.dtype)
        if self.tiers.sinks:
            keys, values = torch.cat([self.sink_keys, keys], 2), torch.cat([self.sink_values, values], 2)
        self.num_seen += key_states.shape[2]
        first_local = self.num_seen - held_keys.codes.shape[2]
        left = max(0, self.tiers.first_local(self.num_seen) - first_local)
        self._hold(held_keys.without_first(left), held_values.without_first(left))
        return keys, values

    def window(self) -> tuple[Tensor, Tensor]:
        """-> (B, Hkv, <= W - 1, D) x2: the window's keys and values, un-rotated, in the model's dtype."""
        keys, values = self._held()
        return keys.read(self.dtype), values.read(self.dtype)

    def _held(self) -> tuple[Kept, Kept]:
        """The window's keys and values, as they are kept."""
        assert self.keys is not None
        assert self.values is not None
        return Kept(self.keys, self.key_scales), Kept(self.values, self.value_scales)

    def _hold(self, keys: Kept, values: Kept) -> None:
        self.keys, self.key_scales = keys.codes, keys.scales
        self.values, self.value_scales = values.codes, values.scales

    def add_late(self, key: Tensor, value: Tensor) -> None:
        """(B, Hkv, 1, D) x2: the token of a step of decoding, which finds its place in the window later."""
        self.late.append((key, value))
        self.num_seen += 1

    def settle(self) -> None:
        """Give what came late its place, and drop the buffers of decoding."""
        self.decoding = None
        if self.late:
            keys, values = (torch.cat(parts, 2) for parts in zip(*self.late, strict=True))
            self.num_seen -= len(self.late)
            self.late = []
            self.update(keys, values)
            if self.highlights is not None:
                assert self.keys is not None
                self.highlights = self.highlights.with_local(self.keys.shape[2])

    def map(self, function: Callable[[Tensor], Tensor]) -> StreamingLayer:
        """A layer with `function` applied to every tensor (repeat, move to a device)."""
        self.settle()
        other = copy.copy(self)
        other.late = []
        if self.is_initialized:
            assert self.sink_keys is not None
            assert self.sink_values is not None
            other.sink_keys, other.sink_values = function(self.sink_keys), function(self.sink_values)
            other.keys, other.values = function(self.keys), function(self.values)
            if self.key_scales is not None and self.value_scales is not None:
                other.key_scales, other.value_scales = function(self.key_scales), function(self.value_scales)
        other.highlights = self.highlights.map(function) if self.highlights is not None else None
        other.memory = self.memory.map(function) if self.memory is not None else None
        return other

    def named_tensors(self) -> dict[str, Tensor]:
        """Every tensor held, by the name that `restore` takes; the memory's are called `memory.matrix` and so on."""
        self.settle()
        held: dict[str, Tensor] = {}
        if self.is_initialized:
            assert self.sink_keys is not None
            assert self.sink_values is not None
            held = {"sink_keys": self.sink_keys, "sink_values": self.sink_values}
            held |= {"keys": self.keys, "values": self.values}
            if self.key_scales is not None and self.value_scales is not None:
                held |= {"key_scales": self.key_scales, "value_scales": self.value_scales}
        if self.highlights is not None:
            held |= {f"highlights.{name}": tensor for name, tensor in self.highlights.named_tensors().items()}
        if self.memory is not None:
            held |= {f"memory.{name}": tensor for name, tensor in self.memory.named_tensors().items()}
        return held

    def restore(self, tensors: Mapping[str, Tensor], num_seen: int) -> None:
        """Take the place of a layer that held `tensors` after `num_seen` tokens. KeyError when one is not there."""
        self.num_seen = num_seen
        if "keys" in tensors:
            self.lazy_initialization(tensors["sink_keys"], tensors["sink_values"])
            self.sink_keys, self.sink_values = tensors["sink_keys"], tensors["sink_values"]
            scales = (tensors["key_scales"], tensors["value_scales"]) if self.key_scales is not None else (None, None)
            self._hold(Kept(tensors["keys"], scales[0]), Kept(tensors["values"], scales[1]))
        if self.highlights is not None:
            self.highlights = Highlights(**_under("highlights.", tensors))
        memory = _under("memory.", tensors)
        self.memory = MemoryState(**memory) if memory else None


class StreamingCache(Cache):  # type: ignore[misc]
    """One `StreamingLayer` for each decoder layer of a model. use_memory: False switches attached memories off."""

    is_alone = True  # all of it is in one process

    def __init__(self, config: Any, tiers: Tiers, *, use_memory: bool = True) -> None:
        self.tiers = tiers
        self.use_memory = use_memory
        super().__init__(layers=[StreamingLayer(t) for t in layer_tiers(config, tiers)])

    @property
    def num_seen(self) -> int:
        """Tokens read so far."""
        return int(self.layers[0].num_seen)

    def map(self, function: Callable[[Tensor], Tensor]) -> StreamingCache:
        """A cache with `function` applied to every tensor of every layer."""
        other = copy.copy(self)
        other.layers = [layer.map(function) for layer in self.layers]
        return other

    def named_tensors(self) -> dict[str, Tensor]:
        """Every tensor held, as `<layer>.<name in the layer>`."""
        return {f"{i}.{name}": t for i, layer in enumerate(self.layers) for name, t in layer.named_tensors().items()}

    def restore(self, tensors: Mapping[str, Tensor], num_seen: int) -> None:
        """Take the place of a cache of the same model and tiers whose `named_tensors` and `num_seen` these were."""
        by_layer: dict[str, dict[str, Tensor]] = {str(i): {} for i in range(len(self.layers))}
        for name, tensor in tensors.items():
            layer, _, rest = name.partition(".")
            by_layer[layer][rest] = tensor
        for i, layer in enumerate(self.layers):
            layer.restore(by_layer[str(i)], num_seen)

    def begin_reading(self) -> None:
        """Take no single token for a step of decoding until the cache is settled."""
        for layer in self.layers:
            layer.is_reading = True

    def settle(self) -> None:
        """Drop the buffers of decoding: for a cache that is kept."""
        for layer in self.layers:
            layer.settle()
            layer.is_reading = False

    def fork(self) -> StreamingCache:
        """A cache that can be read on without changing this one. Shares all tensors."""
        return self.map(lambda tensor: tensor)

    def expand(self, batch: int) -> StreamingCache:
        """A fork for `batch` continuations at once: (1, ...) -> (batch, ...), without copying."""
        return self.map(lambda tensor: tensor.expand(batch, *tensor.shape[1:]))

    def memory_use(self) -> tuple[MemoryUse, ...]:
        """What the memories did with all that was read; empty without one, or where that was not counted."""
        return tuple(
            MemoryUse(
                layer=i,
                num_tokens=self.num_seen,
                written=tuple(int(written) for written, _ in tally),
                gate=tuple(float(gate) / self.num_seen for _, gate in tally),
            )
            for i, layer in enumerate(self.layers)
            if layer.memory is not None and layer.memory.tally is not None
            for tally in [layer.memory.tally[0].tolist()]
        )

    def num_bytes(self) -> int:
        """Bytes held by all layers."""
        return sum(t.numel() * t.element_size() for t in self.named_tensors().values())


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
