"""One layer's exact attention over tokens that several processes hold.

While reading, each process has the queries of its two chunks, and the keys and values of all go round (`pass_keys`).
While writing, and for short texts, every process has all queries, looks at its own keys, and the partial results are
combined (`pass_results`): the new tokens are fewer than the keys, so that is less to send.

Keys are kept rotated, at their places in the text. Layers with a sliding window see that much and no more.

Shapes: B batch, H query heads, Hkv key/value heads, T queries, K keys, D head dim.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from longdoc.engine.kernels import Part, attend_after, attend_all, attend_band, merge, precise
from longdoc.engine.positions import rotate
from longdoc.engine.ring.cache import Call, RingLayer
from longdoc.engine.ring.layout import Run, Shard
from longdoc.engine.tiers import KEEP_ALL

_BLOCK_ROWS = 128  # of queries that see a part of a run


def ring_attention(
    module: nn.Module,
    layer: RingLayer,
    call: Call,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, T, D), (B, Hkv, T, D) x2, un-rotated -> (B, H, T, D); the layer has taken the tokens then."""
    query, key = rotate(module, query, call.positions), rotate(module, key, call.positions)
    if call.is_sharded:
        return pass_keys(layer, call, query, key, value, scale, softcap).to(query.dtype)
    return pass_results(layer, call, query, key, value, scale, softcap).to(query.dtype)


def pass_keys(
    layer: RingLayer, call: Call, query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None
) -> Tensor:
    """Ring attention: the queries stay, the keys of all processes come by. Rotated."""
    ring, shards = call.ring, call.after.shards
    layer.extend(key, value)
    chunks, done = shards[ring.rank][-2:], 0
    sums = []
    for chunk in chunks:
        sums.append((chunk, _Sum(query[:, :, done : done + chunk.count], value.shape[-1])))
        done += chunk.count
    for origin, block_keys, block_values in ring.blocks(layer.held(), call.after.counts):
        for chunk, total in sums:
            for rows, part in _attend(
                total.query, chunk.first, block_keys, block_values, shards[origin], layer.window, scale, softcap
            ):
                total.add(rows, part)
    return torch.cat([total.result()[0] for _, total in sums], 2)


def pass_results(
    layer: RingLayer, call: Call, query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None
) -> Tensor:
    """Every process has all new tokens: it looks at the keys that it holds, and what came out is combined. Rotated."""
    first, ring = call.before.num_tokens, call.ring
    own = attend_band(query, key, value, layer.window, scale, softcap)
    if first:
        total, shard = _Sum(query, value.shape[-1]), call.before.shards[ring.rank]
        for keys, values, runs in layer.pieces(shard):
            for rows, part in _attend(query, first, keys, values, runs, layer.window, scale, softcap):
                total.add(rows, part)
        own = merge([ring.combined(total.result()), own])
    taken = call.taken()
    layer.add(key[:, :, taken], value[:, :, taken])
    return own[0]


class _Sum:
    """The attention of some queries, to more and more keys; float32 or better. It begins as attention to none.

    dim: of a value.
    """

    def __init__(self, query: Tensor, dim: int) -> None:
        self.query = query
        self._dim = dim
        self._part: Part | None = None

    def add(self, rows: slice, part: Part) -> None:
        """rows: of the queries that `part` is of."""
        count = self.query.shape[2]
        is_whole = (rows.start, rows.stop) == (0, count)
        if self._part is None and is_whole:
            self._part = precise(part[0]), part[1]
            return
        if self._part is None:
            self._part = self._none()
        held = self._part
        if is_whole:
            self._part = merge([held, part])
            return
        some = merge([(held[0][:, :, rows], held[1][:, :, rows]), part])
        self._part = tuple(  # type: ignore[assignment]
            torch.cat([whole[:, :, : rows.start], new, whole[:, :, rows.stop :]], 2)
            for whole, new in zip(held, some, strict=True)
        )

    def result(self) -> Part:
        """(B, H, T, D), (B, H, T)."""
        return self._part if self._part is not None else self._none()

    def _none(self) -> Part:
        shape, like = self.query.shape[:3], precise(self.query[:, :, :0])
        return like.new_zeros(*shape, self._dim), like.new_full(shape, float("-inf"))


def _attend(
    query: Tensor,
    first: int,
    keys: Tensor,
    values: Tensor,
    shard: Shard,
    window: int,
    scale: float,
    softcap: float | None,
) -> Iterator[tuple[slice, Part]]:
    """The attention of a chunk of queries, the first of them at `first`, to a shard: in parts, with their rows."""
    num_rows = query.shape[2]
    everything, start = slice(0, num_rows), 0
    if window >= KEEP_ALL:  # whatever comes before is seen whole
        before = sum(run.count for run in shard if run.end <= first)
        if before:
            yield everything, attend_all(query, keys[:, :, :before], values[:, :, :before], scale, softcap)
    for run in shard:
        near = slice(start, start + run.count)
        start += run.count
        if run.first == first:
            yield everything, attend_band(query, keys[:, :, near], values[:, :, near], window, scale, softcap)
        elif run.end <= first and window < KEEP_ALL:
            yield from _attend_window(query, first, keys[:, :, near], values[:, :, near], run, window, scale, softcap)


def _attend_window(
    query: Tensor,
    first: int,
    keys: Tensor,
    values: Tensor,
    run: Run,
    window: int,
    scale: float,
    softcap: float | None,
) -> Iterator[tuple[slice, Part]]:
    """The attention of queries to a run of tokens before them, as far as their window reaches."""
    reach = window - first  # query i sees the tokens from first + i - window + 1 on
    see_all = max(0, min(query.shape[2], run.first + reach))
    see_some = max(0, min(query.shape[2], run.end - 1 + reach))
    if see_all:
        yield slice(0, see_all), attend_all(query[:, :, :see_all], keys, values, scale, softcap)
    for start in range(see_all, see_some, _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, see_some))
        oldest = start - reach + 1 - run.first  # the first key that the first of these rows sees
        near_keys, near_values = keys[:, :, oldest:], values[:, :, oldest:]
        yield rows, attend_after(query[:, :, rows], near_keys, near_values, scale, softcap)
