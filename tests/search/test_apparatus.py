"""Tables of contents and headings are never the answer."""

import pytest

from longdoc.core.types import Section
from longdoc.search.apparatus import contents_spans, is_furniture, is_numbered_heading, is_title, title_keys
from longdoc.search.candidates import candidates
from longdoc.search.index import PassageIndex

TITLES = {"I": "The Milkman", "II": "The Bald Man", "III": "The Coming of the Black Stone", "IV": "The Steps"}
CONTENTS = "\n\n".join(f"{number}. {title} {7 * len(title)}" for number, title in TITLES.items())
TEXT = "A Novel\n\n" + CONTENTS + "\n\n"
SECTIONS = []
for number, title in TITLES.items():
    chapter = f"CHAPTER {number}\n\n{title}\n\nA band of spies met there. They called themselves the Black Stone.\n\n"
    SECTIONS.append(Section(f"Chapter {number}. {title}", len(TEXT), len(TEXT) + len(chapter)))
    TEXT += chapter


def test_a_run_of_titles_with_page_numbers_is_a_table_of_contents():
    long_enough = TEXT + "The wind blew over the cliff all night. " * 60
    [(start, end)] = contents_spans(long_enough, SECTIONS)
    assert long_enough[start:end].strip() == CONTENTS


def test_the_index_holds_no_table_of_contents_and_proposes_no_heading():
    long_enough = TEXT + "The wind blew over the cliff all night. " * 60
    with PassageIndex(long_enough, SECTIONS) as index:
        found = candidates(index, index.search("What is the Black Stone?"))
    sentences = [long_enough[c.start : c.end] for c in found]
    assert any("called themselves" in sentence for sentence in sentences)
    assert not any("Coming of" in sentence or sentence.startswith("CHAPTER") for sentence in sentences)


def test_numbers_and_sentences_are_no_titles():
    titles = title_keys(SECTIONS)
    assert is_title("The Coming of the Black Stone", titles)
    assert is_title("CHAPTER IV", titles)
    assert not is_title("1,234", titles)
    assert not is_title("The Steps.", titles)
    assert not is_title("Nothing of the kind", titles)


@pytest.mark.parametrize(
    "sentence",
    [
        "From: Anna Keller <anna@example.org>\nTo: Tom Ruiz\nDate: Tue, 9 Apr 2024 18:00:00 +0000",
        "Present: Anna Keller (chair), Tom Ruiz, Mary Oduya.",
        "Present (by telephone): Tom Ruiz",
        "Dear Tom,",
        "MINUTES OF THE HARBOUR BOARD",
        "III. The Coming of the Black Stone",
        "2024 | 1.0 | begun in spring\n2025 | 1.4 | to be done",
        "2024\t1.0",
    ],
)
def test_heads_of_letters_headings_and_rows_of_tables_are_furniture(sentence):
    assert is_furniture(sentence, title_keys(SECTIONS))


@pytest.mark.parametrize(
    "sentence",
    [
        "From: Anna\nThe pier is closed from Monday.",
        "From the pier: a light.",
        "Time passed slowly.",
        "Tom: I have seen the pier",
        "Dear Tom, the pier is closed from Monday.",
        "HE SAID NO.",
        "replace the two rotten piles before the winter",
        "He chose a | b and left.",
        "The Steps were thirty-nine in number",
    ],
)
def test_what_says_something_is_no_furniture(sentence):
    assert not is_furniture(sentence, title_keys(SECTIONS))


def test_a_numbered_line_is_a_heading_above_a_sentence_and_an_item_among_others():
    heading, item = "1. Repairs of the pier", "2. Replace the piles"
    assert is_numbered_heading("", heading, "Two piles are rotten.")
    assert not is_numbered_heading("", heading, item)
    assert not is_numbered_heading(heading, item, "Two piles are rotten.")
    assert not is_numbered_heading("", "1. Repair the pier.", "Two piles are rotten.")
    assert not is_numbered_heading("", "12 men came", "and went")
    assert not is_numbered_heading("", heading, "")


def test_a_text_of_nothing_but_titles_still_has_candidates():
    text = "Chapter I. The Milkman\n\nChapter II. The Steps"
    sections = [Section("Chapter I. The Milkman", 0, 24), Section("Chapter II. The Steps", 24, 45)]
    with PassageIndex(text, sections) as index:
        assert candidates(index, index.search("Who is the milkman?"))
