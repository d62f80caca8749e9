"""A second question on a document whose reading is kept: answered without the model, as if it were there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from made_books import write_text

from longdoc.core.events import Event, StateUsed, ignore
from longdoc.core.paths import data_folder
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Answer
from longdoc.ingest import together
from longdoc.output.json import answer_json
from longdoc.pipeline import kept_reading
from longdoc.pipeline.ask import begin
from longdoc.pipeline.claims import claim
from longdoc.pipeline.interview import Interview
from longdoc.pipeline.kept_reading import recollect
from longdoc.pipeline.states import index_path, list_states, remove_all, remove_state

QUESTIONS = ["Who built the lighthouse of Corran?", "When was the lighthouse built?", "What do penguins eat?"]
ASK = AskOptions()


@dataclass(frozen=True)
class Once:
    """A book that was read and asked about. states: what was kept, to be copied, not changed."""

    book: Path
    states: Path
    answers: list[Answer]


@pytest.fixture(scope="module")
def model() -> ModelOptions:
    """The embedded model: it takes no part in choosing."""
    return ModelOptions(offline=True, device="cpu")


@pytest.fixture(scope="module")
def once(model: ModelOptions, tmp_path_factory: pytest.TempPathFactory) -> Once:
    folder = tmp_path_factory.mktemp("once")
    book = write_text(folder / "book.md")
    return Once(book, folder / "states", first(model, folder / "states", book))


@pytest.fixture
def kept(once: Once, tmp_path: Path) -> Path:
    """A copy of the states."""
    return Path(shutil.copytree(once.states, tmp_path / "kept"))


def copy_of_it(folder: Path, *, points_among: int = 1) -> ModelOptions:
    shutil.copytree(data_folder("adapters") / "embedded", folder)
    settings = folder / "adapter.toml"
    told = settings.read_text()
    assert "points_among = 1" in told
    settings.write_text(told.replace("points_among = 1", f"points_among = {points_among}"))
    return ModelOptions(str(folder), offline=True, device="cpu")


def first(
    model: ModelOptions, folder: Path, book: Path, questions: list[str] = QUESTIONS, **source: Any
) -> list[Answer]:
    interview = begin(
        str(book),
        source_options=SourceOptions(**source),
        model_options=model,
        options=ASK,
        states=StateOptions(str(folder)),
    )
    return list(interview.answers(questions))


def recollected(
    model: ModelOptions, folder: Path | None, book: Path | str, options: AskOptions = ASK, **source: Any
) -> Interview | None:
    return recollect(
        str(book),
        source_options=SourceOptions(**source),
        model_options=model,
        options=options,
        states=StateOptions(str(folder)) if folder is not None else None,
        on_event=ignore,
        otherwise=lambda: pytest.fail("the model is not needed"),
    )


def without_cost(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer without seconds and memory, and without where its tokens were read."""
    found = answer_json(answer)
    stats = found.pop("stats")
    assert found["source"].pop("tokens_from_state") in {0, found["source"]["tokens"]}
    for key in ("seconds", "read_tokens_per_s", "peak_memory_bytes"):
        del stats[key]
    return {**found, "stats": stats}


def test_answers_are_those_of_the_run_that_read_it(model: ModelOptions, once: Once, kept: Path) -> None:
    read = once.answers
    assert {answer.status for answer in read} == {"answered", "not_found"}
    interview = recollected(model, kept, once.book)
    assert interview is not None
    again = list(interview.answers(QUESTIONS))
    assert [without_cost(answer) for answer in again] == [without_cost(answer) for answer in read]
    assert {answer.receipt.tokens_from_state for answer in again} == {read[0].receipt.num_tokens}


def test_another_process_answers_without_torch(once: Once, kept: Path) -> None:
    told = [without_cost(answer)["answer"] for answer in once.answers]
    script = (
        "import sys\nfrom longdoc.cli import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules), 'not needed'"
    )
    asked = [word for question in QUESTIONS for word in ("-q", question)]
    options = ["--offline", "--device", "cpu", "--to", "jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", script, "ask", str(once.book), *asked, *options, "--state-dir", str(kept)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["answer"] for line in done.stdout.splitlines()] == told


def test_events_say_what_was_opened_and_known(model: ModelOptions, once: Once, kept: Path) -> None:
    events: list[Event] = []
    interview = recollect(
        str(once.book),
        source_options=SourceOptions(),
        model_options=model,
        options=ASK,
        states=StateOptions(str(kept)),
        on_event=events.append,
        otherwise=lambda: pytest.fail("the model is not needed"),
    )
    assert interview is not None
    (used,) = [event for event in events if isinstance(event, StateUsed)]
    assert used.tokens_read == used.num_tokens > 0


@pytest.mark.parametrize("change", ["model", "state", "index", "cut", "version", "no states", "sections", "verbatim"])
def test_nothing_is_recollected_when_anything_is_not_the_same(
    change: str, model: ModelOptions, once: Once, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recollected(model, kept, once.book) is not None
    name = list_states(kept)[0].name
    index = index_path(kept, name)
    options, source, states = ASK, dict[str, Any](), kept
    if change == "model":
        model = replace(model, window=255)
    elif change == "state":
        (kept / f"{name}.safetensors").unlink()
    elif change == "index":
        data = bytearray(index.read_bytes())
        data[len(data) // 2] ^= 1
        index.write_bytes(data)
    elif change == "cut":
        index.write_bytes(index.read_bytes()[:20])
    elif change == "version":
        monkeypatch.setattr(kept_reading, "__version__", "0.0.0")
    elif change == "sections":
        source = {"sections": "1"}
    elif change == "verbatim":
        options = replace(ASK, verbatim=False)
    assert recollected(model, None if change == "no states" else states, once.book, options, **source) is None


def test_nothing_is_recollected_where_a_fresh_reading_is_wanted(model: ModelOptions, once: Once, kept: Path) -> None:
    found = recollect(
        str(once.book),
        source_options=SourceOptions(),
        model_options=model,
        options=ASK,
        states=StateOptions(str(kept), fresh=True),
        on_event=ignore,
        otherwise=lambda: pytest.fail("nothing is asked"),
    )
    assert found is None


def test_nothing_is_recollected_when_the_text_or_the_weights_have_changed(
    folder: Path, book: Path, tmp_path: Path
) -> None:
    model = copy_of_it(tmp_path / "own")
    first(model, folder, book, QUESTIONS[:1])
    assert recollected(model, folder, book) is not None
    told = book.read_text()
    book.write_text(told + "One more sentence.")
    assert recollected(model, folder, book) is None
    book.write_text(told)
    assert recollected(model, folder, book) is not None
    with (Path(model.model) / "config.json").open("a") as file:
        file.write(" ")
    assert recollected(model, folder, book) is None


def test_a_question_too_long_for_the_model_goes_to_it(model: ModelOptions, once: Once, kept: Path) -> None:
    interview = recollected(model, kept, once.book)
    assert interview is not None
    with pytest.raises(pytest.fail.Exception, match="the model is not needed"):
        interview.answer("Who built the lighthouse? " * 400)


def test_nothing_is_kept_of_what_a_password_opens(model: ModelOptions, folder: Path, book: Path) -> None:
    first(model, folder, book, password="secret")
    assert not list(folder.glob("*.index"))
    assert list(folder.glob("*.safetensors"))


def test_a_model_that_takes_a_part_in_choosing_is_always_loaded(folder: Path, book: Path, tmp_path: Path) -> None:
    first(copy_of_it(tmp_path / "chooses", points_among=2), folder, book)
    assert not list(folder.glob("*.index"))


def test_what_is_kept_is_its_owners_alone_and_goes_with_its_state(once: Once, kept: Path) -> None:
    (index,) = once.states.glob("*.index")
    assert index.stat().st_mode & 0o777 == 0o600
    (state,) = list_states(kept)
    assert state.num_bytes >= index.stat().st_size
    remove_state(kept, state.name)
    assert not list(kept.glob(f"{state.name}*"))


def test_a_checkpoint_that_a_killed_run_left_goes_unless_the_text_may_grow_or_another_run_writes_it(
    model: ModelOptions, once: Once, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = (path for path in kept.glob("*.safetensors") if ".checkpoint" not in path.name)
    left = whole.with_name(whole.name.replace(".safetensors", ".checkpoint.safetensors"))
    shutil.copy(whole, left)
    assert recollected(model, kept, once.book) is not None
    assert left.exists()  # a text may grow, and is gone on with from there
    monkeypatch.setattr(kept_reading, "may_grow", lambda document: False)
    held = claim(kept, whole.name.removesuffix(".safetensors"))
    assert held is not None
    assert recollected(model, kept, once.book) is not None
    assert left.exists()
    held.release()
    assert recollected(model, kept, once.book) is not None
    assert not left.exists()
    assert whole.exists()


def test_an_index_without_its_state_goes_with_the_others(kept: Path) -> None:
    (state,) = list_states(kept)
    (kept / f"{state.name}.safetensors").unlink()
    (kept / f"{state.name}.checkpoint.safetensors").unlink(missing_ok=True)
    assert not list_states(kept)
    remove_all(kept)
    assert not list(kept.glob("*.index"))


def test_the_same_file_under_another_name_is_cited_by_that_name(
    model: ModelOptions, once: Once, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(once.book.parent)
    interview = recollected(model, kept, once.book.name)
    assert interview is not None
    answer = interview.answer(QUESTIONS[0])
    assert {citation.source for citation in answer.citations} == {once.book.name}
    assert answer.receipt.source.name == once.book.name


def test_several_files_are_known_together_until_one_of_them_changes(
    model: ModelOptions, folder: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    write_text(docs / "a.md")
    (docs / "b.md").write_text("# Annex\n\nThe pier of Corran was built by Hector Blane in 1902.\n")
    source = together([str(docs)])
    assert source is not None
    shared = {"source_options": SourceOptions(), "model_options": model, "options": ASK}

    def again() -> Interview | None:
        found = together([str(docs)])
        states = StateOptions(str(folder))
        return recollect(found, **shared, states=states, on_event=ignore, otherwise=lambda: pytest.fail("not needed"))

    read = begin(source, **shared, states=StateOptions(str(folder))).answer("Who built the pier of Corran?")
    interview = again()
    assert interview is not None
    answer = interview.answer("Who built the pier of Corran?")
    assert answer.citations[0].source == str(docs / "b.md")
    assert without_cost(answer) == without_cost(read)
    (docs / "c.md").write_text("One more.")
    assert again() is None
    (docs / "c.md").unlink()
    assert again() is not None
    write_text(docs / "a.md", "It is another now.")
    assert again() is None
