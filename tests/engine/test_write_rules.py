"""Writing by least squares: against the regression on all that was written, and beside heads of another rule.

Shapes: Dk key dim, Dv value dim.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.engine.write_rules import Held, WriteRule, by_head, delta_rule, least_squares

DK, DV = 8, 6
RIDGE = 0.3


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def written_by(rule: WriteRule, *told: tuple[Tensor, Tensor, float], heads: int = 1, segments: int = 1) -> Held:
    """What is held after tokens of key, value and strength, the same in every head, in so many segments."""
    keys, values = (torch.stack([token[i] for token in told]) for i in (0, 1))  # type: ignore[misc]
    strength = torch.tensor([token[2] for token in told])
    shape = (1, heads, segments, len(told) // segments)

    def in_segments(tensor: Tensor) -> Tensor:
        return tensor.view(*shape[2:], *tensor.shape[1:]).expand(*shape[:2], *(-1 for _ in range(tensor.ndim + 1)))

    matrix = torch.zeros(1, heads, DK, DV)
    held = Held([matrix], [torch.zeros(1, heads, DK)], torch.eye(DK).expand(1, 1, -1, -1))
    return rule(held, in_segments(keys), in_segments(values), in_segments(strength))


def random_tokens(num: int, seed: int = 0) -> list[tuple[Tensor, Tensor, float]]:
    """Unit keys, values, strengths of which every fifth is zero."""
    strengths = [0.0 if i % 5 == 4 else 0.3 + 0.1 * (i % 7) for i in range(num)]
    keys = F.normalize(random(num, DK, seed=seed), dim=-1)
    return list(zip(keys, random(num, DV, seed=seed), strengths, strict=True))


def ridge_regression(told: list[tuple[Tensor, Tensor, float]]) -> Tensor:
    """(Dk, Dv) float64 from the normal equations, nothing recursive."""
    normal = RIDGE * torch.eye(DK, dtype=torch.float64)
    right = torch.zeros(DK, DV, dtype=torch.float64)
    for key, value, strength in told:
        normal += strength * torch.outer(key.double(), key.double())
        right += strength * torch.outer(key.double(), value.double())
    return torch.linalg.solve(normal, right)


@pytest.mark.parametrize("segments", [1, 2, 6, 24])
@pytest.mark.parametrize("gradients", [False, True], ids=["reading", "training"])
def test_least_squares_equals_the_regression_on_all_that_was_written(segments: int, gradients: bool) -> None:
    told = random_tokens(24)
    with torch.set_grad_enabled(gradients):
        held = written_by(least_squares(RIDGE, 0.0), *told, segments=segments)
    assert len(held.matrices) == segments + 1
    for segment, matrix in enumerate(held.matrices):
        wanted = ridge_regression(told[: segment * len(told) // segments])
        torch.testing.assert_close(matrix[0, 0].double(), wanted, rtol=1e-4, atol=1e-5)


def test_least_squares_keeps_what_the_delta_rule_loses() -> None:
    told = [(key, value, 1.0) for key, value, _ in random_tokens(DK - 1)]
    lost = {}
    for name, rule in (("delta", delta_rule), ("exact", least_squares(0.01, 0.0))):
        matrix = written_by(rule, *told).matrices[-1][0, 0]
        lost[name] = float(torch.stack([(key @ matrix - value).norm() for key, value, _ in told[:3]]).mean())
    assert lost["exact"] < 0.2 * lost["delta"]


def test_with_drift_the_last_value_of_a_key_outweighs_the_one_before() -> None:
    key = F.normalize(random(DK), dim=-1)
    first, second = random(2, DV)
    told = [(key, first, 1.0)] * 4 + [(key, second, 1.0)]
    read = {
        drift: key @ written_by(least_squares(RIDGE, drift), *told, segments=5).matrices[-1][0, 0]
        for drift in (0.0, 3.0)
    }
    torch.testing.assert_close(read[0.0], (4 * first + second) / (5 + RIDGE))
    assert (read[3.0] - second).norm() < 0.25 * (first - second).norm()


def test_heads_have_their_own_rules() -> None:
    told = random_tokens(16)
    both = written_by(by_head((1,), least_squares(RIDGE, 0.0), delta_rule), *told, heads=3, segments=2)
    exact = written_by(least_squares(RIDGE, 0.0), *told, segments=2)
    delta = written_by(delta_rule, *told, segments=2)
    torch.testing.assert_close(both.matrices[-1], torch.cat([h.matrices[-1] for h in (delta, exact, delta)], 1))
    queries = random(1, 3, 1, 2, len(told) // 2, DK)
    reads = [held.read(queries[:, i : i + 1]) for i, held in enumerate((delta, exact, delta))]
    torch.testing.assert_close(both.read(queries), torch.cat(reads, 1))
    assert both.covariance is not None
    torch.testing.assert_close(both.covariance, exact.covariance)


def test_a_segment_reads_what_was_held_before_it_whether_or_not_anything_was_written_between() -> None:
    told, queries = random_tokens(24), random(1, 1, 1, 3, 8, DK)
    with torch.no_grad():
        held = written_by(least_squares(RIDGE, 0.0), *told, segments=3)
        idle = written_by(least_squares(RIDGE, 0.0), *((key, value, 0.0) for key, value, _ in told), segments=3)
    read = held.read(queries)
    for segment, matrix in enumerate(held.matrices[:3]):
        torch.testing.assert_close(read[:, :, :, segment], queries[:, :, :, segment] @ matrix)
    assert all(matrix is idle.matrices[0] for matrix in idle.matrices)
    same = Held([held.matrices[-1]] * 4, held.normalisers)
    torch.testing.assert_close(same.read(queries), queries @ held.matrices[-1])
    once = Held([*held.matrices[1:2] * 2, *held.matrices[2:3] * 2], held.normalisers).read(queries)
    torch.testing.assert_close(once[:, :, :, :2], queries[:, :, :, :2] @ held.matrices[1])
    torch.testing.assert_close(once[:, :, :, 2], queries[:, :, :, 2] @ held.matrices[2])


def test_a_covariance_stays_one_over_many_writes() -> None:
    held = Held([torch.zeros(1, 1, DK, DV)], [torch.zeros(1, 1, DK)], torch.eye(DK)[None, None])
    rule = least_squares(0.1, 0.0)
    for seed in range(300):
        token = random_tokens(8, seed)
        keys, values = (torch.stack([t[i] for t in token])[None, None, None] for i in (0, 1))  # type: ignore[misc]
        after = rule(held, keys, values, torch.tensor([t[2] for t in token])[None, None, None])
        held = Held(after.matrices[-1:], after.normalisers[-1:], after.covariance)
    assert held.covariance is not None
    eigenvalues = torch.linalg.eigvalsh(held.covariance[0, 0].double())
    assert eigenvalues.min() > 0
    assert eigenvalues.max() < 1
