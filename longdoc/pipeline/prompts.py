"""Prompts: files with a TOML head and a Jinja body, rendered in a sandbox.

    +++
    purpose = "..."
    variables = ["question"]
    +++
    Question: {{ question }}

The document is only ever a variable, so braces in a book stay braces. A body keeps its leading blank lines; one
line feed at its end belongs to the file, not to the prompt. A folder of the user's own has files under the same names,
`chat/answer.md`, in the place of the shipped ones; all of it is checked before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from longdoc.core.errors import UsageError
from longdoc.core.paths import data_folder

_MARK = "+++\n"
# What a template can raise that is wrong: endless ranges and texts, sums of words, attributes of nothing.
_TROUBLE = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """name: "embedded/question".   variables: what `render` must be given.   sha256: of the file's bytes."""

    name: str
    variables: tuple[str, ...]
    body: str
    sha256: str

    def render(self, **values: str) -> str:
        """The text for the model. Raises UsageError when a variable is missing or unknown, or the template wrong."""
        if unknown := sorted(set(values) - set(self.variables)):
            raise UsageError(f"The prompt {self.name} does not take {', '.join(unknown)}.", why="its head says so")
        try:
            return _environment().from_string(self.body).render(**values)
        except _TROUBLE as error:
            raise UsageError(
                f"The prompt {self.name} cannot be rendered.", why=str(error), fix="compare it with the shipped one"
            ) from error


def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """The prompt `prompts/NAME.md`, from `folder` if it has one of that name, else from the package."""
    candidates = [root / f"{name}.md" for root in (folder, data_folder("prompts")) if root is not None]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise UsageError(f"There is no prompt {name}.", why=f"looked for {candidates[0]}")
    return _read(path, name)


def check_folder(folder: str) -> Path:
    """A folder of prompts in the place of the shipped ones. Raises UsageError for anything that could not be used."""
    root = Path(folder).expanduser()
    shipped = data_folder("prompts")
    names = sorted(path.relative_to(shipped).with_suffix("").as_posix() for path in shipped.rglob("*.md"))
    found = sorted(root.rglob("*.md")) if root.is_dir() else []
    if not found:
        raise UsageError(
            f"There are no prompts in {folder}.",
            why="it has no file such as chat/answer.md" if root.is_dir() else "there is no such folder",
            fix=f"copy what you want to change from {shipped}, with its folder",
        )
    for path in found:
        name = path.relative_to(root).with_suffix("").as_posix()
        if name not in names:
            raise UsageError(f"{path} stands for no prompt.", why=f"there are {', '.join(names)}")
        _check(_read(path, name), path, _read(shipped / f"{name}.md", name))
    return root


def _check(own: Prompt, path: Path, shipped: Prompt) -> None:
    """Whether a prompt can be rendered in the place of the shipped one."""
    try:
        used = find_undeclared_variables(_environment().parse(own.body))
    except TemplateError as error:
        raise UsageError(f"The prompt {path} is no Jinja template.", why=str(error)) from error
    if lacking := sorted(set(shipped.variables) - set(own.variables)):
        raise UsageError(
            f"The head of the prompt {path} does not name all that it is given.",
            why=f"{', '.join(lacking)} is missing",
            fix=f"variables = {json.dumps(list(shipped.variables))}; the body need not use them all",
        )
    if unknown := sorted((used | set(own.variables)) - set(shipped.variables)):
        given = ", ".join(shipped.variables) or "nothing"
        raise UsageError(f"The prompt {path} asks for {', '.join(unknown)}.", why=f"it is given {given}")
    own.render(**dict.fromkeys(own.variables, "1"))


def _environment() -> Environment:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)


def _read(path: Path, name: str) -> Prompt:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UsageError(f"The prompt {path} cannot be read.", why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The prompt {path} is not UTF-8 text.", why=str(error), fix="save it as UTF-8") from error
    parts = text.split(_MARK, 2)
    if len(parts) != 3 or parts[0]:
        raise UsageError(f"The prompt {path} has no head.", why="it must start with +++, TOML and another +++")
    try:
        head = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The head of the prompt {path} is not TOML.", why=str(error)) from error
    variables = head.get("variables", [])
    if not isinstance(variables, list) or not all(isinstance(variable, str) for variable in variables):
        raise UsageError(f"The head of the prompt {path} has no list of variables.", fix='variables = ["question"]')
    return Prompt(name, tuple(variables), parts[2].removesuffix("\n"), hashlib.sha256(raw).hexdigest())
