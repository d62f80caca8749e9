"""Cutting dates out of sentences."""

import pytest

from longdoc.search.shortest import shortest_answer

SENTENCE = "Nikola Tesla was born on 10 July 1856 in Smiljan and built his first motor in 1882."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was Nikola Tesla born?", "10 July 1856"),
        ("In what year was Tesla born?", "1856"),
        ("When did he build his motor?", "1882"),
    ],
)
def test_the_date_nearest_to_the_words_of_the_question_is_taken(question, answer):
    span = shortest_answer(question, SENTENCE)
    assert span is not None
    assert SENTENCE[slice(*span)] == answer


def test_a_range_stays_whole():
    sentence = "The movement had its heyday between 1945 and 1970."
    span = shortest_answer("When was the heyday of the movement?", sentence)
    assert span is not None
    assert sentence[slice(*span)] == "between 1945 and 1970"


@pytest.mark.parametrize(
    ("sentence", "date"),
    [
        ("The next audit takes place in autumn 2025.", "autumn 2025"),
        ("The next audit takes place in the spring of 2025 or so.", "the spring of 2025"),
        ("The next audit takes place in early June 2024 and lasts a week.", "early June 2024"),
        ("The next audit takes place in mid-June 2024.", "mid-June 2024"),
        ("The next audit takes place at the end of 2025.", "the end of 2025"),
        ("The next audit takes place at the beginning of May.", "the beginning of May"),
        ("The next audit takes place on 9 April 2024 at 18:00 in the office.", "9 April 2024 at 18:00"),
        ("The next audit takes place at 6 p.m. on Tuesday, 9 April 2024, in the office.",
         "at 6 p.m. on Tuesday, 9 April 2024"),
        ("The next audit takes place on 9 April, from 18:00 to 20:00.", "9 April, from 18:00 to 20:00"),
        ("The next audit of 2024 at 350 dollars is late.", "2024"),
        ("The next audit takes place on the fourth of May at nine.", "the fourth of May"),
        ("The next audit takes place on the twenty-first of June 1914.", "the twenty-first of June 1914"),
    ],
)  # fmt: skip
def test_a_date_keeps_its_season_its_part_of_the_year_and_its_time(sentence, date):
    span = shortest_answer("When does the next audit take place?", sentence)
    assert span is not None
    assert sentence[slice(*span)] == date


def test_a_month_alone_stays_in_its_sentence():
    assert shortest_answer("When is it due?", "It is due in May.") is None


@pytest.mark.parametrize("question", ["Who was born in 1856?", "Where was Tesla born?", "", "When?"])
def test_nothing_is_cut_when_no_date_is_asked_for_or_it_is_not_sure(question):
    assert shortest_answer(question, SENTENCE) is None
