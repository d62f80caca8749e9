"""Who wrote a document."""

import pytest

from longdoc.search.byline import asks_author, byline


@pytest.mark.parametrize(
    "question",
    ["Who is the author?", "who wrote this book", "Who is the author of the report?", "Who was this written by?"],
)
def test_a_question_for_the_author_is_known(question):
    assert asks_author(question)


@pytest.mark.parametrize(
    "question", ["Who is the author of the letter to Tommy?", "Who wrote to Hannay?", "Who is the authority here?"]
)
def test_other_questions_are_none(question):
    assert not asks_author(question)


@pytest.mark.parametrize(
    ("text", "line", "names"),
    [
        ("THE STEPS\n\nby\nJOHN BUCHAN\n\nTo Tommy.", "by\nJOHN BUCHAN", "JOHN BUCHAN"),
        ("Treasure\n\nby Robert Louis Stevenson\n\nTo S.L.O.", "by Robert Louis Stevenson", "Robert Louis Stevenson"),
        ("Street: A Novel: By George Gissing ... Two", "By George Gissing", "George Gissing"),
        (
            "A Paper\n\nAuthors: Ann B. Lee and Bo Diaz\n\nWe show",
            "Authors: Ann B. Lee and Bo Diaz",
            "Ann B. Lee and Bo Diaz",
        ),
    ],
)
def test_the_line_under_the_title_names_who_wrote_it(text, line, names):
    found = byline(text)
    assert found is not None
    assert (text[slice(*found[0])], text[slice(*found[1])]) == (line, names)


@pytest.mark.parametrize(
    "text",
    [
        "The harbour was built by Admiral Hansen of Bergen.",
        "by the sea\n\nIt was cold.",
        "By Monday it rained.",
        "x " * 1500 + "\n\nby Ann Lee\n",
        "",
    ],
)
def test_no_other_line_does(text):
    assert byline(text) is None
