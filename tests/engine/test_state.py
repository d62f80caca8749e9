"""Naming and restoring what a state holds, and saving it."""

from __future__ import annotations

import pytest
import tiny
import torch

from longdoc.core.settings import ModelOptions
from longdoc.engine.load import LoadedModel
from longdoc.engine.reader import Reader, ReadingState, plan_reading


def ids(num_tokens: int, seed: int = 0) -> list[int]:
    return torch.randint(1, tiny.VOCABULARY, (num_tokens,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.fixture
def reader(loaded: LoadedModel) -> Reader:
    """Sinks, a window of 64 and the memory, as the checkpoint was exported."""
    return Reader(loaded, plan_reading(loaded, ModelOptions(), 1000))


@pytest.mark.parametrize("num_tokens", [0, 3, 40, 203])
def test_a_cache_is_restored_from_its_named_tensors(reader: Reader, num_tokens: int) -> None:
    state = reader.read(reader.start(), ids(num_tokens))
    fresh = reader.start().cache
    fresh.restore(state.cache.named_tensors(), state.cache.num_seen)
    assert fresh.num_seen == num_tokens
    assert fresh.num_bytes() == state.cache.num_bytes()
    again = reader.read(ReadingState(fresh, state.logits, num_tokens), ids(50, seed=1))
    expected = reader.read(state, ids(50, seed=1))
    assert again.logits is not None
    assert expected.logits is not None
    assert torch.equal(again.logits, expected.logits)


def test_a_restored_cache_without_its_memory_goes_on_otherwise(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(203))
    tensors = state.cache.named_tensors()
    fresh = reader.start().cache
    fresh.restore({name: t for name, t in tensors.items() if ".memory." not in name}, 203)
    again = reader.read(ReadingState(fresh, state.logits, 203), ids(50, seed=1))
    expected = reader.read(state, ids(50, seed=1))
    assert again.logits is not None
    assert expected.logits is not None
    assert not torch.equal(again.logits, expected.logits)
