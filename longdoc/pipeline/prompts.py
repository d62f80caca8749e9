"""Prompts: files with a TOML head and a Jinja body, rendered in a sandbox.

    +++
    purpose = "..."
    variables = ["question"]
    +++
    Question: {{ question }}

The document is only ever a variable, so braces in a book stay braces. A body keeps its leading blank lines; one
line feed at its end belongs to the file, not to the prompt.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from longdoc.core.errors import UsageError
from longdoc.core.paths import data_folder

_MARK = "+++\n"


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
        environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
        try:
            return environment.from_string(self.body).render(**values)
        except TemplateError as error:
            raise UsageError(
                f"The prompt {self.name} cannot be rendered.", why=str(error), fix="compare it with the shipped one"
            ) from error


def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """The prompt `prompts/NAME.md`, from `folder` if it has one of that name, else from the package."""
    candidates = [root / f"{name}.md" for root in (folder, data_folder("prompts")) if root is not None]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        raise UsageError(f"There is no prompt {name}.", why=f"looked for {candidates[0]}")
    raw = path.read_bytes()
    text = raw.decode()
    parts = text.split(_MARK, 2)
    if len(parts) != 3 or parts[0]:
        raise UsageError(f"The prompt {path} has no head.", why="it must start with +++, TOML and another +++")
    try:
        head = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The head of the prompt {path} is not TOML.", why=str(error)) from error
    return Prompt(
        name=name,
        variables=tuple(head.get("variables", ())),
        body=parts[2].removesuffix("\n"),
        sha256=hashlib.sha256(raw).hexdigest(),
    )
