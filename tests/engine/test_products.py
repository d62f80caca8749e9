"""Attention by products in bfloat16 against float64, of the same rounded numbers.

Shapes: B batch, H query heads, Hkv key/value heads, R rows, K keys, D head dim.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from longdoc.engine import kernels, products
from longdoc.engine.kernels import attend_band
from longdoc.engine.products import BlockProducts

B, H, HKV, R, K, D = 2, 4, 2, 12, 40, 16


def states(spread: float = 1.0, num_new: int = R, num_keys: int = K) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_new + num_keys)
    shapes = (B, H, num_new, D), (B, HKV, num_keys, D), (B, HKV, num_keys, D)
    query, keys, values = (torch.randn(shape, generator=generator) for shape in shapes)
    return (query * spread).bfloat16(), keys.bfloat16(), values.bfloat16()


def banded(num_new: int, num_keys: int, window: int) -> Tensor:
    distance = torch.arange(num_keys - num_new, num_keys)[:, None] - torch.arange(num_keys)
    return torch.where((distance >= 0) & (distance < window), 0.0, -float("inf"))


def precisely(query: Tensor, keys: Tensor, values: Tensor, scale: float, bias: Tensor) -> tuple[Tensor, Tensor]:
    """-> (B, H, R, D), (B, H, R) in float64."""
    keys, values = (tensor.double().repeat_interleave(H // HKV, 1) for tensor in (keys, values))
    scores = query.double() @ keys.transpose(-1, -2) * scale + bias
    return scores.softmax(-1) @ values, scores.logsumexp(-1)


@pytest.mark.parametrize("spread", [0.1, 1.0, 8.0])  # the largest scores: 0.1, 1, 10 times a few
@pytest.mark.parametrize("window", [1, 7, 100])
def test_a_block_of_rows(window: int, spread: float) -> None:
    given, bias = states(spread), banded(R, K, window)
    out, lse = BlockProducts()(*given, 0.3, None, bias.bfloat16())
    wanted_out, wanted_lse = precisely(*given, 0.3, bias)
    assert out.dtype == lse.dtype == torch.float32
    torch.testing.assert_close(out.double(), wanted_out, rtol=0, atol=2e-2)
    torch.testing.assert_close(lse.double(), wanted_lse, rtol=0, atol=1e-2)


def test_large_scores_are_not_rounded_to_eight_bits() -> None:
    """Scores of 60 and more are a quarter apart in bfloat16: a plain product would be far off."""
    query, keys, values = states(20.0)
    bias = torch.zeros(R, K)
    _, wanted = precisely(query, keys, values, 0.3, bias)
    _, lse = BlockProducts()(query, keys, values, 0.3, None, bias.bfloat16())
    assert float(wanted.max()) > 60
    largest = (query @ keys.repeat_interleave(H // HKV, 1).transpose(-1, -2) * 0.3).amax(-1)
    plain = (query @ keys.repeat_interleave(H // HKV, 1).transpose(-1, -2) * 0.3).float().logsumexp(-1)
    assert float((plain - wanted).abs().max()) > 0.05, "the control"
    assert float((lse - largest.float()).abs().max()) < 5
    torch.testing.assert_close(lse.double(), wanted, rtol=0, atol=1e-2)


def test_what_a_row_does_not_see_has_no_say() -> None:
    query, keys, values = states()
    bias = banded(R, K, 5)
    keys[:, :, :20] = keys[:, :, -1:] * 200  # scores of hundreds, out of every row's sight
    values[:, :, :20] = 1e30
    out, lse = BlockProducts()(query, keys, values, 0.3, None, bias.bfloat16())
    wanted_out, wanted_lse = precisely(query, keys, values, 0.3, bias)
    torch.testing.assert_close(out.double(), wanted_out, rtol=0, atol=2e-2)
    torch.testing.assert_close(lse.double(), wanted_lse, rtol=0, atol=1e-2)


def test_heads_that_do_not_fit_together_come_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    given, bias = states(), torch.zeros(R, K).bfloat16()
    together = BlockProducts()(*given, 0.3, None, bias)
    monkeypatch.setattr(products, "_SCORES", 3 * R * (H // HKV) * K)
    apart = BlockProducts()(*given, 0.3, None, bias)
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_what_is_not_a_number_spreads_to_its_row_only() -> None:
    query, keys, values = states()
    query[0, 0, 3] = float("nan")
    out, lse = BlockProducts()(query, keys, values, 0.3, None, torch.zeros(R, K).bfloat16())
    assert lse[0, 0, 3].isnan()
    assert int(lse.isnan().sum()) == 1
    assert int(out.isnan().any(-1).sum()) == 1


@pytest.mark.parametrize("num_new", [2, 9, 50])
def test_a_band_is_the_same_by_products_and_by_the_fused_operator(
    num_new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = states(1.0, num_new, 70)
    monkeypatch.setattr(kernels, "_BLOCK_ROWS", 16)
    found = {}
    for by_products in (True, False):
        monkeypatch.setattr(kernels, "is_for_products", lambda query, chosen=by_products: chosen)
        found[by_products] = attend_band(*given, 20, 0.3)
    wanted = precisely(*given, 0.3, banded(num_new, 70, 20))
    for number in (0, 1):
        for result in found.values():
            torch.testing.assert_close(result[number].double(), wanted[number], rtol=0, atol=2e-2)
    assert found[True][0].dtype == torch.float32, "products were used"


def test_only_bfloat16_on_a_processor_goes_by_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert products.is_for_products(torch.zeros(1, dtype=torch.bfloat16))
    assert not products.is_for_products(torch.zeros(1))
    assert not products.is_for_products(torch.zeros(1, dtype=torch.bfloat16, device="meta"))
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    assert not products.is_for_products(torch.zeros(1, dtype=torch.bfloat16))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.delattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")
    assert not products.processor_multiplies_bfloat16()
