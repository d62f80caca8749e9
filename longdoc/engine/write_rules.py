"""How a compressive memory is written: linear sums, the delta rule, least squares. Whole segments at a time.

A rule takes what a memory holds and n segments, writes one after the other, and gives what it held before, between
and after them. Nothing here reads a memory or knows where keys come from.

Shapes: B batch, H memory heads, n segments of N tokens, Dk key dim, Dw wide key dim (Dk without products), Dv value
dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.engine.key_products import parts, widened


@dataclass(frozen=True, slots=True)
class Held:
    """What a rule reads and writes. matrices: (B, H, Dw, Dv) each, normalisers: (B, H, Dk) each.

    As an argument one of each; as a result n + 1: before, between and after n segments.
    covariance: (B, H', Dw, Dw) of the H' heads that are written by least squares, after the last segment; else None.
    key_products: those that stand beside each number of a key.
    groups: heads that have rules of their own with what those hold; then all heads' matrices are there after the last
    segment only, and the heads that have fewer rows than others have zeros in the rest.
    """

    matrices: list[Tensor]
    normalisers: list[Tensor]
    covariance: Tensor | None = None
    key_products: int = 0
    groups: tuple[tuple[list[int], Held], ...] = ()

    def read(self, queries: Tensor) -> Tensor:
        """(B, H, G, n, N, Dk) -> (B, H, G, n, N, Dv): each segment from what is held before it."""
        if self.groups:
            order = [head for heads, _ in self.groups for head in heads]
            reads = [held.read(queries[:, heads]) for heads, held in self.groups]
            return torch.cat(reads, 1)[:, [order.index(head) for head in range(len(order))]]
        matrices = self.matrices[: queries.shape[3]]
        changes = [i for i in range(1, len(matrices)) if matrices[i] is not matrices[i - 1]]
        if len(changes) > len(matrices) // 2:
            return widened(queries, self.key_products) @ torch.stack(matrices, 2)[:, :, None]
        reads = []
        for start, stop in pairwise([0, *changes, len(matrices)]):  # nothing was written between these
            asked = queries[:, :, :, start:stop]
            rows = torch.split(matrices[start], asked.shape[-1], -2)
            read = torch.zeros((), device=asked.device)
            for part, own in zip(parts(asked.flatten(2, 4), self.key_products), rows, strict=True):
                read = read + part @ own
            reads.append(read.view(*asked.shape[:-1], -1))
        return torch.cat(reads, 3)


# (what is held, keys (B, H, n, N, Dk), values (B, H, n, N, Dv), strength (B, H, n, N)) -> what is held at n + 1 times.
WriteRule = Callable[[Held, Tensor, Tensor, Tensor], Held]


def delta_rule(held: Held, keys: Tensor, values: Tensor, strength: Tensor) -> Held:
    """Token-level delta rule: M <- M + b k (v - k M) for each token in order.

    Solved at once for a whole segment by the WY form of Yang et al. 2024 (DeltaNet, arXiv 2406.06484,
    section 3): (I + tril(diag(b) K K^T, -1)) [U W] = diag(b) [V K], M' = M + K^T (U - W M). Only the last step needs
    M, so all segments are solved together and two products per segment are left.
    keys must have unit length, strength lies in [0, 1]; then the update never grows M beyond its values.
    """
    num_segments, matrix = keys.shape[2], held.matrices[-1]
    normalisers = held.normalisers[-1:] * (num_segments + 1)
    if not torch.is_grad_enabled():
        keys, values, strength = written(keys, values, strength)
        if strength.shape[-1] == 0:
            return Held([matrix] * (num_segments + 1), normalisers)
    scaled = keys * strength[..., None]
    across = keys.transpose(-1, -2)
    lower = torch.tril(scaled @ across, -1)
    right = torch.cat([values * strength[..., None], scaled], -1)
    solved = torch.linalg.solve_triangular(lower, right, upper=False, unitriangular=True)
    update, erase = solved.split([values.shape[-1], keys.shape[-1]], -1)
    matrices = [matrix]
    # unbind: the gradient of one index would be as large as all segments together
    for key, new, old in zip(across.unbind(2), update.unbind(2), erase.unbind(2), strict=True):
        matrix = matrix + key @ (new - old @ matrix)
        matrices.append(matrix)
    return Held(matrices, normalisers)


def least_squares(ridge: float, drift: float, key_products: int = 0) -> WriteRule:
    """Recursive least squares: M minimises sum_t b_t |v_t - k_t M|^2 + ridge |M - M_0|^2 over all that was written.

    The delta rule moves M along k_t, and so takes something from every older key that is not orthogonal to it: of n
    random keys the oldest keeps (1 - 1 / Dk)^n. This rule moves it along P k_t, P = (I + sum_t b_t k_t^T k_t /
    ridge)^-1, what is left of k_t when the older keys are taken out, so that up to Dk keys keep what they told
    (Haykin, Adaptive Filter Theory, chapter 10; a block of tokens at once as in the Kalman filter):

        X = (ridge I + diag(b) K P K^T)^-1 diag(b) [V - K M, K P],   M' = M + P K^T X_v,   P' = P - P K^T X_k.

    Computed in float64, rounded once for a segment: a small ridge makes much of small differences. Within a segment the
    order of the tokens does not count. drift: how far P goes back to I for each token written, in parts of its
    strength; what was told last then outweighs what was told before under the same key, and P never exceeds I.
    key_products: those that stand beside each number of a key (`key_products.widened`); Dw then is (1 + n) Dk.
    """

    def after(key: Tensor, value: Tensor, weight: Tensor, matrix: Tensor, spreads: Tensor) -> tuple[Tensor, Tensor]:
        """M and P (`spreads`) after the tokens of one segment."""
        known, spread = key @ matrix.double(), key @ spreads.double()
        across = spread.transpose(-1, -2)
        system = weight * (spread @ key.transpose(-1, -2))
        system = system + ridge * torch.eye(key.shape[-2], device=key.device, dtype=torch.float64)
        solved = torch.linalg.solve(system, weight * torch.cat([value - known, spread], -1))
        new, old = solved.split([value.shape[-1], key.shape[-1]], -1)
        spreads = spreads - across @ old
        spreads = ((spreads + spreads.transpose(-1, -2)) / 2).float()  # as it is, but for rounding
        if drift:
            share = (drift * weight.float().sum(-2, keepdim=True)).clamp(max=1)
            spreads = spreads + share * (torch.eye(key.shape[-1], device=key.device) - spreads)
        return (matrix + across @ new).float(), spreads

    def write(held: Held, keys: Tensor, values: Tensor, strength: Tensor) -> Held:
        matrix, covariance = held.matrices[-1], held.covariance
        assert covariance is not None
        num_segments = keys.shape[2]
        if not torch.is_grad_enabled():
            keys, values, strength = written(keys, values, strength)
        is_written = (
            (strength > 0).any(-1).flatten(0, 1).any(0).tolist() if strength.numel() else [False] * num_segments
        )
        keys = widened(keys, key_products)
        matrices = [matrix]
        for segment in range(num_segments):
            if is_written[segment] or torch.is_grad_enabled():
                key, value, weight = (x[:, :, segment].double() for x in (keys, values, strength[..., None]))
                done = [
                    after(key[:, own], value[:, own], weight[:, own], matrix[:, own], covariance[:, own])
                    for own in (slice(head, head + 1) for head in range(key.shape[1]))
                ]  # a covariance in float64 is large: one head after the other
                matrix, covariance = torch.cat([m for m, _ in done], 1), torch.cat([c for _, c in done], 1)
            matrices.append(matrix)
        return Held(matrices, held.normalisers[-1:] * (num_segments + 1), covariance, key_products)

    return write


def by_head(exact_heads: tuple[int, ...], exact: WriteRule, rest: WriteRule) -> WriteRule:
    """One rule for some heads, in the order named, and another for all others, whose keys stay Dk wide."""

    def write(held: Held, keys: Tensor, values: Tensor, strength: Tensor) -> Held:
        heads = list(exact_heads)
        others = [head for head in range(keys.shape[1]) if head not in exact_heads]
        place = [(others + heads).index(head) for head in range(keys.shape[1])]

        wide, key_dim = held.matrices[-1].shape[-2], keys.shape[-1]

        def of(chosen: list[int], rule: WriteRule, rows: int, covariance: Tensor | None) -> Held:
            part = Held([held.matrices[-1][:, chosen, :rows]], [held.normalisers[-1][:, chosen]], covariance)
            return rule(part, keys[:, chosen], values[:, chosen], strength[:, chosen])

        first, second = of(others, rest, key_dim, None), of(heads, exact, wide, held.covariance)
        narrow = F.pad(first.matrices[-1], (0, 0, 0, wide - key_dim))
        last = torch.cat([narrow, second.matrices[-1]], 1)[:, place]
        return Held([last], held.normalisers[-1:], second.covariance, groups=((others, first), (heads, second)))

    return write


def written(keys: Tensor, values: Tensor, strength: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, H, n, N, Dk), (B, H, n, N, Dv), (B, H, n, N) -> without tokens of no strength, as far as all n H agree.

    They change nothing, and a write gate lets few through. Every head keeps its own tokens, in their order.
    """
    chosen = strength > 0
    most = int(chosen.sum(-1).max()) if chosen.numel() else 0
    most = min(-(-most // 8) * 8, strength.shape[-1])  # few different shapes
    if most == strength.shape[-1]:
        return keys, values, strength
    kept = torch.argsort(chosen.to(torch.uint8), dim=-1, descending=True, stable=True)[..., :most]
    segments = torch.arange(strength[..., 0].numel(), device=kept.device).view(*kept.shape[:-1], 1)
    rows = (segments * strength.shape[-1] + kept).flatten()

    def take(tensor: Tensor) -> Tensor:
        return tensor.flatten(0, 3).index_select(0, rows).view(*kept.shape, *tensor.shape[4:])

    return take(keys), take(values), take(strength)


def paper_rule(delta: bool) -> WriteRule:
    """Infini-attention's equation 4 (linear) or 5 (delta), on keys that have been through ELU + 1."""

    def write(held: Held, keys: Tensor, values: Tensor, strength: Tensor) -> Held:
        matrix, normaliser = held.matrices[-1], held.normalisers[-1]
        matrices, normalisers = [matrix], [normaliser]
        for key, value in zip(keys.unbind(2), values.unbind(2), strict=True):
            new = value - normalised(key @ matrix, key, normaliser) if delta else value
            matrix, normaliser = matrix + key.transpose(-1, -2) @ new, normaliser + key.sum(-2)
            matrices.append(matrix)
            normalisers.append(normaliser)
        return Held(matrices, normalisers)

    return write


def normalised(read: Tensor, queries: Tensor, normaliser: Tensor) -> Tensor:
    """Equation 3's division by sigma(Q) z; a memory without content reads as zero."""
    return read / (queries @ normaliser[..., None]).clamp_min(1e-6)
