"""A folder of prompts in the place of the shipped ones: used, named by its hash, checked before anything is read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longdoc.core.errors import UsageError
from longdoc.core.events import Event, StateUsed, Warned
from longdoc.core.paths import data_folder
from longdoc.core.settings import AskOptions, SourceOptions, StateOptions
from longdoc.core.types import Answer
from longdoc.pipeline.ask import ask
from longdoc.pipeline.prompts import check_folder
from longdoc.pipeline.session import Session

QUESTION = "Who built the lighthouse of Corran?"


def write(folder: Path, name: str, head: str, body: str) -> Path:
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"+++\n{head}\n+++\n{body}\n", encoding="utf-8")
    return path


def run(book: Path, session: Session, folder: Path | None, **changes: Any) -> Answer:
    options = replace(session.options, prompts=str(folder) if folder is not None else None)
    opened = Session(options, changes.pop("states", None))
    opened._loaded = session.loaded
    (answer,) = ask(
        str(book),
        [QUESTION],
        source_options=SourceOptions(),
        model_options=options,
        options=AskOptions(),
        session=opened,
        **changes,
    )
    return answer


def test_the_own_prompt_is_used_and_its_hash_is_in_the_result(book: Path, writing: Session, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", "chat/answer", 'variables = ["question", "passages"]', "Say: {{ question }}")
    shipped = run(book, writing, None).receipt
    own = run(book, writing, tmp_path / "mine").receipt
    assert own.prompts["chat/answer"] == hashlib.sha256(mine.read_bytes()).hexdigest()
    assert shipped.prompts["chat/answer"] != own.prompts["chat/answer"]
    assert shipped.prompts["chat/read"] == own.prompts["chat/read"]
    for name, sha256 in shipped.prompts.items():
        assert sha256 == hashlib.sha256((data_folder("prompts") / f"{name}.md").read_bytes()).hexdigest()
    assert (own.settings["prompts"], shipped.settings["prompts"]) == (str(tmp_path / "mine"), None)


def test_a_state_that_was_read_after_other_instructions_is_not_used(
    book: Path, writing: Session, tmp_path: Path, folder: Path
) -> None:
    write(tmp_path / "mine", "chat/read", "variables = []", "Read this:\n<document>")
    events: list[Event] = []
    states = StateOptions(str(folder))
    for prompts in (None, None, tmp_path / "mine"):
        events.clear()
        run(book, writing, prompts, states=states, on_event=events.append)
        used = [event for event in events if isinstance(event, StateUsed)]
        told = [event.message for event in events if isinstance(event, Warned) and "opening" in event.message]
        if prompts is not None:
            assert not used
            assert len(told) == 1
    assert run(book, writing, tmp_path / "mine", states=states).receipt.tokens_from_state > 0


@pytest.mark.parametrize(
    ("name", "head", "body", "words"),
    [
        ("chat/anwser", 'variables = ["question"]', "x", "stands for no prompt"),
        ("answer", 'variables = ["question"]', "x", "stands for no prompt"),
        ("chat/answer", 'variables = ["question"]', "{{ question }}", "passages is missing"),
        ("chat/answer", 'variables = ["question", "passages", "mood"]', "{{ mood }}", "asks for mood"),
        ("chat/answer", 'variables = ["question", "passages"]', "{{ mood }}", "asks for mood"),
        ("chat/answer", 'variables = ["question", "passages"]', "{% if %}", "no Jinja template"),
        ("chat/answer", 'variables = "question"', "x", "no list of variables"),
        ("chat/answer", "variables = [", "x", "not TOML"),
        ("chat/answer", 'variables = ["question", "passages"]', "{{ 1 // 0 }}", "cannot be rendered"),
        ("chat/answer", 'variables = ["question", "passages"]', "{% for i in range(10**9) %}x{% endfor %}", "rendered"),
        ("chat/answer", 'variables = ["question", "passages"]', "{{ question + 1 }}", "cannot be rendered"),
        ("chat/answer", 'variables = ["question", "passages"]', "{{ question.__class__ }}", "cannot be rendered"),
        ("chat/answer", 'variables = ["question", "passages"]', "{% include 'read' %}", "cannot be rendered"),
        ("chat/answer", 'variables = ["question", "passages"]', "{{ passages.x }}", "cannot be rendered"),
    ],
)
def test_what_cannot_be_used_is_an_error_before_anything_is_read(
    name: str, head: str, body: str, words: str, tmp_path: Path, writing: Session
) -> None:
    write(tmp_path, name, head, body)
    with pytest.raises(UsageError) as caught:
        Session(replace(writing.options, prompts=str(tmp_path)))
    assert words in f"{caught.value.what} {caught.value.why}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe+++", b"no head"])
def test_a_file_that_is_no_prompt_is_an_error(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat/answer.md").write_bytes(raw)
    with pytest.raises(UsageError):
        check_folder(str(tmp_path))


def test_a_folder_that_is_not_there_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no prompts"):
        check_folder(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="no prompts"):
        check_folder(str(tmp_path))


def test_the_shipped_prompts_are_a_folder_that_can_be_used_also_with_other_line_ends(tmp_path: Path) -> None:
    shipped = data_folder("prompts")
    assert check_folder(str(shipped)) == shipped
    for path in shipped.rglob("*.md"):
        target = tmp_path / path.relative_to(shipped)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check_folder(str(tmp_path)) == tmp_path
