"""Questions that are typed: nothing is drawn on the line of the prompt."""

from __future__ import annotations

from typing import Any

import pytest

from longdoc.cli import prompt, run
from longdoc.cli.group import Stopped
from longdoc.core.errors import Interrupted, Terminated
from longdoc.core.events import Event, ModelLoading
from longdoc.output.delivery import Delivery, OutputOptions
from longdoc.output.write import open_sink


class Drawn:
    """A display that is drawn from any event on until it is paused."""

    def __init__(self) -> None:
        self.is_drawn = False

    def __call__(self, event: Event) -> None:
        self.is_drawn = True

    def pause(self) -> None:
        self.is_drawn = False


def test_the_display_is_cleared_before_every_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    display, lines, drawn = Drawn(), ["Who?", "", "When?"], []

    def line() -> str:
        drawn.append(display.is_drawn)
        display(ModelLoading("embedded"))  # as what answers does
        if not lines:
            raise EOFError
        return lines.pop(0)

    monkeypatch.setattr(prompt, "_line", line)
    with open_sink(None) as sink:
        delivery: Any = Delivery(sink, display, OutputOptions(), many=False)
        delivery.on_event(ModelLoading("embedded"))
        assert display.is_drawn
        assert [*prompt.typed_questions(delivery.pause)] == ["Who?", "When?"]
    assert drawn == [False] * 4


@pytest.mark.parametrize("word", ["quit", " Exit ", "q"])
def test_how_to_leave_is_said_once_and_a_word_leaves(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["Who?", "Who may quit?", word, "never asked"]
    monkeypatch.setattr(prompt, "_line", lambda: lines.pop(0))
    assert [*prompt.typed_questions(lambda: None)] == ["Who?", "Who may quit?"]
    assert lines == ["never asked"]
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{prompt.HINT}\n")
    assert "Ctrl-D" in prompt.HINT


def test_ctrl_c_at_the_prompt_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def line() -> str:
        raise Interrupted

    monkeypatch.setattr(prompt, "_line", line)

    def main(*arguments: Any, **options: Any) -> None:
        try:
            [*prompt.typed_questions(lambda: None)]
        except KeyboardInterrupt as stop:
            raise Stopped(stop) from stop  # as the group of commands does

    monkeypatch.setattr("longdoc.cli.cli.main", main)
    assert run(["ask", "book.pdf"]) == 130
    assert capsys.readouterr().err == f"{prompt.HINT}\n\n"


def test_sigterm_at_the_prompt_is_still_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    def line() -> str:
        raise Terminated

    monkeypatch.setattr(prompt, "_line", line)
    with pytest.raises(Terminated):
        [*prompt.typed_questions(lambda: None)]
