"""Worker processes: what goes in and out, and that no misdeed of one harms its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longdoc.core.errors import EncryptedInput
from longdoc.core.events import Event, Opening
from longdoc.core.types import Anchor, Anchors, Document, Section, SkippedPage, Source
from longdoc.ingest import sandbox_wire as wire
from longdoc.ingest.parsed import Parsed
from longdoc.ingest.sandbox import JobFailed, Limits, Worker
from longdoc.ingest.sandbox_pool import Pool

HERE = Path(__file__).parent
MISBEHAVE = "sandbox_targets:misbehave"
PATIENT = Limits(seconds=120)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(MISBEHAVE, limits=Limits(memory_bytes=400 << 20, seconds=120)) as started:
        yield started


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def gone_soon(pid: int) -> bool:
    for _ in range(200):
        if not is_there(pid):
            return True
        time.sleep(0.05)
    return False


def made_document() -> Document:
    return Document(
        text="Ünïcode, a lone \ud800 surrogate and a long tail. " + "x" * 5000,
        source=Source("a\nb.pdf", "0" * 64, "pdf", 12, lost=("one page",)),
        title=None,
        anchors=(Anchor(0, page=1, label="i"), Anchor(7, start_s=1.5, end_s=None, speaker="Ann")),
        sections=(Section("One", 0, 9), Section("Two", 9, 20, 2)),
        num_pages=3,
        skipped=(SkippedPage(2, "no text layer"),),
        warnings=("careful",),
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(1 << 40),
        0.1,
        "",
        "é" * 10_000,
        b"\0\xff" * 3000,
        [1, [2, (3, "x")], {"a": ()}],
        (),
        (Anchor(0),),
        (Anchor(0), Section("One", 0, 1)),
        Opening("book", 3, 9),
        Parsed("text", lost=("a", "b")),
        made_document(),
        Anchors(Anchor(3 * n, line=n) for n in range(1000)),
        Anchors(),
    ],
)
def test_what_is_packed_comes_back_the_same(value: Any) -> None:
    framed = wire.frame(wire.RESULT, value)
    back = wire.value_of(framed[wire.HEADER.size :])
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0" * 8,
        b"\0" * 7 + b"\x02[1",
        b"\0" * 7 + b"\x0c" + b'{"~data":[1]}',
        b"\0" * 7 + b"\x12" + b'{"~text":[0,1000]}',
        b"\0" * 6 + b"\x01\x00" + b"[" * 256,
        b"\0" * 7 + b"\x1e" + b'{"~data":["Document",[1,2,3]]}',
        b"\0" * 7 + b"\x0f" + b'{"~anchors":[]}',
        b"\0" * 7 + b"\x1d" + b'{"~anchors":{"offset":["a"]}}',
        b"\0" * 7 + b"\x1d" + b'{"~anchors":{"offset":[2,1]}}',
        b"\0" * 7 + b"\x31" + b'{"~anchors":{"offset":[99999999999999999999999]}}',
        b"\0" * 7 + b"\x1b" + b'{"~data":["os.system",["ls"',
        b"\0" * 5 + b"\x01\x86\xa0" + b"[" * 100_000,
    ],
)
def test_a_payload_that_makes_no_sense_is_garbage_and_not_an_accident(payload: bytes) -> None:
    with pytest.raises(wire.GarbageError):
        wire.value_of(payload)


def test_objects_of_other_classes_do_not_travel() -> None:
    with pytest.raises(TypeError, match="PosixPath does not travel"):
        wire.frame(wire.RESULT, Path())


def test_setup_and_jobs_reach_the_worker_and_results_come_back() -> None:
    with Worker("sandbox_targets:echo", {"a": (1, b"2")}, limits=PATIENT) as worker:
        assert worker.submit([1, "ü"]) == [{"a": (1, b"2")}, [1, "ü"]]
        long = "paragraph\n" * 500_000
        assert worker.submit(long)[1] == long
        assert worker.peak_bytes > 10 << 20


def test_events_come_while_the_job_is_done() -> None:
    heard: list[Event] = []
    with Worker("sandbox_targets:tell", limits=PATIENT) as worker:
        assert worker.submit(3, heard.append) == 3
    assert heard == [Opening("book", number, 3) for number in range(3)]


def test_an_open_file_reaches_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        number = file.fileno()
        with Worker("sandbox_targets:read_descriptor", number, limits=PATIENT, descriptors=[number]) as worker:
            path.unlink()
            assert worker.submit([2, 3]) == b"234"


def test_our_errors_arrive_as_they_were_raised(worker: Worker) -> None:
    with pytest.raises(EncryptedInput) as caught:
        worker.submit("ours")
    assert type(caught.value) is EncryptedInput
    assert (caught.value.what, caught.value.why, caught.value.fix) == (
        "It is locked.",
        "a key is needed",
        "bring the key",
    )
    assert "_raise_ours" in caught.value.__notes__[0]


def test_other_errors_are_told_and_harm_no_later_job(worker: Worker) -> None:
    before = worker.submit("pid")
    with pytest.raises(JobFailed, match="ValueError: nonsense") as caught:
        worker.submit("raise")
    assert caught.value.kind == "error"
    assert "_raise" in str(caught.value.trace)
    with pytest.raises(JobFailed, match="object does not travel"):
        worker.submit("object")
    assert worker.submit("pid") == before


@pytest.mark.parametrize(
    ("job", "kind", "why"),
    [
        ("crash", "crash", r"crashed \(SIGSEGV\)"),
        ("exit", "crash", r"crashed \(exit code 3\)"),
        ("memory", "memory", r"took more than 0.391 GiB of memory"),
    ],
)
def test_a_worker_that_dies_is_one_clear_failure_and_the_next_job_has_a_new_one(
    worker: Worker, job: str, kind: str, why: str
) -> None:
    before = worker.submit("pid")
    with pytest.raises(JobFailed, match=why) as caught:
        worker.submit(job)
    assert caught.value.kind == kind
    assert worker.submit("pid") != before
    assert gone_soon(before)


def test_a_job_that_takes_too_long_is_ended(worker: Worker) -> None:
    before = worker.submit("pid")
    with pytest.raises(JobFailed, match=r"took longer than 0.2 s") as caught:
        worker.submit("sleep", seconds=0.2)
    assert caught.value.kind == "time"
    assert gone_soon(before)


def test_a_job_that_tells_events_lives_on_until_it_stands_still_or_for_too_long_in_all() -> None:
    with Worker("sandbox_targets:go_on", limits=Limits(seconds=1.5, total_seconds=60)) as worker:
        worker.submit([0, 0.0, 0.0])  # started
        assert worker.submit([8, 0.3, 0.0]) == "done"
        with pytest.raises(JobFailed, match=r"stood still for 1.5 s"):
            worker.submit([3, 0.3, 30.0])
    with Worker("sandbox_targets:go_on", limits=Limits(seconds=1.5, total_seconds=2)) as worker:
        worker.submit([0, 0.0, 0.0])
        with pytest.raises(JobFailed, match=r"took longer than 2 s"):
            worker.submit([100, 0.3, 0.0])
    with Worker("sandbox_targets:go_on", limits=Limits(seconds=1.5)) as worker:
        worker.submit([0, 0.0, 0.0])
        with pytest.raises(JobFailed, match=r"took longer than 1.5 s"):
            worker.submit([100, 0.3, 0.0])


@pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")
@pytest.mark.parametrize(
    ("job", "ends"),
    [
        ("crash", ["crash", "crashed (SIGSEGV)"]),
        ("exit", ["crash", "crashed (exit code 3)"]),
        ("sleep", ["time", "took longer than 1 s"]),
        ("raise", ["error", "ValueError: nonsense"]),
        ("connect", ["error", "PermissionError: readers have no network (socket.getaddrinfo)"]),
    ],
)
def test_a_worker_of_a_worker_is_its_fork_has_its_limits_and_none_of_its_files(job: str, ends: list[str]) -> None:
    with Worker("sandbox_targets:forks", limits=PATIENT) as worker:
        modules, first, end, second, descriptors = worker.submit(job)
    assert end == ends
    assert set(modules) <= set(first)
    assert set(modules) <= set(second)
    assert len(descriptors) == 6  # three of nowhere, jobs, results, and the folder that is listed


def test_what_a_library_prints_is_no_answer_and_standard_input_is_not_read(worker: Worker) -> None:
    assert worker.submit("print") == "read 0 bytes"


def test_readers_have_no_network(worker: Worker) -> None:
    with pytest.raises(JobFailed, match="readers have no network"):
        worker.submit("connect")


@pytest.mark.parametrize("noise", [b"garbage" * 10, wire.HEADER.pack(b"R", 1 << 60), wire.frame(wire.RESULT, None)])
def test_an_answer_that_makes_no_sense_is_one_clear_failure(noise: bytes) -> None:
    with (
        Worker("sandbox_targets:pass_through", limits=PATIENT) as worker,
        pytest.raises(JobFailed, match="gave an answer that makes no sense") as caught,
    ):
        worker.submit(noise)
    assert caught.value.kind == "garbage"


def test_a_pool_keeps_the_order_and_goes_on_after_a_failure() -> None:
    taken = []

    def jobs() -> Iterator[str]:
        for job in ["pid", "pid", "raise", "pid", "exit", *["pid"] * 30]:
            taken.append(job)
            yield job

    with Pool(MISBEHAVE, num_workers=2, limits=PATIENT) as pool:
        outcomes = []
        for outcome in pool.map(jobs()):
            assert len(taken) <= len(outcomes) + 1 + 8  # taken as they are needed
            outcomes.append(outcome)
    assert [outcome.job for outcome in outcomes] == taken
    failures = {index: str(outcome.failure) for index, outcome in enumerate(outcomes) if outcome.failure}
    assert failures == {2: "ValueError: nonsense", 4: "crashed (exit code 3)"}
    assert 2 <= len({outcome.value for outcome in outcomes if outcome.value}) <= 3


def test_a_pool_that_is_left_ends_its_processes() -> None:
    with Pool(MISBEHAVE, num_workers=2, limits=PATIENT) as pool:
        outcomes = pool.map(iter(["pid", "sleep", "sleep", "sleep"]))
        first = next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        assert gone_soon(first.value)
    assert not any(worker.is_busy for worker in pool.workers)


def test_an_interruption_ends_the_worker_at_once() -> None:
    def interrupt(event: Event) -> None:
        pids.extend([event.pages_done, event.num_pages])  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    pids: list[int] = []
    with Worker("sandbox_targets:nested", limits=PATIENT) as worker, pytest.raises(KeyboardInterrupt):
        worker.submit(None, interrupt)
    assert len(pids) == 2
    assert all(gone_soon(pid) for pid in pids)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(how: signal.Signals, child_environment: dict[str, str]) -> None:
    program = (
        "from longdoc.ingest.sandbox import Limits, Worker\n"
        "def show(event): print(event.pages_done, event.num_pages, flush=True)\n"
        "Worker('sandbox_targets:nested', limits=Limits(seconds=100)).submit(None, show)\n"
    )
    environment = {**child_environment, "PYTHONPATH": f"{HERE}{os.pathsep}{child_environment['PYTHONPATH']}"}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_there(pid) for pid in pids)
        parent.send_signal(how)
        parent.wait()
    assert all(gone_soon(pid) for pid in pids)
