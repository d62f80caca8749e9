"""The folder of states: which of them go when they take too much, who writes when two want to, and a full disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kept import num_segments_read, reading_of, same, session_of, warnings
from made_books import write_text
from safetensors import SafetensorError

from longdoc.core.errors import OutputError
from longdoc.core.events import Event, StateKept, StateUsed
from longdoc.core.settings import SourceOptions, StateOptions
from longdoc.engine import state
from longdoc.engine.state_file import check_file
from longdoc.pipeline import keeping
from longdoc.pipeline.claims import claim
from longdoc.pipeline.read import read
from longdoc.pipeline.session import Session
from longdoc.pipeline.states import list_states, remove_older, show_state

DAY_S = 24 * 3600


def books(folder: Path, count: int) -> list[Path]:
    return [write_text(folder / f"book-{number}.md", f"Number {number}.") for number in range(count)]


def age(folder: Path, name: str, days: int) -> None:
    """Let a state look as if it was used so many days ago."""
    for path in folder.glob(f"{name}.*"):
        then = path.stat().st_mtime - days * DAY_S
        os.utime(path, (then, then))


def names(folder: Path) -> set[str]:
    return {Path(kept.source).stem for kept in list_states(folder)}


def test_the_states_that_were_not_used_for_longest_go_first(pointing: Session, folder: Path, tmp_path: Path) -> None:
    sources = books(tmp_path, 4)
    for days, source in zip((9, 5, 7), sources, strict=False):
        reading_of(session_of(pointing, folder), source)
        age(folder, next(kept.name for kept in list_states(folder) if kept.source == str(source)), days)
    reading_of(session_of(pointing, folder), sources[0])  # it is used again: not the oldest any more
    one = list_states(folder)[0].num_bytes
    session = session_of(pointing, folder)
    session.states = StateOptions(str(folder), most_bytes=int(2.5 * one))
    events: list[Event] = []
    reading_of(session, sources[3], events)
    assert names(folder) == {"book-0", "book-3"}
    said = warnings(events)  # at its checkpoint and at its end
    assert all(message.startswith("removed 1 state not used for longest") for message in said)
    assert len(said) == 2
    assert all(check_file(path) for path in folder.iterdir())


def test_a_state_above_the_limit_is_kept_only_where_it_is_wanted_and_then_alone(
    pointing: Session, folder: Path, tmp_path: Path
) -> None:
    first, second = books(tmp_path, 2)
    reading_of(session_of(pointing, folder), first)
    session = session_of(pointing, folder)
    session.states = StateOptions(str(folder), most_bytes=1000)
    events: list[Event] = []
    reading_of(session, second, events)
    assert names(folder) == {"book-0"}
    assert "is not kept" in warnings(events)[0]
    wanted = StateOptions(str(folder), wanted=True, most_bytes=1000)
    session = session_of(pointing, folder)
    session.states = wanted
    read(
        str(second), source_options=SourceOptions(), model_options=session.options, states=wanted, session=session
    )  # fmt: skip
    assert names(folder) == {"book-1"}


def test_a_state_that_another_process_writes_is_not_removed(pointing: Session, folder: Path, tmp_path: Path) -> None:
    first, second = books(tmp_path, 2)
    reading_of(session_of(pointing, folder), first)
    held = claim(folder, list_states(folder)[0].name)
    assert held is not None
    session = session_of(pointing, folder)
    session.states = StateOptions(str(folder), wanted=True, most_bytes=1000)
    reading_of(session, second)
    assert names(folder) == {"book-0", "book-1"}
    held.release()


def test_old_states_are_removed_by_their_last_use(pointing: Session, folder: Path, tmp_path: Path) -> None:
    for source in books(tmp_path, 2):
        reading_of(session_of(pointing, folder), source)
    old, new = list_states(folder)
    age(folder, old.name, 31)
    assert [removed.name for removed in remove_older(folder, timedelta(days=30))] == [old.name]
    assert list_states(folder) == [new]
    assert remove_older(folder, timedelta(days=30)) == []


def test_the_state_that_reaches_farthest_is_gone_on_from(
    pointing: Session, folder: Path, tmp_path: Path, always: None
) -> None:
    """The whole state of a shorter version beside the checkpoint of a longer one."""
    talk = tmp_path / "talk.txt"
    text = write_text(tmp_path / "book.md").read_text()
    talk.write_text(text)
    reading_of(session_of(pointing, folder), talk)
    (whole,) = (path for path in folder.iterdir() if ".checkpoint" not in path.name)
    short = whole.read_bytes()
    long_events: list[Event] = []
    talk.write_text(text + "\n\n" + text)
    long = reading_of(session_of(pointing, folder), talk, long_events)
    whole.write_bytes(short)  # as if the longer reading had been killed after its last checkpoint
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), talk, events)
    assert not warnings(events)
    (used,) = (event for event in events if isinstance(event, StateUsed))
    assert used.tokens_read > 0.9 * long.num_tokens > 0.6 * long.num_tokens > count_of(short, whole)
    assert same(again, long)


def count_of(content: bytes, path: Path) -> int:
    """The document's tokens that a state holds."""
    copy = path.with_name("copy-00000000.safetensors")
    copy.write_bytes(content)
    num_tokens: int = check_file(copy).about["place"]["num_tokens"]
    copy.unlink()
    return num_tokens


def test_while_another_process_reads_a_document_nothing_of_it_is_kept_or_removed(
    pointing: Session, folder: Path, book: Path, always: None
) -> None:
    reading = reading_of(session_of(pointing, folder), book)
    assert reading.keeper is not None
    name = reading.keeper.name
    for path in folder.iterdir():
        path.unlink()
    held = claim(folder, name)
    assert held is not None
    reading.keeper.checkpoint.write_bytes(b"the other's")
    events: list[Event] = []
    again = reading_of(session_of(pointing, folder), book, events)
    assert any("is not kept: another process is reading it" in message for message in warnings(events))
    assert not any(isinstance(event, StateKept) for event in events)
    again.release()
    assert reading.keeper.checkpoint.read_bytes() == b"the other's"
    held.release()
    reading.keeper.checkpoint.unlink()
    reading_of(session_of(pointing, folder), book)
    assert show_state(folder, name)[0].is_complete


def test_a_claim_is_one_processs_alone_and_leaves_nothing(tmp_path: Path) -> None:
    first = claim(tmp_path, "book-12345678")
    assert first is not None
    assert claim(tmp_path, "book-12345678") is None
    other = claim(tmp_path, "other-12345678")
    assert other is not None
    other.release()
    first.release()
    first.release()
    assert list(tmp_path.iterdir()) == []
    assert claim(tmp_path / "nowhere", "book-12345678") is not None  # nothing can be locked there


def test_who_waits_has_the_claim_when_the_other_process_ends(tmp_path: Path, child_environment: dict[str, str]) -> None:
    program = (
        "import sys, pathlib; from longdoc.pipeline.claims import claim;"
        "held = claim(pathlib.Path(sys.argv[1]), 'book-12345678'); print(held is not None, flush=True);"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        env=child_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    assert claim(tmp_path, "book-12345678") is None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(claim, tmp_path, "book-12345678", wait=True)
        process.kill()
        process.communicate()
        held = waiting.result(timeout=30)
    assert held is not None
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_who_must_keep_a_state_waits_for_the_other_and_reads_nothing_again(
    pointing: Session, folder: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading_of(session_of(pointing, folder), book)
    held = claim(folder, list_states(folder)[0].name)
    assert held is not None
    session = session_of(pointing, folder)
    session.states = StateOptions(str(folder), wanted=True)
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if warnings([event]):
            held.release()  # the other is done

    session.read(str(book), SourceOptions(), on_event)
    assert warnings(events) == [f"another process is reading {book}: waiting for it"]
    assert num_segments_read(events) == 0


def test_states_that_are_saved_at_the_same_moment_are_whole(pointing: Session, folder: Path, book: Path) -> None:
    reading = reading_of(session_of(pointing, folder), book)
    assert reading.keeper is not None
    path = reading.keeper.whole
    header = check_file(path)

    def save(_: int) -> int:
        return state.save_state(path, reading.state, header.fingerprint, header.about)

    with ThreadPoolExecutor(4) as pool:
        sizes = set(pool.map(save, range(24)))
    assert sizes == {path.stat().st_size}
    assert check_file(path) == header
    assert not list(folder.glob(".*"))


FULL = {
    "the system's": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "safetensors'": SafetensorError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"),
}


def fill_disk(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """From now on a part of a state is written, and no more."""

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        path.write_bytes(b"a part")
        raise error

    monkeypatch.setattr(state, "save_file", full)


@pytest.mark.parametrize("error", FULL.values(), ids=FULL.keys())
def test_a_full_disk_is_a_warning_and_leaves_the_older_states(
    error: Exception, pointing: Session, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, always: None
) -> None:
    first, second = books(tmp_path, 2)
    reading_of(session_of(pointing, folder), first)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fill_disk(monkeypatch, error)
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.0)
    events: list[Event] = []
    reading = reading_of(session_of(pointing, folder), second, events)
    assert reading.receipt({}).is_complete
    assert warnings(events) == [f"the state of {second} is not kept: the disk is full"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    first.write_text(first.read_text().replace("1811", "1812"))  # its own state stays as it was, too
    reading_of(session_of(pointing, folder), first)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_full_disk_is_an_error_where_the_state_is_wanted(
    pointing: Session, folder: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, FULL["safetensors'"])
    session = session_of(pointing, folder)
    session.states = replace(StateOptions(str(folder)), wanted=True)
    with pytest.raises(OutputError) as caught:
        reading_of(session, book)
    assert caught.value.why == "the disk is full"
    assert caught.value.exit_code == 73
    assert list(folder.iterdir()) == []
