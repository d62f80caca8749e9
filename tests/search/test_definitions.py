"""What something is, and who says "I"."""

import pytest

from longdoc.search.definitions import (
    definition_of,
    introductions,
    pattern_of,
    says,
    subject_of,
    subjects_of,
    without_asking,
)
from longdoc.search.index import PassageIndex
from longdoc.search.narrator import narrator_of


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("Who is Royer?", "Royer"),
        ("What is the Black Stone?", "Black Stone"),
        ("What is a glacier", "glacier"),
        ("What was in the iron box?", None),
        ("Who is the keeper of the lighthouse?", None),
        ("What is he doing?", None),
        ("Why did Royer come?", None),
        ("What do ribosomes do?", "ribosomes"),
        ("What does entropy mean?", "entropy"),
        ("What is the function of the mitochondria?", "mitochondria"),
        ("Define osmosis.", "osmosis"),
        ("What did Royer do?", None),
        ("What do they do?", None),
        ("Who is he?", None),
        ("What was the purpose of his visit?", None),
    ],
)
def test_only_questions_for_a_name_have_a_subject(question, subject):
    assert subject_of(question) == subject


@pytest.mark.parametrize(
    ("question", "subjects"),
    [
        ("What is the difference between anatomy and physiology?", ["anatomy", "physiology"]),
        ("How do cations differ from anions?", ["cations", "anions"]),
        ("How do plants and animals differ?", ["plants", "animals"]),
        ("How do plants and animals live together?", []),
        ("What is the difference between what he said and what he did?", []),
        ("Who is Royer?", ["Royer"]),
    ],
)
def test_a_question_for_a_difference_has_two_subjects(question, subjects):
    assert subjects_of(question) == subjects


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("What is the function of the mitochondria?", "What is mitochondria?"),
        ("What does entropy mean?", "What is entropy?"),
        ("How do cations differ from anions?", "What is cations? What is anions?"),
        ("What is entropy?", "What is entropy?"),
        ("What was the purpose of his visit?", "What was the purpose of his visit?"),
        ("Why did Royer come?", "Why did Royer come?"),
    ],
)
def test_words_that_only_ask_are_not_searched_for(question, searched):
    assert without_asking(question) == searched


def test_a_thing_is_introduced_where_it_is_defined_and_a_person_where_he_is_named():
    sentences = [
        "The plants of the cell, the ribosomes, work at night.",
        "A ribosome is an organelle.",
        "Royer came.",
        "Royer was a general.",
        "A charged particle is known as an ion.",
    ]
    text = " ".join(sentences)
    spans = [(text.index(sentence), text.index(sentence) + len(sentence)) for sentence in sentences]
    assert [definition_of(name, text, spans) for name in ("ribosomes", "ions", "Royer", "Doyle")] == [1, 4, 2, None]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Royer was a general of the French staff.", 1.0),
        ("They sent for Royer, the general.", 1.0),
        ("My man, Royer, brought the tea.", 1.0),
        ("A general called Royer landed at Dover.", 1.0),
        ("Nobody had seen Royer that day.", 0.5),
        ("Nobody had seen the general.", 0.0),
    ],
)
def test_a_sentence_says_what_the_subject_is_or_only_names_it(sentence, expected):
    assert says(pattern_of("Royer"), sentence) == expected


def test_the_passage_that_introduces_the_subject_is_proposed():
    filler = "Royer wrote letters, and letters came for Royer. " * 400
    text = "Nothing happened for long. Then came Royer, a general of the French staff.\n\n" + filler
    with PassageIndex(text) as index:
        assert introductions("Royer", index.text, index.sentences)
        assert any("French staff" in text[p.start : p.end] for p in index.search("Who is Royer?", 3))


TALE = "I rose and I took my hat. “Good morning, Hannay,” he said. I gave him my hand. “Are you well, Mr Hannay?”\n\n"


def test_the_narrator_is_the_one_whom_others_address_by_name():
    assert narrator_of(TALE * 5) == "Hannay"
    assert narrator_of(TALE.replace(" I ", " he ").replace("I ", "He ") * 5) is None
    assert narrator_of("") is None


def test_the_narrators_name_leaves_the_question():
    with PassageIndex(TALE * 5) as index:
        assert "Hannay" not in index.without_narrator("What did Mr Hannay give him?")
        assert "Hannay" in index.without_narrator("Who is Hannay?")
