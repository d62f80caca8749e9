"""Decoding: one token at a time, with keys that stay rotated.

A step of reading turns every key that it keeps. A step of writing brings one token, so the rotated keys are kept here
for `turn` steps: the new key takes the place of the one that leaves the window (attention does not mind the order),
the sinks are turned again to their distance, and all tiers are one set of keys for one fused call, the heads of a group
as its rows. After `turn` steps everything is turned anew, so that no position grows with what is written. What the
layer itself keeps, un-rotated, is brought up to date then, and not at each step.

A window in 8 bits is decoded once for these steps, and what is written is encoded and decoded at its step: the numbers
are those of the window. So while something is written, the buffers take what a window in the model's dtype takes.

The results are those of `streaming.py` (up to rounding). The buffers belong to one layer of one cache: a fork starts
without them.

Shapes: B batch, H query heads, Hkv key/value heads, S sinks, C highlights, W window, D head dim,
N keys in the buffer <= S + C + W.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longdoc.engine.cache import StreamingLayer
from longdoc.engine.highlights import WITNESS_EVERY
from longdoc.engine.kernels import attend_all
from longdoc.engine.positions import Frame
from longdoc.engine.window import keep


class Decoding:
    """The rotated keys of one layer, for a number of steps."""

    def __init__(self, module: nn.Module, layer: StreamingLayer) -> None:
        tiers = layer.tiers
        sink_keys, sink_values = layer.sink_keys, layer.sink_values
        assert sink_keys is not None
        assert sink_values is not None
        keys, values = layer.window()
        self.tiers, self.num_sinks = tiers, sink_keys.shape[2]
        self.steps_left = tiers.turn - (layer.num_seen % tiers.turn if tiers.highlights else 0)
        num_local = min(keys.shape[2], tiers.window - 1)
        first = keys.shape[2] - num_local
        start = tiers.sinks + tiers.reach - tiers.window  # of the local tokens in the frame
        self.position = start + num_local  # of the next token
        self.frame = Frame(module, self.position + self.steps_left, keys)
        fixed_keys = [self.frame.turn(sink_keys, start - self.num_sinks)]
        fixed_values = [sink_values]
        if layer.highlights is not None and (num_held := layer.highlights.keys.shape[2]):
            newest = start + num_local - layer.num_seen % tiers.turn - tiers.window  # of a token before the last turn
            fixed_keys.append(self.frame.turn(layer.highlights.keys, newest - num_held + 1))
            fixed_values.append(layer.highlights.values)
        held_keys = torch.cat([*fixed_keys, self.frame.turn(keys[:, :, first:], start)], 2)
        held_values = torch.cat([*fixed_values, values[:, :, first:]], 2)
        self.num_fixed = held_keys.shape[2] - num_local
        self.num_local = num_local
        self.oldest = 0  # place of the oldest local token, once the window is full
        self.sink_keys = sink_keys
        room = min(tiers.window, num_local + self.steps_left) - num_local
        self.keys = torch.nn.functional.pad(held_keys, (0, 0, 0, room))
        self.values = torch.nn.functional.pad(held_values, (0, 0, 0, room))

    def step(
        self, query: Tensor, key: Tensor, value: Tensor, num_seen: int, scale: float, softcap: float | None
    ) -> Tensor:
        """(B, H, 1, D), (B, Hkv, 1, D) x2, un-rotated -> (B, H, 1, D). num_seen: tokens before this one."""
        tiers = self.tiers
        assert self.steps_left > 0
        key, value = keep(key, tiers.kv_bits).read(key.dtype), keep(value, tiers.kv_bits).read(value.dtype)
        if self.num_local < tiers.window:
            place = self.num_fixed + self.num_local
            self.num_local += 1
        else:
            place = self.num_fixed + self.oldest
            self.oldest += 1
        self.keys[:, :, place] = self.frame.turn(key, self.position)[:, :, 0]
        self.values[:, :, place] = value[:, :, 0]
        if num_seen >= tiers.sinks + tiers.window and self.num_sinks:
            behind = self.position - (tiers.reach + self.num_sinks - 1)
            self.keys[:, :, : self.num_sinks] = self.frame.turn(self.sink_keys, behind)
        turned = self.frame.turn(query, self.position)
        self.position += 1
        self.steps_left -= 1
        used = self.num_fixed + self.num_local
        out, _ = attend_all(turned, self.keys[:, :, :used], self.values[:, :, :used], scale, softcap)
        return out.to(query.dtype)


def can_step(layer: StreamingLayer, num_new: int) -> bool:
    """One new token, when all sinks are there. Left to `streaming.py`: witnesses and turns of highlights, and a single
    token of a reading, for which buffers as large as the cache would not pay.
    """
    after = layer.num_seen + 1
    if num_new != 1 or layer.is_reading or layer.num_seen < max(1, layer.tiers.sinks):
        return False
    return layer.highlights is None or (after % WITNESS_EVERY != 0 and after % layer.tiers.turn != 0)


def decoded(
    module: nn.Module,
    layer: StreamingLayer,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """(B, H, 1, D), (B, Hkv, 1, D) x2, un-rotated -> (B, H, 1, D); the layer has read the token then."""
    if layer.decoding is None or layer.decoding.steps_left == 0:
        layer.settle()
        layer.decoding = Decoding(module, layer)
    decoding: Decoding = layer.decoding
    out = decoding.step(query, key, value, layer.num_seen, scale, softcap)
    layer.add_late(key, value)
    return out
