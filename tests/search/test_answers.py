"""Ranking sentences and declining, with the ranker that ships."""

import json
from dataclasses import replace

import numpy as np
import pytest

from longdoc.core.errors import ModelUnavailable
from longdoc.core.paths import data_folder
from longdoc.search.answers import answerability, enough, rank_sentences
from longdoc.search.candidates import COLUMNS, candidates, features, parse
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Ranker, RankerFile, load, save

TEXT = (
    "The harbour of Bergen was built in 1702 by Admiral Hansen. It took nine years and cost forty thousand crowns. "
    "Fishermen had asked for it since the great storm. The admiral lost his eldest son in that storm.\n\n"
    + "The market was held on Saturdays, and farmers brought wool, cheese and timber down from the valleys. " * 30
    + "\n\nThe lighthouse was added later, because ships ran aground on the northern rocks. Its keeper was Marta Lund. "
)


@pytest.fixture(scope="module")
def rankers():
    return load(data_folder("adapters") / "lexical" / "ranker.json")


@pytest.fixture(scope="module")
def index():
    with PassageIndex(TEXT) as index:
        yield index


def answer(question, index, rankers):
    return rank_sentences(question, index, index.search(question), rankers)


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("Who built the harbour of Bergen?", "Admiral Hansen"),
        ("Why was the lighthouse added?", "northern rocks"),
    ],
)
def test_the_best_sentence_holds_the_answer(question, held, index, rankers):
    best = answer(question, index, rankers)[0]
    assert held in TEXT[best.start : best.end]


def test_of_two_sentences_that_share_the_question_both_are_said(index, rankers):
    said = enough(answer("Who was the keeper of the lighthouse?", index, rankers))
    assert "Marta Lund" in " ".join(TEXT[s.start : s.end] for s in said)


def test_probabilities_sum_to_one_and_the_best_comes_first(index, rankers):
    ranked = answer("Who built the harbour?", index, rankers)
    assert sum(s.probability for s in ranked) == pytest.approx(1.0)
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)


def test_a_sentence_well_ahead_is_enough_and_another_one_is_said_beside_it(index, rankers):
    ranked = answer("Who built the harbour?", index, rankers)
    words = replace(ranked[0], features={name: v for name, v in ranked[0].features.items() if name != "read"})
    sure, unsure = replace(words, probability=0.9), replace(words, probability=0.3)
    assert list(enough([sure, *ranked[1:]])) == [sure]
    assert list(enough([unsure, *ranked[1:]])) == [unsure, ranked[1]]
    assert list(enough([unsure, *ranked[1:]], 1)) == [unsure]
    assert list(enough([])) == []
    read = replace(ranked[0], probability=0.9)  # its column makes shares sharper
    assert "read" in read.features
    assert list(enough([read, *ranked[1:]])) == [read, ranked[1]]
    assert list(enough([replace(read, probability=0.96), *ranked[1:]])) == [replace(read, probability=0.96)]


def test_a_sentence_that_only_announces_the_next_is_said_with_it(rankers):
    text = "How many colonies were lost?\n\nYeah.\n\nThirty-one of them were gone by spring.\n\n"
    text += "The fee for a new hive is as follows:\n\nForty dollars a year.\n\nThe sun shone on the meadow all day."
    with PassageIndex(text) as index:
        ranked = rank_sentences("What is the fee for a new hive?", index, index.search("fee hive"), rankers)
        by_text = {text[s.start : s.end]: s for s in ranked}
        yeah, gone = by_text["Yeah."], by_text["Thirty-one of them were gone by spring."]
        assert list(enough([replace(yeah, probability=0.9), *ranked])) == [replace(yeah, probability=0.9), gone]
        assert list(enough([replace(yeah, probability=0.9), *ranked], 1)) == [replace(yeah, probability=0.9)]
        assert gone.then is None
        announcing = by_text["The fee for a new hive is as follows:"]
        assert announcing.then == by_text["Forty dollars a year."].start


def test_a_question_of_another_document_gets_less_confidence(index, rankers):
    own, foreign = "Who built the harbour of Bergen?", "Which enzyme does the virus use to copy its genome?"
    confident, doubtful = (
        answerability(asked, index, index.search(asked), answer(asked, index, rankers), rankers)
        for asked in (own, foreign)
    )
    assert doubtful < 0.5 < confident


def test_no_passages_give_no_sentences_and_no_confidence(index, rankers):
    assert rank_sentences("zzz", index, [], rankers) == []
    assert answerability("zzz", index, [], [], rankers) == 0.0


def test_every_column_is_finite_for_questions_of_any_kind(index):
    for question in ("?", "Who?", "1702", "the of and", "Wie heißt der Hafen?", "ほん"):
        passages = index.search(question) or index.search("harbour")
        found = candidates(index, passages)
        columns = features(parse(question, index), index, passages, found)
        assert set(columns) == set(COLUMNS)
        assert all(np.isfinite(column).all() for column in columns.values())


def test_a_ranker_with_model_columns_is_used_only_when_they_are_there(index):
    def ranker(columns, weight):
        n = len(columns)
        zeros, ones = np.zeros(n), np.ones(n)
        linear = np.zeros(n)
        linear[-1] = weight
        return Ranker(columns, zeros, ones, linear, np.zeros((0, n)), np.zeros(0), np.zeros(0))

    both = RankerFile(
        {"sentence": ranker(("coverage",), 1.0), "sentence+model": ranker(("coverage", "log_p_question"), 1.0)}, {}
    )
    passages = index.search("harbour")
    found = candidates(index, passages)
    extra = {"log_p_question": np.linspace(0, 5, len(found))}
    best = rank_sentences("harbour", index, passages, both, extra)[0]
    assert (best.start, best.end) == (found[-1].start, found[-1].end)


def test_columns_that_no_ranker_was_fitted_for_are_ignored(index, rankers):
    passages = index.search("Who built the harbour?")
    extra = {"unheard_of": np.linspace(9, -9, len(candidates(index, passages)))}
    plain = rank_sentences("Who built the harbour?", index, passages, rankers)
    with_more = rank_sentences("Who built the harbour?", index, passages, rankers, extra)
    assert [(s.start, s.score) for s in with_more] == [(s.start, s.score) for s in plain]


def test_a_ranker_survives_its_file(tmp_path, rankers):
    save(tmp_path / "copy.json", rankers.rankers, rankers.provenance)
    again = load(tmp_path / "copy.json")
    columns = {name: np.linspace(0, 1, 5) for name in COLUMNS}
    ours, theirs = rankers.best("sentence", columns), again.best("sentence", columns)
    np.testing.assert_allclose(ours.score(columns), theirs.score(columns), atol=1e-4)


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"format": "longdoc.rankers/1", "rankers": {"a": {}}})])
def test_a_damaged_ranker_file_is_refused(tmp_path, content):
    path = tmp_path / "ranker.json"
    path.write_text(content)
    with pytest.raises(ModelUnavailable):
        load(path)


def test_the_files_that_ship_name_their_sources_and_held_out_figures():
    for name in ("ranker", "salience"):
        provenance = load(data_folder("adapters") / "lexical" / f"{name}.json").provenance
        assert provenance["sources"]
        assert provenance["held_out"]
        assert "unknown" not in provenance["sources"].values()


INTERVIEW = (
    "Ann: Welcome back. We had much rain this week, and the studio is cold.\n\n"
    "Ann: What would success look like for the orchard project? Is it money, or is it fame?\n\n"
    "Ben: I would love to see pears in every school. Nobody does that yet.\n\n"
    "Ann: That is kind of you. Let us hear some music before we go on.\n\n"
)


def test_a_question_of_the_document_is_answered_by_what_follows_it(rankers):
    with PassageIndex(INTERVIEW) as asked:
        best = answer("What would success look like for the orchard project?", asked, rankers)[0]
        assert "pears in every school" in INTERVIEW[best.start : best.end]
    alone = INTERVIEW.split("Ben:")[0].rstrip()
    with PassageIndex(alone) as asked:
        best = answer("What would success look like for the orchard project?", asked, rankers)[0]
        assert "What would success look like" in alone[best.start : best.end]


def test_the_difference_of_two_things_is_what_each_of_them_is(rankers):
    text = (
        "Cations and anions attract each other, and so cations and anions form salts of many kinds in the sea.\n\n"
        "A positively charged particle is known as a cation. It has lost electrons.\n\n"
        "A negatively charged particle is known as an anion. It has gained electrons.\n\n"
    )
    with PassageIndex(text) as asked:
        said = enough(answer("What is the difference between cations and anions?", asked, rankers))
        assert [text[s.start : s.end].split()[-1] for s in said] == ["cation.", "anion."]


def test_words_that_answers_seldom_hold_weigh_little(index):
    asked = parse("What happened to the lighthouse?", index, as_expected=True)
    plain = parse("What happened to the lighthouse?", index)
    assert asked.absent == {"happen"}
    assert 0.5 * plain.weights["lighthous"] < plain.weights["happen"] < plain.weights["lighthous"]
    assert asked.weights["happen"] < 0.3 * asked.weights["lighthous"]


def test_rare_words_of_english_weigh_more_in_a_text_too_short_to_tell():
    text = "The notice is given in writing, and the notice is given in time."
    with PassageIndex(text) as short, PassageIndex((text + "\n\n") * 3000) as long:
        assert short.idf("notice") > short.idf("given") > 0
        assert long.idf("notice") == pytest.approx(long.idf("given"), abs=0.05)
        assert short.is_absent("castle")
        assert not short.is_absent("notices")
        assert short.idf("notice") < short.idf("castle") < short.highest_idf
