"""`--attention ring`: the same bytes as `--attention exact`, from several processes that longdoc starts itself."""

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
from click.testing import CliRunner

from longdoc.cli import cli, run
from longdoc.core.errors import UsageError

pytestmark = pytest.mark.timeout(600)
SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "the-thirty-nine-steps.txt"
Longdoc = Callable[..., str]


@pytest.fixture
def longdoc(child_environment: dict[str, str], in_empty_folder: Path) -> Longdoc:
    """Standard output of `python -m longdoc`."""
    Path("book.txt").write_text(SAMPLE.read_text(encoding="utf-8")[:24_000], encoding="utf-8")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "longdoc", *arguments, "--device", "cpu", "--state-dir", "states"],
            env=child_environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def without_costs(out: str) -> dict[str, Any]:
    """A result as JSON, without what it cost and how attention was computed."""
    result: dict[str, Any] = json.loads(out)
    assert result["attention"]["mode"] in {"ring", "exact"}
    for name in ("stats", "attention", "settings"):
        del result[name]
    return result


def test_summarize_and_ask_print_what_they_print_with_exact(longdoc: Longdoc) -> None:
    ring = ["--attention", "ring", "--gpus", "2"]
    summarize = ["summarize", "book.txt", "--words", "80", "--no-state"]
    exact, together = longdoc(*summarize, "--attention", "exact"), longdoc(*summarize, *ring, "-v")
    receipt = "\n---\n"
    assert exact.split(receipt)[0] == together.split(receipt)[0]
    assert len(exact.split(receipt)[0]) > 200
    assert "attention ring of 2 processes" in together
    ask = ["ask", "book.txt", "-q", "Who is Paddock?", "-q", "What did Scudder drink?", "--to", "jsonl"]
    rows, same = longdoc(*ask, "--attention", "exact").splitlines(), longdoc(*ask, *ring).splitlines()
    assert [without_costs(row) for row in rows] == [without_costs(row) for row in same]


def test_a_model_that_writes_and_a_state_for_another_number_of_processes(longdoc: Longdoc, tmp_path: Path) -> None:
    model = tiny.checkpoint(tmp_path / "model", memory=False, prompts="chat")
    Path("tale.md").write_text(tiny.prose(60))
    given = ["--model", str(model), "--no-verbatim", "--attention"]
    ask = ["ask", "tale.md", "-q", "Who hid the lantern?", "--json", *given]
    together = json.loads(longdoc(*ask, "ring", "--gpus", "2"))
    alone = json.loads(longdoc(*ask, "ring", "--gpus", "1"))
    assert (together["attention"]["processes"], alone["attention"]["processes"]) == (2, 1)
    assert alone["source"]["tokens_from_state"] == alone["source"]["tokens"] > 0
    assert together["source"]["tokens_from_state"] == 0
    assert alone["answer"] == together["answer"]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_goes_to_the_first_process_and_a_trap_in_the_current_folder_is_not_run(
    times: int, child_environment: dict[str, str], in_empty_folder: Path
) -> None:
    Path("click.py").write_text("raise SystemExit(9)")
    Path("book.md").write_text("\n\n".join(f"# Chapter {n}\n\n{tiny.prose(400, n)}" for n in range(6)))
    model = tiny.checkpoint(in_empty_folder / "model", memory=False, prompts="chat")
    ring = ["--attention", "ring", "--gpus", "2", "--device", "cpu", "--segment", "512", "--model", str(model)]
    command = ["summarize", "book.md", "--verbatim", *ring, "--state-dir", "states", "--progress", "json", "--json"]
    program = "import sys; sys.path.remove(''); from longdoc.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, *command],
        env=child_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr is not None
        told = iter(process.stderr)
        assert any(json.loads(line)["event"] == "segment_read" for line in told), "it ended before"
        process.send_signal(signal.SIGINT)
        if times == 2:
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
        events = [json.loads(line) for line in told]
        assert process.wait(timeout=60) == 130
        assert process.stdout is not None
        out = process.stdout.read()
    assert [event["exit_code"] for event in events if event["event"] == "error"] == [130]
    if times == 1:
        assert json.loads(out)["status"] == "partial"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "a.txt", "-q", "Why?", "--gpus", "2"], "--gpus is for --attention ring."),
        (
            ["ask", "a.txt", "-q", "Why?", "--attention", "ring", "--gpus", "6400", "--device", "cpu"],
            f"6400 processes are asked for, and {os.cpu_count()} cores are here.",
        ),
        (["batch", "folder", "-o", "out", "--attention", "ring"], "longdoc batch does not read in a ring."),
        (
            ["ask", "a.txt", "-q", "Why?", "--attention", "ring", "--gpus", "1", "--kv-bits", "8", "--no-state"],
            "--kv-bits 8 is not for a ring.",
        ),
        (
            ["ask", "a.txt", "-q", "Why?", "--attention", "ring", "--gpus", "1", "--window", "64", "--no-state"],
            "--window, --sinks and --highlights are not for a ring.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, in_empty_folder: Path) -> None:
    Path("a.txt").write_text("It rained all day. The ferry left at nine.")
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("It rained all day.")
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert result.exception.what == said
    assert run(arguments) == 2
