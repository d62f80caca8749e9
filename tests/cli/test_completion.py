"""Completion: scripts that shells can parse, and what they are told."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from longdoc.cli import COMMANDS, run


@pytest.mark.parametrize(("shell", "check"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_the_script_can_be_parsed_by_its_shell(shell: str, check: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "_LONGDOC_COMPLETE=" in out
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run([program, check], input=out.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr


def completed(environment: dict[str, str], *words: str) -> list[str]:
    """What bash is told to complete the last word with."""
    program = [sys.executable, "-c", "from longdoc.cli import main; main()"]
    own = {"_LONGDOC_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("longdoc", *words)), "COMP_CWORD": "1"}
    own["COMP_CWORD"] = str(len(words))
    done = subprocess.run(program, env={**environment, **own}, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def test_commands_options_values_and_files_are_completed(child_environment: dict[str, str]) -> None:
    assert completed(child_environment, "s") == [f"plain,{name}" for name in COMMANDS if name.startswith("s")]
    assert completed(child_environment, "states", "r") == ["plain,rm"]
    assert "plain,--quantize" in completed(child_environment, "ask", "--q")
    assert completed(child_environment, "ask", "--to", "j") == ["plain,json", "plain,jsonl"]
    assert completed(child_environment, "summarize", "boo") == ["file,boo"]
    assert completed(child_environment, "read", "--state-dir", "st") == ["dir,st"]
    assert completed(child_environment, "summarize", "-o", "x") == ["file,x"]


def test_an_unknown_shell_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "cmd"]) == 2
    assert "bash" in capsys.readouterr().err
