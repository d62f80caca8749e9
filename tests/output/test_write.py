"""A file is there whole or not at all."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from longdoc.core.errors import OutputError
from longdoc.output.write import open_sink


def write(path: Path | str, text: str = "new", *, keep: bool = True) -> None:
    with open_sink(str(path)) as sink:
        sink.write(text)
        if keep:
            sink.keep()


def test_a_new_file_and_an_old_one_are_written(in_empty_folder: Path) -> None:
    write("a.md", "one — ä")
    write("a.md", "two — ä")
    assert Path("a.md").read_text(encoding="utf-8") == "two — ä"
    assert [*Path().iterdir()] == [Path("a.md")]


def test_the_target_changes_only_at_the_end(in_empty_folder: Path) -> None:
    Path("a.md").write_text("old")
    with open_sink("a.md") as sink:
        sink.write("new")
        sink.keep()
        assert Path("a.md").read_text() == "old"
    assert Path("a.md").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(error: type[BaseException], in_empty_folder: Path) -> None:
    Path("a.md").write_text("old")

    def fail_at_the_end() -> None:
        with open_sink("a.md") as sink:
            sink.write("new")
            sink.keep()
            raise error

    with pytest.raises(error):
        fail_at_the_end()
    assert Path("a.md").read_text() == "old"
    assert len([*Path().iterdir()]) == 1


def test_what_is_finished_survives_an_exception(in_empty_folder: Path) -> None:
    Path("a.md").write_text("old")

    def fail_after_the_end() -> None:
        with open_sink("a.md") as sink:
            sink.write("new")
            sink.finish()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_after_the_end()
    assert Path("a.md").read_text() == "new"
    assert [*Path().iterdir()] == [Path("a.md")]


def set_aside_and_fail(name: str) -> None:
    with open_sink(name) as sink:
        sink.write("half")
        sink.keep()
        sink.set_aside()
        raise KeyboardInterrupt


@pytest.mark.parametrize("there", [(), ("a.md",), ("a.md", "a.partial.md")])
def test_what_an_interruption_left_replaces_nothing(there: tuple[str, ...], in_empty_folder: Path) -> None:
    for name in there:
        Path(name).write_text("old")
    with pytest.raises(KeyboardInterrupt):
        set_aside_and_fail("a.md")
    assert all(Path(name).read_text() == "old" for name in there)
    (new,) = {path.name for path in Path().iterdir()} - {*there}
    assert new == ("a.md", "a.partial.md", "a.partial-2.md")[len(there)]
    assert Path(new).read_text() == "half"


def test_what_an_interruption_left_goes_into_a_device() -> None:
    with pytest.raises(KeyboardInterrupt):
        set_aside_and_fail(os.devnull)
    assert Path(os.devnull).is_char_device()


def test_what_is_not_worth_keeping_is_not_kept(in_empty_folder: Path) -> None:
    write("a.md", keep=False)
    assert not [*Path().iterdir()]


def test_the_rights_of_an_old_file_and_a_link_to_it_stay(in_empty_folder: Path) -> None:
    Path("a.md").write_text("old")
    Path("a.md").chmod(0o640)
    Path("link.md").symlink_to("a.md")
    write("link.md")
    assert Path("link.md").is_symlink()
    assert Path("a.md").read_text() == "new"
    assert Path("a.md").stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_rights_that_any_program_would_give_it(in_empty_folder: Path) -> None:
    write("a.md")
    Path("b.md").touch()
    assert Path("a.md").stat().st_mode == Path("b.md").stat().st_mode


def test_nothing_stays_behind_when_the_rights_cannot_be_copied(
    in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.md").write_text("old")

    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(OutputError, match="cannot be written"):
        write("a.md")
    assert Path("a.md").read_text() == "old"
    assert [*Path().iterdir()] == [Path("a.md")]


def test_a_device_is_written_to_and_not_replaced() -> None:
    write(os.devnull)
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("num_characters", [3_000, 100_000])  # in the buffer until the end, and not
def test_a_disk_that_has_no_room_is_an_output_error_and_leaves_the_old_file(
    num_characters: int, in_empty_folder: Path
) -> None:
    Path("a.md").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            write("a.md", "x" * num_characters)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Path("a.md").read_text() == "old"
    assert [*Path().iterdir()] == [Path("a.md")]


@pytest.mark.parametrize("num_characters", [1, 100_000])
def test_a_device_that_is_full_is_an_output_error(num_characters: int) -> None:
    with pytest.raises(OutputError):
        write("/dev/full", "x" * num_characters)


@pytest.mark.parametrize("path", ["nowhere/a.md", "."])
def test_a_target_that_cannot_be_is_an_output_error(path: str, in_empty_folder: Path) -> None:
    with pytest.raises(OutputError) as raised:
        write(path)
    assert raised.value.why
    assert raised.value.fix


def test_a_folder_that_is_there_need_not_be_made(in_empty_folder: Path) -> None:
    with pytest.raises(OutputError) as missing:
        write("no where/a.md")
    assert missing.value.fix == f"mkdir -p '{in_empty_folder / 'no where'}'"
    if Path("/proc/version").exists():
        with pytest.raises(OutputError) as there:
            write("/proc/longdoc.md")
        assert there.value.fix == "choose another file with -o"


def test_a_lone_surrogate_does_not_lose_the_result(in_empty_folder: Path) -> None:
    write("a.md", "odd name \udcff")
    assert Path("a.md").read_text() == "odd name ?"
