"""Real processes: what they compute together is what one computes; and what happens when one is lost."""

from __future__ import annotations

import copy
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from longdoc.bench import families
from longdoc.core.errors import RingLost
from longdoc.engine.ring import processes as ring_processes
from longdoc.engine.ring.processes import Group

FAMILIES = ("llama", "qwen3", "mistral-sliding", "phi3", "gemma3")
SIZES = (1, 2, 4)
WORKER = Path(__file__).with_name("ring_worker.py")
ODD, TOKENS, FIRST_CALL = 131, 32, 100
KV_BYTES = 2 * 2 * 16 * 4  # of a token in a layer: keys and values, heads, dims, float32


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """What the worker found in 1, 2 and 4 processes; the state that the first keeps is gone on from by the others."""
    folder = tmp_path_factory.mktemp("ring")
    checkpoint = tiny.checkpoint(folder / "model", memory=False, prompts="chat")
    found = {}
    for size in SIZES:
        path = folder / f"{size}.json"
        config = LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=size, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
            run_id=f"test-{size}", max_restarts=0, local_addr="localhost",
        )  # fmt: skip
        arguments = [str(WORKER), str(path), str(checkpoint), str(folder / "state.safetensors"), *FAMILIES]
        elastic_launch(config, sys.executable)(*arguments)
        found[size] = json.loads(path.read_text())
        assert found[size]["size"] == size
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_greedy_tokens_are_those_of_the_stock_model(results: dict[int, Any], family: str, size: int) -> None:
    model, ids = copy.deepcopy(families.build(family)), families.random_ids(ODD)
    got = results[size][family]
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
        torch.testing.assert_close(torch.tensor(got["logits"]), logits, atol=1e-5, rtol=0)
        written, out = [], model(ids, use_cache=True)
        for _ in range(TOKENS):
            written.append(int(out.logits[0, -1].argmax()))
            out = model(torch.tensor([written[-1:]]), past_key_values=out.past_key_values, use_cache=True)
        after = model(torch.cat([ids, torch.tensor([[5, 6, 7]])], 1)).logits[0, ODD - 1 :].log_softmax(-1)
    assert got["written"] == written
    wanted = [float(after[i, token]) for i, token in enumerate((5, 6, 7))]
    assert got["scores"][0] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("size", [2, 4])
def test_weights_in_4_bits_give_what_they_give_in_one_process(results: dict[int, Any], size: int) -> None:
    alone, together = results[1]["4bit"], results[size]["4bit"]
    assert together["written"] == alone["written"]
    torch.testing.assert_close(
        torch.tensor(together["logits"]), torch.tensor(alone["logits"]), atol=2e-2, rtol=2e-2
    )  # computed in bfloat16


@pytest.mark.parametrize("size", [2, 4])
def test_what_one_process_kept_is_gone_on_from_by_others(results: dict[int, Any], size: int) -> None:
    last = FAMILIES[-1]
    assert results[size][last]["restored"] == results[1][last]["written"]


@pytest.mark.parametrize("size", SIZES)
def test_each_holds_its_share_and_sends_what_the_theory_says(results: dict[int, Any], size: int) -> None:
    for family in FAMILIES:
        got = results[size][family]
        assert sum(got["held"]) == ODD
        assert max(got["held"]) - min(got["held"]) <= 2  # one for each call
        assert got["own_bytes"] == 2 * got["held"][0] * KV_BYTES
        assert abs(got["all_bytes"] - 2 * ODD * KV_BYTES) <= 2 * KV_BYTES
        theory = (size - 1) / size * FIRST_CALL * KV_BYTES
        assert got["sent_by_layer"] == pytest.approx(theory, rel=0.01)


class FakeStore(dict[str, bytes]):
    """Of torch.distributed, as far as the pulse needs it."""

    def set(self, key: str, value: str) -> None:
        self[key] = value.encode()

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)

    def get(self, key: str) -> bytes:  # type: ignore[override]
        return self[key]


class Ended(BaseException):
    """Instead of the end of this process."""


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> tuple[Group, FakeStore]:
    """A group of two whose other one is made of the store's entries; the clock runs 5 s between two looks."""
    clock = iter(range(0, 10_000, 5))
    monkeypatch.setattr(ring_processes, "BEAT_S", 0)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(torch.distributed, "new_group", lambda **_: None)

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    store = FakeStore()
    return Group(0, 2, store, torch.device("cpu")), store


def test_a_process_that_stands_still_ends_the_others(
    pulse: tuple[Group, FakeStore], capsys: pytest.CaptureFixture[str]
) -> None:
    group, store = pulse
    store.set("beat/1", "7")
    with pytest.raises(Ended) as ended:
        group._watch()
    assert ended.value.args == (RingLost.exit_code,)
    assert "process 1 of 2 has not moved for 20 s" in capsys.readouterr().err
    assert int(store["beat/0"]) >= 4


def test_a_process_that_was_let_go_is_not_missed(
    pulse: tuple[Group, FakeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    group, store = pulse
    store.set("left/1", "1")
    looks = iter(range(50))

    def sleep(seconds: float) -> None:
        group.is_over = next(looks) == 40

    monkeypatch.setattr(time, "sleep", sleep)
    group._watch()
    assert int(store["beat/0"]) == 40


def test_the_end_of_whoever_started_the_processes_ends_them(
    pulse: tuple[Group, FakeStore], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group, _ = pulse
    monkeypatch.setenv(ring_processes.PARENT, str(os.getppid() + 1))
    with pytest.raises(Ended):
        group._watch()
    assert "the process that started this one is gone" in capsys.readouterr().err
