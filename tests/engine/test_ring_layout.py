"""Which process holds which tokens."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from longdoc.engine.ring.layout import Layout, Run, in_turn, nothing, zigzag

SIZES = st.integers(1, 8)
STEPS = st.lists(st.tuples(st.sampled_from(["zigzag", "spread"]), st.integers(1, 90)), max_size=8)


def tokens(layout: Layout) -> list[list[int]]:
    """The places of what each process holds."""
    return [[t for run in shard for t in range(run.first, run.end)] for shard in layout.shards]


@given(SIZES, STEPS)
def test_every_token_is_held_once_in_order_and_evenly(size: int, steps: list[tuple[str, int]]) -> None:
    layout, pieces = nothing(size), 0
    for kind, count in steps:
        if kind == "zigzag" and count >= 2 * size:
            layout, pieces = layout.with_zigzag(count), pieces + 1
        else:
            layout = layout.with_spread(count)
    held = tokens(layout)
    assert sorted(t for shard in held for t in shard) == list(range(layout.num_tokens))
    assert all(a < b for shard in held for a, b in pairwise(shard))
    assert layout.counts == tuple(len(shard) for shard in held)
    assert max(layout.counts) - min(layout.counts) <= pieces + 1


@given(SIZES, st.integers(2, 400), st.integers(0, 50))
def test_a_zigzag_gives_the_first_process_the_last_token_and_all_the_same_work(
    size: int, count: int, first: int
) -> None:
    count = max(count, 2 * size)
    chunks = zigzag(first, count, size)
    assert chunks[0][1].end == first + count
    assert chunks[0][0].first == first
    # pairs of a query and a key that it sees, under a causal mask
    work = [sum(t - first + 1 for run in pair for t in range(run.first, run.end)) for pair in chunks]
    assert max(work) - min(work) <= 2 * count


def test_new_tokens_go_to_whoever_holds_least() -> None:
    layout = nothing(3).with_spread(4)
    assert layout.counts == (2, 1, 1)
    assert layout.with_spread(2).counts == (2, 2, 2)
    assert layout.with_spread(1).shards == ((Run(0, 2),), (Run(2, 1), Run(4, 1)), (Run(3, 1),))


def test_runs_that_follow_one_another_are_one() -> None:
    assert nothing(1).with_spread(3).with_spread(2).shards == ((Run(0, 5),),)


def test_in_turn_gives_each_process_one_run() -> None:
    assert in_turn(7, 3).shards == ((Run(0, 3),), (Run(3, 2),), (Run(5, 2),))
