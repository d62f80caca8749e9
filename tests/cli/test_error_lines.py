"""How errors look on a terminal and in a file."""

from __future__ import annotations

import os
import pty
import sys
import termios
import tty
from collections.abc import Iterator
from typing import TextIO

import pytest

from longdoc.cli.report import Report
from longdoc.core.errors import PartialResult

WHY = "; ".join(f"the attachment number-{n}.pdf was not read" for n in range(6))
ERROR = PartialResult("The result is partial.", why=WHY, fix="longdoc ask " + "a-long-name.pdf " * 6)


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    """Standard error of 60 columns, and the other side of it."""
    outer, inner = pty.openpty()
    tty.setraw(inner)
    termios.tcsetwinsize(inner, (24, 60))
    with os.fdopen(inner, "w", encoding="utf-8") as stream:
        yield stream, outer
    os.close(outer)


def test_a_terminal_gets_the_reasons_in_lines_that_fit_and_the_command_in_one(
    terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, outer = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    Report().error(ERROR)
    said = b""
    while not (b"  try: " in said and said.endswith(b"\n")):
        said += os.read(outer, 100_000)
    first, *rest = said.decode().splitlines()
    assert first == "error: The result is partial."
    *reasons, command = rest
    assert len(reasons) > 3
    assert max(map(len, reasons)) <= 60
    assert reasons[0].startswith("  why: the attachment number-0.pdf was")
    assert all(line.startswith(" " * 7) and line[7] != " " for line in reasons[1:])
    assert " ".join(line.strip() for line in reasons) == f"why: {WHY}"
    assert command == f"  try: {ERROR.fix}"


def test_a_file_gets_each_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Report().error(ERROR)
    assert capsys.readouterr().err == f"error: The result is partial.\n  why: {WHY}\n  try: {ERROR.fix}\n"
