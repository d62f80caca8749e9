"""Products beside the numbers of a key: what they are, the room that they give, and a memory that has them.

Shapes: Dk key dim, Dv value dim.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.engine.key_products import widened
from longdoc.engine.memory import DeltaMemory, MemoryState
from longdoc.engine.sizes import matrix_bytes, memory_bytes
from longdoc.engine.write_rules import Held, by_head, delta_rule, least_squares

DK, DV, PRODUCTS, HIDDEN = 16, 6, 3, 24


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def unit(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(random(*shape, seed=seed), dim=-1)


def by_loops(key: list[float], num_products: int) -> Tensor:
    products = [key[i] * key[(i - places) % len(key)] for places in range(1, num_products + 1) for i in range(len(key))]
    norm = sum(x * x for x in products) ** 0.5
    return torch.tensor([*key, *(x / norm for x in products)], dtype=torch.float64) / 2**0.5


@pytest.mark.parametrize("num_products", [1, 3])
def test_products_equal_loops_over_pairs_and_leave_the_length_at_one(num_products: int) -> None:
    keys = unit(2, 5, DK).double()
    wide = widened(keys, num_products)
    assert wide.shape == (2, 5, DK * (1 + num_products))
    torch.testing.assert_close(wide[1, 3], by_loops(keys[1, 3].tolist(), num_products))
    torch.testing.assert_close(wide.norm(dim=-1), torch.ones(2, 5, dtype=torch.float64))
    assert widened(keys, 0) is keys


def test_keys_that_overlap_overlap_less_with_products() -> None:
    key, other = unit(2, 128)
    near = F.normalize(key + 0.3 * other, dim=-1)
    for second, within in ((near, 0.06), (other, 0.12)):
        overlap = float(key @ second)
        assert float(widened(key, 3) @ widened(second, 3)) == pytest.approx((overlap + overlap**2) / 2, abs=within)


def told_and_read(num_keys: int, num_products: int) -> float:
    """The mean distance between values of length one and what is read under their keys, once all were written."""
    keys, values = unit(num_keys, DK), unit(num_keys, DV)
    rows = DK * (1 + num_products)
    held = Held([torch.zeros(1, 1, rows, DV)], [torch.zeros(1, 1, DK)], torch.eye(rows)[None, None])
    rule = least_squares(0.05, 0.0, num_products)
    with torch.no_grad():
        matrix = rule(held, keys[None, None, None], values[None, None, None], torch.ones(1, 1, 1, num_keys)).matrices[
            -1
        ]
    return float((widened(keys, num_products) @ matrix[0, 0] - values).norm(dim=-1).mean())


def test_with_products_more_keys_than_dimensions_keep_what_they_told() -> None:
    assert told_and_read(DK // 2, 0) < 0.15
    assert told_and_read(2 * DK, 0) > 0.4
    assert told_and_read(2 * DK, PRODUCTS) < 0.2


def test_the_heads_of_the_other_rule_are_as_without_products() -> None:
    keys, values, strength = unit(1, 2, 3, 8, DK), random(1, 2, 3, 8, DV), random(1, 2, 3, 8).sigmoid()
    rows = DK * (1 + PRODUCTS)
    held = Held([torch.zeros(1, 2, rows, DV)], [torch.zeros(1, 2, DK)], torch.eye(rows)[None, None])
    both = by_head((1,), least_squares(0.1, 0.0, PRODUCTS), delta_rule)(held, keys, values, strength)
    alone = Held([torch.zeros(1, 1, DK, DV)], [torch.zeros(1, 1, DK)])
    alone = delta_rule(alone, keys[:, :1], values[:, :1], strength[:, :1])
    last = both.matrices[-1]
    torch.testing.assert_close(last[:, :1, :DK], alone.matrices[-1])
    assert not last[:, :1, DK:].any()
    assert last[:, 1, DK:].any()
    queries = unit(1, 2, 1, 3, 8, DK)
    torch.testing.assert_close(both.read(queries)[:, :1], alone.read(queries[:, :1]))
    torch.testing.assert_close(both.read(queries)[0, 1, 0, 0], torch.zeros(8, DV))  # nothing was held before the first


def made(num_products: int) -> DeltaMemory:
    config = replace(tiny.MEMORY, exact_heads=(1,), key_products=num_products, write_threshold=0.0)
    torch.manual_seed(2)
    memory = DeltaMemory(HIDDEN, config)
    for gate in (memory.write_gate, memory.read_gate):
        torch.nn.init.normal_(gate.weight)
    return memory.eval().requires_grad_(False)


@pytest.mark.parametrize("cut", [1, 7])
def test_a_memory_with_products_read_in_pieces_is_one_read_at_once(cut: int) -> None:
    memory, hidden = made(PRODUCTS), random(1, 70, HIDDEN)
    whole, _ = memory(hidden)
    state: MemoryState | None = None
    pieces = []
    for piece in torch.split(hidden, cut, 1):
        out, state = memory(piece, state)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-5)
    without, _ = made(0)(hidden)
    assert not torch.allclose(whole, without, atol=1e-3)


def test_the_state_is_as_large_as_planned() -> None:
    memory = made(PRODUCTS)
    config = memory.config
    _, state = memory(random(1, config.segment_tokens * 3 - 1, HIDDEN))
    held = sum(tensor.numel() * tensor.element_size() for tensor in state.named_tensors().values())
    assert held == memory_bytes(None, replace(config, layers=(1,)))
    assert state.covariance is not None
    kept = (state.matrix, state.normaliser, state.covariance)
    assert matrix_bytes(None, replace(config, layers=(1,))) == sum(4 * tensor.numel() for tensor in kept)


def test_products_learn() -> None:
    memory = made(PRODUCTS).train().requires_grad_(True)
    out, _ = memory(random(1, 70, HIDDEN))
    out.square().sum().backward()
    for weight in (memory.key.weight, memory.query.weight):
        assert weight.grad is not None
        assert bool(weight.grad.isfinite().all())
        assert bool(weight.grad.any())
