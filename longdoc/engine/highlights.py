"""Highlights: C tokens of each key/value head, kept exactly after they have left the window.

Two shares, both decided at absolute positions, every `turn` tokens, so that the result does not depend on how the text
is cut into calls (up to rounding: two tokens of almost the same mass may change places).

- By received attention mass, with a second chance. Every 8th query is a witness. What a token receives from the
  witnesses that are at least half a window away is its mass per witness: local attention is left out, because it is
  large for every token. A token that leaves the window competes with this mass. A highlight's score is the larger of
  its mass since the last turn and half its last score: what keeps being used stays, what is not used fades within a few
  turns. (Second chance by ageing, instead of one bit and a clock's hand; H2O, Zhang et al. 2023, arXiv 2306.14048,
  adds up the mass of all queries; SnapKV, Li et al. 2024, arXiv 2404.14469, takes the last ones.)
- A quarter of them by reservoir sampling: a fixed pseudo-random priority of each position, the highest of all that left
  the window are kept. So it is a uniform sample of the far text, the same for every head, and as the priorities are
  drawn once (Efraimidis and Spirakis 2006), no count and no generator has to be kept.

The mass does not force a slow path: probabilities of the witnesses alone are computed again, from the log-sum-exp of
the fused attention; that is 1/16 of the products of the window.

A turn at position b chooses among the tokens up to b - W. What leaves the window after it is seen by nobody until the
next turn, at most `turn` tokens later. Between two turns the highlights stand consecutively before the window that the
turn's first query sees, at most as far as they really are: the m-th newest (from 0) at b - W - m.

Shapes: B batch, H query heads, Hkv key/value heads, C highlights, T queries, n witnesses, L local tokens, D head dim,
W window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from longdoc.engine.kernels import scores_of
from longdoc.engine.tiers import Tiers

WITNESS_EVERY = 8  # tokens
RESERVOIR_SHARE = 0.25
_FADE = 0.5  # of a score from one turn to the next


@dataclass(frozen=True, slots=True)
class Highlights:
    """One layer's highlights, by position, and what the next turn will choose by.

    keys, values: (B, Hkv, C, D), un-rotated.   positions: (B, Hkv, C) int64, absolute.   scores: (B, Hkv, C) float32.
    used: (B, Hkv, C) float32, mass received since the last turn.   mass: (B, Hkv, L) float32 of the local tokens.
    """

    keys: Tensor
    values: Tensor
    positions: Tensor
    scores: Tensor
    used: Tensor
    mass: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> Highlights:
        """With `function` applied to every tensor."""
        return Highlights(**{name: function(tensor) for name, tensor in self.named_tensors().items()})

    def named_tensors(self) -> dict[str, Tensor]:
        """Every tensor held, by the name of its field."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def with_local(self, num_tokens: int) -> Highlights:
        """As many local tokens: new ones have no mass yet, and the first ones are dropped."""
        missing = num_tokens - self.mass.shape[-1]
        if missing > 0:
            return replace(self, mass=torch.nn.functional.pad(self.mass, (0, missing)))
        return replace(self, mass=self.mass[..., -missing:].clone())


def no_highlights(keys: Tensor, values: Tensor) -> Highlights:
    """Before anything was read. keys, values: (B, Hkv, any, D) of the layer's kind."""
    shape = keys.shape[0], keys.shape[1], 0
    floats = torch.zeros(shape, dtype=torch.float32, device=keys.device)
    positions = torch.zeros(shape, dtype=torch.int64, device=keys.device)
    nothing = keys[:, :, :0].clone(), values[:, :, :0].clone()  # views would keep all keys alive
    return Highlights(*nothing, positions, floats, floats, floats)


def witnesses(begin: int, end: int) -> range:
    """The positions of the witnesses among begin ... end - 1."""
    first = -(-(begin + 1) // WITNESS_EVERY) * WITNESS_EVERY - 1
    return range(first, end, WITNESS_EVERY)


def observe(
    highlights: Highlights,
    tiers: Tiers,
    query: Tensor,
    lse: Tensor,
    at: range,
    local_keys: Tensor,
    first_local: int,
    highlight_keys: Tensor,
    scale: float,
    softcap: float | None,
) -> Highlights:
    """Add what the witnesses at the positions `at` gave. Keys and queries rotated.

    query, lse: (B, H, n, D), (B, H, n) of the witnesses.   local_keys: (B, Hkv, L, D), from position `first_local` on.
    """
    used = highlights.used
    if used.shape[-1]:
        used = used + _received(query, lse, highlight_keys, None, scale, softcap)
    half = tiers.window // 2
    begin = max(first_local, at[0] - tiers.window + 1)
    end = at[-1] - half + 1
    if end <= begin:
        return replace(highlights, used=used)
    seen = slice(begin - first_local, end - first_local)
    distance = torch.tensor(at, device=query.device)[:, None] - torch.arange(begin, end, device=query.device)
    is_far = (distance >= half) & (distance < tiers.window)
    received = _received(query, lse, local_keys[:, :, seen], is_far, scale, softcap)
    after = highlights.mass.shape[-1] - seen.stop
    mass = highlights.mass + torch.nn.functional.pad(received, (seen.start, after))
    return replace(highlights, used=used, mass=mass)


def _received(
    query: Tensor, lse: Tensor, keys: Tensor, counted: Tensor | None, scale: float, softcap: float | None
) -> Tensor:
    """-> (B, Hkv, K): the probabilities of the keys, summed over witnesses and the heads of a group.

    counted: (n, K) bool.
    """
    kv_heads = keys.shape[1]
    scores = scores_of(query, keys, scale, softcap)  # (B, Hkv, G n, K)
    share = (scores - lse.reshape(lse.shape[0], kv_heads, -1, 1)).exp()
    if counted is not None:
        share = share * counted.repeat(query.shape[1] // kv_heads, 1)
    return share.sum(2).float()


def choose(
    highlights: Highlights, tiers: Tiers, boundary: int, keys: Tensor, values: Tensor, first_local: int
) -> Highlights:
    """The turn at `boundary`: the best of the highlights and of the tokens that have left the window since the last.

    keys, values: (B, Hkv, L, D) of the local tokens, un-rotated, from position `first_local` on.
    """
    leave = range(max(first_local, boundary - tiers.turn - tiers.window + 1), boundary - tiers.window + 1)
    aged = torch.maximum(highlights.used * (WITNESS_EVERY / tiers.turn), highlights.scores * _FADE)
    kept = replace(highlights, scores=aged, used=torch.zeros_like(highlights.used))
    if len(leave) == 0:
        return kept
    seen = slice(leave.start - first_local, leave.stop - first_local)
    half_tokens = tiers.window - tiers.window // 2
    mass = highlights.mass[..., seen] * (WITNESS_EVERY / half_tokens)
    positions = torch.arange(leave.start, leave.stop, device=keys.device).expand(mass.shape)
    pool_positions = torch.cat([kept.positions, positions], -1)
    pool_scores = torch.cat([kept.scores, mass], -1)
    best = _best(pool_positions, pool_scores, tiers.highlights)
    wide = best[..., None]
    scores = pool_scores.gather(-1, best)
    return replace(
        kept,
        keys=torch.cat([kept.keys, keys[:, :, seen]], 2).take_along_dim(wide, 2),
        values=torch.cat([kept.values, values[:, :, seen]], 2).take_along_dim(wide, 2),
        positions=pool_positions.gather(-1, best),
        scores=scores,
        used=torch.zeros_like(scores),
    )


def _best(positions: Tensor, scores: Tensor, most: int) -> Tensor:
    """(B, Hkv, N) x2 -> (B, Hkv, <= most) places of the reservoir and of the highest scores, by position."""
    count = min(most, positions.shape[-1])
    num_drawn = min(count, int(RESERVOIR_SHARE * most))
    drawn = priority(positions).topk(num_drawn, -1).indices
    ranked = scores.scatter(-1, drawn, float("inf"))
    best = torch.argsort(ranked, dim=-1, descending=True, stable=True)[..., :count]
    return best.sort(-1).values


def priority(positions: Tensor) -> Tensor:
    """int64 -> int64 in 0 ... 2^32 - 1: a fixed one-to-one mixing (Wellons' `lowbias32`), as good as drawn."""
    mixed = positions & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & 0xFFFFFFFF
    return mixed ^ (mixed >> 16)
