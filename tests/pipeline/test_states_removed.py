"""States that another process removes while they are listed or removed: they are left out, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from longdoc.cli import run
from longdoc.core.errors import InputNotFound
from longdoc.pipeline import states

GONE, STAYS = "gone-0a1b2c3d", "stays-0a1b2c3d"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two states, of which the first has a checkpoint as well; their contents do not matter here."""
    for name in (f"{GONE}.safetensors", f"{GONE}.checkpoint.safetensors", f"{STAYS}.safetensors"):
        (tmp_path / name).write_bytes(b"a state")
    return tmp_path


@pytest.fixture(params=["_names", "_files", "read_header"])
def removed_at(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let another process remove a state after one of the steps, or before the header is read."""
    step: str = request.param
    original: Callable[..., Any] = getattr(states, step)

    def remove() -> None:
        for path in folder.glob(f"{GONE}.*"):
            path.unlink()

    def with_removal(*arguments: Any) -> Any:
        if step == "read_header":
            remove()
            return original(*arguments)
        found = original(*arguments)
        remove()
        return found

    monkeypatch.setattr(states, step, with_removal)
    return step


def test_the_list_has_those_that_stay(folder: Path, removed_at: str) -> None:
    assert [row.name for row in states.list_states(folder)] == [STAYS]


def test_all_are_removed_though_one_was_gone(folder: Path, removed_at: str) -> None:
    assert [row.name for row in states.remove_all(folder)] == [STAYS]
    assert not list(folder.iterdir())


def test_old_ones_are_removed_though_one_was_gone(folder: Path, removed_at: str) -> None:
    assert [row.name for row in states.remove_older(folder, timedelta(0))] == [STAYS]
    assert not list(folder.iterdir())


def test_room_is_made_though_one_was_gone(folder: Path, removed_at: str) -> None:
    states.keep_within(folder, 0, STAYS)
    assert [path.name for path in folder.iterdir()] == [f"{STAYS}.safetensors"]


@pytest.mark.parametrize("removed_at", ["_files", "read_header"], indirect=True)
def test_one_that_was_named_and_is_gone_is_not_there(folder: Path, removed_at: str) -> None:
    with pytest.raises(InputNotFound, match=GONE):
        states.remove_state(folder, GONE)


def test_a_checkpoint_is_listed_when_its_whole_state_is_removed_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = states.read_header

    def read_header(path: Path) -> Any:
        (folder / f"{GONE}.safetensors").unlink(missing_ok=True)
        return original(path)

    monkeypatch.setattr(states, "read_header", read_header)
    first, _ = states.list_states(folder)
    assert (first.name, first.num_bytes) == (GONE, len(b"a state"))


@pytest.mark.parametrize("command", [["list"], ["rm", "--all"], ["rm", "--older-than", "0h"]])
def test_the_commands_end_well(command: list[str], folder: Path, removed_at: str) -> None:
    assert run(["states", *command, "--state-dir", str(folder)]) == 0
