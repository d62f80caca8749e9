"""Flag > environment > project file > user file > default, and errors that name the file."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from handmade import FakePipeline
from platformdirs import user_config_path

from longdoc.cli import cli, run
from longdoc.cli.settings import default_map, load_settings, setting_options


@pytest.fixture
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "config"))
    path = user_config_path("longdoc") / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def words_of(pipeline: FakePipeline, *flags: str) -> int | None:
    assert run(["summarize", "a.pdf", "--quiet", *flags]) == 0
    words = pipeline.calls[-1]["options"].words
    assert words is None or isinstance(words, int)
    return words


def test_each_source_of_settings_overrides_the_weaker_ones(
    pipeline: FakePipeline,
    in_empty_folder: Path,
    user_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def origin() -> str:
        run(["config", "show"])
        (row,) = [
            line for line in capsys.readouterr().out.splitlines() if line.startswith(("words ", "summarize.words "))
        ]
        return " ".join(row.split()).removeprefix("summarize.")

    assert words_of(pipeline) is None  # by the length of the document
    assert origin() == "words = (not set) # default"
    user_file.write_text("words = 100\n[summarize]\nwords = 110\n")
    assert words_of(pipeline) == 110
    assert origin() == f"words = 110 # {user_file}"
    Path("longdoc.toml").write_text("words = 120\n")
    assert words_of(pipeline) == 120
    assert origin() == "words = 120 # longdoc.toml"
    monkeypatch.setenv("LONGDOC_WORDS", "130")
    assert words_of(pipeline) == 130
    assert origin() == 'words = "130" # LONGDOC_WORDS'
    assert words_of(pipeline, "--words", "140") == 140


def test_a_table_is_for_its_command_only(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("longdoc.toml").write_text(
        'model = "for/all"\nno-such = 1\n'.replace("no-such = 1\n", "[ask]\nmodel = 'x/y'\n")
    )
    run(["summarize", "a.pdf", "--quiet"])
    run(["ask", "a.pdf", "-q", "Who?", "--quiet"])
    assert [call["model_options"].model for call in pipeline.calls] == ["for/all", "x/y"]


def test_settings_reach_the_commands_of_a_group(in_empty_folder: Path) -> None:
    Path("longdoc.toml").write_text("window = 64\n[bench]\nsinks = 8\n[bench.speed]\nwindow = 32\n")
    context = click.Context(cli)
    chosen = default_map(load_settings(), context)
    assert chosen["bench"]["speed"] == {"window": 32, "sinks": 8}
    assert chosen["bench"]["passkey"] == {"window": 64, "sinks": 8}
    assert chosen["summarize"] == {"window": 64}
    speed = cli.get_command(context, "bench").get_command(context, "speed")  # type: ignore[union-attr]
    parsed = speed.make_context("speed", [], default_map=chosen["bench"]["speed"])
    assert parsed.params["window"] == 32


def test_config_shows_the_settings_of_a_groups_commands(
    in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text("[bench.speed]\nwindow = 32\n")
    assert run(["config", "show"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "bench.speed.window = 32 # longdoc.toml" in rows
    assert "summarize.window = (not set) # default" in rows


def test_switches_and_hyphens_work_in_files(pipeline: FakePipeline, in_empty_folder: Path) -> None:
    Path("secret.txt").write_text("sesame")
    Path("longdoc.toml").write_text('memory = false\npassword-file = "secret.txt"\nsegment = 64\nverbatim = true\n')
    run(["summarize", "a.pdf", "--quiet"])
    (call,) = pipeline.calls
    assert call["model_options"].memory is False
    assert call["model_options"].segment_tokens == 64
    assert call["source_options"].password == "sesame"
    assert call["options"].verbatim is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("word = 3", "unknown setting word.\n  try: the nearest known is words"),
        ("[sumarize]\nwords = 3", "unknown setting [sumarize].\n  try: the nearest known is summarize"),
        ("[ask]\nwords = 3", "unknown setting words."),
        ("[bench.sped]\nwindow = 3", "unknown setting [bench.sped].\n  try: the nearest known is speed"),
        ("[bench.speed]\nwords = 3", "unknown setting words."),
        ('words = "many"', "words = 'many' makes no sense."),
        ("words = [3]", "words = [3] makes no sense."),
        ('to = "pdf"', "to = 'pdf' makes no sense."),
        ("words = = 3", "is not valid TOML."),
        ("output = 'x.md'", "unknown setting output."),
    ],
)
def test_a_wrong_settings_file_is_named(
    text: str, said: str, pipeline: FakePipeline, in_empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text(text)
    assert run(["summarize", "a.pdf"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: longdoc.toml")
    assert said in err


def test_config_path_says_which_files_are_there(
    in_empty_folder: Path, user_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("longdoc.toml").write_text("")
    assert run(["config", "path"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{user_file} (not there)", "longdoc.toml"]


def test_every_default_is_shown_as_a_value(in_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show"]) == 0
    out = capsys.readouterr().out
    assert "Sentinel" not in out
    assert re.search(r"^quiet +=  ?false", out, re.MULTILINE)


def test_what_names_a_result_or_a_question_is_no_setting() -> None:
    context = click.Context(cli)
    for name in ("summarize", "ask"):
        command = cli.get_command(context, name)
        assert command is not None
        assert not {"output", "question", "questions", "json", "verbose"} & set(setting_options(command))
