"""Every kernel against a loop over queries and keys in float64: one contract for all.

Shapes: B batch, H query heads, Hkv key/value heads, T queries, K keys, D head dim.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from longdoc.engine import kernels
from longdoc.engine.kernels import attend_all, attend_band, flash_cuda, merge

SCALE = 0.3
B, H, HKV, D = 2, 4, 2, 16
both_paths = pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])


def states(num_new: int, num_keys: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_new + num_keys)
    shapes = (B, H, num_new, D), (B, HKV, num_keys, D), (B, HKV, num_keys, D)
    query, keys, values = (torch.randn(shape, generator=generator) for shape in shapes)
    return query, keys, values


def by_loop(query: Tensor, keys: Tensor, values: Tensor, window: int | None, softcap: float | None) -> list[Tensor]:
    """-> out (B, H, T, D), lse (B, H, T) in float64. window None: every query sees every key."""
    query, keys, values = query.double(), keys.double(), values.double()
    num_new, num_keys = query.shape[2], keys.shape[2]
    out, lse = torch.zeros_like(query), torch.zeros(query.shape[:3], dtype=torch.float64)
    for b in range(B):
        for h in range(H):
            kv = h // (H // HKV)
            for i in range(num_new):
                at = num_keys - num_new + i
                seen = range(num_keys) if window is None else range(max(0, at - window + 1), at + 1)
                scores = [float(query[b, h, i] @ keys[b, kv, j]) * SCALE for j in seen]
                if softcap is not None:
                    scores = [softcap * math.tanh(score / softcap) for score in scores]
                weights = [math.exp(score) for score in scores]
                lse[b, h, i] = math.log(sum(weights))
                for weight, j in zip(weights, seen, strict=True):
                    out[b, h, i] += weight / sum(weights) * values[b, kv, j]
    return [out, lse]


def assert_equal(found: tuple[Tensor, Tensor], wanted: list[Tensor]) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@both_paths
@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize(("num_new", "num_keys"), [(1, 9), (5, 3), (6, 20)])
def test_all_keys(
    num_new: int, num_keys: int, softcap: float | None, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_is_fused_on_cpu", lambda *given: fused and given[2] is None)
    given = states(num_new, num_keys)
    assert_equal(attend_all(*given, SCALE, softcap), by_loop(*given, None, softcap))


@both_paths
@pytest.mark.parametrize("window", [1, 4, 7, 100])
@pytest.mark.parametrize(("num_new", "num_keys"), [(1, 1), (1, 9), (9, 9), (9, 12), (9, 30)])
def test_a_band_of_keys_in_blocks(
    num_new: int, num_keys: int, window: int, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_is_fused_on_cpu", lambda *given: fused)
    monkeypatch.setattr(kernels, "_BLOCK_ROWS", 4)
    given = states(num_new, num_keys)
    assert_equal(attend_band(*given, window, SCALE), by_loop(*given, window, None))


def test_parts_of_the_keys_are_merged_to_the_whole() -> None:
    query, keys, values = states(5, 30)
    cuts = [slice(0, 4), slice(4, 5), slice(5, 30)]
    parts = [attend_all(query, keys[:, :, cut], values[:, :, cut], SCALE) for cut in cuts]
    assert_equal(merge(parts), by_loop(query, keys, values, None, None))
    halved = [attend_all(query.bfloat16(), keys[:, :, c].bfloat16(), values[:, :, c].bfloat16(), SCALE) for c in cuts]
    assert merge(halved)[0].dtype == torch.float32


@pytest.mark.parametrize("window", [None, 5])
def test_the_call_for_cuda_fits_the_operator(window: int | None) -> None:
    """Shapes and arguments only: nothing here has a GPU."""
    query, keys, values = (tensor.to("meta", torch.bfloat16) for tensor in states(6, 20))
    out, lse = flash_cuda(query, keys, values, SCALE, causal=window is not None, window=window)
    assert out.shape == (B, H, 6, D)
    assert lse.shape == (B, H, 6)


@pytest.mark.parametrize(("dtype", "dim", "softcap", "expected"), [
    (torch.bfloat16, 128, None, True), (torch.float16, 64, None, True),
    (torch.float32, 128, None, False), (torch.bfloat16, 512, None, False), (torch.bfloat16, 128, 30.0, False),
])  # fmt: skip
def test_flash_attention_is_chosen_where_it_works(
    dtype: torch.dtype, dim: int, softcap: float | None, expected: bool
) -> None:
    class OnCuda:
        device = torch.device("cuda", 0)
        shape = (1, 4, 8, dim)

    OnCuda.dtype = dtype  # type: ignore[attr-defined]
    assert kernels._is_flash_on_cuda(OnCuda, OnCuda, softcap) is expected  # type: ignore[arg-type]
