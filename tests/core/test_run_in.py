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
        "9. TERMINATION\n",
        "SECTION 4. REPAIRS\n",
        "1. Opening\n",
        "Article 1 - Position\n",
        "From the principal\n",
        "(a) ",
        "(iv) ",
        "- ",
        "• ",
        "2) ",
        "a) ",
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
        "8. Mai 1945 ist der Tag, an dem der Krieg zu Ende ging.",
        "17. mai feires i hele Norge.",
        "8. V. 1945 ist der Tag.",
        "10. Downing Street is small.",
        "GDPR and CCPA Rules apply to both parties.",
        "GDPR and CCPA The rules apply.",
        "NEW YORK Attorney General James sued.",
        "HMS BEAGLE Captain FitzRoy sailed.",
        "WORLD WAR Two began.",
        "HEPATITIS TYPE A is a disease.",
        "NASA The agency",
        "4. The tenant pays for the repairs.",
        "I. The tenant pays.",
        "i. e. the tenant pays.",
        "a. the tenant pays.",
        "- 40 degrees were measured.",
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


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_the_numbers_of_a_list_are_no_words(between: str) -> None:
    items = ["1. The tenant pays.", "2. The owner repairs\nthe roof.", "3. Pets are allowed."]
    text = between.join(items)
    starts = [text.index(item) for item in items]
    assert [text[body_start(text, start, len(text)) :][:9] for start in starts] == [
        "The tenan",
        "The owner",
        "Pets are ",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "7. Mai 1945 war ein Montag.\n8. Mai 1945 war ein Dienstag.\n9. Mai 1945 war ein Mittwoch.",
        "16. mai er en dag.\n17. mai feires i hele Norge.\n18. mai er en dag.",
        "6. The tenant pays.\n8. The owner repairs the roof.\n10. Pets are allowed.",
        "He left. 7. The tenant pays. 8. The owner repairs the roof.",
    ],
)
def test_days_and_lone_numbers_are_no_list(text: str) -> None:
    starts = [n for n in range(len(text)) if text[n].isdigit() and (n == 0 or text[n - 1].isspace())]
    assert [body_start(text, start, len(text)) for start in starts] == starts


def test_a_line_within_a_paragraph_begins_with_words() -> None:
    text = "The ship of the\nUNITED STATES The name was painted."
    start = text.index("UNITED")
    assert body_start(text, start, len(text)) == start
    assert body_start(text.replace("\n", "\n\n"), start + 1, len(text) + 1) > start + 1


def test_within_a_paragraph_capitals_are_words() -> None:
    text = "So it ended. UNITED STATES Senator Lake left."
    start = text.index("UNITED")
    assert body_start(text, start, len(text)) == start
