"""Attention over tokens that several processes hold, against stock models; the processes are threads here."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_threads import in_threads
from torch import Tensor

from longdoc.bench import families
from longdoc.engine.attention import install
from longdoc.engine.ring.cache import Register, RingCache
from longdoc.engine.ring.transport import Ring, summed
from longdoc.engine.rope import fix_length, length_dependent

TOLERANCE = 1e-5
LONGEST = 320


@cache
def model_of(family: str) -> Any:
    model = copy.deepcopy(families.build(family))
    install(model)
    for rotary in length_dependent(model):
        fix_length(rotary, LONGEST)
    return model


@cache
def wanted(family: str, num_tokens: int) -> Tensor:
    """(T, V) of the stock model."""
    model = copy.deepcopy(families.build(family))
    for rotary in length_dependent(model):
        fix_length(rotary, LONGEST)
    with torch.no_grad():
        logits: Tensor = model(families.random_ids(num_tokens), use_cache=False).logits[0]
    return logits


def read(ring: Ring, family: str, num_tokens: int, calls: list[tuple[int, bool]]) -> tuple[dict[int, Tensor], Any]:
    """The logits of the places that this process was given, and its cache. calls: tokens, and whether shared out."""
    model = model_of(family)
    state = RingCache(model.config, ring, Register())
    ids, got = families.random_ids(num_tokens), {}
    with torch.inference_mode():
        for count, is_sharded in calls:
            call = state.begin(count, is_sharded=is_sharded, device=torch.device("cpu"))
            places = call.positions.tolist()
            logits = model(ids[:, places], past_key_values=state, use_cache=True).logits[0]
            got |= dict(zip(places, logits, strict=True))
            state.end()
    assert state.num_seen == num_tokens
    return got, state


def worst(family: str, size: int, calls: list[tuple[int, bool]]) -> float:
    """The largest difference of a logit from the stock model, wherever it was computed."""
    num_tokens = sum(count for count, _ in calls)
    full = wanted(family, num_tokens)
    results = in_threads(size, lambda ring: read(ring, family, num_tokens, calls)[0])
    given = [(place, row) for got in results for place, row in got.items()]
    assert {place for place, _ in given} == set(range(num_tokens))
    return max(float((row - full[place]).abs().max()) for place, row in given)


@pytest.mark.parametrize("family", families.ALL)
def test_every_family_gives_the_logits_of_the_stock_model(family: str) -> None:
    calls = [(5, False), (101, True), (47, True), (9, False), (1, False), (1, False)]
    assert worst(family, 3, calls) < TOLERANCE


@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral-sliding", "gemma3", "phi3"])
def test_any_number_of_processes_and_any_length(family: str, size: int) -> None:
    assert worst(family, size, [(2 * size, True), (1, False), (61, True), (2 * size + 1, True)]) < TOLERANCE


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=5),
    st.sampled_from(["llama", "mistral-sliding", "gemma2"]),
)
def test_any_cut_gives_the_same(size: int, cuts: list[tuple[int, bool]], family: str) -> None:
    calls = [(count, is_sharded and count >= 2 * size) for count, is_sharded in cuts]
    assert worst(family, size, calls) < TOLERANCE


def test_a_wrong_place_is_seen() -> None:
    """The negative control of the tests above: two tokens of the text change places in what one process holds."""

    def wrong(ring: Ring) -> dict[int, Tensor]:
        _, state = read(ring, "llama", 64, [(64, True)])
        if ring.rank == 1:
            for layer in state.layers:
                layer.parts = tuple((keys.flip(2), values) for keys, values in layer.parts)
        model = model_of("llama")
        with torch.inference_mode():
            state.begin(1, is_sharded=False, device=torch.device("cpu"))
            logits: Tensor = model(families.random_ids(65)[:, 64:], past_key_values=state, use_cache=True).logits[0]
        return {64: logits[0]}

    for got in in_threads(2, wrong):
        assert float((got[64] - wanted("llama", 65)[64]).abs().max()) > 100 * TOLERANCE


def test_all_processes_have_the_same_bits_while_writing() -> None:
    def last(ring: Ring) -> Tensor:
        return read(ring, "qwen3", 81, [(80, True), (1, False)])[0][80]

    first, *others = in_threads(4, last)
    assert all(torch.equal(first, other) for other in others)


def test_a_fork_changes_nothing_and_shares_what_was_read() -> None:
    def check(ring: Ring) -> None:
        _, state = read(ring, "llama", 40, [(40, True)])
        before = state.layers[0].parts
        fork = state.fork()
        model = model_of("llama")
        with torch.inference_mode():
            for _ in range(3):
                fork.begin(1, is_sharded=False, device=torch.device("cpu"))
                model(torch.tensor([[7]]), past_key_values=fork, use_cache=True)
                fork.end()
        assert fork.layers[0].parts == state.layers[0].parts == before
        assert fork.layers[0].late is not None
        assert state.layers[0].late is None
        assert (state.num_seen, fork.num_seen) == (40, 43)
        assert fork.number != state.number

    in_threads(2, check)


def test_partial_results_do_not_overflow_and_may_be_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    outs = torch.randn(3, 1, 2, 4, 8, generator=generator)
    lses = 1e4 * torch.randn(3, 1, 2, 4, generator=generator)
    lses[1] = float("-inf")
    lses[:, :, :, 3] = float("-inf")
    out, lse = summed(outs, lses)
    weights = torch.softmax(lses[:, :, :, :3].double(), 0)[..., None]
    torch.testing.assert_close(out[:, :, :3].double(), (weights * outs[:, :, :, :3].double()).sum(0))
    torch.testing.assert_close(lse[:, :, :3].double(), lses[:, :, :, :3].double().logsumexp(0))
    assert bool((out[:, :, 3] == 0).all())
    assert bool(torch.isneginf(lse[:, :, 3]).all())


def test_dropped_caches_are_told_of_once() -> None:
    register = Register()
    state = RingCache(model_of("llama").config, Ring(), register)
    number = state.fork().number
    assert register.dropped == [number]
