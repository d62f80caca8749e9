"""The rules of the house that a program can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from longdoc import __version__
from longdoc.cli import COMMANDS, cli

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "longdoc"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
MAX_LINES = 400

# What `longdoc --help` must not wait for.
HEAVY = {
    "torch", "transformers", "tokenizers", "numpy", "safetensors", "bitsandbytes", "accelerate", "huggingface_hub",
    "rich", "pypdf", "pypdfium2", "selectolax", "pysubs2", "charset_normalizer", "nupunkt", "jinja2", "sqlite3",
}  # fmt: skip


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def commands(group: click.Group, context: click.Context) -> list[click.Command]:
    """A group's commands and those of its groups."""
    found: list[click.Command] = [group]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += commands(command, context) if isinstance(command, click.Group) else [command]
    return found


def test_calls_go_down_and_torch_stays_in_its_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(REPOSITORY)
    monkeypatch.syspath_prepend(str(REPOSITORY))
    assert lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("path", MODULES + TESTS, ids=name_of)
def test_no_file_is_longer_than_a_reader_can_hold(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").split("\n")) <= MAX_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_prints_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "a module starts with what it does and what it does not know"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert not [call.lineno for call in calls if call.func.id == "print"]  # type: ignore[attr-defined]
    bare = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not bare


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_a_module_exports_exists(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    exports = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    for value in exports:
        names = ast.literal_eval(value)
        assert len(names) == len(set(names))
        defined = {name for node in ast.walk(tree) for name in _names_bound_by(node)}
        assert set(names) <= defined | ({"__getattr__"} & set(names))


def _names_bound_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    return set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["summarize", "--help"],
        ["ask", "--help"],
        ["read", "--help"],
        ["plan", "--help"],
        ["states", "list", "--help"],
        ["doctor", "--help"],
        ["bench", "--help"],
        ["bench", "passkey", "--help"],
        ["help", "events"],
        ["completion", "bash"],
        ["config", "show"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], child_environment: dict[str, str]) -> None:
    program = f"import sys; from longdoc.cli import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], env=child_environment, capture_output=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.decode().split()}
    assert not loaded & HEAVY
    assert "click" in loaded


def test_every_command_and_option_says_what_it_is_for() -> None:
    for command in commands(cli, click.Context(cli)):
        assert command.help, command.name
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), parameter.name


def test_every_command_of_the_table_can_be_imported() -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_options_and_commands_that_the_documents_name_exist(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    known = {
        name
        for command in commands(cli, click.Context(cli))
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    mentioned = {
        option
        for line in text.splitlines()
        if not re.search(r"\b(pip|pytest|ruff|mypy|git|python3?|lint-imports) ", line) or "longdoc " in line
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line.rpartition("-m longdoc ")[2])  # not torchrun's
    }
    assert not mentioned - known
    code = "\n".join(
        re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    )
    called = set(re.findall(r"(?:^|[|&] )(?:\S*/)?longdoc ([a-z]+)", code, re.MULTILINE))
    assert not called - set(COMMANDS)


def test_no_message_sends_the_user_to_a_command_that_does_not_exist() -> None:
    named = {
        (name_of(path), command)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "fix"
        for text in ast.walk(node.value)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
        for command in re.findall(r"^longdoc ([a-z]+)\b", text.value)
    }
    assert len(named) > 10
    assert not [(path, command) for path, command in named if command not in COMMANDS]


def test_the_readme_shows_every_exit_code() -> None:
    from longdoc.core import errors

    codes = {value.exit_code for value in vars(errors).values() if hasattr(value, "exit_code")}
    codes |= {0, errors.BUG_EXIT_CODE, errors.INTERRUPTED_EXIT_CODE, errors.TERMINATED_EXIT_CODE}
    codes |= {errors.CLOSED_PIPE_EXIT_CODE}
    assert codes == set(errors.EXIT_CODES)
    rows = re.findall(r"^\| (\d+) \|", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(row) for row in rows} == codes


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\((?!https?://|#)([^)#]+)", (REPOSITORY / document).read_text(encoding="utf-8"))
        assert not [link for link in links if not (REPOSITORY / link).exists()]


def test_the_version_is_in_the_changelog() -> None:
    assert f"## [{__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_build_keeps_prompts_and_adapters_in_the_wheel() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"adapters": "longdoc/_data/adapters", "prompts": "longdoc/_data/prompts"}
