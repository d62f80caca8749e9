"""Questions about a document as a whole."""

import pytest

from longdoc.search.whole import asks_for_whole


@pytest.mark.parametrize(
    "question",
    [
        "What is this book about?",
        "what’s it about",
        "What is the document all about?",
        "Tell me what this talk is about.",
        "Summarize the book.",
        "Please summarise",
        "Can you give me a short summary of this report?",
        "What is the main topic?",
        "What are the key points of the paper?",
        "What does this article say?",
    ],
)
def test_a_question_about_all_of_it_is_known(question):
    assert asks_for_whole(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the book of Kells about?",
        "What is the quarrel about?",
        "What did Hannay read about in the book?",
        "What does this article say about taxes?",
        "What is the main street called?",
        "Who summarized the report?",
        "What is the main idea of Darwin?",
        "What is it that he wants?",
        "What is this?",
    ],
)
def test_a_question_about_something_in_it_is_none(question):
    assert not asks_for_whole(question)
