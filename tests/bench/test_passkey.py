"""Pass keys: what is asked, that shared readings change nothing, and what counts as right."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from longdoc.bench import haystack, numbers, passkey, recall
from longdoc.core import needles
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.session import Session, open_session
from longdoc.train.corpus import Corpus, build
from longdoc.train.tasks import RowMaker


@pytest.fixture(scope="module")
def session(options: ModelOptions) -> Session:
    return open_session(options, lambda event: None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tiny.write_data(tmp_path_factory.mktemp("data"))
    return build(root, tiny.CONFIG.data, tiny.tokenizer(), root / "cache")


def test_sharing_what_texts_have_in_common_changes_no_logit(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: dict[tuple[int, ...], Tensor] = {}
    seen: list[Tensor] = []

    def remember(reader: Reader, state: Any, question: Any) -> str:
        seen.append(state.logits)
        return "00000"

    monkeypatch.setattr(passkey, "answer", remember)
    hay = list(recall.hay_tokens(session, None, 400))
    plan = plan_reading(session.loaded, session.options, 400)
    found = passkey.measure(session, hay, {200: plan, 331: plan}, [0, 0.5, 0.95], 1)
    texts = recall.Texts(session, hay, random.Random(0))
    needle_tokens = len(texts.encode(needles.told(None, "00000")))
    reader = Reader(session.loaded, plan)
    for one, shared in zip(found, seen, strict=True):
        place = passkey.place_of(one.length, one.depth, needle_tokens)
        told = texts.encode(needles.told(None, one.told))
        alone = reader.read(reader.start(), [*hay[:place], *told, *hay[place:]][: one.length])
        assert alone.num_tokens == one.length
        torch.testing.assert_close(shared, alone.logits, rtol=1e-5, atol=1e-6)
        ends[one.length, place] = shared
    assert len(ends) == 6


@pytest.mark.parametrize(("depth", "place"), [(0, 0), (0.5, 290), (1, 580)])
def test_the_needle_stands_at_its_depth_and_is_whole(depth: float, place: int) -> None:
    assert passkey.place_of(600, depth, needle_tokens=20) == place


def test_there_is_a_row_for_each_length_depth_and_way(options: ModelOptions) -> None:
    told: list[object] = []
    result = passkey.run(
        options, lengths=[80, 100], depths=[0, 0.9], samples=2, without_memory=True, on_event=told.append
    )
    rows = result["results"]
    assert [(row["length"], row["depth"], row["without"]) for row in rows] == [
        (length, depth, without) for without in (None, "memory") for length in (80, 100) for depth in (0, 0.9)
    ]
    assert all(row["samples"] == 2 and 0 <= row["accuracy"] <= row["digit_accuracy"] <= 1 for row in rows)
    assert result["bench"] == "passkey"
    assert told


@pytest.mark.parametrize(
    ("answered", "is_right", "share"),
    [("12345", True, 1.0), ("12305", False, 0.8), ("", False, 0.0), ("1", False, 0.2)],
)
def test_digits_count_in_their_place(answered: str, is_right: bool, share: float) -> None:
    found = passkey.Found(100, 0.5, "12345", answered)
    assert (found.is_right, found.digit_share) == (is_right, share)


@pytest.mark.parametrize(
    ("written", "digits"), [(" 12345.", "12345"), (" is 1234567", "12345"), (" none", ""), (": 12, 345", "12")]
)
def test_the_answer_is_the_first_number_that_is_written(session: Session, written: str, digits: str) -> None:
    class Writer:
        loaded = session.loaded

        def read(self, state: Any, ids: Any) -> Any:
            return state

        def write(self, state: Any, max_tokens: int) -> Iterator[int]:
            return iter([token for token, _, _ in session.encode(written)][:max_tokens])

    assert recall.answer(Writer(), None, [1]) == digits  # type: ignore[arg-type]


def test_the_words_are_these() -> None:
    assert needles.told(None, "12345") == " The pass key is 12345. Remember it. 12345 is the pass key."
    assert needles.asked(None) == " What is the pass key? The pass key is"
    assert needles.told("Ashbourne", "12345") == " The code of Ashbourne is 12345."
    assert needles.asked("Ashbourne") == " What is the code of Ashbourne? The code of Ashbourne is"


def test_a_haystack_of_ones_own_is_read_in_full_and_then_repeated(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "hay.txt"
    path.write_text("One sentence stands here.\n\nAnother one follows it in 1931.")
    tokens = list(recall.hay_tokens(session, path, 300))
    assert len(tokens) >= 300
    assert session.loaded.tokenizer.decode(tokens).startswith("One sentence stands here.\n\nAnother one")


def test_made_text_repeats_with_other_numbers_and_the_same_seed_gives_the_same() -> None:
    pieces = list(islice(haystack.endless(haystack.paragraphs(None)), 40))
    assert pieces == list(islice(haystack.endless(haystack.paragraphs(None)), 40))
    assert len(set(pieces)) > 35


def test_text_full_of_numbers_has_many_lines_that_look_like_a_code_and_none_that_is_one(session: Session) -> None:
    pieces = list(islice(numbers.endless(), 300))
    assert pieces == list(islice(numbers.endless(), 300))
    text = "\n\n".join(pieces)
    assert len(re.findall(r"\b\d{5}\b", text)) > 1000
    assert "code" not in text
    assert "pass key" not in text
    assert sum(c.isdigit() for c in text) > 0.3 * len(text)
    assert len(list(recall.hay_tokens(session, numbers.NAME, 5000))) >= 5000


def test_text_full_of_numbers_is_in_none_of_the_forms_of_the_training(corpus: Corpus) -> None:
    """A line with its digits made equal is its form; the training's number-heavy rows share none."""
    maker = RowMaker(corpus, tiny.tokenizer(), seed=0)
    trained = {form(line) for _ in range(30) for line in tiny.tokenizer().decode(maker.numbers(600)).split("\n")}
    measured = {form(line) for piece in islice(numbers.endless(), 300) for line in piece.split("\n")}
    assert len(trained) > 20
    assert not trained & measured


def form(line: str) -> str:
    return re.sub(r"[a-z]+", "w", re.sub(r"\d+", "0", line.lower()))
