"""`longdoc models` on a made cache: what is there, what is missing, and what goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import tiny
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from longdoc.cli import run
from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine import hub
from longdoc.engine.known import known, known_models

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WHOLE, BROKEN = "someone/whole", "someone/broken"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> Path:
    """A cache with a whole model, and one whose weights were not all fetched."""
    folder = tmp_path / "hub"
    for model in (WHOLE, BROKEN):
        snapshot = put(folder, model, checkpoint)
        if model == BROKEN:
            (snapshot / "model.safetensors").unlink()
            shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
            (snapshot / "model.safetensors.index.json").write_text(json.dumps(shards))
            (snapshot / "model-1.safetensors").write_bytes(b"")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


def put(folder: Path, model: str, checkpoint: Path) -> Path:
    """A model as the hub keeps it: blobs, a snapshot of links, a ref."""
    repository = folder / f"models--{model.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    for number, file in enumerate(sorted(path for path in checkpoint.iterdir() if path.is_file())):
        blob = repository / "blobs" / f"{number:040x}"
        shutil.copy(file, blob)
        (snapshot / file.name).symlink_to(blob)
    return snapshot


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_the_list_names_what_is_here_and_what_it_lacks(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list"]) == 0
    out, err = capsys.readouterr()
    assert lines(out, "embedded")
    assert COMMIT[:8] in lines(out, WHOLE)[0]
    assert "NOT WHOLE" not in lines(out, WHOLE)[0]
    assert "NOT WHOLE: lacks model-2.safetensors" in lines(out, BROKEN)[0]
    assert all(any(model.id in line for line in lines(out, f"{model.gpu_gb} GB")) for model in known_models())
    assert str(cache) in err


def test_the_list_as_json(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["schema"] == "longdoc.models/1"
    assert [(row["id"], row["missing"]) for row in result["models"]] == [
        (BROKEN, ["model-2.safetensors"]),
        (WHOLE, []),
    ]
    assert result["models"][1]["bytes"] > 10_000
    assert {row["gpu_gb"] for row in result["recommended"]} == {8, 16, 24, 48}
    assert not any(row["is_here"] for row in result["recommended"])


def test_offline_names_what_is_missing_of_the_recommended(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--offline"]) == 0
    err = capsys.readouterr().err
    assert err.count("missing here: ") == len({model.id for model in known_models()})
    assert run(["models", "pull", BROKEN, "--offline"]) == 69
    assert "it lacks model-2.safetensors" in capsys.readouterr().err
    assert run(["models", "pull", WHOLE, "--offline"]) == 0
    assert capsys.readouterr().out.strip().endswith(COMMIT)


def test_without_a_cache_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "none"))
    assert run(["models", "list"]) == 0
    assert "0 models" in capsys.readouterr().err
    assert run(["models", "rm", WHOLE, "--yes"]) == 69
    assert run(["models", "path", WHOLE]) == 69


@pytest.mark.parametrize(
    ("model", "code"), [(WHOLE, 0), ("embedded", 0), (BROKEN, 69), ("a/b", 69), ("./nowhere", 69), ("gpt", 69)]
)
def test_path_is_the_folder_that_is_read(
    model: str, code: int, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "path", model]) == code
    out = capsys.readouterr().out
    assert (Path(out.strip()) / "config.json").is_file() if code == 0 else out == ""


def test_show_says_what_a_model_takes(cache: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[dict[str, Any]] = []
    for model in (WHOLE, str(checkpoint), known_models()[0].id):
        assert run(["models", "show", model, "--offline", "--json"]) == 0
        shown += json.loads(capsys.readouterr().out)["models"]
    shape = ("kind", "layers", "heads", "key_value_heads", "head_dim", "native_tokens", "exact_bytes_per_100k")
    assert [shown[0][key] for key in shape] == [shown[1][key] for key in shape]
    assert (shown[0]["adapter"], shown[1]["adapter"]) == (None, "tiny")
    assert shown[0]["layers"] == 2
    assert (shown[2]["licence"], shown[2]["native_tokens"]) == ("Apache-2.0", 262_144)
    assert run(["models", "show", WHOLE, "--offline"]) == 0
    assert "key value heads" in capsys.readouterr().out
    assert run(["models", "show", "a/b", "--offline"]) == 69


def test_removing_asks_on_a_terminal_and_needs_yes_elsewhere(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "rm", WHOLE]) == 2
    assert "no terminal" in capsys.readouterr().err
    monkeypatch.setattr("longdoc.cli.models.sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *words, **how: False)
    assert run(["models", "rm", WHOLE]) == 0
    assert [model.id for model in hub.cached_models()] == [BROKEN, WHOLE]
    assert run(["models", "rm", WHOLE, "--yes"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "removed " in err
    assert [path.name for path in cache.glob("models--*")] == ["models--someone--broken"]


def test_pulling_takes_no_weights_twice_and_tells_errors(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[dict[str, Any]] = []

    def fetched(model: str, **how: Any) -> str:
        asked.append(how)
        if model == "a/b":
            raise LocalEntryNotFoundError("no network")
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    monkeypatch.setattr("longdoc.engine.hub.check_reachable", lambda path, options: None)
    assert hub.pull(ModelOptions(WHOLE, revision="v1")) == tmp_path
    assert asked[0]["revision"] == "v1"
    assert "*.safetensors" in asked[0]["allow_patterns"]
    assert not any(pattern in asked[0]["allow_patterns"] for pattern in ("*", "*.bin", "*.gguf"))
    with pytest.raises(ModelUnavailable) as caught:
        hub.pull(ModelOptions("a/b"))
    assert caught.value.exit_code == 69


def test_the_sizes_of_the_recommended_are_those_of_their_cards() -> None:
    billions = {
        "Qwen/Qwen3-4B-Instruct-2507": 4.0,
        "Qwen/Qwen2.5-14B-Instruct": 14.7,
        "Qwen/Qwen2.5-32B-Instruct": 32.8,
    }
    for model in known_models():
        plain = hub_parameters(model.config)
        assert plain == pytest.approx(billions[model.id], rel=0.01)
        assert model.needs("cuda").total < model.gpu_gb * 1e9
        assert model.stream_bytes(100_000) == model.stream_bytes(1_000_000)
        assert model.exact_bytes(200_000) == 2 * model.exact_bytes(100_000)
    assert known("a/b") is None


def hub_parameters(config: Any) -> float:
    from longdoc.engine.sizes import dense_weight_bytes

    return dense_weight_bytes(config) / 2e9
