"""`longdoc plan` with the embedded model: forms, several sources, choices, errors."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import tiny

from longdoc.cli import run
from longdoc.cli.options import Bytes
from longdoc.output.json import schema

BOOK = "# One\n\nIt rained <b>here</b>.\n\n## Inner\n\nIt snowed.\n\n# Two\n\n{}\n"


@pytest.fixture
def surroundings(in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LONGDOC_STATE_DIR", "states")
    monkeypatch.setenv("LONGDOC_DEVICE", "cpu")
    monkeypatch.setenv("LONGDOC_QUIET", "1")
    Path("a.md").write_text(BOOK.format(tiny.prose(30, seed=1)))
    Path("b.md").write_text(BOOK.format(tiny.prose(30, seed=2)))
    return in_empty_folder


def test_a_plan_is_a_tree_with_what_it_takes(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.split("\n")
    assert lines[0] == "# One (a.md)"
    assert [line.split(",")[0] for line in lines if line.lstrip().startswith("- ")] == [
        "- 1 One", "  - 2 Inner", "- 3 Two",
    ]  # fmt: skip
    assert "Memory: about " in out
    assert "Time: not measured yet on this machine." in out
    assert [path.name for path in sorted(surroundings.iterdir())] == ["a.md", "b.md"]


def test_json_follows_the_schema(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    jsonschema.validate(row, schema("longdoc.plan/1"))
    assert [s["level"] for s in row["sections"]] == [1, 2, 1]
    memory = row["memory"]
    counted = {name: value for name, value in memory.items() if name not in {"total_bytes", "loading_bytes"}}
    assert memory["total_bytes"] == sum(counted.values())
    assert [(mode["mode"], mode["processes"]) for mode in row["modes"]] == [("stream", 1), ("exact", 1), ("ring", 2)]
    assert run(["plan", "a.md", "missing.md", "b.md", "--each", "--to", "jsonl"]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row in rows:
        jsonschema.validate(row, schema("longdoc.plan/1"))
    assert [row["error"] and row["error"]["exit_code"] for row in rows] == [None, 66, None]


def test_gpus_are_those_of_a_ring(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "--gpus", "4", "--memory-limit", "2G", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    jsonschema.validate(row, schema("longdoc.plan/1"))
    assert row["attention"]["mode"] == "stream"
    stream, exact, ring = row["modes"]
    assert (stream["most_tokens"], exact["most_tokens"], ring["processes"]) == (None, None, 4)
    assert ring["most_tokens"] > 100_000
    assert run(["plan", "a.md", "--gpus", "4", "--memory-limit", "2G", "--attention", "ring", "--to", "text"]) == 0
    out = capsys.readouterr().out
    assert "attention ring of 4 processes" in out
    assert f"A ring of 4 processes can read up to {ring['most_tokens']:,} tokens exactly, within 2.0 GB each" in out
    assert "Otherwise: stream" in out
    assert run(["plan", "a.md", "--device", "cpu", "--to", "text"]) == 0  # where nobody asked for a ring
    assert "A ring of 2 processes, which pays on several GPUs or machines, can read up to" in capsys.readouterr().out
    assert run(["plan", "a.md", "--attention", "ring", "--memory-limit", "400M"]) == 71


def test_several_sources_are_one_document(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "b.md", "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in both["files"]] == ["a.md", "b.md"]
    assert [s["number"] for s in both["sections"]] == [*range(1, 9)]
    assert run(["plan", "a.md", "b.md", "--sections", "5-6", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in second["files"]] == ["b.md"]
    assert second["source"]["selection"] == "sections 5-6 of 8 (One (b.md); One)"
    assert second["source"]["tokens"] < both["source"]["tokens"]


def test_text_has_no_markup(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "--to", "text"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("One (a.md)\n")
    assert "\n  2 Inner, " in out


def test_a_memory_limit_is_kept_or_nothing_fits(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "--memory-limit", "8G"]) == 0
    assert "A limit of 8.0 GB is kept without any change." in capsys.readouterr().out
    assert run(["plan", "a.md", "--memory-limit", "100M"]) == 71
    out, err = capsys.readouterr()
    assert out == ""
    assert "within 100 MB" in err


@pytest.mark.parametrize(
    ("said", "num_bytes"),
    [("8G", 8 * 10**9), ("7.5GiB", 15 << 29), ("800m", 8 * 10**8), ("2048", 2048), ("1 kB", 1000)],
)
def test_sizes_are_read(said: str, num_bytes: int) -> None:
    assert Bytes().convert(said, None, None) == num_bytes


@pytest.mark.parametrize("said", ["", "G", "-1G", "8X", "0", "8 G B"])
def test_what_is_no_size_is_a_usage_error(said: str, surroundings: Path) -> None:
    assert run(["plan", "a.md", f"--memory-limit={said}"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["missing.md"], 66), (["a.md", "--pages", "1"], 2), (["a.md", "--sections", "9"], 2),
        (["a.md", "--times", "1:00-2:00"], 2), (["a.md", "--model", "./nowhere"], 69), (["a.md", "-o", "a.md"], 2),
    ],
)  # fmt: skip
def test_errors_are_clear(
    arguments: list[str], code: int, surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_what_cannot_be_read_makes_a_plan_partial(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.md", "missing.md", "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["source"]["lost"][0].startswith("missing.md could not be read")
    assert "is partial" in err
    assert "missing.md could not be read" in err


def test_what_is_lost_is_told_once(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=q\nFrom: a@b.c\n\n"
    parts = "--q\n\nHello there.\n--q\nContent-Disposition: attachment; filename=a.pdf\n\nxx\n--q--\n"
    Path("m.eml").write_text(head + parts)
    assert run(["plan", "m.eml"]) == 3
    out = capsys.readouterr().out
    assert out.count("the attachment a.pdf") == 1
    assert "Partial: the attachment a.pdf" in out


def test_a_file_without_what_was_chosen_does_not_stop_the_others(
    surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cues = "".join(f"00:0{n}:00.000 --> 00:0{n}:30.000\nWords of minute {n}.\n\n" for n in range(4))
    Path("c.vtt").write_text(f"WEBVTT\n\n{cues}")
    for more in ([], ["--each"]):
        assert run(["plan", "a.md", "c.vtt", "--times", "01:00-02:00", "--to", "jsonl", *more]) == 3
        out, err = capsys.readouterr()
        assert "times 00:01:00-00:02:00" in json.loads(out.splitlines()[-1])["source"]["selection"]
        assert "a.md has no times" in err
    assert run(["plan", "a.md", "b.md", "--times", "01:00-02:00"]) == 2
    assert "a.md has no times" in capsys.readouterr().err
    assert run(["plan", "c.vtt", "a.md", "--times", "nonsense"]) == 2
