"""Reading, forking, scoring and writing with a random model of two layers."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from longdoc.core.errors import LongdocError
from longdoc.core.settings import ModelOptions
from longdoc.engine import decoding
from longdoc.engine import reader as reader_module
from longdoc.engine.cache import KEEP_ALL
from longdoc.engine.load import LoadedModel
from longdoc.engine.reader import Reader, plan_reading


def ids(num_tokens: int, seed: int = 0) -> list[int]:
    return torch.randint(1, tiny.VOCABULARY, (num_tokens,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.fixture
def reader(loaded: LoadedModel) -> Reader:
    """Sinks, a window of 64 and the memory, as the checkpoint was exported."""
    return Reader(loaded, plan_reading(loaded, ModelOptions(), 1000))


@pytest.fixture(scope="session")
def stock(checkpoint: Path) -> Any:
    """The checkpoint as transformers loads it, without longdoc, in float32."""
    return AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager").eval()


@pytest.fixture(scope="session")
def exact_reader(loaded: LoadedModel) -> Reader:
    """Everything kept, no memory, float32: must say what stock transformers says."""
    precise = replace(loaded, model=copy.deepcopy(loaded.model).float())
    return Reader(precise, plan_reading(precise, ModelOptions(attention="exact"), 1000))


def test_a_state_stays_as_it_is_when_forks_of_it_read_and_write(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(200))
    before = reader.read(state, ids(30, seed=1)).logits
    written = list(reader.write(state, max_tokens=20))
    reader.score(state, [ids(9, seed=2), ids(4, seed=3)])
    after = reader.read(state, ids(30, seed=1)).logits
    assert len(written) == 20
    assert state.num_tokens == state.cache.num_seen == 200
    assert before is not None
    assert after is not None
    assert torch.equal(before, after)


def test_what_was_read_does_not_depend_on_the_pieces(exact_reader: Reader, reader: Reader) -> None:
    for each, tolerance in ((exact_reader, 1e-4), (reader, 0.1)):  # bfloat16 rounds differently in other shapes
        whole = each.read(each.start(), ids(200)).logits
        state = each.start()
        for start in range(0, 200, 33):
            state = each.read(state, ids(200)[start : start + 33])
        assert whole is not None
        assert state.logits is not None
        assert float((whole - state.logits).float().norm() / whole.float().norm()) < tolerance


def test_the_last_token_of_a_text_takes_no_buffers_of_writing(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    decode = decoding.Decoding

    def noted(module: Any, layer: Any) -> object:
        made.append(layer)
        return decode(module, layer)

    monkeypatch.setattr(decoding, "Decoding", noted)
    state = reader.read(reader.read(reader.start(), ids(32)), ids(1, seed=1))
    assert not made
    assert list(reader.write(state, max_tokens=2))
    assert made


def test_reading_nothing_changes_nothing(reader: Reader) -> None:
    state = reader.start()
    assert reader.read(state, []) is state


def stock_scores(stock: Any, prefix: list[int], continuation: list[int]) -> Tensor:
    """(T,) teacher-forced log-probabilities by stock transformers."""
    with torch.no_grad():
        logits = stock(torch.tensor([prefix + continuation])).logits[0]
    scores = torch.log_softmax(logits[len(prefix) - 1 : -1], -1)
    return scores.gather(-1, torch.tensor(continuation)[:, None])[:, 0]


def test_scores_are_the_log_probabilities_of_the_stock_model(exact_reader: Reader, stock: Any) -> None:
    prefix, rows = ids(150), [ids(12, seed=1), ids(1, seed=2), ids(30, seed=3)]
    scores = exact_reader.score(exact_reader.read(exact_reader.start(), prefix), rows)
    for row, score in zip(rows, scores, strict=True):
        torch.testing.assert_close(score, stock_scores(stock, prefix, row), rtol=1e-4, atol=1e-4)


def test_the_first_token_of_all_is_as_likely_as_any_other(exact_reader: Reader, stock: Any) -> None:
    row = ids(8)
    score = exact_reader.score(exact_reader.start(), [row])[0]
    assert math.isclose(float(score[0]), -math.log(stock.config.vocab_size), rel_tol=1e-5)
    torch.testing.assert_close(score[1:], stock_scores(stock, row[:1], row[1:]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("read_before", [0, 100])
def test_a_score_does_not_depend_on_its_batch(
    exact_reader: Reader, read_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_SCORED_ROWS", 3)
    state = exact_reader.read(exact_reader.start(), ids(read_before))
    rows = [ids(length, seed=length) for length in (20, 3, 11, 7, 1)]
    together = exact_reader.score(state, rows)
    for row, score in zip(rows, together, strict=True):
        assert len(score) == len(row)
        torch.testing.assert_close(score, exact_reader.score(state, [row])[0], rtol=1e-4, atol=1e-4)


def test_the_rows_of_a_score_do_not_multiply_a_large_state(
    exact_reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = exact_reader.read(exact_reader.start(), ids(100))
    batches: list[int] = []
    forward = Reader._forward

    def counted(self: Reader, tokens: Tensor, *rest: Any, **others: Any) -> Tensor:
        batches.append(tokens.shape[0])
        return forward(self, tokens, *rest, **others)

    monkeypatch.setattr(Reader, "_forward", counted)
    for room, wanted in ((10, [5]), (2, [2, 2, 1]), (0, [1] * 5)):
        monkeypatch.setattr(reader_module, "_SCORED_BYTES", room * state.cache.num_bytes())
        batches.clear()
        exact_reader.score(state, [ids(7, seed=seed) for seed in range(5)])
        assert batches == wanted


def test_writing_is_greedy_and_the_same_every_time(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(100))
    written = list(reader.write(state, max_tokens=8))
    assert written == list(reader.write(state, max_tokens=8))
    step = state
    for token in written:
        assert step.logits is not None
        assert token == int(step.logits.argmax())
        step = reader.read(step, [token])


def test_writing_ends_before_an_end_token(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(100))
    written = list(reader.write(state, max_tokens=8))
    end = written[-1]
    assert list(reader.write(state, max_tokens=8, end_ids=frozenset({end}))) == written[: written.index(end)]


def test_what_is_written_is_counted_and_timed(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(10))
    list(reader.write(state, max_tokens=5))
    assert reader.tokens_written == 5
    assert reader.write_seconds > 0


def test_output_that_is_not_finite_stops_the_run(loaded: LoadedModel) -> None:
    broken = copy.deepcopy(loaded.model)
    with torch.no_grad():
        broken.model.norm.weight.fill_(float("nan"))
    reader = Reader(replace(loaded, model=broken), plan_reading(loaded, ModelOptions(), 1000))
    with pytest.raises(LongdocError, match="not finite"):
        reader.read(reader.start(), ids(10))


def test_an_adapter_is_read_with_the_sizes_it_was_trained_with(loaded: LoadedModel) -> None:
    plan = plan_reading(loaded, ModelOptions(), 10)
    assert (plan.info.mode, plan.info.why) == ("stream", "the adapter was trained for it")
    assert (plan.tiers.sinks, plan.tiers.window, plan.segment_tokens, plan.use_memory) == (4, 64, 128, True)
    assert (plan.info.sinks, plan.info.window, plan.info.memory) == (4, 64, True)


def test_what_the_user_asks_for_comes_first(loaded: LoadedModel) -> None:
    asked = ModelOptions(attention="stream", sinks=0, window=32, segment_tokens=16, memory=False)
    plan = plan_reading(loaded, asked, 10)
    assert (plan.tiers.sinks, plan.tiers.window, plan.segment_tokens, plan.use_memory) == (0, 32, 16, False)
    assert plan.info.why == "asked for"


def test_exact_reading_keeps_everything_and_needs_no_memory(loaded: LoadedModel) -> None:
    plan = plan_reading(loaded, ModelOptions(attention="exact"), 10**6)
    assert (plan.tiers.sinks, plan.tiers.window, plan.use_memory) == (0, KEEP_ALL, False)
    assert (plan.info.mode, plan.info.memory) == ("exact", False)


@pytest.mark.parametrize(
    ("num_tokens", "native_tokens", "mode", "window"),
    [(3000, 8192, "exact", KEEP_ALL), (8000, 8192, "stream", 4096), (8000, 2048, "stream", 1024)],
)
def test_a_plain_model_reads_exactly_what_fits_its_context(
    loaded: LoadedModel, num_tokens: int, native_tokens: int, mode: str, window: int
) -> None:
    plain = replace(loaded, adapter=None, native_tokens=native_tokens)
    plan = plan_reading(plain, ModelOptions(), num_tokens)
    assert (plan.info.mode, plan.tiers.window, plan.use_memory) == (mode, window, False)
    assert f"{native_tokens:,}" in plan.info.why
