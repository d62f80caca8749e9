"""Runs that write to one folder at once do each document once; what is gone is named; Ctrl-C says how it goes on."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_crew import FakeCrew
from test_batch import do

from longdoc.core.batch import BatchTask, DocumentDone, Item
from longdoc.core.events import Event, Warned
from longdoc.pipeline import batch as batches
from longdoc.pipeline.batch import run
from longdoc.pipeline.claims import claim

TASK = BatchTask()
_LONGEST_S = 30.0


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        (folder / f"n{number}.txt").write_text(f"text {number}")
    return folder


class Run(threading.Thread):
    """A batch in a thread of its own. made: what its workers did, in order."""

    def __init__(self, docs: Path, out: Path, on_begin: Any = None, **options: Any) -> None:
        super().__init__(daemon=True)
        self.made: list[str] = []
        self.events: list[Event] = []
        self.failure: BaseException | None = None
        self._arguments = [str(docs)], out
        self._options = options
        self._on_begin = on_begin

    def run(self) -> None:
        crew: list[FakeCrew] = []

        def crew_of(task: BatchTask) -> FakeCrew:
            crew.append(FakeCrew(task, self._on_begin))
            return crew[-1]

        try:
            run(*self._arguments, TASK, crew_of, self.events.append, **self._options)
        except BaseException as failure:
            self.failure = failure
        self.made = [name for each in crew for name in each.made]

    def end(self) -> None:
        self.join(_LONGEST_S)
        assert not self.is_alive()
        assert self.failure is None, self.failure


def recorded(out: Path) -> list[str]:
    return [json.loads(line)["name"] for path in out.glob("manifest*") for line in path.read_text().splitlines()]


@pytest.mark.parametrize("shard_is_first", [True, False])
def test_a_run_of_all_and_one_of_a_shard_share_the_work(
    shard_is_first: bool, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_LOOK_EVERY_S", 0.01)
    out, has_begun, may_go_on = tmp_path / "out", threading.Event(), threading.Event()
    held: list[str] = []

    def wait(item: Item) -> None:
        if not held:
            held.append(item.name)
        has_begun.set()
        may_go_on.wait(_LONGEST_S)

    options = [{"shard": (1, 2)}, {}] if shard_is_first else [{}, {"shard": (1, 2)}]
    first = Run(many, out, wait, **options[0])
    first.start()
    assert has_begun.wait(_LONGEST_S)
    second = Run(many, out, **options[1])
    second.start()
    second.join(0.5)
    assert second.is_alive()  # it waits for what the first has in hand
    may_go_on.set()
    first.end()
    second.end()
    assert held[0] not in second.made
    assert not {*first.made} & {*second.made}
    assert len(recorded(out)) == len({*recorded(out)}) == 12
    done = [event for event in second.events if isinstance(event, DocumentDone)]
    assert (held[0], "before") in [(event.document, event.status) for event in done]
    assert not [path.name for path in out.iterdir() if path.name.endswith(".lock")]
    assert do(many, out)[0] == []


def test_what_another_run_had_in_hand_when_it_was_killed_is_done(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_LOOK_EVERY_S", 0.01)
    out, has_begun, may_end = tmp_path / "out", threading.Event(), threading.Event()

    def die(item: Item) -> None:
        has_begun.set()
        may_end.wait(_LONGEST_S)
        raise SystemExit

    first = Run(many, out, die, shard=(1, 2))
    first.start()
    assert has_begun.wait(_LONGEST_S)
    second = Run(many, out)
    second.start()
    second.join(0.3)
    assert second.is_alive()
    may_end.set()
    second.end()
    assert len(second.made) == 12
    assert isinstance(first.failure, SystemExit)


def test_a_lock_that_a_killed_run_left_is_removed(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out)
    (out / ".document-0123456789abcdef.lock").write_text("")
    assert do(docs, out)[0] == []
    assert not [*out.glob(".*.lock")]
    held = claim(out, "document-0123456789abcdef")
    assert held is not None
    do(docs, out)
    assert [*out.glob(".*.lock")]  # another run has it
    held.release()


def test_a_document_that_is_gone_stays_in_the_index_and_is_marked(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (docs / "b.txt").write_text("bad")
    do([str(docs), str(docs / "none.txt")], out)
    assert ", gone" not in (out / "index.md").read_text()  # what never was there failed, and says why
    (docs / "a.txt").unlink()
    (docs / "b.txt").unlink()
    made, outcome, _ = do(docs, out)
    assert (made, outcome.num_documents) == ([], 1)
    index = (out / "index.md").read_text()
    assert "| [a.txt](a.txt.md) | alpha | complete, gone |" in index
    assert "| b.txt |  | failed, gone |" in index
    assert "2 of them are gone: their results stay." in index
    assert (out / "a.txt.md").exists()
    (docs / "a.txt").write_text("alpha")
    assert do(docs, out)[0] == []  # it is back, with the same bytes
    assert "1 of them is gone: its result stays." in (out / "index.md").read_text()


def stopped(docs: Path, out: Path, on_begin: Any) -> str:
    events: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        run([str(docs)], out, TASK, lambda task: FakeCrew(task, on_begin), events.append)
    (told,) = [event.message for event in events if isinstance(event, Warned)]
    return told


def test_ctrl_c_says_what_is_done_and_how_to_go_on(docs: Path, tmp_path: Path) -> None:
    def stop_at(name: str) -> Any:
        def stop(item: Item) -> None:
            if item.name == name:
                raise KeyboardInterrupt

        return stop

    out, rest = tmp_path / "out", "; the same command goes on with the rest"
    assert stopped(docs, out, stop_at("a.txt")) == f"stopped: 0 of 3 documents done now{rest}"
    assert stopped(docs, out, stop_at("b.txt")) == f"stopped: 1 of 3 documents done now{rest}"
    assert stopped(docs, out, stop_at("sub/c.txt")) == f"stopped: 1 of 3 documents done now, 1 before{rest}"
    assert do(docs, out)[0] == ["sub/c.txt"]


@pytest.mark.parametrize("where", ["items_of", "open_manifest", "Rows", "settings_hash"])
def test_ctrl_c_before_anything_is_begun_says_that(
    where: str, docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    monkeypatch.setattr(batches, where, stop)
    assert "before any document was begun" in stopped(docs, out, None)
    monkeypatch.undo()
    assert not [*tmp_path.glob("out/.*")]
    assert len(do(docs, out)[0]) == 3
