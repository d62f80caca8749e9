"""Tables of contents and headings are never the answer."""

from longdoc.core.types import Section
from longdoc.search.apparatus import contents_spans, is_title, title_keys
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


def test_a_text_of_nothing_but_titles_still_has_candidates():
    text = "Chapter I. The Milkman\n\nChapter II. The Steps"
    sections = [Section("Chapter I. The Milkman", 0, 24), Section("Chapter II. The Steps", 24, 45)]
    with PassageIndex(text, sections) as index:
        assert candidates(index, index.search("Who is the milkman?"))
