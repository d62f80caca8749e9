"""Perplexity: against a loop over single tokens, against uniform guessing, and that a reset is a reset."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch

from longdoc.bench import perplexity
from longdoc.bench.pictures import picture
from longdoc.core.errors import EmptyInput, LongdocError
from longdoc.core.settings import ModelOptions
from longdoc.engine import likelihood
from longdoc.engine.likelihood import read_and_score
from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.session import Session, open_session


@pytest.fixture(scope="module")
def session(options: ModelOptions) -> Session:
    return open_session(options, lambda event: None)


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text(tiny.prose(60, seed=9))
    return path


def ids_of(session: Session, num_tokens: int) -> list[int]:
    return [token for token, _, _ in session.encode(tiny.prose(80, seed=1))][:num_tokens]


def one_by_one(reader: Reader, ids: list[int]) -> list[float]:
    """Log-probabilities in float64 from states that take a token at a time."""
    state, found = reader.start(), []
    for token in ids:
        if state.logits is None:
            found.append(-math.log(tiny.VOCABULARY))
        else:
            found.append(float(torch.log_softmax(state.logits.double(), -1)[token]))
        state = reader.read(state, [token])
    return found


def test_log_probabilities_are_those_of_reading_token_by_token(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ids_of(session, 150)
    reader = Reader(session.loaded, plan_reading(session.loaded, session.options, 150))
    wanted = torch.tensor(one_by_one(reader, ids), dtype=torch.float64)
    tolerance = 0.02 if session.loaded.model.dtype == torch.bfloat16 else 1e-4
    for most_logits in (1 << 24, 10 * tiny.VOCABULARY):
        monkeypatch.setattr(likelihood, "_MOST_LOGITS", most_logits)
        state, first = read_and_score(reader, reader.start(), ids[:67])
        after, second = read_and_score(reader, state, ids[67:])
        torch.testing.assert_close(torch.cat([first, second]).double(), wanted, rtol=0, atol=tolerance)
        assert (state.num_tokens, after.num_tokens) == (67, 150)
        assert read_and_score(reader, after, [])[0] is after


def test_the_weights_are_those_of_reading(session: Session) -> None:
    switched: list[str] = []
    kernel = SimpleNamespace(
        for_reading=lambda: switched.append("reading"), for_writing=lambda: switched.append("writing")
    )
    plan = plan_reading(session.loaded, session.options, 150)
    reader = Reader(replace(session.loaded, kernel=kernel), plan)  # type: ignore[arg-type]
    read_and_score(reader, reader.start(), ids_of(session, 20))
    assert switched == ["reading"]


def test_a_model_that_guesses_has_the_logarithm_of_the_vocabulary(options: ModelOptions, story: Path) -> None:
    session = open_session(options, lambda event: None)
    session.loaded.model.get_output_embeddings().weight.zero_()
    nats = perplexity.losses(session, options, ids_of(session, 200), 64)
    assert nats == pytest.approx(np.full(200, math.log(tiny.VOCABULARY)), abs=1e-5)
    (row,) = perplexity.bucketed([nats], [perplexity.counted_tokens(200, [64])])[:1]
    assert row["perplexity"] == pytest.approx(tiny.VOCABULARY, abs=0.01)
    assert row["tokens"] == 200 - 4


def test_a_reset_forgets_everything(session: Session) -> None:
    ids = ids_of(session, 400)
    options = session.options
    never, every = perplexity.losses(session, options, ids, None), perplexity.losses(session, options, ids, 150)
    alone = [perplexity.losses(session, options, ids[start : start + 150], None) for start in (0, 150, 300)]
    assert np.array_equal(every, np.concatenate(alone))
    assert np.array_equal(never[:144], every[:144])
    assert not np.allclose(never[151:], every[151:])
    assert every[150] == pytest.approx(math.log(tiny.VOCABULARY))


def test_the_memory_is_switched_off_and_nothing_else(session: Session) -> None:
    ids = ids_of(session, 300)
    on = perplexity.losses(session, session.options, ids, None)
    off = perplexity.losses(session, replace(session.options, memory=False), ids, None)
    assert not np.allclose(on[100:], off[100:])
    segment = tiny.MEMORY.segment_tokens  # nothing to remember before the first segment is written
    assert np.allclose(on[:segment], off[:segment], atol=1e-3)


def test_buckets_double_and_the_last_row_is_the_mean_of_all() -> None:
    nats = [np.arange(1500, dtype=np.float32), np.arange(600, dtype=np.float32)]
    counted = [perplexity.counted_tokens(len(n), [100, None]) for n in nats]
    rows = perplexity.bucketed([n / 1000 for n in nats], counted)
    assert [(row["from"], row["to"]) for row in rows] == [(0, 512), (512, 1024), (1024, 1500), (0, 1500)]
    assert [row["tokens"] for row in rows] == [2 * (512 - 6), 512 - 5 + 88, 476 - 4, 1500 - 15 + 600 - 6]
    kept = [i for i in range(1024, 1500) if i % 100]
    assert rows[2]["nats"] == pytest.approx(sum(kept) / len(kept) / 1000, abs=1e-4)


def test_rows_for_each_way_and_reset_and_what_the_memory_saves(options: ModelOptions, story: Path) -> None:
    result = perplexity.run(options, [story], resets=[128, None], max_tokens=700)
    rows = result["results"]
    whole = [row for row in rows if (row["from"], row["to"]) == (0, 700)]
    assert [(row["without"], row["reset"]) for row in whole] == [
        (None, 128), (None, "never"), ("memory", 128), ("memory", "never")
    ]  # fmt: skip
    assert len(rows) == 4 * 3
    assert {row["tokens"] for row in whole} == {700 - 6}
    saved = {"128": whole[2]["nats"] - whole[0]["nats"], "never": whole[3]["nats"] - whole[1]["nats"]}
    assert result["memory_gain"] == pytest.approx(saved, abs=2e-5)
    assert result["lasting_gain"] == pytest.approx({"128": saved["never"] - saved["128"]}, abs=4e-5)
    assert all(row["perplexity"] == pytest.approx(math.exp(row["nats"]), rel=1e-4) for row in rows)
    again = perplexity.run(options, [story], resets=[128, None], max_tokens=700)
    assert again["results"] == rows
    made = picture(result)
    assert made.count("<polyline") == 4 + 2 + 2
    assert "by tenth of the text" in made
    assert "reset every 128, without memory" in made


def noise(num_tokens: int, mean: float, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(mean, 1, num_tokens).astype(np.float32)


def test_the_mean_is_that_of_the_counted_tokens_and_the_error_that_of_blocks() -> None:
    block = perplexity._BLOCK_TOKENS
    independent = [noise(40 * block, 0.5, 1), noise(20 * block, 0.5, 2)]
    counted = [perplexity.counted_tokens(len(own), [100]) for own in independent]
    mean, error = perplexity.mean_and_error(independent, counted)
    kept = np.concatenate([own[used] for own, used in zip(independent, counted, strict=True)])
    assert mean == pytest.approx(float(kept.mean(dtype=np.float64)), abs=1e-5)
    assert error == pytest.approx(1 / math.sqrt(len(kept)), rel=0.3)  # 60 blocks: a tenth is usual
    together = [np.repeat(noise(40, 0.5, 3), block)]  # all tokens of a block are equal
    _, error = perplexity.mean_and_error(together, [np.ones(40 * block, bool)])
    assert error == pytest.approx(1 / math.sqrt(40), rel=0.3)
    assert perplexity.mean_and_error([independent[0][:9]], [counted[0][:9]])[1] is None
    assert perplexity.mean_and_error([independent[0][:9]], [np.zeros(9, bool)]) == (None, None)


def test_a_memory_that_drifts_saves_less_from_tenth_to_tenth() -> None:
    on, off = np.linspace(3, 4, 50_000, dtype=np.float32), np.full(50_000, 4, dtype=np.float32)
    steady = off - 0.25
    counted = [perplexity.counted_tokens(len(on), [500, None])]
    found = perplexity.gains({"500": ([steady], [off]), "never": ([on], [off])}, counted)
    assert found["memory_gain_by_tenth"]["500"] == pytest.approx([0.25] * 10)
    assert found["memory_gain_by_tenth"]["never"] == pytest.approx([0.95 - 0.1 * i for i in range(10)], abs=1e-3)
    assert found["lasting_gain"] == pytest.approx({"500": 0.25}, abs=1e-3)
    assert found["memory_gain_error"]["500"] == 0 < found["memory_gain_error"]["never"]
    assert "lasting_gain" not in perplexity.gains({"never": ([on], [off])}, counted)


def test_without_a_memory_there_is_one_way(options: ModelOptions, story: Path) -> None:
    result = perplexity.run(replace(options, memory=False), [story], resets=[None], max_tokens=100)
    assert [(row["without"], row["from"], row["to"]) for row in result["results"]] == [(None, 0, 100)]
    assert picture(result).count("<circle") == 1
    assert "memory_gain" not in result


def test_an_output_that_is_not_finite_is_an_error(options: ModelOptions) -> None:
    session = open_session(options, lambda event: None)
    session.loaded.model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(LongdocError, match="not finite"):
        perplexity.losses(session, options, [5] * 20, None)


def test_a_file_with_nothing_to_predict_is_an_error(options: ModelOptions, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    with pytest.raises(EmptyInput):
        perplexity.run(options, [path], resets=[None])
