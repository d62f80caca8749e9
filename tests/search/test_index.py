"""The passage index: exact spans, any question, sections named in questions."""

import sqlite3
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.core.errors import LongdocError
from longdoc.core.types import Section
from longdoc.search import index as index_module
from longdoc.search import scope
from longdoc.search.candidates import candidates, parse
from longdoc.search.index import PassageIndex
from longdoc.search.windows import MAX_SENTENCE_WORDS

TALE = (
    "The Snow Man stood in the yard. He looked at the sun and did not like it. "
    "The old dog barked at him from his kennel. He had once slept near the stove.\n\n"
)
COURT = "The king gave the golden ring to his daughter. She went to the river and threw it in.\n\n"
FILLER = "Nothing of note happened on that day, and the people of the village went about their work as before. "


@pytest.fixture(scope="module")
def book():
    parts = [("The Snow Man", TALE), ("Village Days", FILLER * 60), ("The King", COURT), ("More Days", FILLER * 60)]
    text, sections = "", []
    for title, body in parts:
        piece = f"{title}\n\n{body}"
        sections.append(Section(title, len(text), len(text) + len(piece)))
        text += piece
    with PassageIndex(text, sections) as index:
        yield index


def test_finds_the_passage_that_holds_the_words(book):
    best = book.search("Who gave the golden ring to his daughter?")[0]
    assert "golden ring" in book.text[best.start : best.end]


def test_the_last_word_of_a_long_question_counts(book):
    prelude = " ".join(f"prelude{number}" for number in range(3000))
    best = book.search(f"{prelude} Who gave the golden ring to his daughter?")[0]
    assert "golden ring" in book.text[best.start : best.end]


def test_the_section_that_a_question_names_is_looked_for_once(book, monkeypatch):
    asked = []
    find = scope.find
    monkeypatch.setattr(scope, "find", lambda question, *rest: asked.append(question) or find(question, *rest))
    question = 'Who barked in "The Snow Man", and why?'
    passages = book.search(question)
    assert "Snow" not in " ".join(parse(question, book).stems)
    assert candidates(book, passages)
    assert asked == [question]


def test_an_irregular_form_is_found_by_its_verb(book):
    best = book.search("What did she throw?")[0]
    assert "threw it in" in book.text[best.start : best.end]


def test_passages_cover_the_text_in_order_and_lie_on_sentences(book):
    spans = [book.span(i) for i in range(len(book.passages))]
    starts, ends = {s for s, _ in book.sentences}, {e for _, e in book.sentences}
    assert all(start in starts and end in ends for start, end in spans)
    assert spans[0][0] == book.sentences[0][0]
    assert spans[-1][1] == book.sentences[-1][1]
    for (_, first_end), (second_start, _) in zip(book.passages, book.passages[1:], strict=False):
        assert second_start <= first_end


def test_passages_have_200_words_at_most_and_end_with_the_last_paragraph_that_fits():
    paragraphs = [f"Paragraph {n} begins. " + "It goes on for seven words. " * 11 for n in range(30)]  # 69 words each
    with PassageIndex("\n\n".join(paragraphs)) as index:
        texts = [index.text[slice(*index.span(i))] for i in range(len(index.passages))]
    assert all(len(text.split()) <= 200 for text in texts)
    assert all(text.startswith("Paragraph") and text.count("Paragraph") == 2 for text in texts[:-1])
    assert {n for n in range(30) if any(f"Paragraph {n} " in text for text in texts)} == set(range(30))


def test_passages_of_a_text_without_paragraphs_overlap_at_full_length():
    with PassageIndex("Nine words stand in each of these short sentences. " * 100) as index:
        sizes = [9 * (last - first) for first, last in index.passages]
    assert max(sizes) <= 200
    assert min(sizes[:-1]) >= 190
    assert all(b[0] < a[1] for a, b in pairwise(index.passages))


def test_a_section_named_in_the_question_is_searched_first(book):
    best = book.search('Where did the dog sleep (in "The Snow Man")?')[0]
    assert book.sections[0].start <= best.start < book.sections[0].end


@settings(max_examples=150, deadline=None)
@given(question=st.text(max_size=80))
def test_any_question_gives_passages_of_the_text_and_never_fails(book, question):
    for passage in book.search(question, 3):
        assert 0 <= passage.start < passage.end <= len(book.text)


@pytest.mark.parametrize("question", ["", "?", '"', "a OR NEAR(", "body:", "* -", "\x00", "col : ^x", "who is it?"])
def test_query_syntax_in_a_question_is_only_text(book, question):
    assert len(book.search(question, 3)) <= 3


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=400))
def test_any_text_can_be_indexed_and_spans_are_exact(text):
    with PassageIndex(text) as index:
        for start, end in index.sentences:
            assert text[start:end]
            assert text[start:end].strip() == text[start:end]
        assert all(0 <= first < last <= len(index.sentences) for first, last in index.passages)


def test_chinese_is_found_by_words_of_two_characters():
    with PassageIndex("国王把金戒指给了女儿。" + "村民们照常工作。" * 300, passage_words=20, stride_words=15) as index:
        assert not index.is_english
        best = index.search("谁有戒指?")[0]
        assert "戒指" in index.text[best.start : best.end]


def test_accents_do_not_matter():
    with PassageIndex("Le café était fermé. Il pleuvait.") as index:
        assert index.search("cafe")


def test_a_table_without_full_stops_is_cut_into_pieces():
    with PassageIndex("value " * 5000) as index:
        assert all(end - start <= 6 * MAX_SENTENCE_WORDS for start, end in index.sentences)
        assert len(index.passages) > 10


def test_a_sqlite_without_fts5_is_named_in_the_error(monkeypatch):
    class Bare(sqlite3.Connection):
        def execute(self, *_):
            raise sqlite3.OperationalError("no such module: fts5")

    monkeypatch.setattr(index_module.sqlite3, "connect", lambda *_, **__: Bare(":memory:"))
    with pytest.raises(LongdocError, match="cannot search") as error:
        PassageIndex("Some text.")
    assert "FTS5" in (error.value.why or "")
