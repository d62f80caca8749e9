"""`--from jsonl`: rows in, rows out, in order, one by one, and a wrong one does not stop the others."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from handmade import FakePipeline, make_receipt, make_summary

from longdoc.cli import run
from longdoc.core.errors import ModelUnavailable
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.output.json import schema

Json = dict[str, Any]


def rows_file(rows: list[Json | str]) -> str:
    path = Path("rows.jsonl")
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def results(capsys: pytest.CaptureFixture[str]) -> list[Json]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_row_has_its_results_with_its_id_in_order(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Json | str] = [
        {"id": 7, "text": "It rained.", "question": "Did it rain?"},
        "",
        {"id": {"a": ["b"]}, "path": "a.pdf", "questions": ["Who?", "When?"], "more": "is not looked at"},
        {"text": "No id."},
    ]
    assert run(["ask", "--from", "jsonl", rows_file(rows), "-q", "Why?", "--quiet"]) == 0
    found = results(capsys)
    assert [(row["id"], row["question"], row["status"]) for row in found] == [
        (7, "Did it rain?", "answered"),
        ({"a": ["b"]}, "Who?", "answered"),
        ({"a": ["b"]}, "When?", "answered"),
        (None, "Why?", "answered"),
    ]
    for row in found:
        jsonschema.validate(row, schema("longdoc.answer/1"))
    assert [call["source"] for call in pipeline.calls] == ["7", "a.pdf", "row 4"]
    assert pipeline.num_sessions == 1


def test_what_is_wrong_has_a_row_that_says_so_and_the_others_go_on(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["b.pdf"] = ZeroDivisionError("division by zero")
    pipeline.errors["When?"] = ValueError("odd")
    wrong: list[Json | str] = [
        "no json",
        '["a list"]',
        {"id": 3, "question": "Neither?"},
        {"id": 4, "text": "both", "path": "a.pdf", "question": "Which?"},
        {"id": 5, "text": 5, "question": "Five?"},
        {"id": 6, "path": "-", "question": "Standard input?"},
        {"id": 7, "text": "No question."},
        {"id": 8, "text": "An empty one.", "question": " "},
        {"id": 9, "text": "Two kinds.", "question": "One?", "questions": ["Two?"]},
        '{"id": 10, "text": "x", "question": "NaN?", "score": NaN}',
        {"id": 11, "path": "missing.pdf", "question": "Where?"},
        {"id": 12, "path": "b.pdf", "question": "Why?"},
        {"id": 13, "text": "Good.", "questions": ["Who?", "When?", "What?"]},
        {"id": 14, "text": "Good.", "question": "Good?"},
    ]
    assert run(["ask", "--from", "jsonl", rows_file(wrong), "--to", "jsonl"]) == 3
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    for row in found:
        jsonschema.validate(row, schema("longdoc.answer/1"))
    assert [row["id"] for row in found] == [None, None, *range(3, 10), None, 11, 12, 13, 13, 13, 14]
    answered = [(row["id"], row["question"]) for row in found if row["status"] == "answered"]
    assert answered == [(13, "Who?"), (14, "Good?")]
    codes = {row["id"]: row["error"]["exit_code"] for row in found if row["status"] == "failed"}
    assert {codes[number] for number in range(3, 10)} == {65}
    assert (codes[11], codes[12], codes[13]) == (66, 70, 70)
    assert "error: Of 14 rows, 13 failed." in err
    assert "row 11" not in err.split("error: ")[1]  # the first ten, and how many more
    assert "and 3 more" in err


def test_summaries_of_rows_and_a_partial_one_is_3(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_empty_folder / "folder").mkdir()
    for name in ("1.txt", "2.txt"):
        (in_empty_folder / "folder" / name).write_text("It rained.")
    rows: list[Json | str] = [{"id": "a", "text": "It rained."}, {"id": "b", "path": "folder"}]
    assert run(["summarize", "--from", "jsonl", rows_file(rows), "--json", "-o", "out.json", "--quiet"]) == 0
    found = json.loads(Path("out.json").read_text())
    assert [(row["id"], row["source"]["path"]) for row in found] == [("a", "a"), ("b", "folder")]
    for row in found:
        jsonschema.validate(row, schema("longdoc.summary/1"))
    receipt = make_receipt(tokens_read=1_000)
    pipeline.summary_of = lambda name: make_summary(name, status="partial", receipt=receipt)
    assert run(["summarize", "--from", "jsonl", rows_file(rows), "--quiet"]) == 3
    assert "Of 2 rows, 2 partial." in capsys.readouterr().err


def test_the_source_of_a_row_reaches_the_pipeline(
    pipeline: FakePipeline, in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from longdoc.cli.jsonl import read_rows

    (in_empty_folder / "folder").mkdir()
    (in_empty_folder / "folder" / "1.txt").write_text("It rained.")
    rows: list[Json | str] = [
        "\ufeff" + json.dumps({"id": "-", "text": "A dash is no name."}),
        {"id": True, "path": "folder"},
        {"id": "x", "path": "a.pdf"},
    ]
    path = rows_file(rows)
    found = [row.source for row in read_rows([path], asked=None, max_bytes=1000, output=None)]
    assert found[0] == Given("row 1", "A dash is no name.")
    assert isinstance(found[1], Together)
    assert found[2] == "a.pdf"
    too_long = [row.error is not None for row in read_rows([path], asked=None, max_bytes=40, output=None)]
    assert too_long == [True, False, False]
    own = [row.error for row in read_rows([path], asked=None, max_bytes=1000, output=str(in_empty_folder / "a.pdf"))]
    assert own[2] is None  # it does not exist: nothing is replaced
    Path("a.pdf").write_text("")
    own = [row.error for row in read_rows([path], asked=None, max_bytes=1000, output="a.pdf")]
    assert own[2] is not None
    assert "would replace its source" in own[2].what


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ask", "--from", "jsonl", "rows.jsonl", "--to", "md"], 2, "do not fit together"),
        (["ask", "--from", "jsonl", "rows.jsonl", "--each"], 2, "do not fit together"),
        (["summarize", "--from", "jsonl", "rows.jsonl", "--together"], 2, "do not fit together"),
        (["summarize", "--from", "jsonl", "nowhere.jsonl"], 66, "cannot be read"),
        (["summarize", "--from", "jsonl", "."], 66, "cannot be read"),
        (["summarize", "--from", "jsonl", "empty.jsonl"], 65, "There are no rows."),
        (["ask", "--from", "jsonl", "-", "--questions", "-"], 2, "once only"),
    ],
)
def test_what_cannot_be_is_an_error(
    arguments: list[str], code: int, said: str, pipeline: FakePipeline, in_empty_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows_file([{"text": "It rained.", "question": "Did it?"}])
    Path("empty.jsonl").write_text("\n\n")
    assert run([*arguments, "--quiet"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_missing_model_stops_all_rows(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    pipeline.errors["1"] = ModelUnavailable("There is no model.")
    rows: list[Json | str] = [{"id": number, "text": "It rained."} for number in (1, 2)]
    assert run(["summarize", "--from", "jsonl", rows_file(rows), "--quiet"]) == 69
    assert len(pipeline.calls) == 1


def test_ctrl_c_keeps_the_rows_that_are_finished(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["When?"] = KeyboardInterrupt()
    rows: list[Json | str] = [{"id": 1, "text": "x", "questions": ["Who?", "When?"]}, {"id": 2, "text": "y"}]
    assert run(["ask", "--from", "jsonl", rows_file(rows), "--json", "-o", "out.json"]) == 130
    assert [(row["id"], row["question"]) for row in json.loads(Path("out.json").read_text())] == [(1, "Who?")]
    assert "interrupted in row 1; what was finished is in out.json" in capsys.readouterr().err


def test_the_settings_file_may_say_markdown(
    pipeline: FakePipeline, in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text('to = "md"\n')
    text = json.dumps({"id": 1, "text": "It rained."})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))  # no line end at the end
    assert run(["summarize", "--from", "jsonl", "-", "--quiet"]) == 0
    assert [row["id"] for row in results(capsys)] == [1]


def test_an_answer_comes_before_the_next_row_is_there(longdoc_process: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = longdoc_process(
        "ask", "--from", "jsonl", "-", "--quiet", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        row = {"id": number, "text": "It rained.", "question": "Did it?"}
        process.stdin.write(json.dumps(row).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == number
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
