"""Pages that pdfium alone does not read: no pdfium, signs without letters, a page that never ends; packed lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pypdf
import pytest
from made_sources import pdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, FloatObject, NameObject
from reportlab.pdfgen.canvas import Canvas
from test_pdf import prose

from longdoc.core.errors import NoTextLayer
from longdoc.core.events import Event, Opening
from longdoc.ingest import pdf as pdf_reader
from longdoc.ingest import pdf_workers, read_document
from longdoc.ingest.lines import NOTE, TABLE, Line
from longdoc.ingest.parsed import Raw
from longdoc.ingest.pdf_file import PdfFile
from longdoc.ingest.pdf_labels import labels_from_folios
from longdoc.ingest.pdf_notes import HEIGHT_STEP, body_height, common_height
from longdoc.ingest.pdf_pages import GARBAGE, Page, PageReader
from longdoc.ingest.pdf_store import Packed, PageStore, View
from longdoc.ingest.pdf_text import read_from_right

PRIVATE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def
1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <20> <7e> <e020> endbfrange
endcmap end end"""


def without_letters(path: Path, pages: list[int]) -> Path:
    """The PDF with fonts on these pages that map every sign to a private code."""
    writer = pypdf.PdfWriter()
    writer.append(path)
    cmap = DecodedStreamObject()
    cmap.set_data(PRIVATE)
    reference = writer._add_object(cmap)
    for index in pages:
        resources = writer.pages[index]["/Resources"]
        fonts = DictionaryObject()
        for name, font in resources["/Font"].items():
            copy = DictionaryObject(font.get_object())
            copy[NameObject("/ToUnicode")] = reference
            fonts[name] = copy
        own = DictionaryObject(resources)
        own[NameObject("/Font")] = fonts
        writer.pages[index][NameObject("/Resources")] = own
    writer.write(path)
    return path


def test_signs_that_stand_for_no_letter_are_no_text(tmp_path: Path) -> None:
    path = without_letters(pdf(tmp_path / "a.pdf", [prose(1), prose(2), prose(3)]), [1])
    document = read_document(str(path))
    assert [(page.page, page.reason) for page in document.skipped] == [(2, GARBAGE)]
    assert document.source.lost
    assert "\ue053" not in document.text
    assert "Sentence 3" in document.text


def test_a_file_of_nothing_but_such_signs_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = without_letters(pdf(tmp_path / "a.pdf", [prose(1), prose(2)]), [0, 1])
    with pytest.raises(NoTextLayer) as caught:
        read_document(str(path))
    assert GARBAGE in str(caught.value.why)
    assert "--force-ocr" in str(caught.value.fix)


def test_pypdf_alone_reads_text_labels_title_and_outline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pdf(
        tmp_path / "a.pdf",
        [["#Of Birds", *prose(1)], ["#Of Fish", *prose(2)]],
        title="Animals",
        labels=[(0, "ROMAN_LOWER", 3)],
        outline=[("Of Birds", 0, 0), ("Of Fish", 1, 0)],
    )
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    raw = Raw(str(path), path.read_bytes())
    file = PdfFile.open(raw)
    assert (file.pdf, file.num_pages, file.title(), file.labels()) == (None, 2, "Animals", ["iii", "iv"])
    assert file.outline() == ([("Of Birds", 0, 1), ("Of Fish", 1, 1)], [])
    reader = PageReader(raw.data, 2)
    assert "Sentence 2" in " ".join(line.text for line in reader.page(1).lines)


def endless(path: Path) -> Path:
    """Page 2 draws a form that draws a form twice, that draws a form twice, thirty times over."""
    writer = pypdf.PdfWriter()
    writer.append(pdf(path, [prose(1), prose(2), prose(3)]))
    fonts = DictionaryObject({NameObject("/Font"): writer.pages[0]["/Resources"]["/Font"]})
    inner = None
    for depth in range(24):
        form = DecodedStreamObject()
        form.set_data(b"BT /F1 10 Tf 9 9 Td (again and again) Tj ET" * 9 if inner is None else b"/A Do " * 4)
        resources = DictionaryObject(fonts)
        if inner is not None:
            resources[NameObject("/XObject")] = DictionaryObject({NameObject("/A"): inner})
        form.update({NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Form")})
        form[NameObject("/BBox")] = pypdf.generic.ArrayObject(map(FloatObject, (0, 0, 400, 400)))
        form[NameObject("/Resources")] = resources
        inner = writer._add_object(form)
        assert depth < 24
    page = writer.pages[1]
    own = DictionaryObject(page["/Resources"])
    own[NameObject("/XObject")] = DictionaryObject({NameObject("/A"): inner})
    page[NameObject("/Resources")] = own
    contents = DecodedStreamObject()
    contents.set_data(b"/A Do")
    page[NameObject("/Contents")] = writer._add_object(contents)
    writer.write(path)
    return path


def test_a_page_that_never_ends_is_skipped_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = endless(tmp_path / "a.pdf")
    monkeypatch.setattr(pdf_workers, "PAGE_SECONDS", 3.0)
    parsed = pdf_reader.read(Raw(str(path), path.read_bytes()))
    assert [page.page for page in parsed.skipped] == [2]
    assert parsed.skipped[0].reason in pdf_workers.GAVE_UP
    assert parsed.lost == ("1 of 3 pages took too long, too much memory, or ended their reader",)
    assert "Sentence 1" in parsed.text
    assert "Sentence 3" in parsed.text


def test_lines_are_the_same_packed_and_unpacked() -> None:
    lines = [Line("Ümlaut one", 3, 1.5, 2.25, 700.5, 9.75), Line("a\tb", 3, 0, 1, 2, 3, TABLE, 2)]
    assert Packed.of(lines).lines(3) == lines
    assert Packed.of([]).lines(0) == []
    store = PageStore(5)
    store.put(3, Packed.of(lines))
    assert store[3] == lines
    assert store[4] == []
    view = View(store, {3: {0}}, {3: {1}})
    assert view[3] == [lines[1]._replace(kind=NOTE)]
    assert len(view) == 5


def test_printed_numbers_become_labels_where_they_count_up() -> None:
    folios = {0: ["ii"], 1: ["iii"], 3: ["1", "1914"], 4: ["2"], 6: ["4"], 7: ["93"]}
    assert labels_from_folios(folios, 9) == ["ii", "iii", "iv", "1", "2", "3", "4", "5", "6"]
    assert labels_from_folios({0: ["1914"], 4: ["7"]}, 5) == [None] * 5


def test_what_is_filled_into_the_fields_of_a_form_is_read(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "form.pdf"))
    canvas.drawString(60, 750, "Application for a licence. Name of the applicant:")
    canvas.acroForm.textfield(name="name", value="Harold Finch of Baker Street", x=60, y=700, width=300)
    canvas.save()
    text = read_document(str(tmp_path / "form.pdf")).text
    assert text.count("Harold Finch of Baker Street") == 1
    assert text.count("Application for a licence.") == 1


def test_words_from_right_to_left_are_read_as_they_stand_on_the_page() -> None:
    def from_left(place: int) -> tuple[float, float, float, float]:
        return 10.0 * place, 0.0, 10.0 * place + 8, 10.0

    def from_right(place: int) -> tuple[float, float, float, float]:
        return 90.0 - 10 * place, 0.0, 98.0 - 10 * place, 10.0

    assert (
        read_from_right("\u05dd\u05d5\u05dc\u05e9 \u0661\u0662 abc", from_left, 0.0)
        == "\u05e9\u05dc\u05d5\u05dd \u0661\u0662 abc"
    )
    assert read_from_right("\u05e9\u05dc\u05d5\u05dd", from_right, 0.0) == "\u05e9\u05dc\u05d5\u05dd"


def test_pages_are_the_same_before_and_after_the_pipe() -> None:
    lines = [Line("Ümlaut “one”", 3, 1.5, 2.25, 700.5, 9.75), Line("a\tb", 3, 0, 1, 2, 3, TABLE, 2)]
    plain = [Line("plain", 4, 1.0, 2.0, 3.0, 4.0)]
    sent = pdf_workers.packed_pages([Page(lines), Page([]), Page(plain), Page(lines, GARBAGE)])
    found = [*pdf_workers.unpacked_pages(range(3, 7), sent)]
    assert [(page, packed.lines(page), problem) for page, packed, problem in found] == [
        (3, lines, None),
        (4, [], None),
        (5, [plain[0]._replace(page=5)], None),
        (6, [], GARBAGE),
    ]


def test_what_is_counted_of_packed_lines_is_what_is_counted_of_lines() -> None:
    lines = [Line("four", 0, 0, 1, 2, 9.8), Line("a row", 0, 0, 1, 2, 14.0, TABLE), Line("six six", 0, 0, 1, 2, 11.1)]
    store = PageStore(2)
    store.put(0, Packed.of(lines))
    assert common_height(store.characters_by_height(HEIGHT_STEP)) == body_height(lines) == 11.0


def test_the_document_is_heard_of_while_it_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_workers, "_TELL_EVERY_S", 0.0)
    path = pdf(tmp_path / "a.pdf", [prose(number) for number in range(1, 5)])
    heard: list[Event] = []
    pdf_reader.read(Raw(str(path), path.read_bytes(), on_event=heard.append))
    assert sum(isinstance(event, Opening) and event.pages_done == 4 for event in heard) > 4
