"""Nothing but the result is ever on standard output, whatever the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from handmade import FakePipeline
from test_help_texts import LEAVES

from longdoc.cli import run

Check = Callable[[str], object]


def one_object(out: str) -> object:
    assert out.count("\n{") == 0
    return json.loads(out)


def lines_of_objects(out: str) -> object:
    return [json.loads(line) for line in out.splitlines()]


def nothing(out: str) -> None:
    assert out == ""


def anything(out: str) -> None:
    assert out.endswith("\n")
    assert "warning" not in out


# A command line that works, for each command that takes a moment only. The others measure and train for long.
WORKING: dict[tuple[str, ...], list[tuple[list[str], Check]]] = {
    ("summarize",): [(["a.pdf", "--json"], one_object), (["a.pdf", "--from", "files"], anything)],
    ("ask",): [
        (["a.pdf", "-q", "Who?", "-q", "Why?", "--to", "jsonl"], lines_of_objects),
        (["rows.jsonl", "--from", "jsonl"], lines_of_objects),
        (["a.pdf", "-q", "Who?", "-o", "answer.md"], nothing),
    ],
    ("read",): [(["a.txt", "--json", "--state-dir", "states"], one_object), (["a.txt", "--state-dir", "s"], anything)],
    ("plan",): [(["a.txt", "--json"], one_object), (["a.txt"], anything)],
    ("states", "list"): [(["--json"], one_object), ([], nothing)],
    ("states", "rm"): [(["--all"], nothing)],
    ("config", "show"): [(["--json"], one_object), ([], anything)],
    ("config", "path"): [(["--user"], anything)],
    ("config", "init"): [(["--project"], anything)],
    ("doctor",): [(["--json"], one_object)],
    ("completion",): [(["bash"], anything)],
    ("help",): [(["exit-codes"], anything)],
}


@pytest.mark.parametrize(
    ("path", "arguments", "check"),
    [(path, arguments, check) for path, found in WORKING.items() for arguments, check in found],
    ids=lambda value: " ".join(value) if isinstance(value, tuple | list) else "",
)
def test_the_result_stands_alone(
    path: tuple[str, ...], arguments: list[str], check: Check, pipeline: FakePipeline, in_empty_folder: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if path[0] in {"read", "doctor"}:  # these have no fake
        monkeypatch.delitem(sys.modules, "longdoc.pipeline.session")
        monkeypatch.delitem(sys.modules, "longdoc.pipeline.summarize")
    Path("a.txt").write_text("It rained all day. The ferry left at nine.")
    Path("rows.jsonl").write_text('{"id": 1, "text": "It rained.", "question": "Did it?"}\n')
    assert run([*path, *arguments]) == 0
    check(capfd.readouterr().out)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_an_error_is_not_there_and_help_is(path: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--no-such-option"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert run([*path, "--help"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Usage: longdoc ")
    assert err == ""


def test_every_everyday_command_is_in_the_table() -> None:
    long_or_elsewhere = {"bench", "train", "batch", "models"}
    assert {path for path in LEAVES if path[0] not in long_or_elsewhere} - {("states", "show")} == set(WORKING)
