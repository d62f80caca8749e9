"""What `bench` and `doctor` hand down, and the forms in which they tell what they found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from longdoc.cli import run
from longdoc.core.errors import LongdocError, ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine import quantized
from longdoc.output.json import schema
from longdoc.pipeline import doctor, places

REPORT = {
    "schema": "longdoc.bench/1",
    "bench": "passkey",
    "model": {"id": "embedded", "revision": None, "quantization": "none", "adapter": None},
    "machine": {"processor": "abacus", "threads": 1, "gpus": [], "packages": {}},
    "results": [{"length": 4096, "depth": 0.5, "samples": 5, "accuracy": 1.0}],
}


@pytest.fixture
def benches(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls that reach the benches; each gives the same report."""
    calls: list[dict[str, Any]] = []

    def measured(options: ModelOptions, *paths: object, **values: Any) -> dict[str, Any]:
        values.pop("on_event")
        calls.append({"options": options, "paths": paths, **values})
        return REPORT

    functions_of = {"systems": ["run_qa", "run_summaries"]}
    functions_of |= {name: ["run"] for name in ("passkey", "needles", "perplexity", "gates", "speed")}
    for name, functions in functions_of.items():
        module = ModuleType(f"longdoc.bench.{name}")
        for function in functions:
            setattr(module, function, measured)
        monkeypatch.setitem(sys.modules, f"longdoc.bench.{name}", module)
    return calls


def test_json_is_the_report_and_otherwise_it_is_markdown(
    benches: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "passkey", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out) == REPORT
    assert run(["bench", "passkey", "--quiet"]) == 0
    assert "| 4,096 | 0.500 | 5 | 1.00 |" in capsys.readouterr().out


def test_lists_of_numbers_and_the_model_reach_the_bench(benches: list[dict[str, Any]]) -> None:
    flags = "--lengths 128,64,128 --depths 0,1 --samples 2 --without memory --model a/b --threads 3 --quiet"
    assert run(["bench", "passkey", *flags.split()]) == 0
    (call,) = benches
    assert call == {
        "options": ModelOptions(model="a/b", threads=3),
        "paths": (),
        "lengths": (128, 64),
        "depths": (0.0, 1.0),
        "samples": 2,
        "text": None,
        "without_memory": True,
    }


def test_facts_and_the_haystack_of_numbers_reach_the_bench(
    benches: list[dict[str, Any]], in_empty_folder: Path
) -> None:
    Path("numbers").write_text("x")
    assert run(["bench", "needles", "--facts", "2,3", "--lengths", "100", "--haystack", "numbers", "--quiet"]) == 0
    assert run(["bench", "passkey", "--haystack", "./numbers", "--quiet"]) == 0
    assert run(["bench", "needles", "--haystack", "nowhere.txt", "--quiet"]) == 2
    first, second = benches
    assert (first["facts"], first["lengths"], first["text"]) == ((2, 3), (100,), "numbers")
    assert second["text"] == Path("numbers")


def test_resets_are_numbers_and_never(benches: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    assert run(["bench", "perplexity", str(path), "--reset", "512, never,2048", "--max-tokens", "9", "--quiet"]) == 0
    assert run(["bench", "perplexity", str(path), "--quiet"]) == 0
    assert [(call["resets"], call["max_tokens"]) for call in benches] == [((512, 2048, None), 9), ((None,), None)]
    assert run(["bench", "perplexity", str(path), "--reset", "512,often"]) == 2
    assert run(["bench", "perplexity", "--quiet"]) == 2


def test_gates_take_lengths_and_a_haystack(benches: list[dict[str, Any]]) -> None:
    assert run(["bench", "gates", "--lengths", "100,200", "--haystack", "numbers", "--quiet"]) == 0
    assert [(call["lengths"], call["text"]) for call in benches] == [((100, 200), "numbers")]


def test_speed_takes_sources_or_lengths_and_has_the_bar_as_its_default(
    benches: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    run(["bench", "speed", "--quiet"])
    run(["bench", "speed", str(tmp_path / "a.txt"), "--quiet"])
    run(["bench", "speed", "--tokens", "500", "--quiet"])
    assert [(call["sources"], call["lengths"]) for call in benches] == [
        ([], (100_000, 1_000_000)),
        ([str(tmp_path / "a.txt")], ()),
        ([], (500,)),
    ]


def test_question_and_summary_files_reach_their_benches(benches: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n")
    assert run(["bench", "qa", str(path), "--num", "7", "--naming", "--quiet"]) == 0
    assert run(["bench", "summaries", str(path), "--all", "--quiet"]) == 0
    asked, summarized = benches
    assert asked["paths"] == ((path,),)
    assert (asked["num_questions"], asked["naming"], asked["held_out_only"]) == (7, True, True)
    assert (summarized["max_documents"], summarized["held_out_only"]) == (20, False)


@pytest.mark.parametrize(
    "arguments",
    [["--lengths", "4096,x"], ["--lengths", "3"], ["--depths", "0,2"], ["--samples", "0"], ["--without", "a"]],
)
def test_numbers_that_make_no_sense_are_a_usage_error(
    arguments: list[str], benches: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "passkey", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err
    assert not benches


def test_a_bench_can_be_written_to_a_file(benches: list[dict[str, Any]], in_empty_folder: Path) -> None:
    assert run(["bench", "passkey", "--json", "--quiet", "-o", "result.json"]) == 0
    assert json.loads(Path("result.json").read_text()) == REPORT


def test_a_picture_is_written_beside_the_result(
    benches: list[dict[str, Any]], in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "passkey", "--json", "--quiet", "--plot", "recall.svg"]) == 0
    assert json.loads(capsys.readouterr().out) == REPORT
    assert Path("recall.svg").read_text().startswith("<svg ")
    assert run(["bench", "passkey", "--quiet", "--plot", "recall.png"]) == 2
    assert "must end in .svg" in capsys.readouterr().err
    assert run(["bench", "passkey", "--quiet", "--plot", "nowhere/recall.svg"]) == 73
    assert len(benches) == 1


def examined(monkeypatch: pytest.MonkeyPatch, *checks: doctor.Check) -> None:
    monkeypatch.setattr(doctor, "examine", lambda options, on_event, state_dir, ring: list(checks))


GOOD = doctor.Check("search", True, "SQLite 3.45.1 with FTS5")
NO_GPU = doctor.Check("GPU", False, "There is none.", is_needed=False, fix="buy one")
NO_MODEL = doctor.Check("model", False, "It is not there.", fix="pip install longdoc")


def test_what_is_only_missing_for_larger_models_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examined(monkeypatch, GOOD, NO_GPU)
    assert run(["doctor"]) == 0
    assert capsys.readouterr().out == (
        "ok    search    SQLite 3.45.1 with FTS5\nnone  GPU       There is none.\n                try: buy one\n"
    )


def test_what_was_not_tried_is_not_said_to_be_ok(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    network = doctor._tried("network", doctor._network, ModelOptions(), False, "x")
    examined(monkeypatch, GOOD, network)
    assert run(["doctor"]) == 0
    assert "\n-     network   not tried; used to fetch models" in capsys.readouterr().out
    assert run(["doctor", "--json"]) == 0
    assert [check["tried"] for check in json.loads(capsys.readouterr().out)["checks"]] == [True, False]


def test_the_exit_code_is_1_when_no_summary_can_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examined(monkeypatch, GOOD, NO_MODEL)
    assert run(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["schema"], result["ok"]) == ("longdoc.doctor/1", False)
    assert result["checks"][1] == {
        "name": "model", "ok": False, "tried": True, "needed": True, "found": "It is not there.",
        "fix": "pip install longdoc", "details": {},
    }  # fmt: skip
    jsonschema.validate(result, schema("longdoc.doctor/1"))
    assert "why: It is not there." in err


def test_a_ring_that_does_not_work_is_told_as_such_and_its_json_follows_the_schema(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    links = doctor.Check("links", True, "gloo", details={"links": []})
    broken = doctor.Check("ring", False, "The ring computes something else.", fix="--attention stream")
    examined(monkeypatch, GOOD, links, broken)
    assert run(["doctor", "--ring", "--json"]) == 1
    out, err = capsys.readouterr()
    jsonschema.validate(json.loads(out), schema("longdoc.doctor/1"))
    assert "A ring does not work here." in err
    examined(monkeypatch, GOOD, NO_MODEL, links, broken)
    assert run(["doctor", "--ring"]) == 1
    assert "No summary can be made here." in capsys.readouterr().err


def test_a_check_that_fails_in_any_way_is_a_finding() -> None:
    def gone(options: ModelOptions) -> str:
        raise ModelUnavailable("It is gone.", why="deleted", fix="get it back")

    def broken(options: ModelOptions) -> str:
        raise OSError("libcudart.so: no such file\nmore")

    options = ModelOptions()
    assert doctor._tried("a", gone, options, True, "x") == doctor.Check(
        "a", False, "It is gone. (deleted)", True, "get it back"
    )
    assert doctor._tried("b", broken, options, False, "x").found == "OSError: libcudart.so: no such file"


def test_without_full_text_search_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise LongdocError("no fts5")

    monkeypatch.setattr(doctor.sqlite3, "connect", refuse)
    check = doctor._tried("search", doctor._search, ModelOptions(), True, "another Python")
    assert (check.is_ok, check.found, check.fix) == (False, "no fts5", "another Python")


def test_folders_are_measured_and_one_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "states" / "inner").mkdir(parents=True)
    (tmp_path / "states" / "inner" / "a").write_bytes(b"x" * 1000)
    (tmp_path / "states" / "again").symlink_to(tmp_path / "states" / "inner" / "a")
    found = {place.name: place for place in places.places(str(tmp_path / "states"))}
    assert list(found) == ["data", "settings", "states", "models", "temporary"]
    assert (found["states"].num_bytes, found["states"].is_writable) == (1000, True)
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    words = doctor._folders(str(tmp_path / "elsewhere")).words
    assert f"states {tmp_path / 'elsewhere'} (not there yet, not writable)" in words


def test_offline_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert doctor._network(ModelOptions()).details == {"offline": False}
    assert doctor._network(ModelOptions(offline=True)).details == {"offline": True}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in doctor._network(ModelOptions()).words


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; print('worked')", None),
        ("import sys; sys.exit('Error: libbitsandbytes_cuda999.so')", "Error: libbitsandbytes_cuda999.so"),
        ("import os; os.kill(os.getpid(), 11)", "the process ended with -11"),
    ],
)
def test_a_crash_of_a_library_is_a_finding(program: str, why: str | None) -> None:
    pipe = subprocess.PIPE
    trial = subprocess.Popen([sys.executable, "-c", program], stdout=pipe, stderr=pipe, encoding="utf-8")
    if why is None:
        assert quantized.end_trial(trial) == "worked"
        return
    with pytest.raises(LongdocError) as caught:
        quantized.end_trial(trial)
    assert caught.value.why == why
