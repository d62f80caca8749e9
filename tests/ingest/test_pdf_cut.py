"""PDFs that are cut short: what is whole in the bytes is read, on its page, and the rest is said to be missing."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pypdf
import pytest
from made_hostile import pdf, stream
from pypdf.generic import ArrayObject, NameObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from longdoc.core.errors import DamagedInput
from longdoc.core.types import Document
from longdoc.ingest import read_document
from longdoc.ingest.pdf_cut import entries, is_cut_short, rebuilt

NUM_PAGES = 40


def sentence(page: int) -> str:
    return f"This is the only sentence of page {page}, and it has no other purpose than to be found there again."


@pytest.fixture(scope="module")
def whole() -> bytes:
    """Forty pages. reportlab writes the page objects and the fonts first, then the contents."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1, pageCompression=1)
    for page in range(1, NUM_PAGES + 1):
        canvas.setFont("Times-Roman", 12)
        canvas.drawString(72, 800, sentence(page))
        for line in range(20):
            canvas.drawString(72, 780 - 14 * line, f"Line {line * page * 7919 % 100_003} of page {page}.")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def read(path: Path, data: bytes) -> Document:
    path.write_bytes(data)
    return read_document(str(path))


@pytest.mark.parametrize("percent", [50, 70, 85])
def test_what_is_whole_is_read_on_its_page_and_the_result_is_partial(
    tmp_path: Path, whole: bytes, percent: int
) -> None:
    document = read(tmp_path / "cut.pdf", whole[: len(whole) * percent // 100])
    assert 3 < (document.num_pages or 0) < NUM_PAGES
    for page in range(1, (document.num_pages or 0) + 1):
        anchor = document.anchor_at(document.text.index(sentence(page)))
        assert anchor is not None
        assert anchor.page == page
    said = f"the file is cut short: {document.num_pages} of {NUM_PAGES} pages were whole in it and were read"
    assert document.source.lost == (said,)
    assert said in document.warnings


def test_a_whole_file_is_read_as_it_is(tmp_path: Path, whole: bytes) -> None:
    assert not is_cut_short(whole)
    document = read(tmp_path / "whole.pdf", whole)
    assert (document.num_pages, document.source.lost) == (NUM_PAGES, ())


def test_what_a_download_has_filled_up_with_zeros_is_cut_short(tmp_path: Path, whole: bytes) -> None:
    document = read(tmp_path / "zeros.pdf", whole[: len(whole) // 2] + bytes(len(whole) // 2))
    assert "cut short" in document.source.lost[0]


def test_pages_without_their_contents_or_fonts_are_an_error_that_says_so(tmp_path: Path, whole: bytes) -> None:
    with pytest.raises(DamagedInput, match="is cut short") as caught:
        read(tmp_path / "cut.pdf", whole[: len(whole) // 8])
    assert "%%EOF" in str(caught.value.why)
    assert "again" in str(caught.value.fix)
    at_the_end = [
        "<</Type /Catalog /Pages 2 0 R>>",
        "<</Type /Pages /Kids [3 0 R] /Count 1>>",
        "<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>>>",
        stream(b"BT /F1 12 Tf 72 700 Td (Words that nobody can read without the font.) Tj ET"),
        "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
    ]
    made = pdf(at_the_end)
    assert rebuilt(made[: made.index(b"5 0 obj") + 9]) is None
    found = rebuilt(made[: made.index(b"xref")])
    assert found is not None
    assert (found.num_pages, found.num_named) == (1, 1)


def test_objects_in_compressed_streams_are_written_out(tmp_path: Path, whole: bytes) -> None:
    """As most producers write them now: everything that is no stream lies in one, and the table is a stream too."""
    reader = pypdf.PdfReader(io.BytesIO(whole))
    inner: dict[int, bytes] = {}
    streams = b"%PDF-1.5\n"
    for number in range(1, len(reader.xref[0]) + 1):
        value = reader.get_object(number)
        file = io.BytesIO()
        value.write_to_stream(file)  # type: ignore[union-attr]
        if b"stream" in file.getvalue():
            streams += b"%d 0 obj\n%b\nendobj\n" % (number, file.getvalue())
        else:
            inner[number] = file.getvalue()
    starts, packed = b"", b""
    for number, body in inner.items():
        starts += b"%d %d " % (number, len(packed))
        packed += body + b" "
    content = zlib.compress(starts + packed)
    head = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(inner), len(starts))
    streams += b"900 0 obj\n<<%b /Length %d>>\nstream\n%b\nendstream\nendobj\n" % (head, len(content), content)
    document = read(tmp_path / "packed.pdf", streams + b"901 0 obj\n<</Type /XRef /Si")
    assert (document.num_pages, document.source.lost) == (NUM_PAGES, ())
    assert document.warnings == ("the file is cut short: 40 of 40 pages were whole in it and were read",)
    assert all(sentence(page) in document.text for page in (1, 17, NUM_PAGES))


def test_a_page_in_the_middle_that_is_not_whole_keeps_its_number(tmp_path: Path, whole: bytes) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(whole))
    writer.pages[1][NameObject("/Contents")] = ArrayObject([writer.pages[1]["/Contents"].indirect_reference])
    file = io.BytesIO()
    writer.write(file)
    made = file.getvalue()
    lost = writer.pages[1]["/Contents"][0].indirect_reference.idnum  # type: ignore[index]
    made = made.replace(b"\n%d 0 obj" % lost, b"\n%d 0 obx" % lost)
    document = read(tmp_path / "hole.pdf", made[: made.rindex(b"\nxref")])
    assert [(page.page, page.reason[:7]) for page in document.skipped] == [(2, "cut off")]
    anchor = document.anchor_at(document.text.index(sentence(3)))
    assert anchor is not None
    assert anchor.page == 3
    assert "39 of 40" in document.source.lost[0]


def test_the_keys_of_a_dictionary_are_those_at_its_top() -> None:
    body = b"<</Type/Page /A [1 0 R 2 0 R] /Annots [<</Contents (a \\) b)>>] /Contents 7 0 R /N /Name"
    body += b" /D <</X 1>> /E <41>>>"
    found = entries(body)
    assert found[b"/Contents"] == b"7 0 R"
    assert (found[b"/Type"], found[b"/N"], found[b"/D"]) == (b"/Page", b"/Name", b"<</X 1>>")
    assert (found[b"/A"], found[b"/E"]) == (b"[1 0 R 2 0 R]", b"<41>")
    assert entries(b"") == entries(b"[1 0 R]") == entries(b"<< << [[") == {}


def test_trees_that_go_round_and_encrypted_files_are_given_up(whole: bytes) -> None:
    loop = pdf(
        [
            "<</Type /Catalog /Pages 2 0 R>>",
            "<</Type /Pages /Kids [3 0 R] /Count 9>>",
            "<</Type /Pages /Kids [2 0 R 3 0 R] /Parent 2 0 R /Count 9>>",
        ]
    )
    assert rebuilt(loop[: loop.index(b"xref")]) is None
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(whole))
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    assert rebuilt(file.getvalue()[: file.getvalue().rindex(b"\nxref")]) is None
