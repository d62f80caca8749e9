"""Attention by plain matrix products in bfloat16, for processors that multiply it: a block of rows at a time.

torch's fused operator for the CPU makes small products of 32 rows and is slower there (`bench/LOG.md`). The scores of
a block stay in the processor's cache, and the heads of a group are rows of one product.

A product in bfloat16 has eight bits, too few for a score of 20. So the scores are computed twice: first for the
largest of each row, then less that, before they are rounded. What counts is near the largest, and so exact to a share
of 1/256 of one nat, as the weights themselves are, also in the fused operator.

Shapes: B batch, H query heads, Hkv key/value heads, G = H / Hkv, N heads at a time, R rows, K keys, D head dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SCORES = 1 << 21  # of the heads of one product, at most; one group of heads is never divided


def processor_multiplies_bfloat16() -> bool:
    """Whether torch has oneDNN, which it has not on every system, and this processor the instructions."""
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def is_for_products(query: Tensor) -> bool:
    """Whether the tensor is one for this module: in bfloat16, on a processor that multiplies it."""
    return query.device.type == "cpu" and query.dtype == torch.bfloat16 and processor_multiplies_bfloat16()


class BlockProducts:
    """The attention of blocks of rows, one after the other; they share the room for their scores."""

    def __init__(self) -> None:
        self._scores = torch.empty(0, dtype=torch.bfloat16)
        self._weights = torch.empty(0)

    def __call__(
        self, query: Tensor, keys: Tensor, values: Tensor, scale: float, softcap: float | None, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, H, R, D), (B, Hkv, K, D) x2 -> (B, H, R, D) and (B, H, R) log-sum-exp, both float32.

        bias: (R, K), zero where a row sees a key, else minus infinity; every row sees a key.
        """
        assert softcap is None
        batch, heads, num_rows, dim = query.shape
        kv_heads, num_keys = keys.shape[1:3]
        rows = query.reshape(batch * kv_heads, -1, dim)
        keys, values = keys.flatten(0, 1), values.flatten(0, 1)
        at_once = max(1, _SCORES // (rows.shape[1] * num_keys))
        parts = [
            self._attend(rows[some], keys[some], values[some], scale, bias)
            for some in (slice(start, start + at_once) for start in range(0, len(rows), at_once))
        ]
        out, lse = (torch.cat(tensors) if len(parts) > 1 else tensors[0] for tensors in zip(*parts, strict=True))
        return out.view(batch, heads, num_rows, values.shape[-1]), lse.view(batch, heads, num_rows)

    def _attend(self, rows: Tensor, keys: Tensor, values: Tensor, scale: float, bias: Tensor) -> tuple[Tensor, Tensor]:
        """(N, G R, D), (N, K, D) x2 -> (N, G R, D), (N, G R)."""
        shape = *rows.shape[:2], keys.shape[1]
        if self._scores.shape != shape:
            self._scores, self._weights = rows.new_empty(shape), torch.empty(shape)
        scores, across = self._scores, keys.contiguous().transpose(1, 2)
        by_head = scores.view(shape[0], -1, *bias.shape)
        by_head.copy_(bias)
        scores.baddbmm_(rows, across, alpha=scale)
        largest = scores.amax(-1, keepdim=True)
        torch.sub(bias, largest.view(*by_head.shape[:3], 1), out=by_head)
        scores.baddbmm_(rows, across, alpha=scale)
        total = self._weights.copy_(scores.exp_()).sum(-1, keepdim=True)
        out = torch.bmm(scores, values).float() / total
        return out, (total.log() + largest)[..., 0]
