"""Progress in each of its forms."""

from __future__ import annotations

import io
import json
import re

import pytest
from handmade import make_receipt

from longdoc.core.events import (
    Event,
    Finished,
    ModelLoaded,
    ModelLoading,
    Opened,
    Opening,
    SegmentRead,
    StateKept,
    StateUsed,
    Token,
    Warned,
    Writing,
)
from longdoc.output.bar import Bar
from longdoc.output.progress import Plain, open_display

EVENTS: list[Event] = [
    Opening("a.pdf"),
    Opening("a.pdf", 10, 216),
    Opened("a.pdf", "A Book", "pdf", 216, 300_000, 14, warnings=("one odd page",)),
    ModelLoading("embedded"),
    ModelLoaded("embedded", 26_000_000, 0.4, "it fits"),
    SegmentRead(28_406, 56_812, 9_100.0, "Chapter [red]1", 512_000_000),
    Writing("notes", 1, 2),
    SegmentRead(40_000, 56_812, 9_100.0, "Chapter 2", 512_000_000),
    Token("word"),
    SegmentRead(56_812, 56_812, 9_100.0, None, 512_000_000),
    Writing("notes", 2, 2, "Chapter 2"),
    Warned("a\x1b[31mb"),
    Finished(make_receipt("a.pdf")),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(progress: str, stream: io.StringIO, *, quiet: bool = False) -> str:
    with open_display(progress, quiet=quiet, stream=stream) as display:  # type: ignore[arg-type]
        for event in EVENTS:
            display(event)
    return stream.getvalue()


@pytest.mark.parametrize("progress", ["auto", "bar", "plain"])
def test_a_file_gets_plain_lines_even_if_a_bar_is_asked_for(progress: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert shown(progress, io.StringIO()).splitlines() == [
        "opening a.pdf",
        "warning: a.pdf: one odd page",
        "a.pdf: pdf, 216 pages, 300,000 characters, 14 sections",
        "loading model embedded",
        "model embedded loaded: 26 million parameters, 0.4 s; it fits",
        "read 28,406 of 56,812 tokens (50%), Chapter [red]1, 9,100 tokens/s, 512 MB, 3.1 s left",
        "notes: 1 of 2",
        "read 56,812 of 56,812 tokens (100%), 9,100 tokens/s, 512 MB",
        "notes: 2 of 2, Chapter 2",
        "warning: a[31mb",
        "finished a.pdf in 12 s",
    ]


def test_states_that_are_used_and_kept_are_said() -> None:
    stream = io.StringIO()
    with open_display("plain", stream=stream) as display:
        display(StateUsed("a-1a2b3c4d", 40_000, 56_812))
        display(StateKept("a-1a2b3c4d", 56_812, 56_812, 1_650_000))
    assert stream.getvalue().splitlines() == [
        "40,000 of 56,812 tokens are known from the state a-1a2b3c4d",
        "kept 56,812 of 56,812 tokens on the disk, 1.6 MB, as a-1a2b3c4d",
    ]


def test_plain_lines_come_every_ten_seconds() -> None:
    now = 0.0
    stream = io.StringIO()
    display = Plain(stream, lambda: now)
    for step in range(1, 31):
        now = float(step)
        display(SegmentRead(step, 100, 1.0, None, 0))
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["1", "11", "21"]


def test_a_source_that_turns_out_to_have_pages_is_opened_once() -> None:
    stream = io.StringIO()
    display = Plain(stream)
    for event in [Opening("a.pdf"), Opening("a.pdf", 0, 216), Opening("b.pdf")]:
        display(event)
    assert stream.getvalue() == "opening a.pdf\nopening b.pdf\n"


def test_json_progress_is_one_object_an_event() -> None:
    rows = [json.loads(line) for line in shown("json", io.StringIO()).splitlines()]
    assert len(rows) == len(EVENTS)
    assert [row["event"] for row in rows[:6]] == [
        "opening", "opening", "opened", "model_loading", "model_loaded", "segment_read",
    ]  # fmt: skip
    assert rows[5]["tokens_read"] == 28_406
    assert rows[-1]["receipt"]["source"]["name"] == "a.pdf"


def test_without_progress_warnings_still_come_and_with_quiet_nothing() -> None:
    assert shown("none", io.StringIO()).splitlines() == ["warning: a.pdf: one odd page", "warning: a[31mb"]
    for progress in ("auto", "json", "none"):
        assert shown(progress, Terminal(), quiet=True) == ""


def test_a_terminal_gets_a_bar_with_the_documents_text_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    screen = Terminal()
    bar = Bar(screen)
    for event in EVENTS[:9]:
        bar(event)
    bar.pause()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "Chapter [red]1" in plain or "Chapter 2" in plain
    assert "70% 40,000/56,812 · 1.8 s left · 9,100 tokens/s · 512 MB" in plain
    assert "notes" in plain
    assert "warning: a.pdf: one odd page" in plain


def test_a_terminal_shows_what_a_model_writes_while_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    screen = Terminal()
    bar = Bar(screen)
    bar(Writing("answers", 0, 1, "Who?"))
    for piece in ("It was [red]", "Magnus\x1b]0;title\x07 Ferrier", " who built it. ", "It stands. " * 60):
        bar(Token(piece))
    drawn = list(bar._progress.get_renderables()) if bar._progress is not None else []
    shown_text = str(drawn[-1])
    assert shown_text.endswith("It stands.")
    assert shown_text.count("\n") == 5
    bar.end_writing()
    bar(Token("It was [red]Magnus\x1b]0;title\x07 Ferrier"))
    assert bar._progress is not None
    bar._progress.refresh()
    assert "It was [red]Magnus]0;title Ferrier" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "\x1b]0;title" not in screen.getvalue()
    bar(Writing("answers", 1, 1))
    assert len(list(bar._progress.get_renderables())) == 1
    bar.pause()


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown("auto", Terminal())
