"""Headings and list marks before the words of a sentence."""

from __future__ import annotations

import pytest

from longdoc.core.run_in import body_start


def body(text: str) -> str:
    return text[body_start(text, 0, len(text)) :]


@pytest.mark.parametrize(
    "head",
    [
        "LABOR AND MANAGEMENT ",
        "9. TERMINATION ",
        "HOUSING ",
        "9. TERMINATION\n",
        "SECTION 4. REPAIRS\n",
        "1. Opening\n",
        "Article 1 - Position\n",
        "From the principal\n",
        "(a) ",
        "(iv) ",
        "- ",
        "• ",
        "1. ",
        "2) ",
    ],
)
def test_they_are_no_words_of_it(head: str) -> None:
    said = "The year just past has been one of peace between the unions and the mills."
    assert body(head + said) == said


@pytest.mark.parametrize(
    "sentence",
    [
        "IT WAS A Monday in May.",
        "MARY HAD A little lamb.",
        "THE ATLANTIC OCEAN was rough.",
        "POLICE Commissioner Lake came.",
        "NATO Secretary General Stone came.",
        "4.1 The Owner shall deliver the stage.",
        "A. Smith came home.",
        "HARROW BAY - After one of the tightest races the mayor lost.",
        "1984 was a year of rain.",
        "Roses are red\nViolets are blue",
        "LABOR AND MANAGEMENT",
        "• ",
    ],
)
def test_what_is_a_word_of_it_stays(sentence: str) -> None:
    assert body(sentence) == sentence


def test_within_a_paragraph_capitals_are_words() -> None:
    text = "So it ended. UNITED STATES Senator Lake left."
    start = text.index("UNITED")
    assert body_start(text, start, len(text)) == start
