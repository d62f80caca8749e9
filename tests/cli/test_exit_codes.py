"""Every way that a command line can end, and what it says then."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from handmade import FakePipeline, make_answer, make_receipt, make_summary

from longdoc.cli import run
from longdoc.core import errors

Start = Callable[..., "subprocess.Popen[bytes]"]
ERROR_CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.LongdocError)
]


@pytest.mark.parametrize("kind", ERROR_CLASSES)
def test_an_error_gives_its_exit_code_and_says_what_why_and_what_to_do(
    kind: type[errors.LongdocError], pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["a.pdf"] = kind("It broke.", why="it was old", fix="buy a new one")
    assert run(["summarize", "a.pdf", "--quiet"]) == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: It broke.\n  why: it was old\n  try: buy a new one\n"


def test_an_error_cannot_steer_the_terminal(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.errors["a.pdf"] = errors.DamagedInput("\x1b]0;owned\x07It broke.", why="line one\nline\x9b two")
    run(["summarize", "a.pdf", "--quiet"])
    assert capsys.readouterr().err == "error: ]0;ownedIt broke.\n  why: line one\n       line two\n"


def test_a_bug_is_70_and_one_clear_message_without_a_traceback(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["a.pdf"] = ZeroDivisionError("division by zero")
    assert run(["summarize", "a.pdf", "--quiet"]) == 70
    err = capsys.readouterr().err
    assert err.splitlines()[0] == "error: ZeroDivisionError: division by zero"
    assert "this is a bug" in err
    assert "-v" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), errors.DamagedInput("It broke.")])
def test_verbose_adds_the_traceback(
    error: Exception, pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["a.pdf"] = error
    run(["summarize", "a.pdf", "-v"])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_in_the_pipeline_is_130(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.errors["a.pdf"] = KeyboardInterrupt()
    assert run(["summarize", "a.pdf", "--quiet"]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted"


@pytest.mark.parametrize("form", ["json", "jsonl", "md", "text"])
def test_ctrl_c_writes_the_finished_results_and_no_half_ones(
    form: str, pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["c.pdf"] = KeyboardInterrupt()
    sources = ["a.pdf", "missing.pdf", "b.pdf", "c.pdf", "d.pdf"]
    assert run(["summarize", *sources, "--to", form, "-o", "all"]) == 130
    text = Path("all").read_text()
    if form in {"json", "jsonl"}:
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
        found = [(row["source"]["path"], row["status"]) for row in rows]
        assert found == [("a.pdf", "complete"), ("missing.pdf", "failed"), ("b.pdf", "complete")]
    else:
        assert text.count("A Book") == text.count("sha256") == 2
    assert [*Path().iterdir()] == [Path("all")]
    err = capsys.readouterr().err
    assert "interrupted after 3 of 5 sources; what was finished is in all" in err
    assert "d.pdf" not in [call["source"] for call in pipeline.calls]


def test_ctrl_c_replaces_no_result_that_is_there(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("all.md").write_text("old")
    pipeline.errors["c.pdf"] = KeyboardInterrupt()
    for name in ("all.partial.md", "all.partial-2.md"):
        assert run(["summarize", "a.pdf", "c.pdf", "-o", "all.md"]) == 130
        assert Path(name).read_text().count("sha256") == 1
        assert f"what was finished is in {Path(name).resolve()}, and all.md stays as it was" in capsys.readouterr().err
    assert Path("all.md").read_text() == "old"
    assert {str(path) for path in Path().iterdir()} == {"all.md", "all.partial.md", "all.partial-2.md"}


def test_ctrl_c_before_anything_is_finished_leaves_the_old_file(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("all.json").write_text("old")
    pipeline.errors["b.pdf"] = KeyboardInterrupt()
    assert run(["summarize", "missing.pdf", "b.pdf", "--json", "-o", "all.json"]) == 130
    assert Path("all.json").read_text() == "old"


def test_ctrl_c_keeps_the_answers_that_are_finished(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.errors["When?"] = KeyboardInterrupt()
    assert run(["ask", "a.pdf", "-q", "Who?", "-q", "When?", "-q", "Why?", "--json"]) == 130
    assert [row["question"] for row in json.loads(capsys.readouterr().out)] == ["Who?"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["summarise", "a.pdf"], "Did you mean 'summarize'?"),
        (["summarize", "a.pdf", "--widow", "3"], "--window"),
        (["summarize"], "Missing argument"),
        (["summarize", "a.pdf", "--words", "none"], "--words"),
        (["summarize", "a.pdf", "--to", "pdf"], "--to"),
        (["summarize", "a.pdf", "--json", "--to", "text"], "contradict"),
        (["summarize", "-", "-"], "once only"),
        (["ask", "a.pdf"], "There is no question."),
        (["ask", "a.pdf"], "questions are typed on a terminal, and standard input is none"),
        (["ask", "a.pdf"], "--questions - takes the lines of standard input"),
        (["ask", "-", "--questions", "-"], "once only"),
        (["ask", "-"], "questions are typed on a terminal, and standard input has the document"),
        (["summarize", ""], "A source has no name."),
        (["summarize", "a.pdf", "-o", ""], "The result has no name."),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what_is_wrong(
    arguments: list[str], said: str, pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert not pipeline.calls


def test_a_wrong_value_in_the_environment_is_named(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LONGDOC_WORDS", "many")
    assert run(["summarize", "a.pdf"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: Invalid value for '--words': 'many' is not a valid integer.",
        "  why: the environment says LONGDOC_WORDS=many",
        "  try: unset LONGDOC_WORDS",
    ]
    assert run(["summarize", "a.pdf", "--words", "few"]) == 2
    assert "LONGDOC" not in capsys.readouterr().err


def test_without_arguments_the_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "summarize" in err


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_help_and_version_are_0_on_standard_output(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([flag]) == 0
    out, err = capsys.readouterr()
    assert "longdoc" in out
    assert err == ""


def test_a_partial_summary_is_written_and_is_3(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = make_receipt(tokens_read=1_000)
    pipeline.summary_of = lambda name: make_summary(name, status="partial", receipt=receipt)
    assert run(["summarize", "book.pdf", "--quiet"]) == 3
    out, err = capsys.readouterr()
    assert "**Partial: 1,000 of 56,812 tokens were read.**" in out
    assert "partial" in err


def test_not_in_the_document_is_an_answer_and_0(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.answer_of = lambda q, name: make_answer(q, name, status="not_found", text="", citations=())
    assert run(["ask", "book.pdf", "-q", "Who?", "--quiet"]) == 0
    assert "Not in the document." in capsys.readouterr().out


def test_with_progress_for_programs_errors_are_json_too(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarize", "missing.pdf", "--progress", "json"]) == 66
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [row["event"] for row in rows] == ["opening", "error"]
    assert rows[-1]["exit_code"] == 66


def test_a_reader_that_has_gone_ends_us_quietly_as_sigpipe_would(longdoc_process: Start) -> None:
    head = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert head.stdin is not None
    head.wait()
    process = longdoc_process("summarize", "a.pdf", "--quiet", stdout=head.stdin, stderr=subprocess.PIPE)
    head.stdin.close()
    _, err = process.communicate(timeout=30)
    assert err == b""
    assert process.returncode == 141


def test_who_does_not_read_the_progress_does_not_stop_the_work(longdoc_process: Start) -> None:
    gone = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert gone.stdin is not None
    gone.wait()
    process = longdoc_process("summarize", "a.pdf", stdout=subprocess.PIPE, stderr=gone.stdin)
    gone.stdin.close()
    out, _ = process.communicate(timeout=60)
    assert out.startswith(b"# A Book")
    assert process.returncode == 0


def test_a_full_disk_behind_standard_output_is_an_error(longdoc_process: Start) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = longdoc_process("summarize", "a.pdf", "--quiet", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 73
    assert err.startswith(b"error: Standard output cannot be written.")


def wait_for_its_input(process: subprocess.Popen[bytes]) -> None:
    """Until it listens to SIGTERM, which Linux tells, and a second longer."""
    status = Path(f"/proc/{process.pid}/status")
    for _ in range(600 if status.exists() else 0):
        caught = re.search(r"SigCgt:\s*(\w+)", status.read_text())
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            break
        time.sleep(0.05)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)


def test_ctrl_c_while_a_question_is_awaited_is_130(longdoc_process: Start) -> None:
    process = longdoc_process(
        "ask", "a.pdf", "--questions", "-",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for_its_input(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err


def test_sigterm_is_143_and_says_nothing(longdoc_process: Start) -> None:
    process = longdoc_process(
        "ask", "a.pdf", "--questions", "-",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for_its_input(process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (143, b"", b"")


@pytest.mark.parametrize("name", ["--quiet", "--progress"])
def test_sigterm_in_the_pipeline_goes_the_way_of_ctrl_c(
    name: str, pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["a.pdf"] = errors.Terminated()
    assert run(["summarize", "a.pdf", *([name] if name == "--quiet" else [name, "none"])]) == 143
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", "")


def test_a_result_never_replaces_its_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "book.txt"
    source.write_text("Kept as it is.")
    assert run(["summarize", str(source), "-o", str(source)]) == 2
    assert "would replace its source" in capsys.readouterr().err
    assert source.read_text() == "Kept as it is."


@pytest.mark.parametrize(
    ("arguments", "redirected", "code", "said"),
    [
        ("summarize missing.pdf", "2>&-", 66, b""),
        ("summarize a.pdf", "2>&-", 0, b""),
        ("summarize a.pdf --quiet", ">&-", 73, b"error: Standard output cannot be written."),
        ("ask a.pdf --questions -", "<&-", 2, b"error: There is no question in -."),
        ("config show", ">/dev/full", 73, b"error: Standard output cannot be written."),
        ("config show", ">&-", 73, b"error: Standard output cannot be written."),
    ],
)
def test_streams_that_are_closed_or_full_are_no_bug(
    arguments: str, redirected: str, code: int, said: bytes, child_environment: dict[str, str]
) -> None:
    program = f"exec {sys.executable} {Path(__file__).parent.parent / 'handmade.py'} {arguments} {redirected}"
    done = subprocess.run(["sh", "-c", program], env=child_environment, capture_output=True, timeout=200)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_a_listing_that_nobody_reads_ends_quietly(longdoc_process: Start) -> None:
    gone = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert gone.stdin is not None
    gone.wait()
    process = longdoc_process("config", "show", stdout=gone.stdin, stderr=subprocess.PIPE)
    gone.stdin.close()
    _, err = process.communicate(timeout=200)
    assert (process.returncode, err) == (141, b"")


def test_an_interrupt_in_a_destructor_prints_nothing_and_other_faults_there_do() -> None:
    program = (
        "import longdoc.cli as cli\n"
        "from longdoc.cli.report import Report\n"
        "from longdoc.core.errors import Interrupted\n"
        "class Lost:\n"
        "    def __init__(self, fault): self.fault = fault\n"
        "    def __del__(self): raise self.fault\n"
        "cli.listen_to_signals(Report())\n"
        "Lost(Interrupted()); Lost(ValueError('seen'))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ValueError: seen" in told.stderr
    assert "Interrupted" not in told.stderr
