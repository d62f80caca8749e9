"""`longdoc batch`: its options, what it says, its exit codes; and real workers, killed and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from fake_crew import FakeCrew

from longdoc.cli import run
from longdoc.cli.batch import _raise_unless_complete
from longdoc.core.errors import ModelUnavailable, PartialResult
from longdoc.pipeline import batch_crew
from longdoc.pipeline.batch_process import Refused
from longdoc.pipeline.batch_rows import BatchOutcome

PROGRAM = "import sys; from longdoc.cli import main; main()"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, name in enumerate(["a.txt", "b.txt", "c.txt"]):
        (folder / name).write_text(tiny.prose(12, number))
    return folder


@pytest.fixture
def crews(monkeypatch: pytest.MonkeyPatch) -> list[FakeCrew]:
    """The crews that were made, in the place of processes."""
    made: list[FakeCrew] = []

    def crew(task: Any, num_workers: int | None) -> FakeCrew:
        made.append(FakeCrew(task))
        made[-1].num_workers = num_workers or 1
        return made[-1]

    monkeypatch.setattr(batch_crew, "LocalCrew", crew)
    return made


def test_everything_reaches_the_workers(docs: Path, tmp_path: Path, crews: list[FakeCrew]) -> None:
    (tmp_path / "questions.txt").write_text("Who?\n\nWhen?\n")
    arguments = ["--do", "both", "--questions", str(tmp_path / "questions.txt"), "-q", "Who?", "--words", "80"]
    arguments += ["--to", "json,md,json", "--jobs", "3", "--pages", "2-3", "--window", "77", "--quote", "--no-state"]
    assert run(["batch", str(docs), "-o", str(tmp_path / "out"), *arguments, "--quiet"]) == 0
    task = crews[0].task
    assert task.questions == ("Who?", "When?")
    assert task.summary is not None
    assert (task.summary.words, task.forms, task.source.pages, task.model.window) == (80, ("json", "md"), "2-3", 77)
    assert (task.quote, task.states, crews[0].num_workers) == (True, None, 3)


def test_the_kind_of_the_summaries_reaches_the_workers_and_another_one_is_made_anew(
    docs: Path, tmp_path: Path, crews: list[FakeCrew]
) -> None:
    kinds = [["--style", "timeline"], ["--focus", "the rain"], ["--language", "German"], ["--sentences", "1"], []]
    for arguments in [*kinds, kinds[-1]]:
        more = ["--do", "both", "-q", "Who?", *arguments]
        assert run(["batch", str(docs), "-o", str(tmp_path / "out"), *more, "--quiet"]) == 0
    assert [len(crew.made) for crew in crews] == [3] * len(kinds)
    made = [crew.task.summary for crew in crews if crew.task.summary is not None]
    assert [summary.style for summary in made] == ["timeline", "full", "full", "full", "full"]
    assert made[1].focus == "the rain"
    assert made[2].language == "German"
    assert [crew.task.ask.sentences for crew in crews] == [2, 2, 2, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "has_summary", "num_questions"),
    [
        ([], True, 0),
        (["-q", "Who?"], False, 1),
        (["-q", "Who?", "--do", "ask"], False, 1),
        (["-q", "Who?", "--do", "both"], True, 1),
        (["--do", "summarize"], True, 0),
    ],
)
def test_questions_alone_are_only_asked(
    arguments: list[str], has_summary: bool, num_questions: int, docs: Path, tmp_path: Path, crews: list[FakeCrew]
) -> None:
    run(["batch", str(docs), "-o", str(tmp_path / "out"), *arguments, "--quiet"])
    task = crews[0].task
    assert (task.summary is not None, len(task.questions)) == (has_summary, num_questions)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["docs"], "Missing option '-o'"),
        (["docs", "-o", "out", "--do", "ask"], "There is no question."),
        (["docs", "-o", "out", "--do", "summarize", "-q", "Who?"], "only summaries are wanted"),
        (["docs", "-o", "out", "-q", " "], "A question is empty."),
        (["docs", "-o", "out", "-q", "Who?", "--focus", "rain"], "no summary that --focus could be for"),
        (["docs", "-o", "out", "--do", "ask", "-q", "Who?", "--language", "German"], "--language could be for"),
        (["docs", "-o", "out", "--focus", "what about the"], "nothing to look for in the focus"),
        (["docs", "-o", "out", "--style", "haiku"], "'haiku' is not one of"),
        (["docs", "-o", "out", "--shard", "0/4"], "is no part of a whole"),
        (["docs", "-o", "out", "--shard", "5/4"], "is no part of a whole"),
        (["docs", "-o", "out", "--to", "md,pdf"], "'pdf' is not one of"),
        (["docs", "-o", "docs"], "among the sources"),
        (["-", "-o", "out"], "cannot read standard input"),
        (["docs", "-o", "out", "--on", "slurm"], "only Ray is known"),
    ],
)
def test_command_lines_that_make_no_sense_are_2_and_write_nothing(
    arguments: list[str],
    said: str,
    docs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["batch", *arguments, "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert sorted(path.name for path in docs.iterdir()) == ["a.txt", "b.txt", "c.txt"]
    assert not [*tmp_path.rglob("*.md")]


def test_some_that_failed_are_3_with_a_table_at_the_end(
    docs: Path, tmp_path: Path, crews: list[FakeCrew], capsys: pytest.CaptureFixture[str]
) -> None:
    (docs / "bad.txt").write_text("bad")
    (docs / "half.txt").write_text("part")
    assert run(["batch", str(docs), "-o", str(tmp_path / "out"), "--progress", "plain"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    start = lines.index("error: Of 5 documents, 1 failed and 1 partial.")
    assert lines[start + 1].startswith("  why: bad.txt    65  ")
    assert lines[start + 2].split()[:2] == ["half.txt", "3"]
    assert lines[start + 3] == "  try: the same command with --retry does those with 65 again"
    assert len(crews) == 1


def test_where_nothing_is_to_do_that_is_said_without_the_table(
    docs: Path, tmp_path: Path, crews: list[FakeCrew], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["batch", str(docs), "-o", str(out), "--quiet"]) == 0
    assert run(["batch", str(docs), "-o", str(out), "--progress", "plain"]) == 0
    assert capsys.readouterr().err == "3 documents: 3 complete; nothing was to do\n"
    (docs / "bad.txt").write_text("bad")
    (docs / "half.txt").write_text("part")
    assert run(["batch", str(docs), "-o", str(out), "--quiet"]) == 3
    capsys.readouterr()
    assert run(["batch", str(docs), "-o", str(out), "--progress", "plain"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "5 documents: 3 complete, 1 partial, 1 failed before; nothing was to do",
        "error: Nothing was to do; of 5 documents, 1 failed and 1 partial before.",
        f"  try: {out}/index.md says why; the same command with --retry does those with 65 again",
    ]
    assert len(crews) == 2


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([65], "the same command with --retry does those with 65 again"),
        ([66, 71], "the same command does what failed again"),
        ([65, 71], "the same command does what failed again, but for those with 65; with --retry these too"),
        ([], None),
    ],
)
def test_what_is_done_again_is_told_as_it_is(codes: list[int], said: str | None) -> None:
    failed = [(f"{code}.txt", code, "so it is") for code in codes]
    outcome = BatchOutcome(num_documents=9, num_now=5, failed=failed, partial=[("half.txt", 3, "partial")])
    with pytest.raises(PartialResult) as caught:
        _raise_unless_complete(outcome, Path("out"))
    assert caught.value.fix == said


def test_progress_in_json_names_the_document(
    docs: Path, tmp_path: Path, crews: list[FakeCrew], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["batch", str(docs), "-o", str(tmp_path / "out"), "--progress", "json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert rows[0] == {"event": "batch_started", "num_documents": 3, "num_workers": 1, "where": "in a test"}
    assert [row["document"] for row in rows if row["event"] == "segment_read"] == ["a.txt", "b.txt", "c.txt"]
    assert [row["status"] for row in rows if row["event"] == "document_done"] == ["complete"] * 3
    assert rows[-1]["event"] == "batch_finished"


def test_the_log_has_a_line_for_each_document_and_nothing_that_one_says(
    docs: Path, tmp_path: Path, crews: list[FakeCrew]
) -> None:
    (docs / "b.txt").write_text("bad")
    log = tmp_path / "batch.log"
    assert run(["batch", str(docs), "-o", str(tmp_path / "out"), "--quiet", "--log-file", str(log)]) == 3
    text = log.read_text()
    assert "info     [1 of 3] a.txt: complete" in text
    assert "warning  b.txt failed: " in text
    assert (docs / "a.txt").read_text()[:20] not in text


def test_a_single_document_keeps_its_own_error(
    docs: Path, tmp_path: Path, crews: list[FakeCrew], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["batch", str(tmp_path / "none.pdf"), "-o", str(tmp_path / "out"), "--quiet"]) == 66
    assert "There is no file" in capsys.readouterr().err
    (docs / "b.txt").write_text("bad")
    assert run(["batch", str(docs / "b.txt"), "-o", str(tmp_path / "out"), "--quiet"]) == 65
    assert run(["batch", str(docs / "*.epub"), "-o", str(tmp_path / "out"), "--quiet"]) == 66


def test_a_model_that_is_not_there_ends_the_batch(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crews: list[FakeCrew]
) -> None:
    monkeypatch.setattr(FakeCrew, "wait", lambda self, s: iter([(0, Refused(ModelUnavailable("None.")))]))
    assert run(["batch", str(docs), "-o", str(tmp_path / "out"), "--quiet"]) == 69
    assert crews[0].is_closed
    assert (tmp_path / "out" / "manifest.jsonl").read_text() == ""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def start(model: Path, tmp_path: Path, child_environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start a batch with real workers, in a process group of its own; its events come as JSON."""

    def started(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, "batch", *arguments, "--model", str(model), "--device", "cpu"]
        command += ["--state-dir", str(tmp_path / "states"), "--progress", "json", "--threads", "1"]
        return subprocess.Popen(
            command, env=child_environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    return started


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert process.stderr is not None
    for line in process.stderr:
        row: dict[str, Any] = json.loads(line)
        if row["event"] == event:
            return row
    raise AssertionError(f"it ended without {event}")


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.slow
def test_real_workers_interrupted_killed_and_finished(
    docs: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    out = tmp_path / "out"
    (docs / "z.bin").write_bytes(b"\x00\x01\x02" * 500)
    interrupted = start(str(docs), "-o", str(out))
    until(interrupted, "document_done")
    interrupted.send_signal(signal.SIGINT)
    written, _ = interrupted.communicate(timeout=120)
    assert (interrupted.returncode, written) == (130, "")
    recorded = len((out / "manifest.jsonl").read_text().splitlines())
    assert 1 <= recorded < 4

    finished = start(str(docs), "-o", str(out))
    written, events = finished.communicate(timeout=120)
    assert (finished.returncode, written) == (3, "")  # z.bin is no document
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert sorted(row["name"] for row in rows) == ["a.txt", "b.txt", "c.txt", "z.bin"]
    before = [row for row in map(json.loads, events.splitlines()) if row.get("status") == "before"]
    assert len(before) == recorded
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".tmp", ".lock"))]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_worker_that_is_killed_fails_its_document_and_is_replaced(
    docs: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    (docs / "b.txt").write_text("\n\n".join(tiny.prose(900, seed) for seed in range(12)))  # takes its time
    process = start(str(docs), "-o", str(tmp_path / "out"))
    while until(process, "segment_read")["document"] != "b.txt":
        pass
    (worker,) = children(process.pid)
    os.kill(worker, signal.SIGKILL)
    _, events = process.communicate(timeout=200)
    assert process.returncode == 3
    done = [row for row in map(json.loads, events.splitlines()) if row["event"] == "document_done"]
    assert [(row["document"], row["status"]) for row in done] == [("b.txt", "failed"), ("c.txt", "complete")]
    assert "SIGKILL" in done[0]["what"]
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert {row["name"]: row["exit_code"] for row in rows} == {"a.txt": 0, "b.txt": 71, "c.txt": 0}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_workers_end_when_the_batch_is_killed(
    docs: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(str(docs), "-o", str(tmp_path / "out"))
    until(process, "document_done")
    (worker,) = children(process.pid)
    process.kill()  # not its group
    process.communicate(timeout=60)
    end_s = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists() and time.monotonic() < end_s:
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()
