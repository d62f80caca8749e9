"""A batch does each document once, records it after its results, and goes on from there, whatever ended it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_crew import FakeCrew, made

from longdoc.core.batch import BatchFinished, BatchTask, DocumentDone, Item, Made, OfDocument
from longdoc.core.errors import OutputError, UsageError
from longdoc.core.events import Event, ignore
from longdoc.core.settings import StateOptions, SummaryOptions
from longdoc.output.json import error_json
from longdoc.pipeline import batch_manifest
from longdoc.pipeline.batch import run
from longdoc.pipeline.batch_crew import Lost
from longdoc.pipeline.batch_process import Finished
from longdoc.pipeline.batch_rows import BatchOutcome

TASK = BatchTask()


def do(
    docs: Path | list[str], out: Path, task: BatchTask = TASK, **options: Any
) -> tuple[list[str], BatchOutcome, list[Event]]:
    """Run a batch. -> names that were made, the outcome, the events."""
    crews: list[FakeCrew] = []
    on_begin: Callable[[Item], Any] | None = options.pop("on_begin", None)

    def crew_of(task: BatchTask) -> FakeCrew:
        crews.append(FakeCrew(task, on_begin))
        return crews[-1]

    events: list[Event] = []
    sources = docs if isinstance(docs, list) else [str(docs)]
    outcome = run(sources, out, task, crew_of, events.append, **options)
    assert all(crew.is_closed for crew in crews)
    return [name for crew in crews for name in crew.made], outcome, events


def rows(out: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def test_every_document_has_its_result_a_row_and_a_place_in_the_index(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names, outcome, events = do(docs, out, replace(TASK, forms=("md", "json")))
    assert names == ["a.txt", "b.txt", "sub/c.txt"]
    assert (out / "sub" / "c.txt.md").read_text() == "md: gamma"
    assert (out / "a.txt.json").read_text() == "json: alpha"
    assert [row["files"] for row in rows(out)][2] == ["sub/c.txt.md", "sub/c.txt.json"]
    index = (out / "index.md").read_text()
    assert "[a.txt](a.txt.md)" in index
    assert "3 documents: 3 complete." in index
    assert (outcome.num_documents, outcome.num_now, outcome.failed) == (3, 3, [])
    done = [event for event in events if isinstance(event, DocumentDone)]
    assert [(event.num_done, event.num_documents) for event in done] == [(1, 3), (2, 3), (3, 3)]
    assert {event.document for event in events if isinstance(event, OfDocument)} == {*names}
    assert sorted(path.name for path in out.rglob("*") if path.name.startswith(".")) == []


def test_the_index_is_a_page_of_html_too_where_there_are_such_results(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out)
    assert not (out / "index.html").exists()
    do(docs, out, replace(TASK, forms=("md", "html")))
    assert '<a href="sub/c.txt.html">' in (out / "index.html").read_text()
    assert "[a.txt](a.txt.md)" in (out / "index.md").read_text()


def test_a_second_run_starts_no_worker_and_changes_no_byte(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    names, outcome, events = do(docs, out)
    assert names == []
    assert outcome.num_now == 0
    assert isinstance(events[-1], BatchFinished)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_only_what_is_new_or_changed_or_missing_is_done_again(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out)
    (docs / "b.txt").write_text("beta two")
    (docs / "d.txt").write_text("delta")
    (out / "a.txt.md").unlink()
    os.utime(docs / "sub" / "c.txt")  # the same bytes
    assert do(docs, out)[0] == ["a.txt", "b.txt", "d.txt"]
    assert (out / "b.txt.md").read_text() == "md: beta two"
    assert "4 documents" in (out / "index.md").read_text()


@pytest.mark.parametrize(
    "other",
    [
        replace(TASK, summary=SummaryOptions(words=80)),
        replace(TASK, summary=None, questions=("Who?",)),
        replace(TASK, forms=("md", "text")),
        replace(TASK, model=replace(TASK.model, window=99)),
        replace(TASK, source=replace(TASK.source, pages="1-3")),
    ],
)
def test_other_settings_do_everything_again(other: BatchTask, docs: Path, tmp_path: Path) -> None:
    do(docs, tmp_path / "out")
    assert len(do(docs, tmp_path / "out", other)[0]) == 3


def test_what_makes_no_difference_to_results_does_nothing_again(docs: Path, tmp_path: Path) -> None:
    do(docs, tmp_path / "out")
    same = replace(TASK, model=replace(TASK.model, threads=1, device="cpu"), source=replace(TASK.source, seconds=9.0))
    assert do(docs, tmp_path / "out", same)[0] == []


def test_fresh_does_everything_again(docs: Path, tmp_path: Path) -> None:
    do(docs, tmp_path / "out")
    assert len(do(docs, tmp_path / "out", replace(TASK, states=StateOptions(fresh=True)))[0]) == 3


def test_a_bad_document_stops_no_other_and_is_tried_again_only_when_asked_for_or_changed(
    docs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (docs / "b.txt").write_text("bad")
    _, outcome, _ = do(docs, out)
    assert outcome.failed == [("b.txt", 65, f"{docs}/b.txt cannot be read. (it is bad)")]
    assert len(rows(out)) == 3
    again, outcome, _ = do(docs, out)
    assert (again, len(outcome.failed)) == ([], 1)  # it is still told
    assert do(docs, out, retry=True)[0] == ["b.txt"]
    (docs / "b.txt").write_text("mended")
    again, outcome, _ = do(docs, out)
    assert (again, outcome.failed) == (["b.txt"], [])
    assert "failed" not in (out / "index.md").read_text()


def test_a_file_that_was_still_being_written_when_it_failed_is_tried_again(docs: Path, tmp_path: Path) -> None:
    (docs / "b.txt").write_text("bad: the beginning")

    def grow(item: Item) -> Any:
        if item.name != "b.txt":
            return None
        failed = Finished(item, made(item, TASK))
        (docs / "b.txt").write_text("whole")  # between the failure and its row
        return failed

    _, outcome, _ = do(docs, tmp_path / "out", on_begin=grow)
    assert [name for name, _, _ in outcome.failed] == ["b.txt"]
    again, outcome, _ = do(docs, tmp_path / "out")
    assert (again, outcome.failed) == (["b.txt"], [])


def test_of_a_bug_its_kind_is_told_and_its_message_only_in_the_manifest(docs: Path, tmp_path: Path) -> None:
    def bug(item: Item) -> Any:
        failed = Made(status="failed", error=error_json(KeyError("a piece of the text")))
        return Finished(item, failed) if item.name == "b.txt" else None

    _, outcome, events = do(docs, tmp_path / "out", on_begin=bug)
    assert outcome.failed == [("b.txt", 70, "a bug in longdoc: KeyError")]
    assert "a piece of the text" not in str(events)
    assert "a piece of the text" in str(rows(tmp_path / "out"))


def test_a_missing_document_needs_no_worker_and_is_looked_for_each_time(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names, outcome, _ = do([str(docs / "none.txt")], out)
    assert (names, [code for _, code, _ in outcome.failed]) == ([], [66])
    (docs / "none.txt").write_text("there")
    names, outcome, _ = do([str(docs / "none.txt")], out)
    assert (names, outcome.failed) == (["none.txt"], [])


def test_a_partial_result_is_recorded_as_one(docs: Path, tmp_path: Path) -> None:
    (docs / "b.txt").write_text("part of it")
    _, outcome, _ = do(docs, tmp_path / "out")
    assert outcome.partial == [("b.txt", 3, "partial: a page")]
    assert do(docs, tmp_path / "out")[0] == []


def test_the_document_of_a_worker_that_died_fails_and_is_done_by_the_next_run(docs: Path, tmp_path: Path) -> None:
    def die(item: Item) -> Lost | None:
        return Lost(item, "the worker was killed (SIGKILL)", True) if item.name == "b.txt" else None

    names, outcome, _ = do(docs, tmp_path / "out", on_begin=die)
    assert names == ["a.txt", "sub/c.txt"]
    assert outcome.failed[0][:2] == ("b.txt", 71)
    assert do(docs, tmp_path / "out")[0] == ["b.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_is_recorded_when_a_run_ends_is_not_done_again(
    stop: type[BaseException], docs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def end(item: Item) -> None:
        if item.name == "b.txt":
            raise stop

    with pytest.raises(stop):
        do(docs, out, on_begin=end)
    assert [row["name"] for row in rows(out)] == ["a.txt"]
    assert "[a.txt](a.txt.md)" in (out / "index.md").read_text()
    assert do(docs, out)[0] == ["b.txt", "sub/c.txt"]
    whole = tmp_path / "whole"
    do(docs, whole)
    for path in whole.rglob("*.md"):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_a_row_is_written_after_its_results_and_what_was_not_recorded_is_done_again(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    add = batch_manifest.Manifest.add

    def killed(self: batch_manifest.Manifest, row: dict[str, Any]) -> None:
        assert all((out / name).is_file() for name in row["files"])
        assert not [*out.rglob("*.tmp")]
        if row["name"] == "b.txt":
            raise SystemExit  # between the results and their row
        add(self, row)

    monkeypatch.setattr(batch_manifest.Manifest, "add", killed)
    with pytest.raises(SystemExit):
        do(docs, out)
    monkeypatch.undo()
    assert (out / "b.txt.md").exists()
    assert do(docs, out)[0] == ["b.txt", "sub/c.txt"]


def test_what_a_kill_left_half_written_is_gone_after_the_next_run(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".a.txt.md.4711.tmp").write_text("half")
    (out / ".index.md.4711.tmp").write_text("half")
    (out / "manifest.jsonl").write_text('{"schema": "longdoc.manifest/1", "name": "a.t')
    assert len(do(docs, out)[0]) == 3
    assert len(rows(out)) == 3
    assert sorted(path.name for path in out.iterdir()) == ["a.txt.md", "b.txt.md", "index.md", "manifest.jsonl", "sub"]


def test_shards_do_each_document_once_and_the_index_has_them_all(docs: Path, tmp_path: Path) -> None:
    for number in range(12):
        (docs / f"n{number}.txt").write_text(f"text {number}")
    out = tmp_path / "out"
    made = [do(docs, out, shard=(number, 3))[0] for number in (1, 2, 3)]
    assert all(made)
    names = [name for part in made for name in part]
    assert len({*names}) == len(names) == 15
    assert {path.name for path in out.glob("manifest*")} == {f"manifest-{n}-of-3.jsonl" for n in (1, 2, 3)}
    assert "15 documents: 15 complete." in (out / "index.md").read_text()
    assert do(docs, out)[0] == []  # one run for all of them knows what the shards did


def test_two_batches_do_not_write_to_one_folder_at_once(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = batch_manifest.open_manifest(out, None)
    try:
        with pytest.raises(OutputError, match="Another batch"):
            run([str(docs)], out, TASK, FakeCrew, ignore)
        do(docs, out, shard=(1, 2))  # a shard has a manifest of its own
    finally:
        manifest.close()


def test_results_are_never_written_among_the_sources(docs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="among the sources"):
        do(docs, docs)
    (docs / "a.txt.md").write_text("mine")
    with pytest.raises(UsageError, match="would replace"):
        do([str(docs / "a.txt"), str(docs / "a.txt.md")], docs)
    assert (docs / "a.txt.md").read_text() == "mine"
    assert len(do(docs, docs / "out")[0]) == 4
    assert do(docs, docs / "out")[0] == []  # results below a source are no documents
    assert not (tmp_path / "out").exists()


def test_results_follow_the_umask(docs: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        do(docs, tmp_path / "out")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert modes == {"a.txt.md": 0o640, "b.txt.md": 0o640, "index.md": 0o640, "manifest.jsonl": 0o640, "sub": 0o750}
