"""`--log-file`: lines with times, for the owner alone, and nothing of what the document says."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from handmade import FakePipeline, make_receipt

from longdoc.cli import run
from longdoc.core.errors import DamagedInput, OutputError
from longdoc.core.events import Finished, Opened, Opening, SegmentRead, Token, Warned, Writing
from longdoc.output.log import Log

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 (info|warning|error) +\S.*")


def test_events_and_warnings_have_their_times(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    log = Log(str(path), lambda: datetime(2026, 11, 21, 17, 30, tzinfo=UTC))
    for event in [
        Opening("a.pdf"),
        Opened("a.pdf", "A Book", "pdf", 216, 300_000, 14, warnings=("one odd\npage",)),
        SegmentRead(28_406, 56_812, 9_100.0, "Chapter 1", 512_000_000),
        Writing("answers", 0, 1, "Who killed him?"),
        Token("secret"),
        Warned("a\x1b[31mb"),
        Finished(make_receipt("a.pdf")),
    ]:
        log(event)
    log.close()
    assert path.read_text().splitlines() == [
        "2026-11-21T17:30:00+00:00 info     opening a.pdf",
        "2026-11-21T17:30:00+00:00 warning  a.pdf: one odd page",
        "2026-11-21T17:30:00+00:00 info     a.pdf: pdf, 216 pages, 300,000 characters, 14 sections",
        "2026-11-21T17:30:00+00:00 info     read 28,406 of 56,812 tokens (50%), Chapter 1, 9,100 tokens/s, 512 MB, "
        "3.1 s left",
        "2026-11-21T17:30:00+00:00 info     answers: 0 of 1",
        "2026-11-21T17:30:00+00:00 warning  a[31mb",
        "2026-11-21T17:30:00+00:00 info     finished a.pdf in 12 s",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_is_added_to_and_its_mode_is_left(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("before\n")
    path.chmod(0o644)
    log = Log(str(path))
    log(Warned("now"))
    log.close()
    assert path.read_text().startswith("before\n")
    assert len(path.read_text().splitlines()) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_full_disk_does_not_stop_the_work() -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        Log("/dev/full")  # a device is no place for a log
    with pytest.raises(OutputError, match="cannot be written"):
        Log("/no/such/folder/log.txt")


def test_a_command_logs_its_events_its_errors_and_its_end(
    pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", "a.pdf", "-q", "Who killed him?", "--quiet", "--log-file", "log.txt"]) == 0
    pipeline.errors["b.pdf"] = DamagedInput("b.pdf is damaged.", why="it is cut off")
    assert run(["summarize", "b.pdf", "--quiet", "--log-file", "log.txt"]) == 65
    pipeline.errors["c.pdf"] = KeyError("a piece of the text")
    assert run(["summarize", "c.pdf", "--quiet", "--log-file", "log.txt"]) == 70
    text = Path("log.txt").read_text()
    assert all(LINE.fullmatch(line) for line in text.splitlines()), text
    said = [line.split(" ", 1)[1] for line in text.splitlines()]
    assert "error    b.pdf is damaged. (it is cut off)" in said
    assert "error    KeyError (this is a bug in longdoc)" in said
    assert "info     longdoc ended with exit code 70" in said
    assert "in summarize" in text  # where the bug is
    for hidden in ("It rained", "killed", "a piece of"):
        assert hidden not in text
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("other", [["-o", "log.txt"], []])
def test_the_log_is_neither_source_nor_result(other: list[str], pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("log.txt").write_text("A document.")
    source = "a.pdf" if other else "log.txt"
    assert run(["summarize", source, *other, "--quiet", "--log-file", "./log.txt"]) == 2
    assert Path("log.txt").read_text() == "A document."
