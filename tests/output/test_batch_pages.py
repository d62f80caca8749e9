"""The index of a batch, and what is told of many documents at once."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from handmade import make_answer, make_receipt, make_summary
from pages import Page

from longdoc.core.batch import BatchFinished, BatchStarted, DocumentDone, OfDocument
from longdoc.core.events import Event, ModelLoading, Opening, SegmentRead, Step, Warned, Writing
from longdoc.output.batch_bar import BatchBar
from longdoc.output.batch_index import index_html, index_markdown
from longdoc.output.batch_progress import BatchJson, BatchLines, BatchWarnings, open_batch_display
from longdoc.output.documents import FORMS, DocumentResult, timeless

READ = SegmentRead(5_000, 10_000, 900.0, "Chapter 1", 10**8)
STORY: list[Event] = [
    BatchStarted(3, 2, "on this machine"),
    DocumentDone("old.txt", None, "before", 1, 3),
    OfDocument("[red]a.txt", 1, Opening("a.txt")),
    OfDocument("[red]a.txt", 1, READ),
    OfDocument("[red]a.txt", 1, Warned("a page is damaged")),
    Step(),
    DocumentDone("[red]a.txt", 1, "complete", 2, 3, None, 12.0, 900.0),
    DocumentDone("b.txt", 2, "failed", 3, 3, "b.txt is damaged (it is cut off)"),
    BatchFinished(3, 2, 2, 0, 1, 75.0),
]


def row(name: str, **more: Any) -> dict[str, Any]:
    files = [f"{name}.md"]
    return {"name": name, "title": None, "status": "complete", "files": files, "first": "It rained.", **more}


def test_the_index_names_links_and_escapes() -> None:
    error = {"what": "It broke.", "why": "it was | old", "fix": None, "exit_code": 65}
    page = index_markdown(
        [
            row("a b/[x].txt", title="A | *Book*"),
            row("bad.pdf", status="failed", files=[], error=error),
            row("half.pdf", status="partial", lost="1 of 9 pages is damaged"),
        ]
    )
    assert "3 documents: 1 complete, 1 partial, 1 failed." in page
    assert "| [a b/\\[x\\].txt](a%20b/%5Bx%5D.txt.md) | A \\| \\*Book\\* | complete | It rained. |" in page
    assert "| bad.pdf |  | failed | It broke. (it was \\| old) |" in page
    assert "It rained. (1 of 9 pages is damaged)" in page


def test_the_index_in_html_links_to_pages_and_escapes() -> None:
    error = {"what": "It <b>broke</b>.", "why": "it was\x1b old", "fix": None, "exit_code": 65}
    hostile = "javascript:<script>.txt"
    page = Page(
        index_html(
            [
                row("a b/[x].txt", title="A <Book>", files=["a b/[x].txt.md", "a b/[x].txt.html"]),
                row(hostile),
                row("bad.pdf", status="failed", files=[], error=error),
                row("half.pdf", status="partial", lost="1 of 9 pages is damaged"),
            ]
        )
    )
    both = ["a%20b/%5Bx%5D.txt.html", "a%20b/%5Bx%5D.txt.md"]
    assert page.links == [*both, "javascript%3A%3Cscript%3E.txt.md", "half.pdf.md"]
    assert "4 documents: 2 complete, 1 partial, 1 failed." in page.text
    for words in ("A <Book>", hostile, "It <b>broke</b>. (it was old)", "It rained. (1 of 9 pages is damaged)"):
        assert words in page.text
    assert not {"script", "b"} & page.tags


def test_every_form_of_a_result_is_linked_the_one_for_readers_first() -> None:
    files = ["a.txt.html", "a.txt.jsonl", "a.txt.json", "a.txt.txt", "a.txt.md"]
    told = "[a.txt](a.txt.md) ([txt](a.txt.txt), [json](a.txt.json), [jsonl](a.txt.jsonl), [html](a.txt.html))"
    assert f"| {told} |" in index_markdown([row("a.txt", files=files)])
    assert Page(index_html([row("a.txt", files=files)])).links == [files[0], files[4], files[3], files[2], files[1]]
    assert "| [a.txt](a.txt.json) ([html](a.txt.html)) |" in index_markdown([row("a.txt", files=[files[2], files[0]])])


def test_documents_that_are_gone_are_marked_and_counted() -> None:
    rows = [row("a.txt", is_gone=True), row("b.txt", is_gone=False), row("c.txt", is_gone=True, status="partial")]
    page = Page(index_html(rows))
    assert "3 documents: 2 complete, 1 partial. 2 of them are gone: their results stay." in page.text
    assert page.links == ["a.txt.md", "b.txt.md", "c.txt.md"]
    assert page.text.count(", gone") == 2
    assert "partial, gone" in page.text
    assert "| complete, gone |" in index_markdown(rows)
    assert "gone" not in index_markdown(rows[1:2])


def test_an_index_of_nothing_is_a_page_too() -> None:
    assert "0 documents." in index_markdown([])
    assert "0 documents." in Page(index_html([])).text


def told(display: Any) -> None:
    for event in STORY:
        display(event)


def test_lines_tell_each_document_and_the_end() -> None:
    stream = io.StringIO()
    told(BatchLines(stream))
    assert stream.getvalue().splitlines() == [
        "3 documents, 2 workers on this machine",
        "warning: [red]a.txt: a page is damaged",
        "[2 of 3] [red]a.txt: complete, 12 s, 900 tokens/s",
        "warning: b.txt failed: b.txt is damaged (it is cut off)",
        "3 documents: 2 complete, 1 failed; 2 done now, 1 before, in 1 min 15 s",
    ]


def test_a_long_document_has_a_line_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), iter([0.0, 0.0, 1.0, 1.0, 11.0, 11.0, 11.0, 12.0, 12.0])
    show = BatchLines(stream, lambda: next(clock))
    for _ in range(4):
        show(OfDocument("a.txt", 1, READ))
    assert stream.getvalue().count("a.txt: read 5,000 of 10,000 tokens") == 1


def test_what_was_asked_is_in_no_line() -> None:
    stream, clock = io.StringIO(), iter([0.0, 0.0, 20.0, 20.0, 20.0])
    show = BatchLines(stream, lambda: next(clock))
    for _ in range(2):
        show(OfDocument("a.txt", 1, Writing("answers", 0, 2, "Who killed him?")))
    assert stream.getvalue() == "a.txt: answers: 0 of 2\n"


def test_without_progress_there_are_failures_and_warnings_only() -> None:
    stream = io.StringIO()
    told(BatchWarnings(stream))
    assert [line.split(":")[0] for line in stream.getvalue().splitlines()] == ["warning"] * 2


def test_json_has_every_event_with_its_document() -> None:
    stream = io.StringIO()
    told(BatchJson(stream))
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(rows) == len(STORY) - 1  # a step is no event for others
    assert rows[3] | {"event": "segment_read", "document": "[red]a.txt", "worker": 1, "tokens_read": 5_000} == rows[3]


def test_the_bar_draws_names_as_they_are_and_the_end() -> None:
    stream = io.StringIO()
    bar = BatchBar(stream)
    told(bar)
    bar(OfDocument("c.txt", 1, ModelLoading("embedded")))
    bar.pause()
    assert "[red]a.txt" in stream.getvalue()
    assert "3 documents: 2 complete, 1 failed" in stream.getvalue()


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_shows_nothing(quiet: bool) -> None:
    stream = io.StringIO()
    with open_batch_display("auto", quiet=quiet, stream=stream) as display:
        told(display)
    assert bool(stream.getvalue()) is not quiet


@pytest.mark.parametrize("form", [*FORMS])
def test_results_say_nothing_of_time_speed_and_machine(form: str) -> None:
    def page(**changes: Any) -> str:
        receipt = make_receipt(**changes)
        result = DocumentResult("a", make_summary(receipt=receipt), (make_answer(receipt=receipt),))
        return FORMS[form].render(timeless(result))

    quick = page()
    settings = {"words": 250, "device": "cuda:1", "threads": 3}
    slow = page(
        seconds=99.0, read_tokens_per_s=1.0, peak_memory_bytes=9 * 10**9, tokens_from_state=500, settings=settings
    )
    assert quick == slow
    assert "It rained." in quick
