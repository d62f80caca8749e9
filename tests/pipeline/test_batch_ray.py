"""A batch on a Ray cluster gives the same as one here, also when a worker is killed. Skipped where Ray is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
from fake_crew import FakeCrew, made

from longdoc import __version__
from longdoc.core.batch import BatchTask, Item
from longdoc.core.errors import ModelUnavailable
from longdoc.core.events import ignore
from longdoc.pipeline import batch_ray
from longdoc.pipeline.batch import run

SCRIPT = Path(__file__).with_name("ray_cluster.py")


class DeadActorError(Exception):
    """As Ray's RayActorError."""


class FakeRay:
    """What `RayCrew` uses of Ray, in this process. `deaths`: of a document, how often its worker dies."""

    def __init__(self, deaths: dict[str, int], version: str = __version__) -> None:
        self.exceptions = SimpleNamespace(RayError=DeadActorError, OutOfMemoryError=MemoryError)
        self.deaths = deaths
        self.version = version
        self.num_actors = 0
        self.is_shut = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def nodes(self) -> list[str]:
        return ["one", "two"]

    def remote(self, kind: type) -> Any:
        def start(task: BatchTask, folder: str) -> Any:
            self.num_actors += 1
            return SimpleNamespace(
                open=SimpleNamespace(remote=lambda: _Call(lambda: self.version)),
                work=SimpleNamespace(remote=lambda item: _Call(lambda: self._work(item, task))),
            )

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=start))

    def _work(self, item: Item, task: BatchTask) -> Any:
        if self.deaths.get(item.name, 0):
            self.deaths[item.name] -= 1
            raise DeadActorError("The actor died.")
        return made(item, task)

    def wait(self, calls: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return calls[:1], calls[1:]

    def get(self, call: Any) -> Any:
        return call.answer()

    def kill(self, actor: Any) -> None:
        """Nothing to kill."""

    def shutdown(self) -> None:
        self.is_shut = True


class _Call:
    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(f"text of {name}")
    return folder


def on_ray(ray: FakeRay, docs: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(batch_ray, "_connected", lambda address: ray)
    return run([str(docs)], out, BatchTask(), lambda task: batch_ray.RayCrew(task, None, "ray"), ignore)


@pytest.mark.parametrize("num_deaths", [0, 1, 3])
def test_a_document_whose_worker_died_is_given_again(
    num_deaths: int, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay({"b.txt": num_deaths})
    outcome = on_ray(ray, docs, tmp_path / "out", monkeypatch)
    assert (outcome.num_now, outcome.failed) == (3, [])
    assert ray.num_actors == 2 + num_deaths
    assert ray.is_shut
    run([str(docs)], tmp_path / "here", BatchTask(), FakeCrew, ignore)
    for path in (tmp_path / "here").glob("*.md"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_document_that_takes_its_worker_with_it_each_time_fails(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = on_ray(FakeRay({"b.txt": 99}), docs, tmp_path / "out", monkeypatch)
    assert [(name, "died 4 times" in what) for name, _, what in outcome.failed] == [("b.txt", True)]
    assert (tmp_path / "out" / "c.txt.md").exists()


def test_a_node_with_another_version_is_refused(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match=r"has longdoc 0\.0\.0"):
        on_ray(FakeRay({}, "0.0.0"), docs, tmp_path / "out", monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_on_a_real_cluster_with_a_worker_killed_in_the_middle(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    pytest.importorskip("ray", reason="the extra longdoc[ray] is not installed")
    docs, out = tmp_path / "docs", tmp_path / "out"
    docs.mkdir()
    model = tiny.checkpoint(tmp_path / "model")
    for number in range(5):
        (docs / f"{number}.txt").write_text(tiny.prose(60, number))
    command = [sys.executable, str(SCRIPT), str(docs), str(out), str(model)]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert (tmp_path / "killed").exists()
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert sorted(row["name"] for row in rows) == [f"{number}.txt" for number in range(5)]
    here = tmp_path / "here"
    program = "import sys; from longdoc.cli import main; main()"
    arguments = ["--model", str(model), "--device", "cpu", "--threads", "1", "--quiet"]
    command = [sys.executable, "-c", program, "batch", str(docs), "-o", str(here), *arguments]
    subprocess.run(command, env=child_environment, check=True, timeout=200)
    for path in here.glob("*.md"):
        assert (out / path.name).read_bytes() == path.read_bytes()
