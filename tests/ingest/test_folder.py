"""What lies in a folder and is no document, or cannot be read: it is named, and the rest is read."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longdoc.cli.sources import readings_of, run_each
from longdoc.core.errors import InputError, InputNotFound
from longdoc.core.events import Event, Warned
from longdoc.core.settings import SourceOptions
from longdoc.ingest import Together, expand, look_into, read_document, read_source, together
from longdoc.pipeline.batch_items import items_of, left_out_of

DEVICE = "/dev/zero"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`d`, in the working folder, with two texts and all that may lie beside them."""
    monkeypatch.chdir(tmp_path)
    found = Path("d")
    (found / "below").mkdir(parents=True)
    (found / "a.txt").write_text("The first text of two.\n")
    (found / "below" / "b.txt").write_text("The second text of two.\n")
    (found / "gone.pdf").symlink_to("nowhere.pdf")
    (found / "loop1").symlink_to("loop2")
    (found / "loop2").symlink_to("loop1")
    (found / "around").symlink_to("../d")
    (found / "zero").symlink_to(DEVICE)
    os.mkfifo(found / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("d/sock")
        yield found


LEFT_OUT = [
    "d/around was left out: it is a link to a folder, which is not followed",
    "d/pipe was left out: it is a named pipe",
    "d/sock was left out: it is a socket",
    "d/zero was left out: it is a device",
]


def test_what_is_no_document_is_named_once_and_what_cannot_be_read_makes_the_reading_partial(folder: Path) -> None:
    heard: list[Event] = []
    whole = together(["d"])
    assert isinstance(whole, Together)
    document = read_source(whole, SourceOptions(), heard.append)
    assert document.text == "The first text of two.\n\nThe second text of two."
    said = [event.message for event in heard if isinstance(event, Warned)]
    assert said[:4] == LEFT_OUT
    assert [*document.warnings] == LEFT_OUT
    gone, *loops = document.source.lost
    assert gone == "d/gone.pdf could not be read: d/gone.pdf is a link to nothing (there is no nowhere.pdf)"
    assert ["loop1" in loops[0], "loop2" in loops[1], "links" in loops[0]] == [True, True, True]
    assert said[4:] == [gone, *loops]


def test_one_by_one_the_same_is_said_and_the_readable_ones_are_read(folder: Path) -> None:
    class Target:
        def __init__(self) -> None:
            self.heard: list[Event] = []

        def on_event(self, event: Event) -> None:
            self.heard.append(event)

        def put(self, results: Any) -> None:
            pass

        fail = stop = put

    texts: list[str] = []
    target = Target()

    def work(source: Any) -> list[Any]:
        texts.append(read_document(source).text)
        return []

    outcome = run_each(readings_of(["d"], None, each=True), work, lambda source, error: [], target)
    assert texts == ["The first text of two.", "The second text of two."]
    assert [(source, code) for source, code, _ in outcome.failed] == [
        ("d/gone.pdf", 66),
        ("d/loop1", 66),
        ("d/loop2", 66),
    ]
    assert [event.message for event in target.heard if isinstance(event, Warned)][:4] == LEFT_OUT


def test_a_batch_names_them_too(folder: Path) -> None:
    assert [*left_out_of(["d"])] == LEFT_OUT
    names = ["a.txt", "below/b.txt", "gone.pdf", "loop1", "loop2"]
    assert [item.name for item in items_of(["d"], Path("out"), [".md"])] == names
    assert "gone.pdf" in [item.name for item in items_of(["d/*"], Path("out"), [".md"])]


def test_a_folder_that_may_not_be_opened_is_missed_and_not_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir, opened = os.scandir, os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> Any:
        shut = {"d/below", "d/a.txt"}
        if str(path) in shut:
            raise PermissionError(13, "Permission denied", str(path))
        return (opened if args else scandir)(path, *args, **kwargs)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "open", refuse)
    (folder / "c.txt").write_text("What is left.\n")
    whole = together(["d"])
    assert isinstance(whole, Together)
    document = read_source(whole, SourceOptions())
    assert document.text == "What is left."
    assert [lost.partition(":")[0] for lost in document.source.lost[:2]] == [
        "d/a.txt could not be read",
        "d/below could not be read",
    ]
    assert "Permission denied" in document.source.lost[1]


def test_a_folder_of_nothing_but_pipes_has_no_files_and_says_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputNotFound, match="has no documents") as caught:
        expand([str(tmp_path)])
    assert "pipe was left out: it is a named pipe" in str(caught.value.why)

    def refuse(path: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputNotFound, match="cannot be read"):
        expand([str(tmp_path)])


def test_of_very_many_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.")
    for number in range(25):
        os.mkfifo(tmp_path / f"pipe{number:02}")
    _, left_out = look_into([str(tmp_path)])
    assert len(left_out) == 21
    assert left_out[-1] == "5 more that are no documents were left out"


NO_TEXT = {
    "a.png": (b"\x89PNG\r\n\x1a\n", "a picture"), "b.JPG": (b"\xff\xd8\xff\xe0", "a picture"),
    "c.webp": (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a picture"), "d.svg": (b"<?xml?><svg xmlns=''/>", "a picture"),
    "e.mp3": (b"\xff\xfb\x90\x00", "a sound recording"),
    "f.wav": (b"RIFF\x10\x00\x00\x00WAVEfmt ", "a sound recording"),
    "g.mp4": (b"\x00\x00\x00\x18ftypisom", "a film"), "h.woff2": (b"wOF2\x00", "a font"),
    "i": (b"\x7fELF\x02", "a program"),
}  # fmt: skip
TEXTS = {
    "j.txt": b"BMW builds cars in Munich.", "k.txt": b"ID3 is a tag of sound files.", "l.txt": b"MZ was his mark.",
    "m.html": b"<html><body><svg></svg>A page with a drawing.</body></html>", "n.txt": b"RIFF and WAVE are words.",
}  # fmt: skip


def test_pictures_and_sounds_in_a_folder_are_named_and_no_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    for name, data in {**{name: head for name, (head, _) in NO_TEXT.items()}, **TEXTS}.items():
        Path("d", name).write_bytes(data)
    files, left_out = look_into(["d"])
    assert files == [f"d/{name}" for name in sorted(TEXTS)]
    assert [*left_out] == [f"d/{name} was left out: it is {kind}" for name, (_, kind) in NO_TEXT.items()]
    whole = together(["d"])
    assert isinstance(whole, Together)
    assert read_source(whole, SourceOptions()).source.lost == ()
    assert {item.path for item in items_of(["d"], Path("out"), [".md"])} == {f"d/{name}" for name in TEXTS}


def test_a_picture_that_was_named_itself_is_an_error(tmp_path: Path) -> None:
    for name, (head, kind) in NO_TEXT.items():
        (tmp_path / name).write_bytes(head + bytes(range(256)) * 40)
        if name != "d.svg":  # by itself it is read as XML
            with pytest.raises(InputError, match=f"{name} is {kind}"):
                read_document(str(tmp_path / name))
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.png").write_bytes(NO_TEXT["a.png"][0])
    with pytest.raises(InputNotFound, match="has no documents") as raised:
        together([str(tmp_path / "only")])
    assert "it is a picture" in str(raised.value.why)


def test_readers_of_other_packages_may_read_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longdoc.ingest.folder.plugins", lambda: iter(["a reader"]))
    (tmp_path / "a.png").write_bytes(NO_TEXT["a.png"][0])
    assert look_into([str(tmp_path)]) == ([str(tmp_path / "a.png")], ())
