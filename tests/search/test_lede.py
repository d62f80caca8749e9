"""The first sentence of articles that says what happened; and texts that have none."""

from __future__ import annotations

import pytest

from longdoc.search.lede import lede
from longdoc.search.terms import DocumentTerms

BODY = """The operator, which has run the route since 1963, said that the hull had failed an inspection in August.

"We cannot put passengers on that ship," said its director, Marit Aune. The island's doctor counted 27 patients who
had to be taken across by sea last winter.

The region pays the operator 41 million kroner a year. It wants the money back for the months without a ferry.
"""
LEDE = "The ferry to the island of Skarholm will stop running in winter, its operator said on Thursday."


def opening(text: str, title: str = "") -> str | None:
    terms = DocumentTerms(text)
    number = lede(terms, title)
    return None if number is None else text[slice(*terms.sentences[number])]


@pytest.mark.parametrize(
    "head",
    [
        "Ferry to Skarholm to stop in winter\n\nBy Ingrid Solheim\nTromvik, 3 October 2024\n\n",  # under a byline
        "Winter ferry to Skarholm stops\n\n",  # a headline that it says again
        "PRESS RELEASE\n\nFor immediate release\n\n",
        "",  # the text takes up its words
    ],
)
def test_the_first_told_sentence_of_an_article_is_its_lede(head: str) -> None:
    assert opening(f"{head}{LEDE}\n\n{BODY}") == LEDE


def test_a_dateline_belongs_to_it() -> None:
    assert opening(f"News\n\nTROMVIK, 3 Oct (Nordic Press) - {LEDE}\n\n{BODY}") == (
        f"TROMVIK, 3 Oct (Nordic Press) - {LEDE}"
    )


def test_a_quotation_that_stands_first_is_passed_over() -> None:
    found = opening(f'Ferry to Skarholm to stop\n\n"Somebody will die of this, and I know who."\n\n{LEDE}\n\n{BODY}')
    assert found == LEDE


@pytest.mark.parametrize(
    "text",
    [
        f"{LEDE} That is all.",  # nothing has to be found
        "Ann Lee: The hive of the abbey has ten frames. It is old.\n\n" * 6,  # talk
        f"1. The Landlord lets the house to the Tenant for a year, and the Tenant pays the rent.\n\n{BODY}",  # clauses
        "He came home late that night. " * 8,  # nothing stands by itself
        f"{LEDE}\n\n" + "Nobody knew what the winter would bring to the harbour of the town. " * 300,  # a book
        "I went to the market in the rain with my sister. I bought a goose. I paid too much. My goose ran. I ran too.",
    ],
)
def test_other_texts_have_none(text: str) -> None:
    assert opening(text) is None
