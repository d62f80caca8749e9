"""A process's share of a reading state: keys and values of the tokens that it holds, and nothing that leaves.

Keys are rotated, at their places in the text.

Shapes: B batch, Hkv key/value heads, T new tokens, n tokens held, D head dim.
"""

from __future__ import annotations

import copy
import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from longdoc.core.memory_use import MemoryUse
from longdoc.engine.cache_layer import OwnLayer
from longdoc.engine.ring.layout import Layout, Shard, nothing
from longdoc.engine.ring.transport import Ring
from longdoc.engine.tiers import KEEP_ALL, Tiers, layer_tiers


@dataclass(frozen=True)
class Call:
    """One call of the model. before, after: who holds what.   is_sharded: each process has its own new tokens only."""

    ring: Ring
    before: Layout
    after: Layout
    is_sharded: bool
    device: torch.device

    @cached_property
    def positions(self) -> Tensor:
        """(T,): the places in the text of the new tokens that this process was given."""
        if not self.is_sharded:
            return torch.arange(self.before.num_tokens, self.after.num_tokens, device=self.device)
        chunks = self.after.shards[self.ring.rank][-2:]
        return torch.cat([torch.arange(run.first, run.end, device=self.device) for run in chunks])

    def taken(self) -> slice:
        """Which of the new tokens, given to every process, this one keeps."""
        share = [a - b for a, b in zip(self.after.counts, self.before.counts, strict=True)]
        start = sum(share[: self.ring.rank])
        return slice(start, start + share[self.ring.rank])


Pair = tuple[Tensor, Tensor]  # keys and values of the same tokens, (B, Hkv, n, D) each
_SMALL_PART = 4096  # tokens: two neighbours that are smaller become one


class RingLayer(OwnLayer):
    """This process's keys and values of one layer, in the order of the text.

    parts: those of each call of a reading; never changed, so that forks and later states share them, and reading on
    copies nothing but small ones.   late: those that were written after it, or None.
    window: how far a token sees, itself included.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        self.parts: tuple[Pair, ...] = ()
        self.late: Pair | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to prepare."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Not used: `attention.py` extends a layer."""
        raise NotImplementedError

    def extend(self, key: Tensor, value: Tensor) -> None:
        """(B, Hkv, T, D) x2: a call of a reading."""
        parts = [*self.parts, *([self.late] if self.late is not None else []), (key, value)]
        while len(parts) > 1 and max(part[0].shape[2] for part in parts[-2:]) < _SMALL_PART:
            parts[-2:] = [_joined(parts[-2:])]
        self.parts, self.late = tuple(parts), None

    def add(self, key: Tensor, value: Tensor) -> None:
        """(B, Hkv, T, D) x2, a few: they come later."""
        if key.shape[2]:
            self.late = _joined([*([self.late] if self.late is not None else []), (key, value)])

    def held(self) -> list[Pair]:
        """All parts, in the order of the text."""
        return [*self.parts, *([self.late] if self.late is not None else [])]

    def pieces(self, shard: Shard) -> Iterator[tuple[Tensor, Tensor, Shard]]:
        """What is held, part by part with their runs. shard: the runs of all."""
        for keys, values in self.held():
            count = keys.shape[2]
            yield keys, values, _first(shard, count)
            shard = _rest(shard, count)

    def whole(self) -> Pair | None:
        """Keys and values of all tokens held, in one tensor each; None before the first."""
        held = self.held()
        return _joined(held) if held else None

    def map(self, function: Callable[[Tensor], Tensor]) -> RingLayer:
        """A layer with `function` applied to every tensor."""
        other = copy.copy(self)
        other.parts = tuple((function(keys), function(values)) for keys, values in self.parts)
        other.late = None if self.late is None else (function(self.late[0]), function(self.late[1]))
        return other


class Owner(Protocol):
    """Who can bring a cache's shares together, and share them out."""

    def gathered(self, cache: RingCache) -> dict[str, Tensor]: ...

    def share_out(self, cache: RingCache, tensors: Mapping[str, Tensor], num_tokens: int) -> None: ...


class Register:
    """Numbers for the caches of one process, and those of caches that are gone."""

    def __init__(self) -> None:
        self.dropped: list[int] = []
        self._numbers = itertools.count()

    def number_of(self, cache: RingCache) -> int:
        """A new number."""
        number = next(self._numbers)
        weakref.finalize(cache, self.dropped.append, number)
        return number


class RingCache(Cache):  # type: ignore[misc]
    """One `RingLayer` for each decoder layer. layout: what each process holds, the same in all layers.

    number: by which the first process tells the others of it.   origin: what it is a fork of, and the rows that it was
    repeated to; kept until the others know of it (`is_told`).   owner: None in the other processes.
    """

    use_memory = False
    is_alone = False

    def __init__(self, config: Any, ring: Ring, register: Register, owner: Owner | None = None) -> None:
        self.ring = ring
        self.register = register
        self.owner = owner
        self.number = register.number_of(self)
        self.origin: tuple[RingCache, int] | None = None
        self.is_told = False
        self.layout = nothing(ring.size)
        self.call: Call | None = None
        tiers = layer_tiers(config, Tiers(sinks=0, window=KEEP_ALL))
        super().__init__(layers=[RingLayer(layer.window) for layer in tiers])

    @property
    def num_seen(self) -> int:
        """Tokens read so far, by all processes together."""
        return self.layout.num_tokens

    def begin(self, num_new: int, *, is_sharded: bool, device: torch.device) -> Call:
        """The next tokens are shared out, or given to every process. To be followed by the model and `end`."""
        after = self.layout.with_zigzag(num_new) if is_sharded else self.layout.with_spread(num_new)
        self.call = Call(self.ring, self.layout, after, is_sharded, device)
        return self.call

    def end(self) -> None:
        """All layers have taken the tokens of the call."""
        assert self.call is not None
        self.layout, self.call = self.call.after, None

    def map(self, function: Callable[[Tensor], Tensor], rows: int = 0) -> RingCache:
        """A cache with `function` applied to every tensor of every layer. rows: that it repeats them to."""
        other = copy.copy(self)
        other.layers = [layer.map(function) for layer in self.layers]
        other.number, other.is_told, other.origin = self.register.number_of(other), False, (self, rows)
        return other

    def fork(self) -> RingCache:
        """A cache that can be read on without changing this one. Shares all tensors."""
        return self.map(lambda tensor: tensor)

    def expand(self, batch: int) -> RingCache:
        """A fork for `batch` continuations at once, without copying."""
        return self.map(lambda tensor: tensor.expand(batch, *tensor.shape[1:]), batch)

    def named_tensors(self) -> dict[str, Tensor]:
        """Keys and values of all processes, in the order of the text, as `<layer>.<name>`. Of the first process."""
        assert self.owner is not None
        return self.owner.gathered(self)

    def restore(self, tensors: Mapping[str, Tensor], num_seen: int) -> None:
        """Take the place of a cache whose `named_tensors` and `num_seen` these were, in however many processes.

        KeyError when one is not there, TypeError when one has another shape.
        """
        assert self.owner is not None
        self.owner.share_out(self, tensors, num_seen)

    def begin_reading(self) -> None:
        """Nothing to prepare."""

    def settle(self) -> None:
        """Nothing to put in order."""

    def num_bytes(self) -> int:
        """Bytes held by all layers of all processes."""
        held = self.layout.counts[self.ring.rank]
        return self.own_bytes() * self.num_seen // held if held else 0

    def own_bytes(self) -> int:
        """Bytes that this process holds."""
        held = [tensor for layer in self.layers for pair in layer.held() for tensor in pair]
        return sum(tensor.numel() * tensor.element_size() for tensor in held)

    def memory_use(self) -> tuple[MemoryUse, ...]:
        """Of a memory: there is none."""
        return ()


def _joined(pairs: list[Pair]) -> Pair:
    """One after the other. A single one is not copied."""
    if len(pairs) == 1:
        return pairs[0]
    keys, values = zip(*pairs, strict=True)
    return torch.cat(keys, 2), torch.cat(values, 2)


def _first(shard: Shard, count: int) -> Shard:
    """The runs of the first `count` tokens. A run may go on in what came later."""
    runs = []
    for run in shard:
        if count <= 0:
            break
        runs.append(type(run)(run.first, min(run.count, count)))
        count -= run.count
    return tuple(runs)


def _rest(shard: Shard, count: int) -> Shard:
    """The runs without the first `count` tokens."""
    runs = []
    for run in shard:
        skipped = min(count, run.count)
        count -= skipped
        if run.count > skipped:
            runs.append(type(run)(run.first + skipped, run.count - skipped))
    return tuple(runs)
