"""PDFs of many looks, made with known sentences: what comes back of them, and where it is said to stand."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import pypdfium2
import pytest
from check_pdf import check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_pdf import Made, Style, make, random_style
from reportlab.pdfgen.canvas import Canvas

from longdoc.core.types import Document
from longdoc.ingest import read_document

SEEDS = (3, 5, 8, 13, 17, 26)
_LETTERS = re.compile(r"[\W_]+")


@pytest.mark.parametrize("seed", SEEDS)
def test_known_sentences_come_back_verbatim_in_order_on_their_page_and_label(seed: int, tmp_path: Path) -> None:
    made = make(tmp_path / "made.pdf", random_style(random.Random(seed)), seed, num_pages=6)
    document = read_document(str(made.path))
    score = check(made, document)
    assert score.num_known["text"] > 100
    assert score.share >= 0.995, score.failed[:5]
    assert not [head for head in made.running if head in document.text and head not in {k.text for k in made.known}]


PLAIN = Style(page="A4", tables=0, footnotes=0, titles=False, num_front=2)
HARD = {
    "three columns, row after row": Style(page="A4", columns=3, order="rows", gutter=16, size=9, titles=False),
    "two columns, glyph by glyph, shuffled": Style(
        page="letter", columns=2, writing="glyphs", order="shuffled", titles=False, size=9
    ),
    "sideways": Style(page="A4", rotated=True, columns=2, size=9, titles=False),
    "cropped": Style(page="A4", cropped=True, titles=False),
    "printed numbers alone": Style(page="A5", labels="printed", num_front=6, foot="- {} -", titles=False),
    "footnotes and tables": Style(page="A4", columns=2, size=9, footnotes=0.3, tables=0.2, titles=False),
    "soft hyphens, ragged": Style(page="A5", hyphens="\xad", justified=False, indented=False, titles=False),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_pages(name: str, tmp_path: Path) -> None:
    made = make(tmp_path / "made.pdf", HARD[name], 11, num_pages=5)
    score = check(made, read_document(str(made.path)))
    assert score.share >= 0.995, score.failed[:5]


def test_the_check_sees_a_sentence_that_is_lost_moved_or_on_another_page(tmp_path: Path) -> None:
    made = make(tmp_path / "made.pdf", PLAIN, 2, num_pages=3)
    document = read_document(str(made.path))
    assert check(made, document).share == 1.0
    sentences = [known for known in made.known if known.kind == "text"]
    sentences[5].text += " Never written."
    sentences[9].page += 1
    sentences[20].text, sentences[30].text = sentences[30].text, sentences[20].text
    assert len(check(made, document).failed) >= 3


@cache
def _made_once(folder: str) -> tuple[Made, Document, list[str]]:
    style = Style(page="A4", columns=2, size=9, footnotes=0.1, tables=0.05, num_front=3)
    made = make(Path(folder) / "made.pdf", style, 4, num_pages=6)
    with pypdfium2.PdfDocument(made.path) as opened:
        pages = [_LETTERS.sub("", page.get_textpage().get_text_range()) for page in opened]
    return made, read_document(str(made.path)), pages


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 10**9), length=st.integers(1, 30))
def test_any_span_maps_to_a_page_that_contains_it(
    start: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, document, pages = _made_once(str(tmp_path_factory.getbasetemp()))
    start %= len(document.text)
    citation = document.cite(start, min(start + length, len(document.text)))
    assert citation.page is not None
    turns = [anchor.offset for anchor in document.anchors if start < anchor.offset < start + length]
    first_page_part = citation.quote[: (turns[0] - start) if turns else length]
    words = [_LETTERS.sub("", word) for word in first_page_part.split()]
    assert all(word in pages[citation.page - 1] for word in words)


def test_a_footnote_stands_behind_the_paragraph_that_runs_over_the_page_and_keeps_its_page(tmp_path: Path) -> None:
    style = Style(page="A5", footnotes=0.6, tables=0, titles=False, num_front=0, labels="printed")
    made = make(tmp_path / "made.pdf", style, 6, num_pages=5)
    document = read_document(str(made.path))
    text = document.text.replace("\n", " ")
    over = [known for known in made.known if known.kind == "text" and known.end_page > known.page]
    notes = [known for known in made.known if known.kind == "note"]
    assert len(over) >= 3
    assert len(notes) >= 5
    for known in over:
        assert known.text in text
    for note in notes:
        anchor = document.anchor_at(text.index(note.text))
        assert anchor is not None
        assert anchor.page == note.page + 1


@pytest.mark.parametrize(
    "notes", [["{0} Ibid., p. {1}."], ["{0} See the report of the year {1}, on the same", "matter."]]
)
def test_footnotes_whose_words_and_numbers_repeat_from_page_to_page_are_no_running_feet(
    notes: list[str], tmp_path: Path
) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(420, 595))
    for page in range(8):
        canvas.setFont("Times-Roman", 8)
        canvas.drawCentredString(210, 30, f"Law Review {page + 101}")
        for row, note in enumerate(notes):
            canvas.drawString(50, 70 - 9 * row, note.format(page + 1, 37 * page % 90))
        canvas.setFont("Times-Roman", 11)
        for row in range(20):
            canvas.drawString(
                50, 540 - 14 * row, f"Line {row} of page {page} is one of many sentences that are new here."
            )
        canvas.showPage()
    canvas.save()
    document = read_document(str(tmp_path / "a.pdf"))
    text = " ".join(document.text.split())
    assert "Law Review" not in text
    assert document.cite(document.text.index("Line 0 of page 7"), len(document.text)).label == "108"
    for page in range(8):
        assert " ".join(notes).format(page + 1, 37 * page % 90) in text
