"""Sections named in questions."""

import pytest

from longdoc.core.types import Section
from longdoc.search import scope

SECTIONS = (
    Section("Chapter I. A Scandal in Bohemia", 0, 100),
    Section("Chapter II. The Red-Headed League", 100, 200),
    Section("THE SNOW MAN", 200, 300),
)


def always(name, spans):
    return True


def never(name, spans):
    return False


@pytest.mark.parametrize("name", ["chapter 2", "Chapter II", "chapter two"])
def test_a_chapter_is_named_by_its_number_in_any_writing(name):
    found = scope.find(f"What happens in {name}?", SECTIONS, never)
    assert found is not None
    assert found.spans == ((100, 200),)
    assert found.rest == "What happens in  ?"


def test_a_title_that_is_met_everywhere_is_no_name_unless_it_is_quoted():
    assert scope.find("Who built the snow man?", SECTIONS, never) is None
    assert scope.find("Who built the snow man?", SECTIONS, always) is not None
    assert scope.find('Who barks in "The Snow Man"?', SECTIONS, never) is not None


def test_a_question_that_is_only_a_title_keeps_its_words():
    found = scope.find("The Snow Man", SECTIONS, always)
    assert found is not None
    assert found.rest == "The Snow Man"


def test_without_sections_there_is_no_scope():
    assert scope.find("What happens in chapter 2?", (), always) is None


@pytest.mark.parametrize("question", ["What is the snow man?", "What are the snow man", "Who was the Snow Man?"])
def test_what_a_title_is_is_asked_with_its_name(question):
    found = scope.find(question, SECTIONS, always)
    assert found is not None
    assert (found.spans, found.rest) == (((200, 300),), question)


def test_what_a_chapter_is_about_is_asked_without_its_number():
    found = scope.find("What is chapter 2 about?", SECTIONS, never)
    assert found is not None
    assert found.rest == "What is   about?"


def test_a_heading_of_one_word_stays_in_the_question():
    sections = [Section("3. Deposit", 0, 100), Section("4. Repairs", 100, 200)]
    found = scope.find("Who pays for the repairs?", sections, always)
    assert found is not None
    assert found.spans == ((100, 200),)
    assert found.rest == "Who pays for the repairs?"
    quoted = scope.find('Who pays in "Repairs"?', sections, always)
    assert quoted is not None
    assert "Repairs" not in quoted.rest
