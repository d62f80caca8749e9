"""`longdoc doctor --ring`: the links of two real processes, and a ring that computes something else is caught."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from longdoc.core.errors import LongdocError, RingLost, UsageError
from longdoc.core.settings import ModelOptions
from longdoc.engine import machine
from longdoc.engine.kernels import Part
from longdoc.engine.ring import attention
from longdoc.engine.ring.made import Outcome, Shape, complaint, difference, made_model
from longdoc.engine.ring.processes import Group
from longdoc.engine.ring.trial import both, check
from longdoc.pipeline import doctor
from longdoc.pipeline.doctor_ring import Tried, check_found, links_found, processes_of, try_ring

CPU = torch.device("cpu")
ONE = Outcome((1.0, -2.0, 0.5), (7, 8, 9))
LINKS = {"backend": "gloo", "ring_bytes_per_s": 5e8, "links": [
    {"processes": [0, 1], "bytes_per_s": 5e8, "latency_s": 1e-4, "peer_access": None},
]}  # fmt: skip
ROW = {"dtype": "float32", "difference": 1e-6, "tokens_equal": True, "complaint": None}
CHECK = {"processes": 2, "tokens_written": 16, "rows": [ROW]}


HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(scope="module")
def handlers() -> list[object]:
    """Who heard of signals before."""
    return [signal.getsignal(number) for number in HEARD]


@pytest.fixture(scope="module")
def tried(handlers: list[object]) -> Tried:
    """Two processes on this machine; once more if one is lost: gloo's threads now and then abort as a process ends."""
    tried = try_ring(ModelOptions(device="cpu"))
    return try_ring(ModelOptions(device="cpu")) if isinstance(tried.error, RingLost) else tried


def test_two_processes_on_the_processor_have_a_link_and_read_as_one(tried: Tried) -> None:
    assert (tried.processes, tried.device, tried.error) == (2, "cpu", None)
    words, links = links_found(tried)
    assert "gloo, 1 tried; processes 0 and 1" in words
    assert links["links"][0]["bytes_per_s"] > 1e6
    words, found = check_found(tried)
    assert "the same 16 tokens written" in words
    assert found["rows"][0]["difference"] < 1e-4
    assert found["rows"][0]["tokens_equal"]


def test_the_launcher_leaves_signals_and_environment_as_they_were(tried: Tried, handlers: list[object]) -> None:
    assert [signal.getsignal(number) for number in HEARD] == handlers
    assert not [name for name in os.environ if name.startswith(("TORCH_ELASTIC", "LONGDOC_RING"))]


@pytest.mark.parametrize(
    ("ring", "says"),
    [
        (ONE, None),
        (replace(ONE, logits=(1.0, -2.0, 0.5001)), None),
        (replace(ONE, logits=(1.0, -2.0, 0.51)), "differ from those of one process by 0.01"),
        (replace(ONE, logits=(1.0, float("nan"), 0.5)), "by inf"),
        (replace(ONE, logits=(1.0, -2.0)), "by inf"),
        (replace(ONE, tokens=(7, 8, 1)), "other tokens than one process, from number 3 on"),
        (replace(ONE, tokens=(7, 8)), "other tokens"),
    ],
)
def test_what_differs_is_said(ring: Outcome, says: str | None) -> None:
    said = complaint(ONE, ring, 1e-4)
    assert said is None if says is None else says in str(said)
    assert difference(ONE, ONE) == 0


def test_blocks_that_are_added_without_their_weights_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def added(parts: list[Part]) -> Part:
        """As in the code that circulates: the mean of what the blocks give, whatever they weigh."""
        out = torch.stack([part[0].float() for part in parts]).mean(0)
        return out, torch.stack([part[1] for part in parts]).logsumexp(0)

    group = Group(0, 1, None, CPU)
    assert check(group)["rows"][0]["complaint"] is None
    monkeypatch.setattr(attention, "merge", added)
    single, ring = both(made_model(Shape(), CPU, group=group))
    assert "logits differ" in str(complaint(single, ring, 1e-4))


def test_a_ring_that_computes_something_else_is_a_finding() -> None:
    wrong = {**CHECK, "rows": [{**ROW, "complaint": "its logits differ by 3"}]}
    with pytest.raises(LongdocError, match="computes something else") as caught:
        check_found(Tried(2, "cpu", LINKS, wrong))
    assert "float32: its logits differ by 3" in str(caught.value.why)
    assert check_found(Tried(2, "cpu", LINKS, CHECK))[1] == CHECK


def test_a_lost_process_is_a_finding_with_what_to_do() -> None:
    lost = RingLost("A process of the ring is lost.", why="processes 0 and 1 did not exchange a message within 20 s")
    for device, fix in (("cpu", "localhost"), ("cuda", "NCCL_P2P_DISABLE=1")):
        with pytest.raises(LongdocError) as caught:
            links_found(Tried(2, device, error=lost))
        assert (caught.value.why, fix in str(caught.value.fix)) == (lost.why, True)
        with pytest.raises(LongdocError, match="Not tried"):
            check_found(Tried(2, device, error=lost))
    with pytest.raises(LongdocError) as caught:
        check_found(Tried(2, "cuda", links=LINKS, error=RingLost("Lost.", why="process 1 of 2 was ended by SIGKILL")))
    assert "free memory" in str(caught.value.fix)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_process_that_is_killed_while_it_tries_is_named() -> None:
    def kill_one() -> None:
        mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        for _ in range(600):
            children = [int(child) for child in mine.read_text().split()]
            found = [one for one in children if "trial_process" in Path(f"/proc/{one}/cmdline").read_text()]
            if len(found) == 2:
                os.kill(found[1], signal.SIGKILL)
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one)
    killer.start()
    found = try_ring(ModelOptions(device="cpu"))
    killer.join()
    assert found.links is None
    assert "was ended by SIGKILL" in str(found.error and found.error.why)


def test_a_step_that_takes_too_long_ends_its_process_with_its_words(child_environment: dict[str, str]) -> None:
    program = (
        "import time; from longdoc.engine.ring.links import Patience\n"
        "patience = Patience()\n"
        "with patience.step('not this one', 5): pass\n"
        "with patience.step('processes 0 and 1 did not exchange a message', 0.2): time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=child_environment, capture_output=True, timeout=120)
    assert done.returncode == RingLost.exit_code
    assert "processes 0 and 1 did not exchange a message within 0 s" in done.stderr.decode()


def test_as_many_processes_as_gpus_or_two_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = ModelOptions()
    for num_gpus, expected in ((0, (2, "cpu")), (1, (2, "cpu")), (4, (4, "cuda"))):
        monkeypatch.setattr(machine, "gpus", lambda there=num_gpus: [{}] * there)
        assert processes_of(auto) == expected
    assert processes_of(replace(auto, processes=3)) == (3, "cuda")
    assert processes_of(replace(auto, processes=9, device="cpu")) == (9, "cpu")
    with pytest.raises(UsageError, match="9 GPUs are asked for, and 4 are here"):
        processes_of(replace(auto, processes=9))
    with pytest.raises(UsageError, match="no ring"):
        processes_of(replace(auto, processes=1))


def test_the_ring_is_tried_once_for_both_of_its_parts_and_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def once(options: ModelOptions) -> Tried:
        calls.append(options)
        return Tried(2, "cpu", LINKS, CHECK)

    monkeypatch.setattr("longdoc.pipeline.doctor_ring.try_ring", once)
    parts = doctor._ring_parts()
    checks = [doctor._tried(name, part, ModelOptions(), needed, fix) for name, part, needed, fix in parts]
    assert [(one.name, one.is_ok, one.is_needed) for one in checks] == [("links", True, True), ("ring", True, True)]
    assert (len(calls), checks[0].details, checks[1].details) == (1, LINKS, CHECK)
