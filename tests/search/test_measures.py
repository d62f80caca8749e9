"""Overlap measures and joined documents."""

import pytest

from longdoc.search.joined import join, strangers, title_of
from longdoc.search.measures import contains, exact_match, rouge_l, rouge_n, token_f1
from longdoc.search.words import content_words, stem, words


def test_articles_and_case_do_not_count():
    assert exact_match("The Red House", ["red house"])
    assert token_f1("a red house", ["the red barn"]) == pytest.approx(0.5)


def test_an_answer_is_contained_only_as_whole_words():
    assert contains("It was the red house.", ["Red House"])
    assert not contains("It was incredible.", ["red"])


def test_rouge_of_a_text_with_itself_is_one_and_with_another_zero():
    for measure in (lambda a, b: rouge_n(a, b, 1), lambda a, b: rouge_n(a, b, 2), rouge_l):
        assert measure("one two three", "one two three") == pytest.approx(1.0)
        assert measure("one two three", "four five six") == 0.0


def test_rouge_l_is_the_longest_common_subsequence():
    assert rouge_l("police killed gunman", "police kill gunman") == pytest.approx(2 / 3)
    assert rouge_l("gunman kill police", "police killed gunman") == pytest.approx(1 / 3)


@pytest.mark.parametrize(("a", "b"), [("gave", "give"), ("cities", "city"), ("making", "make"), ("stopped", "stops")])
def test_inflected_forms_share_a_stem(a, b):
    assert stem(a) == stem(b)


def test_function_words_and_possessive_endings_go():
    assert content_words("What is the King's name?") == ["king", "name"]
    assert words("naïve Ångström") == ["naive", "angstrom"]


def rows(doc_id, num):
    return [
        {"doc_id": doc_id, "context": f"Fact {i} of {doc_id}.", "question": f"What is {i}?", "answers": [str(i)]}
        for i in range(num)
    ]


def test_joined_documents_keep_where_each_question_came_from():
    (document,) = join(rows("set_a", 3) + rows("set_b", 2), "set")
    assert [s.title for s in document.sections] == ["A", "B"]
    for question in document.questions:
        assert question.answers[0] in document.text[question.start : question.end]


def test_long_sets_are_cut_into_several_documents_and_strangers_come_from_the_others():
    documents = join(rows("set_a", 30) + rows("set_b", 30), "set", max_words=100)
    assert len(documents) == 2
    foreign = strangers(documents[0], documents, 5)
    assert len(foreign) == 5
    assert not any(q.belongs for q in foreign)


def test_titles_are_read_from_names():
    assert title_of("fairytale_snow-man") == "Snow Man"
    assert title_of("squad_Nikola_Tesla") == "Nikola Tesla"
