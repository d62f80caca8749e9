"""What `summarize` and `ask` hand to the pipeline, and where their results go."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from handmade import FakePipeline

from longdoc.cli import run
from longdoc.core.errors import EncryptedInput, ModelUnavailable
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, SummaryOptions
from longdoc.output.json import schema


def test_the_result_alone_is_on_standard_output(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["summarize", "book.pdf"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# A Book\n\nIt rained. [p. 12]\n\n## Chapter 1\n\n- It rained. [p. 12]")
    assert "read 56,812 of 56,812 tokens" in err
    assert "tokens/s" in err


def test_quiet_leaves_standard_error_empty(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    run(["summarize", "book.pdf", "--quiet"])
    assert capsys.readouterr().err == ""


def test_defaults_reach_the_pipeline_as_frozen_options(pipeline: FakePipeline) -> None:
    run(["summarize", "book.pdf"])
    run(["ask", "book.pdf", "-q", "Who?"])
    summarized, asked = pipeline.calls
    assert summarized["source_options"] == SourceOptions()
    assert summarized["model_options"] == ModelOptions()
    assert summarized["options"] == SummaryOptions()
    assert summarized["session"] is None
    assert asked["options"] == AskOptions()
    assert asked["questions"] == ["Who?"]


def test_every_flag_reaches_the_pipeline(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("secret.txt").write_text("open sesame\n")
    flags = (
        "--words 90 --no-verbatim --model a/b --revision main --quantize 4bit --adapter none --attention stream "
        "--sinks 8 --window 256 --segment 64 --no-memory --device cpu --threads 1 --format pdf "
        "--password-file secret.txt --pages 1-3,iv --sections 2-4 --times 10:00-20:00"
    )
    assert run(["summarize", "book.pdf", *flags.split()]) == 0
    (call,) = pipeline.calls
    assert call["options"] == SummaryOptions(words=90, verbatim=False)
    assert call["source_options"] == SourceOptions(
        format="pdf", password="open sesame", pages="1-3,iv", sections="2-4", times="10:00-20:00"
    )
    assert call["model_options"] == ModelOptions(
        model="a/b",
        revision="main",
        quantize="4bit",
        adapter="none",
        attention="stream",
        sinks=8,
        window=256,
        segment_tokens=64,
        memory=False,
        device="cpu",
        threads=1,
    )


def test_offline_is_set_before_the_hub_is_imported(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    run(["summarize", "book.pdf", "--offline"])
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert pipeline.calls[0]["model_options"].offline


def test_a_password_file_that_is_missing_is_66(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarize", "book.pdf", "--password-file", "nowhere.txt"]) == 66
    assert "try: name a file whose first line is the password" in capsys.readouterr().err


def test_json_of_both_commands_follows_the_schemas(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    run(["summarize", "book.pdf", "--json"])
    jsonschema.validate(json.loads(capsys.readouterr().out), schema("longdoc.summary/1"))
    run(["ask", "book.pdf", "-q", "Who?", "--to", "json"])
    answer = json.loads(capsys.readouterr().out)
    jsonschema.validate(answer, schema("longdoc.answer/1"))
    assert answer["answer"] == "It rained."


def test_a_source_that_fails_does_not_stop_the_others(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["locked.pdf"] = EncryptedInput("locked.pdf is encrypted.", why="a password is needed")
    pipeline.errors["odd.pdf"] = ZeroDivisionError("division by zero")
    sources = ["a.pdf", "missing.pdf", "locked.pdf", "odd.pdf", "b.pdf"]
    assert run(["summarize", *sources, "--quiet", "--to", "jsonl"]) == 3
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.split("\n") if line]
    for row in rows:
        jsonschema.validate(row, schema("longdoc.summary/1"))
    assert [(row["source"]["path"], row["status"]) for row in rows] == [
        ("a.pdf", "complete"),
        ("missing.pdf", "failed"),
        ("locked.pdf", "failed"),
        ("odd.pdf", "failed"),
        ("b.pdf", "complete"),
    ]
    assert [row["error"]["exit_code"] for row in rows[1:4]] == [66, 65, 70]
    table = err.splitlines()
    assert table[0] == "error: Of 5 sources, 3 failed."
    assert "missing.pdf   66  There is no file missing.pdf. (no such file)" in table[1]
    assert "odd.pdf       70  a bug in longdoc: ZeroDivisionError" in table[3]


def test_several_sources_share_one_session(pipeline: FakePipeline) -> None:
    run(["summarize", "a.pdf", "b.pdf", "--quiet"])
    assert pipeline.num_sessions == 1
    assert [call["session"] for call in pipeline.calls] == ["the session"] * 2


def test_a_model_that_is_missing_stops_at_once(pipeline: FakePipeline) -> None:
    pipeline.errors["a.pdf"] = ModelUnavailable("There is no model.")
    assert run(["summarize", "a.pdf", "b.pdf", "--quiet"]) == 69
    assert len(pipeline.calls) == 1


def test_several_results_are_a_json_array_and_markdown_one_after_the_other(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ask", "a.pdf", "b.pdf", "-q", "Who?", "-q", "When?", "--each", "--quiet", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [(row["source"]["path"], row["question"]) for row in rows] == [
        ("a.pdf", "Who?"), ("a.pdf", "When?"), ("b.pdf", "Who?"), ("b.pdf", "When?"),
    ]  # fmt: skip
    run(["summarize", "a.pdf", "b.pdf", "--quiet"])
    out = capsys.readouterr().out
    assert out.index("# A Book (a.pdf)\n") < out.index("# A Book (b.pdf)\n")
    run(["ask", "a.pdf", "b.pdf", "-q", "Who?", "--each", "--quiet"])
    out = capsys.readouterr().out
    assert out.index("## Who? (a.pdf)\n") < out.index("## Who? (b.pdf)\n")


def test_several_sources_are_asked_as_one_and_summarized_one_by_one(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("book").mkdir()
    for name in ("2.txt", "10.txt", "1.txt"):
        (Path("book") / name).write_text("It rained.")
    run(["ask", "book", "-q", "Who?", "--quiet"])
    run(["ask", "book/1.txt", "book/10.txt", "-q", "Who?", "--quiet"])
    run(["summarize", "book", "--together", "--quiet"])
    run(["summarize", "book", "--quiet"])
    assert [call["source"] for call in pipeline.calls] == [
        "book", "book/1.txt and 1 more", "book", "book/1.txt", "book/2.txt", "book/10.txt",
    ]  # fmt: skip


def test_a_result_does_not_lie_in_the_folder_that_is_read(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("book").mkdir()
    Path("book/1.txt").write_text("It rained.")
    assert run(["ask", "book", "-q", "Who?", "-o", "book/answers.md"]) == 2
    assert run(["summarize", "book/1.txt", "book", "-o", "book/1.txt"]) == 2
    assert run(["ask", "book", "-q", "Who?", "-o", "answers.md"]) == 0
    assert len(pipeline.calls) == 1


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_questions_come_one_a_line(
    way: str, pipeline: FakePipeline, in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Who?\n\n  Wo wohnt Ödön?\u2028Und warum?  \n"
    Path("questions.txt").write_text("\ufeff" + text, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert run(["ask", "a.pdf", "--questions", "questions.txt" if way == "file" else "-", "--quiet"]) == 0
    assert pipeline.calls[0]["questions"] == ["Who?", "Wo wohnt Ödön?\u2028Und warum?"]


def test_a_file_without_questions_is_an_error(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("questions.txt").write_text("\n\n")
    assert run(["ask", "a.pdf", "--questions", "questions.txt"]) == 2
    assert run(["ask", "a.pdf", "--questions", "nowhere.txt"]) == 66


def test_quote_shows_the_passages(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    run(["ask", "a.pdf", "-q", "Who?", "--quiet"])
    assert "All day it rained." not in capsys.readouterr().out
    run(["ask", "a.pdf", "-q", "Who?", "--quiet", "--quote"])
    assert "> All day it rained. It rained. [p. 12]" in capsys.readouterr().out


def test_a_file_is_written_whole_and_nothing_goes_to_standard_output(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarize", "book.pdf", "-o", "summary.md"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("summary.md").read_text().startswith("# A Book")
    assert [path.name for path in Path().iterdir()] == ["summary.md"]


@pytest.mark.parametrize("sources", [["missing.pdf"], ["missing.pdf", "missing2.pdf"]])
def test_a_file_that_is_there_survives_a_failure(
    sources: list[str], pipeline: FakePipeline, in_empty_folder: Path
) -> None:
    Path("summary.json").write_text("old")
    assert run(["summarize", *sources, "--json", "-o", "summary.json"]) in {3, 66}
    assert Path("summary.json").read_text() == "old"
    assert len([*Path().iterdir()]) == 1


def test_a_target_that_cannot_be_written_is_known_before_anything_is_read(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarize", "book.pdf", "-o", "nowhere/summary.md"]) == 73
    assert run(["summarize", "book.pdf", "-o", "."]) == 73
    assert "mkdir -p" in capsys.readouterr().err
    assert not pipeline.calls


def test_questions_can_be_typed_on_a_terminal(longdoc_process: Callable[..., subprocess.Popen[bytes]]) -> None:
    ours, theirs = pty.openpty()
    process = longdoc_process("ask", "a.pdf", "--quiet", stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, b"Did it rain?\n\nAnd then?\n\x04")
    out, err = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 0
    assert out.decode().count("It rained. [p. 12]") == 2
    assert out.decode().count("sha256") == 1
    assert err.decode().count("question> ") == 4


def test_a_document_that_is_not_there_is_known_before_a_question_is_typed(
    longdoc_process: Callable[..., subprocess.Popen[bytes]],
) -> None:
    ours, theirs = pty.openpty()
    process = longdoc_process("ask", "missing.pdf", stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    _, err = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 66
    assert b"question> " not in err


def test_on_a_terminal_the_result_is_rendered_and_progress_is_gone(
    longdoc_process: Callable[..., subprocess.Popen[bytes]], child_environment: dict[str, str]
) -> None:
    screen = _screen_of(longdoc_process, {**child_environment, "TERM": "xterm-256color"})
    assert "A Book" in screen
    assert "# A Book" not in screen
    assert "It rained. [p. 12]" in screen
    assert "\x1b[1A\x1b[2K" in screen  # the bar has been drawn and cleared


def test_no_color_is_honoured(
    longdoc_process: Callable[..., subprocess.Popen[bytes]], child_environment: dict[str, str]
) -> None:
    colourful = _screen_of(longdoc_process, {**child_environment, "TERM": "xterm-256color"})
    plain = _screen_of(longdoc_process, {**child_environment, "TERM": "xterm-256color", "NO_COLOR": "1"})
    assert "\x1b[3" in colourful or ";3" in colourful
    assert "\x1b[3" not in plain
    assert ";3" not in plain


def _screen_of(start: Callable[..., subprocess.Popen[bytes]], environment: dict[str, str]) -> str:
    """What a terminal is sent by `longdoc summarize`."""
    ours, theirs = pty.openpty()
    process = start("summarize", "a.pdf", stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    screen = b""
    while True:
        try:
            screen += os.read(ours, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
    os.close(ours)
    assert process.wait(30) == 0
    return screen.decode()
