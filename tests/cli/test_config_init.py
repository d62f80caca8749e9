"""`longdoc config init` and `config show --json`: a file that changes nothing until its lines are uncommented."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path

import click
import pytest

from longdoc.cli import cli, run
from longdoc.cli.settings import commands_with_settings, default_map, load_settings, setting_options


@pytest.fixture
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "config"))
    from platformdirs import user_config_path

    return user_config_path("longdoc") / "config.toml"


def test_the_file_is_for_its_owner_and_changes_nothing(
    user_file: Path, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "show"]) == 0
    before = capsys.readouterr().out
    assert run(["config", "init"]) == 0
    assert capsys.readouterr().out == f"{user_file}\n"
    assert stat.S_IMODE(user_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(user_file.parent.stat().st_mode) == 0o700
    assert all(not values for values in tomllib.loads(user_file.read_text()).values())
    assert run(["config", "show"]) == 0
    assert capsys.readouterr().out == before


def test_every_setting_is_in_it_with_its_default(user_file: Path, in_empty_folder: Path) -> None:
    assert run(["config", "init"]) == 0
    text = user_file.read_text()
    context = click.Context(cli)
    keys = {key for command in commands_with_settings(context).values() for key in setting_options(command)}
    assert {key.replace("-", "_") for key in re.findall(r"^# ([\w-]+) =", text, re.MULTILINE)} == keys
    # with every line that has a value uncommented, each command has just its defaults
    user_file.write_text(re.sub(r"^# (?=[\w-]+ = )", "", text, flags=re.MULTILINE))
    chosen = default_map(load_settings(), context)
    for path, command in commands_with_settings(context).items():
        inner = chosen
        for name in path:
            inner = inner[name]
        for option in setting_options(command).values():
            default = option.get_default(context)
            assert inner.get(str(option.name)) == default, (path, option.name)


def test_a_file_that_is_there_is_not_replaced_without_force(
    user_file: Path, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text("words = 3\n")
    assert run(["config", "init", "--project"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "longdoc.toml is there already." in err
    assert Path("longdoc.toml").read_text() == "words = 3\n"
    assert run(["config", "init", "--project", "--force"]) == 0
    assert "\n# words =" in Path("longdoc.toml").read_text()
    assert not user_file.exists()


def test_a_place_that_cannot_be_written_is_73(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("sys.platform", "linux")
    assert run(["config", "init"]) == 73
    assert "cannot be written" in capsys.readouterr().err


def test_show_is_json_for_programs(in_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("longdoc.toml").write_text("words = 3\n")
    assert run(["config", "show", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    row = {"command": "summarize", "key": "words", "value": 3, "origin": "longdoc.toml"}
    assert row in rows


def test_the_users_file_alone(user_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "path", "--user"]) == 0
    assert capsys.readouterr().out == f"{user_file}\n"
