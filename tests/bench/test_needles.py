"""Many facts: where they stand, that each is asked for, that names are new, and what a reader that knows them gets."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from longdoc.bench import needles, passkey, recall
from longdoc.bench.names import NAMES
from longdoc.core import needles as words
from longdoc.core.errors import UsageError
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import plan_reading
from longdoc.pipeline.session import Session, open_session
from longdoc.train import tasks

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def session(options: ModelOptions) -> Session:
    return open_session(options, lambda event: None)


class Scripted:
    """A reader that keeps every token and finds what was asked for, unless it `forgets` a name."""

    forgets: tuple[str, ...] = ()

    def __init__(self, loaded: Any, plan: Any) -> None:
        self.loaded = loaded
        self.plan = plan

    def start(self) -> Any:
        return SimpleNamespace(ids=(), num_tokens=0)

    def read(self, state: Any, ids: Any) -> Any:
        return SimpleNamespace(ids=(*state.ids, *ids), num_tokens=state.num_tokens + len(ids))

    def write(self, state: Any, max_tokens: int) -> Iterator[int]:
        text = self.loaded.tokenizer.decode(state.ids)
        name = text.rsplit(" ", 2)[-2]  # "The code of NAME is", "The pass key is"
        found = re.findall(rf"{name} is (\d{{5}})\.", text)
        number = found[0] if found and name not in self.forgets else "-----"
        return iter(self.loaded.tokenizer(f" {number}.", add_special_tokens=False)["input_ids"][:max_tokens])


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    class Own(Scripted):
        pass

    for module in (needles, passkey):
        monkeypatch.setattr(module, "Reader", Own)
    return Own


def test_facts_stand_evenly_in_a_text_that_is_exactly_as_long_as_asked_for() -> None:
    ids, depths = needles.with_facts(list(range(1000)), [[-1, -1], [-2, -2], [-3, -3], [-4]], 107)
    assert len(ids) == 107
    assert [i for i in ids if i >= 0] == list(range(100))
    assert [ids.index(-fact) for fact in (1, 2, 3, 4)] == [12, 40, 66, 94]
    assert depths == [12 / 107, 40 / 107, 66 / 107, 94 / 107]
    assert needles.with_facts([0] * 99, [[-1]], 99)[1] == [49 / 99]


def test_a_reader_that_keeps_everything_knows_every_fact(options: ModelOptions, scripted: type[Scripted]) -> None:
    result = needles.run(options, lengths=[400, 600], facts=[1, 7], samples=2)
    assert [(row["length"], row["facts"], row["samples"]) for row in result["results"]] == [
        (400, 1, 2), (400, 7, 14), (600, 1, 2), (600, 7, 14)
    ]  # fmt: skip
    assert all(row["accuracy"] == row["digit_accuracy"] == 1 for row in result["results"])
    assert result["results"][0]["accuracy_by_third"] == [None, 1, None]
    assert result["results"][1]["accuracy_by_third"] == [1, 1, 1]


def test_what_is_not_known_is_not_counted(
    options: ModelOptions, scripted: type[Scripted], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = recall.Texts(session, list(recall.hay_tokens(session, None, 500)), random.Random(5))
    names = random.Random(5).sample(NAMES, 4)
    scripted.forgets = (names[2],)
    found = list(needles.recalled(session, plan_reading(session.loaded, options, 500), texts, 500, 4))
    assert [fact.answered == fact.told for fact in found] == [True, True, False, True]
    assert len({fact.told for fact in found}) == 4
    row = needles._row(500, 4, found, plan_reading(session.loaded, options, 500), None)
    assert (row["accuracy"], row["accuracy_by_third"]) == (0.75, [1, 0.5, 1])


def test_without_the_needle_in_the_text_nothing_is_right(
    options: ModelOptions, scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = passkey.run(options, lengths=[300], depths=[0, 0.5], samples=2)["results"]
    assert [row["accuracy"] for row in found] == [1, 1]
    monkeypatch.setattr(words, "TOLD", " It rained on the tenth day. Nobody had an umbrella.")
    monkeypatch.setattr(words, "CODE_TOLD", " It rained.")
    gone = passkey.run(options, lengths=[300], depths=[0, 0.5], samples=2)["results"]
    gone += needles.run(options, lengths=[300], facts=[3], samples=2)["results"]
    assert [row["accuracy"] for row in gone] == [0, 0, 0]


def test_a_model_that_knows_nothing_gets_rows_for_each_way(options: ModelOptions) -> None:
    twice = [
        needles.run(options, lengths=[200], facts=[1, 2], samples=1, without_memory=True, text="numbers")
        for _ in range(2)
    ]
    assert twice[0]["results"] == twice[1]["results"]
    assert [(row["facts"], row["without"]) for row in twice[0]["results"]] == [
        (1, None), (2, None), (1, "memory"), (2, "memory")
    ]  # fmt: skip
    assert all(0 <= row["accuracy"] <= row["digit_accuracy"] <= 1 for row in twice[0]["results"])
    assert twice[0]["haystack"].startswith("numbers")


def test_more_facts_than_there_is_room_or_names_for_are_a_usage_error(options: ModelOptions) -> None:
    with pytest.raises(UsageError, match="do not fit into 100 tokens"):
        needles.run(options, lengths=[100], facts=[30], samples=1)
    with pytest.raises(UsageError, match="too many"):
        needles.run(options, lengths=[100], facts=[len(NAMES) + 1], samples=1)


def test_names_are_none_of_those_that_the_training_makes() -> None:
    vocabulary = json.loads((REPOSITORY / "adapters/embedded/tokenizer.json").read_text())["model"]["vocab"]
    known = {token[1:].lower() for token in vocabulary if token[:1] == "Ġ"}
    syllables = re.compile(f"(({'|'.join(tasks._ONSETS)})({'|'.join(tasks._RIMES)})){{2,3}}")
    assert len(set(NAMES)) == len(NAMES) >= 200
    assert syllables.fullmatch("brenolard")
    for name in NAMES:
        assert name[0].isupper()
        assert name.isalpha()
        assert name.lower() not in known
        assert not syllables.fullmatch(name.lower())
