"""`longdoc read`, `longdoc states`, and what `ask` and `summarize` do with kept states, with a random tiny model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
from handmade import FakePipeline

from longdoc.cli import run
from longdoc.core.settings import StateOptions


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def surroundings(in_empty_folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two texts; states are kept in `states`, as the environment says."""
    monkeypatch.setenv("LONGDOC_STATE_DIR", "states")
    monkeypatch.setenv("LONGDOC_MODEL", str(model))
    monkeypatch.setenv("LONGDOC_DEVICE", "cpu")
    monkeypatch.setenv("LONGDOC_QUIET", "1")
    Path("one.txt").write_text(tiny.prose(60, seed=1))
    Path("two.txt").write_text(tiny.prose(60, seed=2))
    return in_empty_folder


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(["states", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["schema"] == "longdoc.states/1"
    assert isinstance(listed["states"], list)
    return listed["states"]


def test_read_keeps_a_state_and_says_where(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["read", "one.txt"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    (row,) = rows(capsys)
    assert line.startswith(f"{row['name']}: {row['tokens']:,} tokens of one.txt (all read now), ")
    assert line.endswith(" MB in states")
    assert row["complete"] is True
    assert row["bytes"] == sum(path.stat().st_size for path in Path("states").iterdir())
    assert run(["read", "one.txt"]) == 0
    assert "(none read now)" in capsys.readouterr().out


def test_read_of_several_sources_as_json(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["read", "one.txt", "missing.txt", "two.txt", "--each", "--json", "-o", "out.json"]) == 3
    assert capsys.readouterr().out == ""
    read = json.loads(Path("out.json").read_text())
    assert [row["error"] and row["error"]["exit_code"] for row in read] == [None, 66, None]
    assert [row["name"] for row in read[::2]] == [row["name"] for row in rows(capsys)]
    assert {row["schema"] for row in read} == {"longdoc.read/1"}


def test_ask_makes_a_state_and_then_uses_it(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for _ in range(2):
        assert run(["ask", "one.txt", "-q", "Who carried the lantern?", "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    first, second = (answer["source"]["tokens_from_state"] for answer in answers)
    assert (first, second) == (0, answers[0]["source"]["tokens"])
    assert answers[0]["answer"] == answers[1]["answer"]
    assert answers[0]["evidence"] == answers[1]["evidence"]
    assert run(["ask", "one.txt", "-q", "Who carried the lantern?"]) == 0
    assert "all of them in an earlier run that kept its state" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["ask", "one.txt", "-q", "Who?"], ["summarize", "one.txt"]])
def test_no_state_leaves_nothing_on_the_disk_and_uses_nothing(
    command: list[str], surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--no-state"]) == 0
    assert not Path("states").exists()
    assert run(["read", "one.txt"]) == 0
    before = {path.name: path.stat().st_mtime_ns for path in Path("states").iterdir()}
    capsys.readouterr()
    assert run([*command, "--no-state", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["tokens_from_state"] == 0
    assert {path.name: path.stat().st_mtime_ns for path in Path("states").iterdir()} == before


def test_another_summary_of_what_was_summarized_reads_nothing(
    surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    for options in ([], ["--style", "bullets"], ["--words", "20"], ["--focus", "the lantern"], []):
        assert run(["summarize", "one.txt", "--json", *options]) == 0
        made.append(json.loads(capsys.readouterr().out))
        assert run(["summarize", "one.txt", "--json", "--no-state", *options]) == 0
        alone = json.loads(capsys.readouterr().out)
        for result in (made[-1], alone):
            result.pop("stats")
        assert alone["source"].pop("tokens_from_state") == 0
        assert made[-1]["source"].pop("tokens_from_state") == (alone["source"]["tokens"] if len(made) > 1 else 0)
        assert made[-1] == alone
    (row,) = rows(capsys)
    assert row["purpose"] == "summary, verbatim"
    assert row["complete"]
    assert run(["ask", "one.txt", "-q", "Who carried the lantern?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["tokens_from_state"] == 0
    assert sorted(str(row["purpose"]) for row in rows(capsys)) == ["questions", "summary, verbatim"]


def test_a_damaged_state_is_said_by_list_and_refused_by_show(
    surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["read", "one.txt"])
    (row,) = rows(capsys)
    assert run(["states", "show", str(row["name"])]) == 0
    shown = capsys.readouterr().out
    assert str(Path("one.txt").resolve()) in shown
    assert "fingerprint.window           64" in shown
    assert f"tokens                       {row['tokens']:,}\n" in shown
    assert f"({row['bytes']:,} bytes)" in shown
    assert re.search(r"^saved {24}20\d\d-\d\d-\d\d \d\d:\d\d$", shown, re.MULTILINE)
    assert "fingerprint.memory           yes\n" in shown
    assert run(["states", "show", str(row["name"]), "--json"]) == 0
    (full,) = json.loads(capsys.readouterr().out)["states"]
    assert full.items() >= row.items()
    assert full["fingerprint"]["window"] == 64
    path = Path("states") / f"{row['name']}.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-5] + bytes([data[-5] ^ 4]) + data[-4:])
    assert run(["states", "show", str(row["name"])]) == 65
    err = capsys.readouterr().err
    assert "its checksum does not match: it is damaged" in err
    assert f"longdoc states rm {row['name']}" in err
    path.write_bytes(data[:1000])
    assert rows(capsys)[0]["error"] == "it is damaged, or no state"
    assert run(["states", "list"]) == 0
    assert "NOT USABLE: it is damaged" in capsys.readouterr().out
    assert run(["states", "rm", str(row["name"])]) == 0
    assert rows(capsys) == []


def test_states_are_removed_by_name_or_all(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["read", "one.txt", "two.txt", "--each"])
    first, second = rows(capsys)
    assert run(["states", "rm"]) == 2
    assert run(["states", "rm", "--all", str(first["name"])]) == 2
    assert run(["states", "rm", "nothing-like-it"]) == 66
    assert "longdoc states list" in capsys.readouterr().err
    assert len(rows(capsys)) == 2
    assert run(["states", "rm", str(first["name"])]) == 0
    assert [row["name"] for row in rows(capsys)] == [second["name"]]
    assert run(["states", "rm", "--all"]) == 0
    assert rows(capsys) == []
    assert run(["states", "list"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "No states in states.\n")


def test_states_are_removed_by_age(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["read", "one.txt", "two.txt", "--each"])
    first, second = rows(capsys)
    for path in Path("states").glob(f"{first['name']}.*"):
        then = path.stat().st_mtime - 31 * 24 * 3600
        os.utime(path, (then, then))
    for wrong in (["--older-than", "soon"], ["--older-than", "30d", "--all"], ["--older-than", "30d", "a-12345678"]):
        assert run(["states", "rm", *wrong]) == 2
    assert run(["states", "rm", "--older-than", "5w"]) == 0
    assert len(rows(capsys)) == 2
    assert run(["states", "rm", "--older-than", "30d"]) == 0
    assert rows(capsys) == [second]


def test_a_name_in_a_file_cannot_steer_the_terminal(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = Path("a\x1b[31mb\nc.txt")
    odd.write_text(tiny.prose(60, seed=3))
    assert run(["read", str(odd)]) == 0
    assert run(["states", "list"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3


def test_state_options_reach_the_pipeline(pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (["summarize", "a.pdf"], ["ask", "a.pdf", "-q", "Who?"]):
        run([*command, "--quiet"])
        run([*command, "--quiet", "--state-dir", "here"])
        run([*command, "--quiet", "--no-state"])
    asked = [StateOptions(), StateOptions("here"), None]
    summarized = [StateOptions(notes=True), StateOptions("here", notes=True), None]
    assert [call["states"] for call in pipeline.calls] == [*summarized, *asked]


def test_the_bytes_of_all_states_come_from_the_environment(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGDOC_STATES_BYTES", "7000")
    run(["ask", "a.pdf", "-q", "Who?", "--quiet"])
    assert pipeline.calls[0]["states"] == StateOptions(most_bytes=7000)


def test_listing_states_does_not_wait_for_torch(surroundings: Path, child_environment: dict[str, str]) -> None:
    run(["read", "one.txt"])
    program = "import sys; from longdoc.cli import run; run(['states', 'list']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=child_environment, capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "False"
