"""Hostile files: text or one clear error, whatever is in them; and sources that are no files, or have no end."""

from __future__ import annotations

import errno
import io
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from made_hostile import MADE, epub, one_page, stream, words

from longdoc.cli.report import Report
from longdoc.cli.sources import run_each
from longdoc.core.errors import DamagedInput, EmptyInput, InputError, InputNotFound, LongdocError
from longdoc.core.events import Event
from longdoc.core.settings import SourceOptions
from longdoc.ingest import opening, read_document, sandboxed
from longdoc.ingest.sandbox import JobFailed, Limits, Worker

# What is read of them, where that is to be the same everywhere; for the others a clear error will do.
READ = {
    "bomb-many.epub": "Enough words for a page of a book.",
    "laughs-page.epub": "and words",
    "laughs-opf.epub": "Enough words",
    "secret.epub": "Words",
    "secret.docx": "words",
    "fallback-loop.epub": "Enough words",
    "deep-inline.html": "deep words",
    "deep-tables.html": "deep words",
    "self-closed.html": "words",
    "one-paragraph.html": "word x word x",
    "huge-count.pdf": "enough words",
    "loop-outline.pdf": "enough words",
    "huge-image.pdf": "enough words",
    "deep-array.pdf": "enough words",
    "one-line.txt": "xxxx",
    "one-line-of-words.txt": "word word word",
    "form-feeds.txt": "words",
    "right-to-left.txt": "words",
    "brackets.md": "[[[[",
    "voices.vtt": "words",
    "blank-heading.md": "One word",
    "blank-title.md": "words",
    "blank-voice.vtt": "words",
    "half-word.txt": "word.",
}
REFUSED = {
    "bomb-page.epub": "zip bomb",
    "deep-opf.epub": "no element found",
    "outside.epub": "names no document that is there",
    "bomb-kids.pdf": "limit reached",
    "nothing.txt": "nothing but white space",
    "newlines.txt": "nothing but white space",
}
# Parsers of others take long over these, and are stopped.
SLOW = {"attributes.html", "deep.html", "braces.srt", "tags.srt", "loop-forms.pdf", "million-pages.pdf"}


@pytest.fixture(scope="module")
def parser() -> Iterator[Worker]:
    with Worker("sandbox_targets:parse_bytes", limits=Limits(seconds=100)) as worker:
        yield worker


def outcome_of(parser: Worker, name: str) -> str | LongdocError | JobFailed:
    """The text, or the error."""
    try:
        _, text = parser.submit({"name": name, "data": MADE[name]()}, seconds=0.5 if name in SLOW else None)
    except (LongdocError, JobFailed) as error:
        return error
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("name", MADE)
def test_a_hostile_file_is_text_or_one_clear_error(parser: Worker, name: str) -> None:
    outcome = outcome_of(parser, name)
    if isinstance(outcome, str):
        assert name not in REFUSED
        assert READ.get(name, "") in outcome
        assert "hahaha" not in outcome
        assert "root:" not in outcome
        assert not any(ord(character) < 32 and character not in "\n\t" for character in outcome[:10_000])
    elif isinstance(outcome, LongdocError):
        assert name not in READ
        assert outcome.exit_code == 65
        assert outcome.why
        assert REFUSED.get(name, "") in outcome.why
    else:
        assert name not in {**READ, **REFUSED}
        assert outcome.kind in ("time", "memory", "crash")


def test_a_page_may_take_its_time_and_not_for_ever(parser: Worker) -> None:
    slow = b"<p>It rained <b>all</b> day.</p>\n" * 400_000
    with pytest.raises(JobFailed, match=r"took longer than 0.5 s"):
        parser.submit({"name": "slow.html", "data": slow}, seconds=0.5)
    assert parser.submit({"name": "one.txt", "data": b"And the next is read."}) == ["text", "And the next is read."]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("crash", r"its reader crashed \(SIGSEGV\)"),
        ("exit", r"its reader crashed \(exit code 3\)"),
        ("memory", r"reading it took more than 1.88 GiB of memory"),
        ("sleep", r"reading it took longer than 1 s"),
        ("pid", r"its reader gave something that is no document"),
    ],
)
def test_what_ends_a_worker_is_one_error_of_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    monkeypatch.setattr(sandboxed, "TARGET", "sandbox_targets:misread")
    path = tmp_path / f"{name}.pdf"
    path.write_bytes(b"%PDF-1.7 whatever")
    with pytest.raises(DamagedInput, match=r"cannot be read\.$") as caught:
        read_document(str(path), SourceOptions(seconds=1 if name == "sleep" else 100))
    assert caught.value.exit_code == 65
    assert caught.value.fix
    assert re.fullmatch(why, str(caught.value.why))


def test_short_texts_of_long_lines_are_parsed_in_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed, "TARGET", "sandbox_targets:misread")
    path = tmp_path / "exit.md"
    path.write_bytes(b"# Title\n\nwords " * 100)
    assert read_document(str(path)).text.startswith("Title")
    path.write_bytes(b"# Title\n\nwords" + b" " * 10_000 + b"and words")
    with pytest.raises(DamagedInput, match="cannot be read"):
        read_document(str(path))


def test_a_bug_in_a_worker_is_a_bug_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed, "TARGET", "sandbox_targets:misread")
    path = tmp_path / "raise.pdf"
    path.write_bytes(b"%PDF-1.7 whatever")
    with pytest.raises(RuntimeError, match="ValueError: nonsense") as caught:
        read_document(str(path), SourceOptions(seconds=100))
    assert "_raise" in caught.value.__notes__[0]


def test_the_limit_grows_with_the_file() -> None:
    assert sandboxed.limits_for(10_000, SourceOptions()).seconds == 25
    assert sandboxed.limits_for(100_000_000, SourceOptions()).seconds == 500
    assert sandboxed.limits_for(100_000_000, SourceOptions()).total_seconds == 12_500
    assert sandboxed.limits_for(1000, SourceOptions()).total_seconds < 26
    told = sandboxed.limits_for(100_000_000, SourceOptions(seconds=3))
    assert (told.seconds, told.total_seconds) == (3, None)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_a_device_is_no_document(device: str) -> None:
    with pytest.raises(InputNotFound, match="is a device and no document"):
        read_document(device)


def test_a_socket_and_a_folder_are_no_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(InputNotFound) as caught:
            read_document("socket")
    assert caught.value.why == os.strerror(errno.ENXIO)
    with pytest.raises(InputNotFound, match="is a folder"):
        read_document(str(tmp_path))


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_WITHOUT_WRITER_S", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputNotFound, match="is a pipe that nobody writes to"):
        read_document(str(tmp_path / "pipe"))


@pytest.mark.parametrize("content", [b"Words that come through a pipe.", b"word " * 100_000])
def test_a_named_pipe_is_read_to_its_end(tmp_path: Path, content: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    document = read_document(str(pipe))
    writer.join()
    assert document.text == content.decode().strip()
    assert document.source.num_bytes == len(content)


def test_what_is_larger_than_the_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, block: Any) -> int:
            block[:] = b"x" * len(block)
            return len(block)

    path = tmp_path / "large.txt"
    path.write_bytes(b"word " * 1000)
    options = SourceOptions(max_bytes=4_999)
    with pytest.raises(InputError, match=r"large.txt is too large") as caught:
        read_document(str(path), options)
    assert caught.value.exit_code == 65
    assert read_document(str(path), SourceOptions(max_bytes=5000)).source.num_bytes == 5000

    class Stdin:
        buffer = io.BufferedReader(Endless())

    monkeypatch.setattr(sys, "stdin", Stdin)
    with pytest.raises(InputError, match=r"Standard input is too large"):
        read_document("-", options)


@pytest.mark.skipif(sys.platform != "linux", reason="files without a size are Linux's")
def test_a_file_that_tells_no_size_is_read_all_the_same() -> None:
    assert "Vm" in read_document("/proc/self/status", SourceOptions(format="text")).text


def test_control_characters_of_names_and_reasons_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = tmp_path / "a\x1b]0;owned\x07\x9b31m.pdf"
    evil.write_bytes(b"%PDF-1.7\nnothing")
    for source in (str(evil), str(tmp_path / "no\x1b[2Jfile")):
        with pytest.raises(LongdocError) as caught:
            read_document(source)
        Report().error(caught.value)
        shown = capsys.readouterr().err
        assert shown.startswith("error: ")
        assert not any(character in shown for character in "\x1b\x07\x9b")


def test_control_characters_of_titles_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "book.pdf"
    title = "\ufeffPart\x07 \x08One".encode("utf-16-be").hex()
    outline = ["<</Type/Outlines/First 7 0 R/Last 7 0 R>>", f"<</Title<{title}>/Dest[3 0 R/Fit]>>"]
    path.write_bytes(one_page(stream(words()), catalog="/Outlines 6 0 R", more=outline))
    assert [section.title for section in read_document(str(path)).sections] == ["Part One"]


def test_in_a_batch_the_others_go_on(tmp_path: Path) -> None:
    class Target:
        def __init__(self) -> None:
            self.failed: list[str] = []

        def on_event(self, event: Event) -> None:
            pass

        def put(self, results: Any) -> None:
            pass

        def fail(self, rows: Sequence[Any]) -> None:
            self.failed.extend(rows)

        def stop(self, results: Any, when: str = "") -> None:
            pass

    made = {"one.epub": MADE["bomb-page.epub"](), "two.txt": b"Words.", "three.pdf": MADE["loop-kids.pdf"]()}
    for name, content in {**made, "four.epub": epub(), "five.txt": b""}.items():
        (tmp_path / name).write_bytes(content)
    texts: list[str] = []

    def work(source: str) -> list[Any]:
        texts.append(read_document(source).text)
        return []

    names = [str(tmp_path / name) for name in [*made, "four.epub", "five.txt"]]
    target = Target()
    outcome = run_each(names, work, lambda source, error: [Path(source).name], target)  # type: ignore[list-item]
    assert texts == ["Words.", "Enough words for a page of a book."]
    assert target.failed == ["one.epub", "three.pdf", "five.txt"]
    assert [code for _, code, _ in outcome.failed] == [65, 65, 65]


def test_nothing_is_said_of_an_empty_file_but_that(tmp_path: Path) -> None:
    path = tmp_path / "empty.pdf"
    path.touch()
    with pytest.raises(EmptyInput, match="is empty"):
        read_document(str(path))
