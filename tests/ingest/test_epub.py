"""EPUB: reading order, nav and NCX, page lists, DRM, archives that lie."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from made_sources import epub, page_html

from longdoc.core.errors import DamagedInput, EmptyInput, EncryptedInput, NoTextLayer
from longdoc.ingest import read_document

CHAPTERS = {
    "one": page_html(
        "<h1 id='a'>The First</h1><p>It begins   here,\n on <i>a</i> line.</p><h2 id='b'>Inner</h2><p>More.</p>"
    ),
    "two": page_html("<h1>The Second</h1><p>It goes on.</p>"),
    "notes": page_html("<p>A note outside.</p>"),
}
NAV = page_html(
    '<nav epub:type="landmarks"><ol><li><a href="two.xhtml">Start</a></li></ol></nav>'
    '<nav epub:type="toc"><ol><li><a href="one.xhtml">The First</a>'
    '<ol><li><a href="one.xhtml#b">Inner</a></li></ol></li>'
    '<li><a href="two.xhtml">The Second</a></li></ol></nav>'
)
NCX = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>First &amp; foremost&nbsp;</text></navLabel><content src="one.xhtml"/>
<navPoint><navLabel><text>Inner</text></navLabel><content src="one.xhtml#b"/></navPoint></navPoint>
<navPoint><navLabel><text>Second</text></navLabel><content src="two.xhtml"/></navPoint>
</navMap></ncx>"""


def test_the_spine_is_the_order_and_what_is_not_linear_stays_out(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS, spine=["two", "notes", "one"], nonlinear=["notes"])
    document = read_document(str(path))
    assert document.text == ("The Second\n\nIt goes on.\n\nThe First\n\nIt begins here, on a line.\n\nInner\n\nMore.")
    assert document.title == "A Book"
    assert document.source.format == "epub"
    assert document.num_pages is None
    assert document.warnings == ("1 document outside the reading order was left out",)


def test_the_nav_document_gives_nested_sections(tmp_path: Path) -> None:
    document = read_document(str(epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"], nav=NAV)))
    assert [(s.title, s.level) for s in document.sections] == [("The First", 1), ("Inner", 2), ("The Second", 1)]
    for section in document.sections:
        assert document.text[section.start :].startswith(section.title)
    assert document.sections[0].end == document.sections[2].start


def test_an_epub_2_has_its_sections_from_the_ncx(tmp_path: Path) -> None:
    document = read_document(str(epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"], ncx=NCX)))
    assert [(s.title, s.level) for s in document.sections] == [("First & foremost", 1), ("Inner", 2), ("Second", 1)]


def test_without_a_table_of_contents_the_headings_give_the_sections(tmp_path: Path) -> None:
    document = read_document(str(epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"])))
    assert [(s.title, s.level) for s in document.sections] == [("The First", 1), ("Inner", 2), ("The Second", 1)]


def test_printed_page_numbers_become_labels_and_not_text(tmp_path: Path) -> None:
    body = (
        '<p><span epub:type="pagebreak" id="p9" title="9"/>Nine begins and '
        '<span epub:type="pagebreak" id="p10">10</span>'
        "ten goes on.</p>"
    )
    nav = page_html(
        '<nav epub:type="page-list"><ol><li><a href="one.xhtml#p9">9</a></li>'
        '<li><a href="one.xhtml#p10">10</a></li></ol></nav>'
    )
    for more in ({"nav": nav}, {}):
        document = read_document(str(epub(tmp_path / "book.epub", {"one": page_html(body)}, **more)))
        assert document.text == "Nine begins and ten goes on."
        start = document.text.index("ten")
        assert document.cite(start, start + 3).label == "10"
        assert document.cite(0, 4).label == "9"


def test_self_closed_elements_do_not_swallow_the_text(tmp_path: Path) -> None:
    body = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head>'
        '<body><a id="x"/><p>Here.</p></body></html>'
    )
    assert read_document(str(epub(tmp_path / "book.epub", {"one": body}))).text == "Here."


def test_a_note_in_the_middle_of_a_sentence_stands_below_its_paragraph(tmp_path: Path) -> None:
    aside = '<aside epub:type="footnote" id="n1"><p>1. See the map.</p></aside>'
    body = f'<p>They went<a epub:type="noteref" href="#n1">1</a>{aside} to the river.</p><p>It rose.</p>'
    text = read_document(str(epub(tmp_path / "book.epub", {"one": page_html(body)}))).text
    assert text == "They went[1] to the river.\n\n1. See the map.\n\nIt rose."


def test_notes_outside_the_reading_order_follow_the_paragraph_that_calls_them(tmp_path: Path) -> None:
    called = "<p>They went<sup><a href='notes.xhtml#n1'>1</a></sup> to the river.</p><p>It rose.</p>"
    notes = '<section epub:type="endnotes"><ol><li epub:type="endnote" id="n1"><p>See the map.</p></li></ol></section>'
    documents = {"one": page_html(called), "notes": page_html(notes)}
    path = epub(tmp_path / "book.epub", documents, nonlinear=["notes"])
    document = read_document(str(path))
    assert document.text == "They went to the river.\n\n[1] See the map.\n\nIt rose."
    assert document.warnings == ()
    in_order = read_document(str(epub(tmp_path / "other.epub", documents)))
    assert in_order.text == "They went[1] to the river.\n\nIt rose.\n\n1. See the map."


def encryption(algorithm: str, target: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData><enc:CipherReference URI="{target}"/>'
        "</enc:CipherData></enc:EncryptedData></encryption>"
    }


def test_a_copy_protected_book_is_refused_by_name(tmp_path: Path) -> None:
    drm = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OPS/one.xhtml")
    with pytest.raises(EncryptedInput, match="copy-protected"):
        read_document(str(epub(tmp_path / "book.epub", CHAPTERS, more={**drm, "META-INF/rights.xml": "<rights/>"})))


def test_scrambled_fonts_are_no_copy_protection(tmp_path: Path) -> None:
    fonts = encryption("http://www.idpf.org/2008/embedding", "OPS/font.otf")
    assert "It goes on." in read_document(str(epub(tmp_path / "book.epub", CHAPTERS, more=fonts))).text


def test_a_zip_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    bomb = {"one": page_html("<p>" + "0" * 30_000_000 + "</p>")}
    path = epub(tmp_path / "book.epub", bomb)
    assert path.stat().st_size < 100_000
    with pytest.raises(DamagedInput, match="damaged EPUB") as caught:
        read_document(str(path))
    assert "bomb" in str(caught.value.why)


def test_an_entity_bomb_is_just_text(tmp_path: Path) -> None:
    lol = '<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    body = page_html("<p>&b; and so on.</p>").replace("<html", f"{lol}<html", 1)
    ncx = NCX.replace('<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x.dtd">', lol).replace("Second", "&b;")
    document = read_document(
        str(epub(tmp_path / "book.epub", {**CHAPTERS, "one": body}, spine=["one", "two"], ncx=ncx))
    )
    assert "and so on." in document.text
    assert "hahaha" not in document.text


def test_paths_that_climb_out_of_the_archive_lead_nowhere(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", {"../../../../etc/passwd": page_html("<p>x</p>"), **CHAPTERS})
    text = read_document(str(path)).text
    assert "root:" not in text


@pytest.mark.parametrize("depth", [50, 20_000])
def test_deeply_nested_elements_are_read(tmp_path: Path, depth: int) -> None:
    body = page_html("<div>" * depth + "deep" + "</div>" * depth)
    assert read_document(str(epub(tmp_path / "book.epub", {"one": body}))).text == "deep"


def test_a_book_of_pictures_has_no_text(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        read_document(str(epub(tmp_path / "book.epub", {"one": page_html("<img src='x.png' alt=''/>")})))


def test_a_book_whose_pages_are_pictures_is_a_scan(tmp_path: Path) -> None:
    page = {"one": page_html("<img src='x.png' alt=''/>")}
    with pytest.raises(NoTextLayer, match="has no text") as caught:
        read_document(str(epub(tmp_path / "book.epub", page, more={"OPS/x.png": b"\x89PNG"})))
    assert "ocrmypdf" in str(caught.value.fix)


SVG = '<svg xmlns="http://www.w3.org/2000/svg"><rect/>%s</svg>'


def picture_book(path: Path, *, num_chapters: int, drawn: str = "") -> Path:
    """A cover that is a picture in a page, a drawing and a photograph in the reading order, and chapters."""
    documents = {"cover": page_html("<img src='x.png' alt=''/>"), "blank": page_html("<p> </p>")}
    documents |= {f"c{n}": page_html(f"<h1>Chapter {n}</h1><p>Words.</p>") for n in range(num_chapters)}
    links = "".join(f'<li><a href="{name}.xhtml">{name.title()}</a></li>' for name in documents)
    nav = page_html(f'<nav epub:type="toc"><ol>{links}<li><a href="map.svg">The Map</a></li></ol></nav>')
    more = {"OPS/x.png": b"\x89PNG", "OPS/map.svg": SVG % drawn, "OPS/photo.jpg": b"\xff\xd8\xff"}
    made = epub(path, documents, nav=nav, more=more)
    with zipfile.ZipFile(made) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    package = members["OPS/book.opf"].decode()
    items = '<item id="map" href="map.svg" media-type="image/svg+xml"/>'
    items += '<item id="photo" href="photo.jpg" media-type="image/jpeg"/>'
    package = package.replace("</manifest>", f"{items}</manifest>")
    package = package.replace("</spine>", '<itemref idref="map"/><itemref idref="photo"/></spine>')
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in (members | {"OPS/book.opf": package.encode()}).items():
            archive.writestr(name, data)
    return made


def test_documents_that_are_pictures_are_named(tmp_path: Path) -> None:
    document = read_document(str(picture_book(tmp_path / "book.epub", num_chapters=5)))
    assert document.warnings == ('3 documents are pictures without text: "OPS/photo.jpg", "Cover", "The Map"',)
    assert document.source.lost == ()
    most = read_document(str(picture_book(tmp_path / "book.epub", num_chapters=1)))
    assert most.source.lost == document.warnings
    assert most.warnings == document.warnings


def test_the_words_of_a_drawing_are_read(tmp_path: Path) -> None:
    drawn = '<text x="1">The <tspan>old</tspan> town</text><text>The harbour</text>'
    document = read_document(str(picture_book(tmp_path / "book.epub", num_chapters=5, drawn=drawn)))
    assert document.text.endswith("Words.\n\nThe old town\n\nThe harbour")
    assert document.cite(document.text.index("old"), len(document.text)).section == "The Map"
    assert '"The Map"' not in document.warnings[0]


def spoil(path: Path, member: str) -> None:
    """Change a byte of a member, so that its checksum is wrong."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    data = bytearray(path.read_bytes())
    place = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    data[place] ^= 0x55
    path.write_bytes(bytes(data))


def test_a_damaged_chapter_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"], nav=NAV)
    spoil(path, "OPS/two.xhtml")
    document = read_document(str(path))
    assert document.text.endswith("Inner\n\nMore.")
    (warning,) = document.warnings
    assert warning.startswith('"The Second" is damaged and was not read (OPS/two.xhtml: ')
    assert warning.endswith("1 of 2 documents of the book were")
    assert [section.title for section in document.sections] == ["The First", "Inner"]


def test_a_chapter_that_the_archive_lacks_is_named(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"], nav=NAV)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "less.epub", "w") as less:
        for name in whole.namelist():
            if name != "OPS/two.xhtml":
                less.writestr(name, whole.read(name))
    document = read_document(str(tmp_path / "less.epub"))
    assert document.source.lost == ('"The Second" is missing in the archive',)
    assert document.warnings == document.source.lost


def test_names_that_differ_in_capitals_alone_are_two_documents(tmp_path: Path) -> None:
    pages = {"one": page_html("<p>Small.</p>"), "ONE": page_html("<p>Large.</p>")}
    assert read_document(str(epub(tmp_path / "book.epub", pages, spine=["one", "ONE"]))).text == "Small.\n\nLarge."


def test_a_book_whose_chapters_are_all_damaged_is_refused(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"])
    spoil(path, "OPS/one.xhtml")
    spoil(path, "OPS/two.xhtml")
    with pytest.raises(DamagedInput, match="damaged EPUB"):
        read_document(str(path))


def test_a_damaged_table_of_contents_does_not_cost_the_book(tmp_path: Path) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS, spine=["one", "two"], nav=NAV)
    spoil(path, "OPS/nav.xhtml")
    document = read_document(str(path))
    assert document.text.endswith("It goes on.")
    assert document.warnings == ("the table of contents OPS/nav.xhtml is damaged and was not used",)
    assert [section.title for section in document.sections] == ["The First", "Inner", "The Second"]


@pytest.mark.parametrize("keep", [100, 700])
def test_a_cut_archive_is_damaged(tmp_path: Path, keep: int) -> None:
    path = epub(tmp_path / "book.epub", CHAPTERS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedInput):
        read_document(str(path))


def test_pages_that_are_drawings_inside_of_html_have_words(tmp_path: Path) -> None:
    drawings = ("<text>The <tspan>old</tspan> town</text><text>The harbour</text>", "<rect/>")
    pages = {f"p{n}": page_html(f"<div><svg>{drawing}</svg></div>") for n, drawing in enumerate(drawings)}
    document = read_document(str(epub(tmp_path / "book.epub", pages, spine=[*pages])))
    assert document.text == "The old town\nThe harbour"
    assert "1 document of the book is a picture without text" in " ".join(document.warnings)
