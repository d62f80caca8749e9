"""What a focus touches in a text, with the ranker that ships."""

import pytest

from longdoc.core.errors import UsageError
from longdoc.core.paths import data_folder
from longdoc.core.types import Section
from longdoc.search.focus import Topic, check_focus
from longdoc.search.ranker import load
from longdoc.search.salience import score_part
from longdoc.search.terms import DocumentTerms

TEXT = (
    "The harbour was crowded in spring. A lighthouse keeper wrote letters to the ministry about his lamp. "
    "Fishermen sold herring at the quay. The keeper mended his lamps with copper wire. "
    "Nobody answered the letters. The herring left the bay in autumn."
)


@pytest.fixture(scope="module")
def terms():
    return DocumentTerms(TEXT)


def test_coverage_is_the_share_of_what_the_best_sentence_has(terms):
    coverage = Topic("the keeper's lamp", terms).coverage
    assert coverage.tolist() == [0, 1, 0, 1, 0, 0]  # inflected as well
    assert Topic("lamps and letters", terms).coverage[4] == pytest.approx(0.5)


def test_a_rare_word_weighs_more_than_a_frequent_one():
    terms = DocumentTerms("The king ate. The king slept. The king sang. The queen left.")
    king, _, _, queen = Topic("king and queen", terms).coverage
    assert 0 < king < queen == 1


def test_what_the_document_does_not_have_is_named(terms):
    topic = Topic("herring and whales", terms)
    assert topic.missing == ("whales",)
    assert topic.num_sentences == 2
    nothing = Topic("whales", terms)
    assert (nothing.missing, nothing.num_sentences, nothing.coverage.max()) == (("whales",), 0, 0.0)
    assert Topic("whales", DocumentTerms("")).num_sentences == 0


def test_touching_sentences_are_raised_and_the_others_left_out(terms):
    rankers = load(data_folder("adapters") / "lexical" / "salience.json")
    scored = score_part(terms, 0, len(TEXT), rankers)
    touching = Topic("the keeper's lamp", terms).touching(scored)
    assert [s.number for s in touching] == [1, 3]
    assert all(after.score > scored[after.number].score for after in touching)
    assert Topic("whales", terms).touching(scored) == []


def test_what_stands_below_a_heading_is_about_it():
    text = "Prices\n\nThe herring cost two crowns. It was dear.\n\nWeather\n\nIt rained in May. The bay was grey."
    assert Topic("prices", DocumentTerms(text)).share.tolist() == [1, 0.6, 0.6, 0, 0, 0]
    sections = [Section("Prices", 8, 45), Section("Weather", 45, len(text))]
    body = (
        "Nothing. The herring cost two crowns. It was dear. It rained in May. The bay was grey. The lamps' prices fell."
    )
    told = Topic("prices", DocumentTerms(body), sections=sections).share.tolist()
    assert told == [0, 0.6, 0.6, 0, 0, 1]


def test_with_an_encoder_other_words_of_the_same_meaning_touch_it():
    encoder = load(data_folder("adapters") / "lexical" / "ranker.json").encoder
    text = "The island's only doctor took 27 patients to hospital by sea. The band plays on the quay. It rained."
    terms = DocumentTerms(text)
    assert Topic("health care", terms).num_sentences == 0
    assert Topic("health care", terms, encoder).share.tolist() == [1, 0, 0]
    assert Topic("football", terms, encoder).num_sentences == 0
    german = DocumentTerms("Der einzige Arzt der Insel brachte die Kranken in die Klinik. Und es hat im Mai geregnet.")
    assert Topic("health care", german, encoder).num_sentences == 0


def test_a_focus_of_function_words_says_nothing():
    check_focus("Corran")
    check_focus(None)
    for empty in ("what about the", "  ", ""):
        with pytest.raises(UsageError, match="nothing to look for"):
            check_focus(empty)
