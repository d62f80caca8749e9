"""The passages that a ranker keeps of those that BM25 proposes."""

import numpy as np
import pytest

from longdoc.core.paths import data_folder
from longdoc.core.types import Section
from longdoc.search.index import PassageIndex
from longdoc.search.passages import COLUMNS, find_passages, passage_columns
from longdoc.search.ranker import RankerFile, load

FILLER = "Farmers brought wool, cheese and timber down from the valleys, and the market was held on Saturdays. "
ADMIRAL = "The admiral walked along the shore. The harbour slept. Nobody had built a ship that year. "
ANSWER = "The harbour of Bergen was built by Admiral Hansen in nine years. "
TEXT = FILLER * 20 + ADMIRAL * 10 + FILLER * 20 + ANSWER + FILLER * 20


@pytest.fixture(scope="module")
def rankers():
    return load(data_folder("adapters") / "lexical" / "ranker.json")


@pytest.fixture(scope="module")
def index():
    with PassageIndex(TEXT, (Section("Chapter 1", 0, 4000), Section("Chapter 2", 4000, len(TEXT)))) as index:
        yield index


def test_one_sentence_with_all_the_words_beats_many_with_some(index, rankers):
    question = "Who built the harbour of Bergen?"
    best = find_passages(question, index, rankers, 3)[0]
    assert ANSWER.strip() in TEXT[best.start : best.end]


def test_scores_are_shares_of_the_best_and_fall(index, rankers):
    scores = [passage.score for passage in find_passages("Who built the harbour?", index, rankers, 5)]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_no_more_than_asked_for_and_none_of_a_long_text_without_a_word_in_common(index, rankers):
    assert len(find_passages("harbour", index, rankers, 2)) == 2
    assert len(find_passages("zzz qqq", index, rankers, 5)) == 5  # it is short: all of it may answer
    with PassageIndex(FILLER * 500) as long:
        assert find_passages("zzz qqq", long, rankers, 5) == []


def test_without_a_ranker_bm25_stands(index):
    none = RankerFile({}, {})
    assert find_passages("Who built the harbour?", index, none, 4) == index.search("Who built the harbour?", 4)


def test_columns_are_finite_and_those_of_the_whole_question_are_shares(index):
    proposed = index.propose("Who built the harbour of Bergen?", 24)
    columns = passage_columns("Who built the harbour of Bergen?", index, proposed)
    assert tuple(columns) == COLUMNS
    assert all(np.isfinite(column).all() and column.shape == (len(proposed),) for column in columns.values())
    full = next(i for i, p in enumerate(proposed) if ANSWER.strip() in TEXT[p.start : p.end])
    assert columns["coverage_1"][full] == pytest.approx(1.0)
    assert (columns["coverage_1"] <= columns["coverage_3"]).all()
    assert (columns["coverage_3"] <= columns["coverage"]).all()


def test_only_passages_of_a_named_section_are_in_scope(index):
    question = "What was held on Saturdays in chapter 2?"
    proposed = index.propose(question, 24)
    inside = passage_columns(question, index, proposed)["in_scope"]
    middles = [(p.start + p.end) // 2 for p in proposed]
    assert inside.tolist() == [float(m >= 4000) for m in middles]
    assert set(inside.tolist()) == {0.0, 1.0}


def test_the_passages_beside_one(index):
    passage = index.propose("admiral", 1)[0]
    number = next(i for i in range(len(index.passages)) if index.span(i)[0] == passage.start)
    assert index.neighbours(passage) == [index.span(number - 1)[0], index.span(number + 1)[0]]
