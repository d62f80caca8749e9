"""Real processes: what they compute together is what one computes; and what happens when one is lost."""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from longdoc.bench import families
from longdoc.core.errors import LongdocError
from longdoc.core.started import PARENT
from longdoc.core.types import AttentionInfo, ModelInfo
from longdoc.engine.attention import install
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.reader import ReadingState
from longdoc.engine.ring import launch
from longdoc.engine.ring import pulse as ring_pulse
from longdoc.engine.ring.processes import Group
from longdoc.engine.ring.pulse import Pulse
from longdoc.engine.ring.reader import RingReader
from longdoc.engine.tiers import KEEP_ALL, Tiers

FAMILIES = ("llama", "qwen3", "mistral-sliding", "phi3", "gemma3")
SIZES = (1, 2, 4)
WORKER = Path(__file__).with_name("ring_worker.py")
HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # by torch's launcher
ODD, TOKENS, FIRST_CALL = 131, 32, 100
KV_BYTES = 2 * 2 * 16 * 4  # of a token in a layer: keys and values, heads, dims, float32


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """What the worker found in 1, 2 and 4 processes; the state that the first keeps is gone on from by the others."""
    folder = tmp_path_factory.mktemp("ring")
    checkpoint = tiny.checkpoint(folder / "model", memory=False, prompts="chat")
    found = {}
    handlers = {number: signal.getsignal(number) for number in HEARD}
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
    for number, handler in handlers.items():  # torch's launcher keeps its own
        signal.signal(number, handler)
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


def test_a_fork_of_a_fork_that_nothing_was_read_into_is_known_by_the_first() -> None:
    group = Group(0, 1, None, torch.device("cpu"))
    model = copy.deepcopy(families.build("llama"))
    install(model)
    loaded = LoadedModel(model, None, ModelInfo("llama"), None, 4096, 0, torch.device("cpu"), group=group)
    info = AttentionInfo("ring", 0, 0, False, "")
    reader = RingReader(loaded, ReadingPlan(Tiers(0, KEEP_ALL), 1024, False, info, 256))
    state = reader.read(reader.start(), [5, 6, 7])
    twice = state.cache.fork().fork()
    assert reader._origin(twice) == (state.cache.number, 0)
    assert reader._origin(state.cache.fork().expand(3)) == (state.cache.number, 3)
    assert reader._origin(reader.start().cache.fork()) == (-1, 0)
    assert list(reader.write(ReadingState(twice, state.logits, 3), max_tokens=4)) == list(
        reader.write(state, max_tokens=4)
    )


class FakeStore(dict[str, bytes]):
    """Of torch.distributed, as far as the pulse needs it. is_gone: it answers no more."""

    is_gone = False

    def set(self, key: str, value: str) -> None:
        if self.is_gone:
            raise RuntimeError("no answer")
        self[key] = value.encode()

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)

    def get(self, key: str) -> bytes:  # type: ignore[override]
        return self[key]


class Ended(BaseException):
    """Instead of the end of this process."""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Pulse, FakeStore]:
    """The second of two processes; the clock runs 5 s between two looks at it."""
    clock = iter(range(0, 10_000, 5))
    monkeypatch.setattr(ring_pulse, "BEAT_S", 0)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    monkeypatch.delenv(PARENT, raising=False)

    def end(why: str) -> None:
        raise Ended(why)

    store = FakeStore()
    return Pulse(1, 2, store, end), store


def test_a_process_that_stands_still_ends_the_others(watched: tuple[Pulse, FakeStore]) -> None:
    pulse, store = watched
    store.set("beat/0", "7")
    with pytest.raises(Ended, match="process 0 of 2 has not moved for 20 s"):
        pulse.beat()
    assert int(store["beat/1"]) >= 2


def test_who_ended_in_order_is_not_missed_but_ends_those_that_only_serve(
    watched: tuple[Pulse, FakeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, store = watched
    store.set("left/0", "1")
    with pytest.raises(Ended, match="the first process has ended"):
        pulse.beat()
    other = Pulse(0, 2, store, pulse._on_lost)
    store.set("left/1", "1")
    looks = iter(range(50))

    def sleep(seconds: float) -> None:
        if next(looks) == 40:
            other.stop()

    monkeypatch.setattr(time, "sleep", sleep)
    other.beat()
    assert int(store["beat/0"]) == 40


def test_a_store_that_does_not_answer_ends_the_process(
    watched: tuple[Pulse, FakeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, store = watched
    store.is_gone = True
    monkeypatch.setattr(time, "sleep", lambda seconds: pulse.stop())
    pulse.beat()  # it goes on asking
    pulse._is_over = False
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(Ended, match="does not answer"):
        pulse.guard()


def test_the_end_of_whoever_started_the_processes_ends_them(
    watched: tuple[Pulse, FakeStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PARENT, str(os.getppid() + 1))
    with pytest.raises(Ended, match="the process that started this one is gone"):
        watched[0].guard()


@dataclass
class Failure:
    """Of torch's launcher, as far as an exit code needs it."""

    exitcode: int
    error_file_data: Any = None


def said(words: str, exit_code: int = 75, *, is_echo: bool = False) -> dict[str, Any]:
    return {"message": {"message": words, "extraInfo": {"exit_code": exit_code, "is_echo": is_echo}}}


@pytest.mark.parametrize(
    ("failures", "code", "why"),
    [
        ({0: Failure(65)}, 65, None),
        ({0: Failure(-2), 1: Failure(75, said("closed", is_echo=True))}, 130, None),
        ({0: Failure(3), 1: Failure(75, said("closed", is_echo=True))}, 3, None),
        ({0: Failure(75, said("closed", is_echo=True)), 1: Failure(-9)}, 75, "process 1 of 4 was ended by SIGKILL"),
        ({0: Failure(-6), 2: Failure(-9)}, 75, "process 2 of 4 was ended by SIGKILL"),
        ({0: Failure(75, said("closed", is_echo=True)), 1: Failure(71, said("full", 71))}, 71, "full"),
        ({0: Failure(75, said("0 has not moved for 20 s")), 1: Failure(-9)}, 75, "0 has not moved for 20 s"),
        ({0: Failure(143), 3: Failure(75, said("process 3 failed with KeyError"))}, 75, "failed with KeyError"),
        ({1: Failure(-11)}, 75, "process 1 of 4 was ended by SIGSEGV"),
        ({1: Failure(1)}, 75, "process 1 of 4 ended with 1"),
    ],
)
def test_the_cause_is_told_and_not_what_followed_from_it(failures: dict[int, Any], code: int, why: str | None) -> None:
    if why is None:
        assert launch._code(failures, 4) == code
        return
    with pytest.raises(LongdocError) as raised:
        launch._code(failures, 4)
    assert raised.value.exit_code == code
    assert why in str(raised.value.why)
