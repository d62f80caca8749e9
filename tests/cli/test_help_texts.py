"""Help as a manual page: groups, examples that can be typed, topics; and the README says the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from longdoc.cli import COMMANDS, cli, run
from longdoc.cli.man import GROUPS, ManCommand, ManGroup
from longdoc.core.errors import EXIT_CODES

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text(encoding="utf-8")
EVERYDAY = ("summarize", "ask", "batch", "read", "plan", "doctor", "models", "states", "config", "completion", "help")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its names."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*path, name))


LEAVES = dict(leaves(cli))


def help_of(*names: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*names, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("path", [path for path in LEAVES if path[0] in EVERYDAY], ids=" ".join)
def test_an_everyday_command_has_two_to_four_examples_that_click_accepts(path: tuple[str, ...]) -> None:
    command = LEAVES[path]
    assert isinstance(command, ManCommand)
    assert 2 <= len(command.examples) <= 4
    for what, line in command.examples:
        assert what[0].isupper()
        assert not what.endswith((".", ":"))
        _check_line(line)


def test_the_examples_of_the_whole_program_are_accepted_too() -> None:
    assert isinstance(cli, ManGroup)
    for _, line in cli.examples:
        _check_line(line)


def _check_line(line: str) -> None:
    """Whether every `longdoc ...` of a line of shell can be parsed by its command."""
    words = shlex.split(re.sub(r'"\$\(([^)]*)\)"', r"; \1 ;", line), comments=True)
    assert "longdoc" in words
    while "longdoc" in words:
        words = words[words.index("longdoc") + 1 :]
        ends = [words.index(sign) for sign in ("|", "&&", ">", ";") if sign in words]
        own, words = words[: min(ends, default=len(words))], words[min(ends, default=len(words)) :]
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), own.pop(0))
            assert found is not None, line
            command = found
        if "--help" not in own:
            command.make_context("longdoc", own)


def test_options_stand_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("ask", capsys=capsys)
    titles = re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE)
    assert titles == ["Options", *GROUPS, "Examples"]
    group = {
        option: title
        for title, body in re.findall(r"^(\w[\w ]*):\n((?: .*\n|\n(?= ))+)", text, re.MULTILINE)
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", body, re.MULTILINE)
    }
    assert group["--question"] == "Options"
    assert group["--pages"] == "Source"
    assert group["--quantize"] == "Model"
    assert group["--window"] == "Attention and memory"
    assert group["--fresh"] == "Reading states"
    assert group["--log-file"] == "Output"


def test_every_name_in_the_groups_is_an_option_of_some_command() -> None:
    known = {parameter.name for command in LEAVES.values() for parameter in command.params}
    assert not {name for names in GROUPS.values() for name in names} - known


def test_the_main_help_names_each_command_whole_and_each_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys=capsys)
    for name in COMMANDS:
        assert re.search(rf"^  {name}  +\S", text, re.MULTILINE)
    assert "..." not in text[text.index("Commands:") :]
    codes = [int(code) for code in re.findall(r"^  (\d+)  +\S", text, re.MULTILINE)]
    assert codes == [*EXIT_CODES]


@pytest.mark.parametrize(("topic", "said"), [("exit-codes", "141"), ("rows", '"question"'), ("events", "segment_read")])
def test_topics_are_told(topic: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", topic]) == 0
    out, err = capsys.readouterr()
    assert said in out
    assert err == ""


def test_help_on_a_command_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "states", "rm"]) == 0
    told = capsys.readouterr().out
    assert told == help_of("states", "rm", capsys=capsys)
    assert run(["help"]) == 0
    assert "Commands:" in capsys.readouterr().out
    assert run(["help", "nothing"]) == 2
    assert "There is no help on nothing." in capsys.readouterr().err


def test_help_and_config_work_with_a_broken_settings_file(
    in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text("words = = 3")
    assert run(["help", "ask"]) == 0
    assert run(["config", "path"]) == 0
    assert run(["completion", "bash"]) == 0
    assert run(["config", "init", "--project", "--force"]) == 0
    assert run(["config", "show"]) == 0


def test_the_readme_names_every_command() -> None:
    assert not [name for name in COMMANDS if not re.search(rf"\blongdoc {name}\b", README)]


def test_the_options_of_the_readmes_table_take_what_it_says() -> None:
    table = README[README.index("| option | |") :].split("\n\n")[0]
    rows = re.findall(r"`(-[^`]*)`", table)
    assert len(rows) > 15
    known = {name: p for command in LEAVES.values() for p in command.params for name in (*p.opts, *p.secondary_opts)}
    for written in rows:
        name, _, value = written.replace("\\|", "|").partition(" ")
        option = known[name]
        assert isinstance(option, click.Option)
        assert not value or not option.is_flag, written
        if "|" in value:
            assert isinstance(option.type, click.Choice)
            assert value.split("|") == [*option.type.choices], written


def test_the_readmes_exit_codes_are_those_of_the_help() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE))
    assert [int(code) for code in rows] == [*EXIT_CODES]
    for code, meaning in EXIT_CODES.items():
        first = re.split(r"[:;,]", meaning)[0].split(" by ")[0]
        assert first in rows[str(code)].replace("`", ""), code
