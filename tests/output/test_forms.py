"""Markdown, text and JSON of hand-made results, and of hostile documents."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from handmade import make_answer, make_citation, make_receipt, make_summary
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from longdoc.core.errors import EncryptedInput
from longdoc.core.settings import SummaryStyle
from longdoc.core.types import (
    AttentionInfo,
    CitationCount,
    Evidence,
    File,
    Focus,
    NotFoundIn,
    SkippedPage,
    Source,
    Statement,
    Summary,
    SummaryPart,
)
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import (
    answer_json,
    dumps,
    failed_answers,
    failed_summary,
    schema,
    summary_json,
)
from longdoc.output.markdown import answers_markdown, escape, summary_markdown, tame
from longdoc.output.text import answers_text, summary_text

HOSTILE = "\x1b]0;owned\x07 ![x](http://evil.example/?q) <img src=x> [link](http://evil.example) `code` *bold* \x9b2J"


def hostile_summary() -> Summary:
    statement = Statement(HOSTILE, (make_citation(HOSTILE, page=None, section=HOSTILE),))
    return make_summary(
        statements=(statement,),
        parts=(SummaryPart(HOSTILE, (statement,), 0, 9),),
        receipt=make_receipt(title=HOSTILE, warnings=(HOSTILE,)),
    )


def test_a_summary_in_markdown() -> None:
    assert summary_markdown(make_summary()).split("\n\n---\n\n")[0] == (
        "# A Book\n\nIt rained. [p. 12]\n\n## Chapter 1\n\n- It rained. [p. 12]\n- The dog slept. [p. xiii]"
    )


def test_a_date_cut_out_of_a_sentence_is_shown_with_the_sentence_and_is_alone_in_json() -> None:
    answer = make_answer(text="autumn 2025", citations=(make_citation("The audit takes place\nin autumn 2025."),))
    shown = "autumn 2025: “The audit takes place in autumn 2025.” ["
    assert shown in answers_markdown([answer])
    assert shown in answers_text([answer])
    assert "“The audit takes place in autumn 2025.”" in report_html([Reported(None, (answer,))])
    assert answer_json(answer)["answer"] == "autumn 2025"
    written = replace(answer, text="In 2025.", verbatim=False)
    assert "“" not in answers_text([written])


def test_a_single_part_that_repeats_the_summary_is_left_out() -> None:
    summary = make_summary()
    whole = SummaryPart("The whole text", summary.statements, 0, 99)
    short, longer = replace(summary, parts=(whole,)), summary
    assert summary_markdown(short).startswith("# A Book\n\nIt rained. [p. 12]\n\n---\n")
    assert "The whole text" not in summary_text(short)
    assert 'id="p1"' not in report_html([Reported(short)])
    assert len(summary_json(short)["parts"]) == 1
    for shown in (summary_markdown(longer), summary_text(longer), report_html([Reported(longer)])):
        assert "Chapter 1" in shown
    assert "The whole text" in summary_markdown(replace(short, statements=()))


def test_what_was_lost_is_said_at_the_top_and_in_json() -> None:
    source = Source("book.pdf", "0" * 64, "pdf", 9, ("1 of 9 pages are damaged",))
    receipt = make_receipt(source=source)
    assert not receipt.is_complete
    summary = make_summary(status="partial", receipt=receipt)
    assert summary_markdown(summary).startswith("# A Book\n\n**Partial: 1 of 9 pages are damaged.**\n\nIt rained.")
    assert "\n\nPARTIAL: 1 of 9 pages are damaged.\n\n" in summary_text(summary)
    row = summary_json(summary)
    jsonschema.validate(row, schema("longdoc.summary/1"))
    assert row["source"]["lost"] == ["1 of 9 pages are damaged"]
    answer = make_answer(status="partial", text="", citations=(), receipt=receipt)
    for text in (answers_markdown([answer]), answers_text([answer])):
        assert "Not in what was read of the document." in text
        assert "All day it rained." in text


def test_a_summary_without_a_title_is_named_after_its_source() -> None:
    assert summary_markdown(make_summary(receipt=make_receipt("notes.txt", title=None))).startswith("# notes.txt\n")


def test_standard_input_is_called_by_its_name() -> None:
    receipt = make_receipt("-", title=None)
    text = summary_markdown(make_summary("-", receipt=receipt))
    assert text.startswith("# Standard input\n")
    assert "; standard input, sha256 " in text
    assert summary_text(make_summary("-", receipt=receipt)).startswith("Standard input\n")
    assert summary_json(make_summary("-", receipt=receipt))["source"]["path"] == "-"


def test_among_several_sources_each_result_names_its_own() -> None:
    assert summary_markdown(make_summary(), name_source=True).startswith("# A Book (book.pdf)\n")
    assert summary_text(make_summary(), name_source=True).startswith("A Book (book.pdf)\n")
    assert answers_markdown([make_answer("Who?")], name_source=True).startswith("## Who? (book.pdf)\n")
    assert answers_text([make_answer("Who?")], name_source=True).startswith("Who? (book.pdf)\n")


def test_an_answer_in_markdown_ends_with_one_receipt_for_all_questions() -> None:
    text = answers_markdown([make_answer("Did it rain?"), make_answer("When?")])
    assert text.startswith("## Did it rain?\n\nIt rained. [p. 12]\n\n## When?\n\nIt rained. [p. 12]\n\n---\n\nRead ")
    assert text.count("sha256") == 1
    assert "Citations: 2 of 2 quotes stand at the place they name" in text


def test_what_is_not_in_the_document_is_said_plainly_with_the_closest_passages() -> None:
    answer = make_answer(status="not_found", text="", citations=())
    for text in (answers_markdown([answer]), answers_text([answer])):
        assert "Not in the document." in text
        assert "All day it rained. It rained. [p. 12]" in text


@pytest.mark.parametrize(
    ("where", "changes", "words"),
    [
        ("document", {}, "Not in the document."),
        ("memory", {}, "The memory alone does not say."),
        ("memory", {"attention": AttentionInfo("stream", 4, 512, False, "x")}, "The window alone does not say."),
        ("memory", {"attention": AttentionInfo("exact", 0, 0, False, "x")}, "The model alone, without a search, does"),
        ("passage", {}, "This asks about the whole document, which no passage of it answers"),
        (None, {}, "Not in the document."),
    ],
)
def test_a_decline_says_what_was_asked(where: NotFoundIn | None, changes: dict[str, Any], words: str) -> None:
    receipt = make_receipt(**changes)
    answer = make_answer(
        status="not_found", text="", citations=(), evidence=(), provenance=(), not_found_in=where, receipt=receipt
    )
    for page in (answers_markdown([answer]), answers_text([answer]), report_html([Reported(None, (answer,))])):
        assert words in page
        assert ("Not in the document." in page) == (where in {"document", None})
        assert "No quotes to check; book.pdf" in page
        assert "0 of 0" not in page
    row = answer_json(answer)
    jsonschema.validate(row, schema("longdoc.answer/1"))
    assert row["not_found_in"] == where
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row | {"not_found_in": "elsewhere"}, schema("longdoc.answer/1"))


def test_a_receipt_counts_the_quotes_that_are_shown() -> None:
    summary = make_summary()
    repeats = replace(summary, parts=(SummaryPart("The whole text", summary.statements, 0, 99),))
    repeats = replace(repeats, citations=CitationCount(3, 2, 2, 2))  # one of three was dropped
    for page in (summary_markdown(repeats), summary_text(repeats), report_html([Reported(repeats)])):
        assert "Citations: 1 of 2 quotes stand at the place they name, 1 of 1 statement cited" in page
    assert summary_json(repeats)["citations"]["total"] == 3
    assert "3 of 3 quotes" in summary_markdown(summary)
    uncited = replace(summary, citations=CitationCount(0, 0, 3, 0))
    assert "No quotes to check, for 3 statements; book.pdf" in summary_text(uncited)


def test_a_summary_says_once_that_it_was_chosen_and_not_written() -> None:
    kind = "The summary is made of sentences chosen from the document, word for word; nothing in it was rewritten."
    summary = make_summary()
    for write in (summary_markdown, summary_text, lambda s: report_html([Reported(s)])):
        assert write(summary).count(kind) == 1
        assert kind not in write(replace(summary, verbatim=False))
        assert kind not in write(replace(summary, statements=(), parts=()))


def test_many_reasons_for_a_partial_result_are_counted_at_the_top_and_listed_in_the_receipt() -> None:
    lost = tuple(f"the attachment {n}.pdf was not read" for n in range(14))
    receipt = make_receipt(source=Source("m.eml", "0" * 64, "eml", 9, lost), warnings=("a guess", *lost))
    summary = make_summary(status="partial", receipt=receipt)
    top = "the attachment 0.pdf was not read; the attachment 1.pdf was not read; and 12 more."
    assert f"**Partial: {top}**" in summary_markdown(summary)
    assert f"PARTIAL: {top}" in summary_text(summary)
    below = summary_text(summary).split(top)[1]
    assert below.count(".pdf was not read") == 10
    assert "Note: a guess\nNot complete: the attachment 0.pdf was not read\n" in below
    assert "Not complete: 4 more, all named with --to json\n" in below
    assert summary_json(summary)["source"]["lost"] == [*lost]
    page = report_html([Reported(summary)])
    assert all(f"<bdi>{reason}.</bdi>" in page for reason in lost)


def test_a_place_in_brackets_needs_no_mark_of_a_list() -> None:
    statement = Statement("1. It rained.", (make_citation("1. It rained.", page=None, section="1. Rain *"),))
    assert "1\\. It rained. [1. Rain \\*]" in summary_markdown(make_summary(statements=(statement,)))


def test_an_answer_without_the_search_says_where_it_comes_from_and_whether_anything_proves_it() -> None:
    receipt = replace(make_answer().receipt, settings={"search": False})
    known = make_answer(evidence=(), provenance=("window", "memory"), receipt=receipt)
    unproved = make_answer(citations=(), evidence=(), provenance=("memory",), receipt=receipt)
    silent = make_answer(status="not_found", text="", citations=(), evidence=(), provenance=(), receipt=receipt)
    assert "It rained. [p. 12] (from the window and the memory)\n" in answers_text([known])
    uncited = "It rained. *(no citation: it does not stand in the document as it is said here; from the memory)*"
    page = answers_markdown([known, unproved, silent])
    assert uncited in page
    assert "1 of 1 quotes stand at the place they name, 1 of 2 statements cited;" in page
    assert "statements cited" not in answers_markdown([known, silent])
    html = report_html([Reported(None, (unproved, silent))])
    assert "Nothing was looked up (--without search)." in html
    assert "No citation: it does not stand in the document as it is said here; from the memory." in html
    assert "(from" not in answers_text([make_answer(provenance=("search", "window"))])


def test_text_has_no_markup() -> None:
    text = summary_text(make_summary())
    assert text.startswith("A Book\n\nIt rained. [p. 12]\n\nChapter 1\n  It rained. [p. 12]\n  The dog")
    assert not re.search(r"[#*`\\]", text)
    assert answers_text([make_answer()]).startswith("Did it rain?\n\nIt rained. [p. 12]\n\nRead ")


def test_a_document_cannot_load_anything_in_a_markdown_viewer() -> None:
    for text in (summary_markdown(hostile_summary()), answers_markdown([make_answer(HOSTILE, text=HOSTILE)])):
        html = MarkdownIt().render(text)
        assert not re.search(r"<(img|a|code|strong|em)\b", html)
        assert "&lt;img src=x&gt;" in html


@pytest.mark.parametrize("write", [summary_markdown, summary_text])
def test_a_document_cannot_steer_a_terminal(write: object) -> None:
    assert callable(write)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", write(hostile_summary()))


def test_what_a_model_wrote_keeps_its_lists_and_loses_images_and_tags() -> None:
    html = MarkdownIt().render(tame("- *one*\n- ![x](http://evil.example)\n- <img src=x>\n\na < b"))
    assert html.count("<li>") == 3
    assert "<em>one</em>" in html
    assert "<img" not in html


# What CommonMark itself drops or merges is not ours to keep: white space, and characters it forbids.
@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), exclude_characters="\ufffd"), min_size=1)
)
def test_escaped_text_is_shown_as_it_stands(text: str) -> None:
    from html import unescape

    html = MarkdownIt().render(escape(text))
    assert unescape(html.removeprefix("<p>").removesuffix("</p>\n")) == text.strip()


@pytest.mark.parametrize(
    "line", ["# a", "> a", "- a", "+ a", "12. a", "12) a", "--- ", "=== ", "~~~", "    a", "| a | b |"]
)
def test_a_line_of_the_document_never_becomes_structure(line: str) -> None:
    html = MarkdownIt().enable("table").render(escape(line))
    assert html.startswith("<p>")
    assert "<" not in html[3:].removesuffix("</p>\n")


def test_json_follows_the_schemas() -> None:
    error = EncryptedInput("It is encrypted.", fix="find the key")
    not_found = make_answer(status="not_found", text="", citations=())
    nan = make_receipt(read_tokens_per_s=float("nan"))
    summaries = [
        summary_json(make_summary()),
        summary_json(make_summary(status="partial", receipt=nan)),
        summary_json(hostile_summary()),
        failed_summary("a.pdf", error),
        failed_summary("a.pdf", ZeroDivisionError("x")),
    ]
    answers = [answer_json(make_answer()), answer_json(not_found), *failed_answers("a.pdf", ["Who?", "When?"], error)]
    for name, rows in (("longdoc.summary/1", summaries), ("longdoc.answer/1", answers)):
        jsonschema.Draft202012Validator.check_schema(schema(name))
        for row in rows:
            jsonschema.validate(json.loads(dumps(row)), schema(name))


@pytest.mark.parametrize("missing", ["summary", "parts", "model", "stats", "citations"])
def test_the_schema_refuses_a_summary_that_lacks_a_field(missing: str) -> None:
    row = summary_json(make_summary())
    del row[missing]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row, schema("longdoc.summary/1"))


def test_the_schema_lets_the_result_grow_and_not_the_citation() -> None:
    row = answer_json(make_answer())
    row["new"] = 1
    jsonschema.validate(row, schema("longdoc.answer/1"))
    row["citations"][0]["new"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row, schema("longdoc.answer/1"))


def test_a_row_of_jsonl_is_one_line_for_every_reader() -> None:
    text = dumps({"a": "x\u2028y\u2029z\x85w\x9bv\x7f\n"})
    assert len(text.splitlines()) == 1
    assert json.loads(text) == {"a": "x\u2028y\u2029z\x85w\x9bv\x7f\n"}


def test_evidence_carries_its_place_beside_its_text() -> None:
    citation = make_citation("Passage.", start_s=3.5, page=None)
    row = answer_json(make_answer(evidence=(Evidence(citation, 0.5),)))["evidence"][0]
    assert (row["text"], row["score"], row["start"], row["start_s"]) == ("Passage.", 0.5, 100, 3.5)


def test_the_schemas_are_all_the_schemas() -> None:
    folder = Path(__file__).resolve().parents[2] / "longdoc" / "output" / "schemas"
    assert sorted(path.name for path in folder.iterdir()) == [
        "answer-1.json",
        "doctor-1.json",
        "event-1.json",
        "plan-1.json",
        "summary-1.json",
    ]


def test_several_files_and_chosen_pages_stand_in_the_receipt() -> None:
    files = tuple(
        File(Source(f"{name}.pdf", "0" * 64, "pdf", 9), 0, 9, num_pages=108, num_tokens=28_406) for name in "ab"
    )
    skipped = (SkippedPage(7, "no text layer", "a.pdf"), SkippedPage(7, "no text layer", "b.pdf"))
    receipt = make_receipt("book", files=files, skipped=skipped)
    said = answers_text([make_answer(receipt=receipt)])
    assert "(100%) of 2 files, 214 of 216 pages; skipped: a.pdf 7 (no text layer); b.pdf 7 (no text layer)." in said
    row = answer_json(make_answer(receipt=receipt))
    jsonschema.validate(row, schema("longdoc.answer/1"))
    assert [(f["path"], f["pages"], f["tokens"]) for f in row["sources"]] == [
        ("a.pdf", 108, 28_406),
        ("b.pdf", 108, 28_406),
    ]
    chosen = make_receipt(source=replace(receipt.source, selection="pages 10-40 of 412"), skipped=())
    assert "(100%), pages 10-40 of 412." in answers_text([make_answer(receipt=chosen)])
    alone = summary_json(make_summary(receipt=chosen))
    jsonschema.validate(alone, schema("longdoc.summary/1"))
    assert alone["source"]["selection"] == "pages 10-40 of 412"
    assert [f["path"] for f in alone["sources"]] == ["book"]


STYLES = ("full", "brief", "chapters", "timeline", "bullets")


def test_a_list_of_statements_is_one_in_every_form() -> None:
    second = Statement("- It *cleared*.", (make_citation("It cleared.", page=13),))
    summary = make_summary(statements=(make_summary().statements[0], second, Statement("So be it.")), parts=())
    bullets, timeline = replace(summary, style="bullets"), replace(summary, style="timeline")
    assert "\n- It rained. [p. 12]\n- \\- It \\*cleared\\*. [p. 13]\n- So be it.\n" in summary_markdown(bullets)
    assert "\n- **p. 12** It rained.\n- **p. 13** \\- It \\*cleared\\*.\n- So be it.\n" in summary_markdown(timeline)
    assert "\nIt rained. [p. 12]\n- It *cleared*. [p. 13]\nSo be it.\n" in summary_text(bullets)
    assert "\np. 12  It rained.\np. 13  - It *cleared*.\nSo be it.\n" in summary_text(timeline)
    written = replace(timeline, statements=(replace(second, text="![x](http://a)\nb"),), verbatim=False)
    assert "- **p. 13** \\![x](http://a) b\n" in summary_markdown(written)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("focus", [None, Focus("the rain", 3, ("snow",)), Focus("snow", 0, ("snow",))])
def test_a_summary_of_every_style_follows_the_schema(style: SummaryStyle, focus: Focus | None) -> None:
    row = json.loads(dumps(summary_json(make_summary(style=style, focus=focus))))
    jsonschema.validate(row, schema("longdoc.summary/1"))
    assert row["style"] == style
    assert (row["focus"] is None) == (focus is None)


def test_a_focus_is_said_at_the_top_and_cannot_be_markup() -> None:
    found = make_summary(focus=Focus("<b>rain</b>", 1, ("snow", "hail")))
    assert (
        "\n\nFocus: \\<b>rain\\</b> (1 sentence touches it; not in the document: snow, hail)\n\n"
        in summary_markdown(found)
    )
    assert "\n\nFocus: <b>rain</b> (1 sentence touches it; not in the document: snow, hail)\n\n" in summary_text(found)
    nothing = make_summary(focus=Focus("snow", 0, ("snow",)))
    said = "No sentence of the document has a word of the focus “snow”, so this is the summary without it."
    assert f"\n\n**{said}**\n\n" in summary_markdown(nothing)
    assert f"\n\n{said}\n\n" in summary_text(nothing)
