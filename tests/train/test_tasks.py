"""Rows: as long as they should be, with a weight for each token, and fair."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tiny

from longdoc.train.corpus import Corpus
from longdoc.train.tasks import ANSWER_LOSS, RowMaker

KINDS = ("text", "copy", "near_questions", "far_questions", "extracts", "needles")
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def maker(corpus: Corpus) -> RowMaker:
    return RowMaker(corpus, tiny.tokenizer(), seed=11)


def decode(ids: np.ndarray) -> str:  # type: ignore[type-arg]
    text: str = tiny.tokenizer().decode(ids.tolist(), skip_special_tokens=False)
    return text


def runs(flags: np.ndarray) -> list[tuple[int, int]]:  # type: ignore[type-arg]
    """Half-open spans where the flags are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_all_kinds_are_known(maker: RowMaker) -> None:
    assert set(maker.kinds) == set(KINDS)


@every_kind
@pytest.mark.parametrize("num_tokens", [40, 96, 257, 700])
def test_a_row_has_one_id_more_than_tokens_and_a_weight_for_each(maker: RowMaker, kind: str, num_tokens: int) -> None:
    for _ in range(4):
        ids, weights = maker.row(kind, num_tokens)
        assert len(ids) == len(weights) == num_tokens + 1
        assert (ids.dtype, weights.dtype) == (np.uint16, np.float32)
        assert int(ids.max()) < tiny.VOCABULARY
        assert np.isfinite(weights).all()
        assert (weights >= 0).all()


@every_kind
def test_a_seed_gives_its_row(corpus: Corpus, kind: str) -> None:
    made = [RowMaker(corpus, tiny.tokenizer(), seed).row(kind, 200) for seed in (1, 1, 2)]
    assert np.array_equal(made[0][0], made[1][0])
    assert np.array_equal(made[0][1], made[1][1])
    assert not np.array_equal(made[0][0], made[2][0])


def test_an_asked_code_was_told_before(maker: RowMaker) -> None:
    asked = 0
    for _ in range(60):
        ids, weights = maker.row("needles", 300)
        for start, end in runs(weights == ANSWER_LOSS):
            if end == len(ids):
                continue  # cut off by the end of the row
            number, before = decode(ids[start:end]).strip(), decode(ids[:start])
            assert re.fullmatch(r"\d{5}", number)
            name = re.search(r"(pass key|code of [A-Za-z ]+) is$", before)
            assert name, before[-60:]
            assert f"The {name[1]} is {number}." in before
            asked += 1
    assert asked > 60


def test_only_what_can_be_known_of_a_copy_has_a_loss(maker: RowMaker) -> None:
    ids, weights = maker.row("copy", 400)
    tokens = ids.tolist()
    copied = runs(weights == 1.0)
    assert copied
    for start, end in copied:
        piece = tokens[start:end]
        if end < len(tokens) and len(piece) > 3:
            assert any(tokens[i : i + len(piece)] == piece for i in range(start - len(piece)))


@pytest.mark.parametrize("kind", ["near_questions", "far_questions"])
def test_an_answer_stands_in_the_row_before_its_question_or_is_declined(maker: RowMaker, kind: str) -> None:
    answered = declined = 0
    for _ in range(20):
        ids, weights = maker.row(kind, 400)
        for start, end in runs(weights == ANSWER_LOSS):
            if end == len(ids):
                continue
            answer, before = decode(ids[start:end]).strip(), decode(ids[:start])
            assert before.endswith("\nAnswer:")
            if answer == "not in the text.":
                declined += 1
                continue
            passages = before.rpartition("Question:")[0]
            assert answer in passages
            answered += 1
    assert answered > 10
    assert declined > 3


def test_an_extract_is_learned_after_its_stretch(maker: RowMaker) -> None:
    ids, weights = maker.row("extracts", 500)
    whole = [(start, end) for start, end in runs(weights == 1.0) if end < len(ids)]
    for start, end in whole:
        before = decode(ids[:start])
        assert before.endswith("In short:")
        assert decode(ids[start:end]).strip() in before


def test_plain_text_counts_fully_only_where_nothing_else_is_asked(maker: RowMaker) -> None:
    assert (maker.row("text", 100)[1] == 1.0).all()
    found = {round(weight, 2) for weight in maker.row("needles", 300)[1].tolist()}
    assert found <= {0.0, 0.3, ANSWER_LOSS}
