"""Where sentences end beside what nupunkt finds: after ordinary words that it takes for abbreviations."""

from __future__ import annotations

import pytest

from longdoc.core.sentences import sentence_spans, tile


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The city pays for the rest.", "Councillor Keller voted against it."),
        ("The club is closed until a librarian has been found.", "Mrs. Torres leads the search."),
        ("Nothing put a limit to the monotonous toil.", "Suddenly a crisp voice spoke from the road."),
        ("“I have heard all the rest.”", "“To be sure,” he said."),
        ("They kept it civil.", "Nobody shouted."),
    ],
)
def test_a_sentence_ends_with_an_ordinary_word_before_a_capital(first: str, second: str) -> None:
    assert sentences(f"{first} {second}") == [first, second]
    assert sentences(f"{first}\n{second}") == [first, second]


@pytest.mark.parametrize(
    "sentence",
    [
        "The hall holds approx. Five hundred people.",
        "The rule stands in the suppl. Volume of it.",
        "The dept. Of State was asked.",
        "The journal is printed by Misc. Books.",
        "He paid for the rest. and left.",
    ],
)
def test_it_does_not_end_with_an_abbreviation_or_before_a_small_letter(sentence: str) -> None:
    assert len(sentences(sentence)) == 1


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Tears fell; St. John walks on. He waits.", ["Tears fell; St. John walks on.", "He waits."]),
        ("He lives in Main St. He is old.", ["He lives in Main St.", "He is old."]),
        ("Das war am 17. Juni 1953 in Berlin. Es war heiß.", ["Das war am 17. Juni 1953 in Berlin.", "Es war heiß."]),
        ("Near the old St.\n\nJohn came.", ["Near the old St.", "John came."]),
    ],
)
def test_saints_and_days_of_months_are_one_sentence(text: str, sentences: list[str]) -> None:
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


def test_the_spans_still_give_the_text_back() -> None:
    text = "The city pays for the rest.  \n Keller left.\n\n(He saw the mill.) “So cold.” Then\tall was hard. A b. C"
    assert "".join(text[start:end] for start, end in tile(text)) == text
