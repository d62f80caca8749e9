"""What is counted of a memory's use: right, whatever the cut, kept with a state, and without any effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from test_state import FINGERPRINT, ids, load, reader_of, same_logits
from torch import Tensor

from longdoc.core.memory_use import MemoryUse
from longdoc.engine.cache import StreamingCache
from longdoc.engine.load import LoadedModel
from longdoc.engine.memory import DeltaMemory, PaperMemory
from longdoc.engine.reader import Reader, ReadingState
from longdoc.engine.state import save_state

(LAYER,) = tiny.MEMORY.layers


@pytest.fixture
def reader(loaded: LoadedModel) -> Reader:
    """Sinks, a window of 64 and the memory."""
    return reader_of(loaded)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_tokens_written_and_the_mean_gate_are_those_of_the_hidden_states() -> None:
    made = DeltaMemory(12, replace(tiny.MEMORY, exact_heads=(1,), exact_threshold=0.6)).eval().requires_grad_(False)
    torch.nn.init.normal_(made.write_gate.weight)
    torch.nn.init.normal_(made.read_gate.weight)
    hidden = random(2, 37, 12)
    _, state = made(hidden)
    reduced = (hidden @ made.reduce.weight.T).double()
    before = torch.cat([torch.zeros(2, 1, reduced.shape[-1]), reduced[:, :-1]], 1)
    logits = torch.cat([reduced, before], -1) @ made.write_gate.weight.T.double() + made.write_gate.bias.double()
    strength = (1.2 * torch.sigmoid(logits) - 0.1).clamp(0, 1)
    written = (strength >= torch.tensor(made.config.thresholds())).sum(1)
    gates = torch.sigmoid(hidden.double() @ made.read_gate.weight.T.double()).sum(1)
    assert 0 < int(written.min()) < int(written.max()) < 37
    assert torch.equal(state.tally[..., 0], written.double())
    torch.testing.assert_close(state.tally[..., 1], gates, rtol=1e-6, atol=1e-5)


def test_the_papers_form_takes_every_token_and_a_head_has_the_mean_of_its_gates() -> None:
    made = PaperMemory(4, replace(tiny.MEMORY, form="paper-linear")).eval()
    made.gate.data = torch.tensor([-1.0, 1.0, 0.0, 2.0])
    state = None
    for start, end in ((0, 20), (20, 33)):
        query, key, value = random(1, 4, end - start, 8), random(1, 2, end - start, 8), random(1, 2, end - start, 8)
        _, state = made.mix(query, query, key, value, state, start)
    assert state is not None
    assert state.tally is not None
    assert state.tally[0, :, 0].tolist() == [33, 33]
    shares = torch.sigmoid(made.gate.detach()).view(2, 2).mean(1).double()
    torch.testing.assert_close(state.tally[0, :, 1] / 33, shares)


def test_training_counts_nothing() -> None:
    made = DeltaMemory(12, tiny.MEMORY).train()
    _, state = made(random(1, 20, 12))
    assert state.tally is not None
    assert not state.tally.any()
    assert not state.tally.requires_grad


def test_the_use_of_a_reading_hardly_depends_on_its_cut_and_a_fork_changes_nothing(reader: Reader) -> None:
    whole = reader.read(reader.start(), ids(203))
    pieces = reader.start()
    for start in range(0, 203, 29):
        pieces = reader.read(pieces, ids(203)[start : start + 29])
    (use,), (other,) = whole.cache.memory_use(), pieces.cache.memory_use()
    assert (use.layer, use.num_tokens, len(use.written)) == (LAYER, 203, tiny.MEMORY.heads)
    assert use.written == pytest.approx(other.written, abs=4)  # bfloat16: another cut, other rounding at the threshold
    assert use.gate == pytest.approx(other.gate, abs=1e-3)
    assert all(0 <= count <= 203 for count in use.written)
    assert sum(use.written) > 0
    list(reader.write(whole, max_tokens=5))
    assert whole.cache.memory_use() == (use,)
    assert reader.read(whole, ids(30)).cache.memory_use()[0].num_tokens == 233


def test_the_use_is_saved_and_goes_on_where_it_stood(reader: Reader, tmp_path: Path) -> None:
    state = reader.read(reader.start(), ids(150))
    path = tmp_path / "book.safetensors"
    save_state(path, state, FINGERPRINT, {})
    restored = load(path, reader)
    assert restored.cache.memory_use() == state.cache.memory_use() != ()
    more = ids(60, seed=1)
    assert reader.read(restored, more).cache.memory_use() == reader.read(state, more).cache.memory_use()


def without_tally(state: ReadingState, cache: StreamingCache) -> ReadingState:
    """The state as an older version kept it."""
    cache.restore({n: t for n, t in state.cache.named_tensors().items() if "tally" not in n}, state.num_tokens)
    return ReadingState(cache, state.logits, state.num_tokens)


def test_a_state_from_before_this_was_counted_is_used_and_says_nothing_of_it(reader: Reader, tmp_path: Path) -> None:
    state = reader.read(reader.start(), ids(150))
    path = tmp_path / "book.safetensors"
    save_state(path, without_tally(state, reader.start().cache), FINGERPRINT, {})
    old = load(path, reader)
    assert old.cache.memory_use() == ()
    assert reader.read(old, ids(60)).cache.memory_use() == ()
    assert same_logits(reader, old, state)  # counting has no effect


def test_without_a_memory_there_is_no_use(loaded: LoadedModel) -> None:
    reader = reader_of(loaded, memory=False)
    assert reader.read(reader.start(), ids(150)).cache.memory_use() == ()
    used: tuple[MemoryUse, ...] = reader.start().cache.memory_use()
    assert used == ()
