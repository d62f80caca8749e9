"""Facts that outlive their row: what a row asks for was told in it or in an earlier row of the same life."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
import tiny

from longdoc.core.errors import UsageError
from longdoc.core.needles import asked, told
from longdoc.train import lives
from longdoc.train.batches import Batch, batches
from longdoc.train.config import Mix, Stage
from longdoc.train.corpus import Corpus
from longdoc.train.tasks import ANSWER_LOSS, RowMaker

NUM_TOKENS, ASKED = 512, 128
STAGE = Stage(
    "facts",
    steps=12,
    memory=True,
    mixes=(Mix("facts", facts=5, asked_tokens=ASKED, sequence_tokens=NUM_TOKENS, batch=2, lives=3),),
)


@pytest.fixture
def maker(corpus: Corpus) -> RowMaker:
    return RowMaker(corpus, tiny.tokenizer(), 5)


def decode(ids: np.ndarray) -> str:
    text: str = tiny.tokenizer().decode(ids.tolist())
    return text


def halves(ids: np.ndarray) -> tuple[str, str]:
    """What a row tells, and what it asks."""
    return decode(ids[: NUM_TOKENS - ASKED]), decode(ids[NUM_TOKENS - ASKED :])


def test_what_is_asked_was_told_in_the_life_and_not_only_in_the_row(maker: RowMaker) -> None:
    from_earlier_rows = here = 0
    for seed in range(12):
        maker.rng = random.Random(seed)
        life, read = lives.begin(maker, 6), ""
        facts = [*life.untold]
        for _ in range(6):
            ids, weights = lives.row(maker, life, NUM_TOKENS, ASKED)
            assert len(ids) == len(weights) == NUM_TOKENS + 1
            content, questions = halves(ids)
            for name, number in facts:
                if f"{asked(name)} {number}." in questions:
                    sentence = told(name, number)
                    assert sentence in read + content
                    from_earlier_rows += sentence not in content
                    here += sentence in content
            read += content
            assert not re.search(r"What is the (code|pass key)", content), "a question would tell the memory again"
        assert not life.untold
        assert {*life.told} == {*facts}
    assert from_earlier_rows > 60
    assert here > 10


def test_the_loss_is_on_the_asked_numbers(maker: RowMaker) -> None:
    life = lives.begin(maker, 6)
    ids, weights = lives.row(maker, life, NUM_TOKENS, ASKED)
    answers = decode(ids[weights == ANSWER_LOSS])
    assert answers
    assert {digit for digit in answers if not digit.isspace()} <= set("0123456789")
    assert not (weights[: NUM_TOKENS - ASKED] == ANSWER_LOSS).any()


def test_no_fact_is_asked_for_twice_in_a_row(maker: RowMaker) -> None:
    life = lives.begin(maker, 3)
    for _ in range(4):
        _, questions = halves(lives.row(maker, life, NUM_TOKENS, ASKED)[0])
        names = re.findall(r"What is the (code of [A-Za-z ]+|pass key)\?", questions)
        assert len(names) == len(set(names))


def test_a_life_comes_back_from_a_checkpoint(maker: RowMaker) -> None:
    life = lives.begin(maker, 6)
    lives.row(maker, life, NUM_TOKENS, ASKED)
    assert lives.Life.from_plain(life.plain()) == life


def made(corpus: Corpus, first: int, before: dict[str, list[dict[str, object]]]) -> list[Batch]:
    return list(batches(STAGE, (3, 0), first, RowMaker(corpus, tiny.tokenizer(), 0), 64, before))


def test_batches_from_the_middle_are_those_of_the_whole(corpus: Corpus) -> None:
    whole = made(corpus, 0, {})
    rest = made(corpus, 5, {"facts": whole[4].lives})
    assert len(rest) == 7
    for first, second in zip(whole[5:], rest, strict=True):
        assert np.array_equal(first.ids, second.ids)
        assert first.lives == second.lives
    assert {batch.lives_on for batch in whole} == {True, False}


def test_a_life_that_is_not_there_starts_with_an_empty_memory(corpus: Corpus) -> None:
    assert not made(corpus, 0, {})[0].lives_on
    forever = replace(STAGE, mixes=(replace(STAGE.mixes[0], lives=1e9),))
    continued = list(batches(forever, (3, 0), 0, RowMaker(corpus, tiny.tokenizer(), 0), 64, {}))
    assert [batch.lives_on for batch in continued] == [False] + [True] * 11


@pytest.mark.parametrize(
    "change",
    [
        "rows = { text = 1 }",
        "facts = 3\nasked_tokens = 8",
        "facts = 3",
        "",
        "facts = 1\nasked_tokens = 8",
        "facts = 3\nasked_tokens = 64",
    ],
)
def test_a_mix_is_of_rows_or_of_facts(change: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from longdoc.train.config import load_config

    config = tiny.config_toml(replace(tiny.CONFIG, stages=()))
    mix = (
        f'[[stages]]\nname = "s"\nsteps = 1\n[[stages.mixes]]\nname = "m"\nsequence_tokens = 64\nbatch = 1\n{change}\n'
    )
    path = tmp_path_factory.mktemp("config") / "train.toml"
    path.write_text(config + mix)
    if change in {"rows = { text = 1 }", "facts = 3\nasked_tokens = 8"}:
        load_config(path)
    else:
        with pytest.raises(UsageError, match="neither one of rows nor one of facts"):
            load_config(path)
