"""What a worker makes of a document: the same bytes at once, again, and after an interruption; or a failure."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kept import session_of
from test_interrupted import StopAt

from longdoc.core.batch import BatchTask, Item, Made
from longdoc.core.events import Event, StateUsed, ignore
from longdoc.core.settings import SummaryOptions
from longdoc.output.json import schema
from longdoc.pipeline.batch_work import make
from longdoc.pipeline.session import Session

TASK = BatchTask(summary=SummaryOptions(words=60), questions=("Who came?", "Where?"), forms=("md", "text", "json"))
KINDS = ["pointing", "writing"]


def made(book: Path, session: Session, task: BatchTask = TASK, on_event: Any = ignore) -> Made:
    return make(Item("book.md", str(book)), task, session, on_event)


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_the_same_bytes_each_time_and_hold_no_time(
    kind: str, folder: Path, book: Path, request: pytest.FixtureRequest
) -> None:
    model: Session = request.getfixturevalue(kind)
    first = made(book, session_of(model, folder))
    again = made(book, session_of(model, None, threads=1))
    assert first.status == "complete"
    assert first.pages == again.pages
    assert first.stats["seconds"] > 0
    assert first.stats["read_tokens_per_s"] > 0
    assert not folder.exists() or not list(folder.iterdir())  # a batch leaves no states
    for form in ("md", "text"):
        assert "tokens/s" not in first.pages[form]
        assert " MB" not in first.pages[form]
        assert first.pages[form].count("sha256") == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_segments", [3, 9])
@pytest.mark.parametrize("asks_only", [False, True])
def test_an_interrupted_document_goes_on_and_gives_the_same_bytes(
    kind: str,
    num_segments: int,
    asks_only: bool,
    folder: Path,
    book: Path,
    always: None,
    request: pytest.FixtureRequest,
) -> None:
    model: Session = request.getfixturevalue(kind)
    task = replace(TASK, summary=None) if asks_only else TASK
    options: dict[str, Any] = {"segment_tokens": 128}
    with pytest.raises(KeyboardInterrupt):
        made(book, session_of(model, folder, **options), task, StopAt(num_segments))
    events: list[Event] = []
    again = made(book, session_of(model, folder, **options), task, events.append)
    assert any(isinstance(event, StateUsed) for event in events)
    assert again.stats["tokens_from_state"] > 0
    assert again.pages == made(book, session_of(model, None, **options), task).pages
    assert not [path for path in folder.iterdir() if not path.name.startswith(".")]


def test_the_json_holds_valid_summaries_and_answers(pointing: Session, book: Path) -> None:
    import jsonschema

    row = json.loads(made(book, session_of(pointing, None)).pages["json"])
    assert row["schema"] == "longdoc.document/1"
    jsonschema.validate(row["summary"], schema("longdoc.summary/1"))
    assert [answer["question"] for answer in row["answers"]] == ["Who came?", "Where?"]
    for answer in row["answers"]:
        jsonschema.validate(answer, schema("longdoc.answer/1"))
    assert row["summary"]["stats"]["seconds"] is None


def test_only_what_is_wanted_is_made(pointing: Session, book: Path) -> None:
    session = session_of(pointing, None)
    summary = made(book, session, replace(TASK, questions=()))
    answers = made(book, session, replace(TASK, summary=None))
    assert json.loads(summary.pages["json"])["answers"] == []
    assert json.loads(answers.pages["json"])["summary"] is None
    assert made(book, session).pages["md"].startswith(summary.pages["md"])
    assert summary.first
    assert math.isfinite(summary.stats["seconds"])


def test_a_document_that_cannot_be_read_is_a_failure_with_its_reason(pointing: Session, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("   \n")
    failed = make(Item("empty.txt", str(tmp_path / "empty.txt")), TASK, session_of(pointing, None), ignore)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["exit_code"] == 65
    assert failed.pages == {}


def test_a_bug_in_one_document_is_its_failure(pointing: Session, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longdoc.pipeline.batch_work.summarize", lambda *a, **k: 1 / 0)
    failed = made(book, session_of(pointing, None))
    assert failed.error is not None
    assert (failed.status, failed.error["exit_code"]) == ("failed", 70)
