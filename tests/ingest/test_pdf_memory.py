"""Very many pages: the packed lines, the text that is made of them, and how little memory that takes."""

from __future__ import annotations

import tracemalloc
from array import array

from longdoc.ingest.lines import ASIDE, TABLE, Line, _Measures, paragraphs
from longdoc.ingest.pdf_assembly import Assembled, Paragraphs, assemble
from longdoc.ingest.pdf_store import Packed, PageStore, View

LINES_A_PAGE = 40
WORDS = "the captain looked over the quiet water and thought of “home” while nobody answered him at all".split()  # noqa: SIM905


def page_of(index: int) -> list[Line]:
    """Lines of about 75 characters."""
    found = []
    for row in range(LINES_A_PAGE):
        words = [WORDS[(index * 7 + row * 3 + place) % len(WORDS)] for place in range(14)]
        found.append(Line(" ".join(words) + f" {index * row}.", index, 70.0, 500.0, 780.0 - 15 * row, 11.0))
    return found


def stored(num_pages: int) -> PageStore:
    store = PageStore(num_pages)
    for index in range(num_pages):
        store.put(index, Packed.of(page_of(index)))
    return store


def test_pages_come_back_from_many_blocks_in_whatever_order_they_were_put() -> None:
    store = PageStore(700)
    for index in [*range(0, 700, 2), *range(699, 0, -2)]:
        store.put(index, Packed.of(page_of(index)))
    assert [store[index] for index in range(700)] == [page_of(index) for index in range(700)]
    assert not store.is_empty


def test_a_page_larger_than_a_block_is_kept() -> None:
    lines = [Line("x" * 3_000_000, 0, 0.0, 1.0, 2.0, 3.0, ASIDE, 1), Line("ü“", 0, 0.0, 1.0, 2.0, 3.0, TABLE)]
    store = PageStore(2)
    store.put(0, Packed.of(lines))
    store.put(1, Packed.of(page_of(1)))
    assert store[0] == lines
    assert store[1] == page_of(1)


def test_nothing_is_left_of_a_store_that_is_closed() -> None:
    store = stored(3)
    store.close()
    assert store.is_empty
    assert store[1] == []


def test_lines_that_are_taller_are_found_with_their_pages() -> None:
    store = stored(4)
    title = Line("A Title", 4, 70.0, 200.0, 790.0, 20.0)
    more = PageStore(5)
    for index in range(4):
        more.put(index, store.packed(index))
    more.put(4, Packed.of([title, *page_of(4)]))
    assert more.taller_lines(13.0) == [title]
    assert store.taller_lines(13.0) == []


def test_the_texts_of_a_view_are_those_of_its_lines() -> None:
    view = View(stored(3), dropped={1: (0, 39)})
    assert [*view.texts()] == [line.text for page in view for line in page]


def test_the_measures_of_columns_are_the_same_when_they_are_taken_again() -> None:
    short = tuple(page_of(3)[:2])
    columns = [tuple(page_of(0)), tuple(page_of(1)[:30]), short]
    measures = _Measures()
    kept = [measures.keep(lines) for lines in columns]
    assert [measures.again(lines) for lines in columns] == kept
    assert kept[2].margin == kept[1].margin == 70.0


def test_a_text_is_put_together_with_its_offsets() -> None:
    made = Assembled()
    starts = [made.add(text) for text in ("ein “Zitat”", "ü", "𝔘nd mehr")]
    text = made.take_text()
    assert text == "ein “Zitat”\n\nü\n\n𝔘nd mehr"
    assert [text[start] for start in starts] == ["e", "ü", "𝔘"]
    found = Paragraphs(text, made.paragraph_starts + array("Q", [len(text)]))
    assert [*found] == [("ein “Zitat”", 0), ("ü", 13), ("𝔘nd mehr", 16)]
    assert [*found[1:]] == [*found][1:]
    assert [*found[2:1]] == []


def test_putting_pages_together_takes_about_the_text_and_no_more() -> None:
    num_pages = 400
    store = stored(num_pages)
    view = View(store)
    num_characters = sum(len(text) for text in view.texts())
    tracemalloc.start()
    made = assemble(view)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert num_characters > 1_000_000
    assert peak_bytes < 2 * num_characters  # the lines as objects would take ten times as much
    text = made.take_text()
    assert text.count("captain") == sum(line.text.count("captain") for page in view for line in page)
    assert sum(1 for _ in paragraphs(view)) == len(made.paragraph_starts)
