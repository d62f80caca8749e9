"""Writing with keys that stay rotated says what writing with keys that are turned at every step says."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from longdoc.bench.families import build, random_ids
from longdoc.engine import attention
from longdoc.engine.attention import install
from longdoc.engine.cache import KEEP_ALL, StreamingCache, Tiers

FAMILIES = ("llama", "gemma2", "phi", "cohere2")
ALL_TIERS = (Tiers(4, 24), Tiers(0, 24), Tiers(4, 24, 10), Tiers(0, KEEP_ALL), Tiers(4, 1))
EIGHT_BITS = (Tiers(4, 24, 0, 8), Tiers(4, 24, 10, 8), Tiers(0, KEEP_ALL, 0, 8))
every_family = pytest.mark.parametrize("name", FAMILIES)
every_tiers = pytest.mark.parametrize("tiers", ALL_TIERS, ids=str)


@cache
def streaming(name: str) -> Any:
    model = copy.deepcopy(build(name))
    install(model)
    return model


def steps(model: Any, cache: StreamingCache, begin: int, end: int) -> Tensor:
    """(1, T, V) of the tokens begin ... end - 1, one at a time."""
    with torch.inference_mode():
        ids = random_ids(120)[:, begin:end]
        return torch.cat(
            [model(one, past_key_values=cache, use_cache=True).logits for one in torch.split(ids, 1, 1)], 1
        )


def read(model: Any, tiers: Tiers, num_tokens: int) -> StreamingCache:
    cache = StreamingCache(model.config, tiers)
    with torch.inference_mode():
        model(random_ids(120)[:, :num_tokens], past_key_values=cache, use_cache=True)
    return cache


@every_family
@every_tiers
@pytest.mark.parametrize("num_read", [5, 23, 61])
def test_steps_equal_steps_that_turn_all_keys(
    name: str, tiers: Tiers, num_read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = streaming(name)
    fast_cache = read(model, tiers, num_read)
    fast = steps(model, fast_cache, num_read, num_read + 40)
    monkeypatch.setattr(attention, "can_step", lambda layer, num_new: False)
    slow_cache = read(model, tiers, num_read)
    torch.testing.assert_close(fast, steps(model, slow_cache, num_read, num_read + 40), rtol=0, atol=1e-5)
    for name, tensor in fast_cache.named_tensors().items():
        torch.testing.assert_close(tensor, slow_cache.named_tensors()[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tiers", EIGHT_BITS, ids=str)
@pytest.mark.parametrize("num_read", [5, 61])
def test_a_window_in_eight_bits_writes_what_it_writes_without_buffers(
    tiers: Tiers, num_read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that rounding puts on the other side of a step are rare; their logits stay within a step's."""
    model = streaming("llama")
    fast_cache = read(model, tiers, num_read)
    assert fast_cache.layers[0].keys.dtype == torch.int8
    fast = steps(model, fast_cache, num_read, num_read + 40)
    assert fast_cache.layers[0].decoding is not None or tiers.highlights
    wide = steps(model, read(model, replace(tiers, kv_bits=16), num_read), num_read, num_read + 40)
    monkeypatch.setattr(attention, "can_step", lambda layer, num_new: False)
    slow_cache = read(model, tiers, num_read)
    slow = steps(model, slow_cache, num_read, num_read + 40)
    assert torch.equal(fast.argmax(-1), slow.argmax(-1))
    wrong = (fast - slow).abs()
    assert float(wrong.median()) < 1e-6
    assert float(wrong.max()) < 2e-3 < float((wide - slow).abs().max())  # not the numbers before they are encoded
    fast_window, slow_window = fast_cache.layers[0].named_tensors(), slow_cache.layers[0].named_tensors()
    for name in ("keys", "values"):
        assert float((fast_window[name] != slow_window[name]).float().mean()) < 1e-3


@every_tiers
def test_forks_write_on_their_own(tiers: Tiers) -> None:
    model = streaming("llama")
    base = read(model, tiers, 61)
    steps(model, base, 61, 70)  # the buffers are in use, and some tokens late
    first, second = base.fork(), base.fork()
    ours = steps(model, first, 70, 100)
    other = steps(model, second, 5, 35)
    assert torch.equal(steps(model, base.fork(), 70, 100), ours)
    assert torch.equal(steps(model, base.fork(), 5, 35), other)
    torch.testing.assert_close(steps(model, base, 70, 100), ours, rtol=0, atol=1e-5)


def test_what_was_written_is_read_on_from() -> None:
    model = streaming("llama")
    tiers = Tiers(4, 24, 10)
    cache = read(model, tiers, 50)
    steps(model, cache, 50, 77)
    with torch.inference_mode():
        after = model(random_ids(120)[:, 77:], past_key_values=cache, use_cache=True).logits
        whole = model(random_ids(120), past_key_values=StreamingCache(model.config, tiers), use_cache=True).logits
    torch.testing.assert_close(after, whole[:, 77:], rtol=0, atol=1e-5)


def test_the_buffers_are_of_constant_size_and_go_when_the_cache_is_kept() -> None:
    model = streaming("llama")
    cache = read(model, Tiers(4, 24), 61)
    sizes = set()
    for step in range(61, 120):
        steps(model, cache, step, step + 1)
        layer = cache.layers[0]
        sizes.add((layer.decoding.keys.shape[2], layer.decoding.frame._table[0].shape[1]))
        assert len(layer.late) <= layer.tiers.turn
    assert len(sizes) == 1
    cache.settle()
    assert cache.layers[0].decoding is None
    assert cache.layers[0].late == []
