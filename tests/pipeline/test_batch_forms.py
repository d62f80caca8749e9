"""Another form of a result needs no second reading, and is the same bytes as if it had been made at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_crew import FakeCrew
from handmade import make_answer, make_summary
from kept import session_of

from longdoc.core.batch import BatchTask, DocumentDone, Item, Made
from longdoc.core.events import Event
from longdoc.core.records import to_text
from longdoc.core.settings import StateOptions, SummaryOptions
from longdoc.output.documents import FORMS, DocumentResult, timeless
from longdoc.pipeline.batch import run
from longdoc.pipeline.batch_process import Finished
from longdoc.pipeline.batch_results import keep, pages_again
from longdoc.pipeline.batch_work import make

TASK = BatchTask(summary=SummaryOptions(words=60), questions=("Who came?", "Where?"), forms=("md",))


def hand_made(item: Item, task: BatchTask) -> Finished:
    """A result as a worker makes it, that says what stands in the file."""
    words = Path(item.path).read_text()
    answers = tuple(make_answer(question, item.name, text=words) for question in task.questions)
    result = timeless(DocumentResult(item.name, make_summary(item.name), answers, task.quote))
    pages = {form: FORMS[form].render(result) for form in task.forms}
    status = "partial" if words.startswith("part") else "complete"
    return Finished(
        item, Made(status, pages, sha256=None, lost="a page" * (status == "partial"), result=to_text(result))
    )


def do(docs: Path, out: Path, task: BatchTask) -> tuple[list[str], list[Event]]:
    """A batch. -> the documents that a worker had, the events."""
    had: list[str] = []
    events: list[Event] = []

    def on_begin(item: Item) -> Finished:
        had.append(item.name)
        return hand_made(item, task)

    run([str(docs)], out, task, lambda task: FakeCrew(task, on_begin), events.append)
    return had, events


def files(out: Path) -> dict[str, bytes]:
    """All but the manifest, which has times."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "manifest.jsonl"
    }


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    for name, text in {"a.txt": "alpha", "b.txt": "part of it", "sub/ü c.txt": "gamma"}.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("kind", ["pointing", "writing"])
@pytest.mark.parametrize("quote", [False, True])
def test_every_form_of_a_real_result_is_the_same_made_again(
    kind: str, quote: bool, folder: Path, book: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    task = replace(TASK, forms=tuple(FORMS), quote=quote)
    made = make(Item("book.md", str(book)), task, session_of(request.getfixturevalue(kind), folder), lambda event: None)
    keep(tmp_path, "book.md", "key", made.result)
    assert pages_again(tmp_path, "book.md", "key", task.forms, quote=quote) == made.pages
    assert pages_again(tmp_path, "book.md", "key", ["md"], quote=not quote) != {"md": made.pages["md"]}
    assert pages_again(tmp_path, "book.md", "another key", ["md"], quote=quote) is None


def test_a_form_that_is_added_is_made_without_a_worker_and_the_folder_is_that_of_a_fresh_run(
    docs: Path, tmp_path: Path
) -> None:
    assert len(do(docs, tmp_path / "out", TASK)[0]) == 3
    had, events = do(docs, tmp_path / "out", replace(TASK, forms=("json", "md", "html")))
    assert had == []
    done = [(event.document, event.status) for event in events if isinstance(event, DocumentDone)]
    assert done == [("a.txt", "complete"), ("b.txt", "partial"), ("sub/ü c.txt", "complete")]
    do(docs, tmp_path / "fresh", replace(TASK, forms=("json", "md", "html")))
    assert files(tmp_path / "out") == files(tmp_path / "fresh")
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert rows[-1]["files"] == ["sub/ü c.txt.json", "sub/ü c.txt.md", "sub/ü c.txt.html"]
    assert rows[-1]["key"] == rows[2]["key"]
    assert do(docs, tmp_path / "out", TASK)[0] == []  # fewer forms are there too


def test_a_result_that_somebody_removed_is_made_again_from_what_was_kept(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out, TASK)
    before = files(out)
    (out / "a.txt.md").unlink()
    assert do(docs, out, TASK)[0] == []
    assert files(out) == before


def test_passages_are_shown_without_another_reading(docs: Path, tmp_path: Path) -> None:
    quoting = replace(TASK, forms=("md", "text"), quote=True)
    do(docs, tmp_path / "out", replace(TASK, forms=("md", "text", "json")))
    assert do(docs, tmp_path / "out", quoting)[0] == []
    do(docs, tmp_path / "fresh", quoting)
    fresh, there = files(tmp_path / "fresh"), files(tmp_path / "out")
    assert {name: there[name] for name in fresh if name.endswith((".md", ".txt"))} == {
        name: page for name, page in fresh.items() if name.endswith((".md", ".txt"))
    }
    assert b"All day it rained" in there["a.txt.md"]
    (row, *_) = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()][3:]
    assert row["files"] == ["a.txt.md", "a.txt.txt"]  # the JSON is of the result before
    assert do(docs, tmp_path / "out", quoting)[0] == []


@pytest.mark.parametrize("damage", ["gone", "torn", "another key", "another kind"])
def test_what_was_kept_is_used_only_when_it_is_sound_and_of_this_document(
    damage: str, docs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    do(docs, out, TASK)
    kept = out / ".results" / "a.txt.json"
    text = kept.read_text()
    match damage:
        case "gone":
            kept.unlink()
        case "torn":
            kept.write_text(text[:-40])
        case "another key":
            kept.write_text(text.replace('"key": "', '"key": "0'))
        case "another kind":
            kept.write_text(json.dumps({**json.loads(text), "result": '{"name": "a.txt"}'}))
    assert do(docs, out, replace(TASK, forms=("md", "json")))[0] == ["a.txt"]


def test_another_document_other_settings_and_fresh_need_a_worker(docs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    do(docs, out, TASK)
    (docs / "a.txt").write_text("alpha two")
    more = replace(TASK, forms=("md", "json"))
    assert do(docs, out, more)[0] == ["a.txt"]
    assert b"alpha two" in (out / "a.txt.json").read_bytes()
    assert len(do(docs, out, replace(more, summary=SummaryOptions(words=61)))[0]) == 3
    assert len(do(docs, out, replace(more, summary=SummaryOptions(words=61), states=StateOptions(fresh=True)))[0]) == 3
