"""`--to html`: one page for whatever was asked for, written at the end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from handmade import FakePipeline

from longdoc.cli import run
from longdoc.core.errors import EncryptedInput, Interrupted


def test_a_summary_is_one_page_with_its_reading(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    assert run(["summarize", "book.pdf", "--to", "html", "-o", "report.html"]) == 0
    html = Path("report.html").read_text()
    assert html.startswith("<!DOCTYPE html>")
    assert html.count("</html>") == 1
    assert 'href="#c1"' in html
    assert "Tokens read (upwards) over time" in html


def test_all_answers_on_all_sources_are_on_one_page(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "a.pdf", "b.pdf", "--each", "-q", "Who?", "-q", "When?", "--to", "html"]) == 0
    html = capsys.readouterr().out
    assert html.count("<!DOCTYPE html>") == html.count("</html>") == 1
    assert [html.count(f'id="q{number}"') for number in range(1, 6)] == [1, 1, 1, 1, 0]
    assert html.index("A Book (a.pdf)") < html.index("A Book (b.pdf)")


def test_a_source_that_fails_is_named_on_the_page(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.errors["<bad>.pdf"] = EncryptedInput("<bad>.pdf is encrypted.", why="it has a password", fix="...")
    assert run(["ask", "a.pdf", "<bad>.pdf", "--each", "-q", "Who?", "-q", "When?", "--to", "html"]) == 3
    html = capsys.readouterr().out
    assert html.count("&lt;bad&gt;.pdf is encrypted. (it has a password)") == 1
    assert 'id="q2"' in html


def test_an_interruption_leaves_a_page_of_what_there_is(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.errors["When?"] = Interrupted()
    assert run(["ask", "a.pdf", "-q", "Who?", "-q", "When?", "--to", "html"]) == 130
    html = capsys.readouterr().out
    assert "Partial: 1 of 2 questions were answered." in html
    assert html.endswith("</html>\n")


def test_typed_questions_are_refused_before_anything_is_read(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert run(["ask", "a.pdf", "--to", "html"]) == 2
    assert "--to html" in capsys.readouterr().err
    assert pipeline.calls == []


@pytest.mark.parametrize("command", ["read", "plan"])
def test_what_is_no_summary_and_no_answer_has_no_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "book.pdf", "--to", "html"]) == 2
    assert "'html' is not one of" in capsys.readouterr().err


def test_rows_have_no_page(pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.jsonl").write_text('{"text": "It rained."}\n')
    assert run(["summarize", "--from", "jsonl", "rows.jsonl", "--to", "html"]) == 2
    assert "--from jsonl and --to html do not fit together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.html", "<!DOCTYPE html>"), ("a.JSON", "{"), ("a.jsonl", '{"schema"'), ("a.md", "# "), ("a.pdf", "# ")],
)
def test_the_ending_of_the_file_chooses_the_form(
    name: str, begins: str, pipeline: FakePipeline, in_empty_folder: Path
) -> None:
    assert run(["summarize", "book.pdf", "-o", name]) == 0
    assert Path(name).read_text().startswith(begins)


def test_a_form_that_was_chosen_goes_before_the_ending(
    pipeline: FakePipeline, in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["summarize", "book.pdf", "-o", "a.html", "--to", "md"]) == 0
    assert Path("a.html").read_text().startswith("# ")
    assert run(["summarize", "book.pdf", "-o", "b.html", "--json"]) == 0
    assert Path("b.html").read_text().startswith("{")
    monkeypatch.setenv("LONGDOC_TO", "text")
    assert run(["summarize", "book.pdf", "-o", "c.html"]) == 0
    assert "<" not in Path("c.html").read_text()
