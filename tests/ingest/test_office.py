"""DOCX, ODT and RTF: what is on the printed page, with sections; nothing silently left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_office import ODF, docx, odt, par, run

from longdoc.core.errors import DamagedInput, EncryptedInput, UnknownFormat
from longdoc.core.types import Document
from longdoc.ingest import read_document


def read(tmp_path: Path, data: bytes) -> Document:
    path = tmp_path / "file"
    path.write_bytes(data)
    return read_document(str(path))


def test_a_docx_has_sections_by_style_base_and_outline_level(tmp_path: Path) -> None:
    body = (
        par("One", "berschrift1") + par("Text.") + par("Two", "Deep") + par("More.") + par("Three", "Own") + par("End.")
    )
    document = read(tmp_path, docx(body))
    assert document.source.format == "docx"
    assert document.text == "One\n\nText.\n\nTwo\n\nMore.\n\nThree\n\nEnd."
    assert [(s.title, s.level) for s in document.sections] == [("One", 1), ("Two", 2), ("Three", 1)]
    assert document.cite(5, 9).section == "One"


def test_notes_of_a_docx_stand_below_their_paragraph(tmp_path: Path) -> None:
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    end = '<w:r><w:endnoteReference w:id="1"/></w:r>'
    body = par(run("It was") + note + run(" so") + end + run(".")) + par("Next.")
    notes = {
        "footnotes": f'<w:footnote w:type="separator" w:id="0">{par("no")}</w:footnote>'
        f'<w:footnote w:id="2">{par(run("See ") + run("A."))}</w:footnote>',
        "endnotes": f'<w:endnote w:id="1">{par("The end.")}</w:endnote>',
    }
    assert read(tmp_path, docx(body, notes)).text == "It was so.\n\n[1] See A.\n\n[note 1] The end.\n\nNext."


def test_what_is_not_on_the_page_of_a_docx_is_left_out_and_said(tmp_path: Path) -> None:
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("7") + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    body = par(
        run("Kept ")
        + f"<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins>{run('new ')}</w:ins>"
        + run("secret", "<w:vanish/>")
        + run("shown ", '<w:vanish w:val="0"/>')
        + field
    )
    comments = f'<w:comment w:id="0">{par("remark")}</w:comment>'
    document = read(tmp_path, docx(body, {"comments": comments}))
    assert document.text == "Kept new shown 7"
    assert document.warnings == (
        "1 comment was left out",
        "1 deleted passage (tracked changes) was left out",
        "1 hidden passage was left out",
    )
    assert not document.source.lost


def test_damaged_notes_of_a_docx_are_told(tmp_path: Path) -> None:
    body = par(run("Kept.") + '<w:r><w:footnoteReference w:id="1"/></w:r>')
    document = read(tmp_path, docx(body, {"footnotes": '<w:footnote w:id="1"><'}))
    assert document.text == "Kept."
    assert document.source.lost == ("in word/footnotes.xml footnotes could not be read",)


def test_a_paragraph_whose_end_was_deleted_goes_on(tmp_path: Path) -> None:
    ended = par("It goes", properties="<w:rPr><w:del/></w:rPr>")
    assert read(tmp_path, docx(ended + par("on.") + ended)).text == "It goes on.\n\nIt goes"


def test_text_boxes_of_a_docx_are_read_once(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{par('In the box.')}</w:txbxContent>"
    shape = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice><w:drawing>{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>"
        "</mc:AlternateContent>"
    )
    assert read(tmp_path, docx(par(run("Before ") + f"<w:r>{shape}</w:r>" + run("and after.")))).text == (
        "Before and after.\n\nIn the box."
    )


def test_numbers_of_lists_are_what_the_page_shows(tmp_path: Path) -> None:
    def item(text: str, level: int) -> str:
        return par(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="5"/></w:numPr>')

    levels = "".join(
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{shown}"/></w:lvl>'
        for depth, start, kind, shown in (
            (0, 3, "decimal", "%1."),
            (1, 1, "lowerLetter", "%1.%2)"),
            (2, 1, "bullet", "•"),
        )
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="1">{levels}</w:abstractNum>'
        '<w:num w:numId="5"><w:abstractNumId w:val="1"/></w:num>'
    )
    body = item("A", 0) + item("B", 1) + item("C", 1) + item("D", 2) + item("E", 0) + item("F", 1)
    assert read(tmp_path, docx(body, {"numbering": numbering})).text.split("\n\n") == [
        "3. A", "3.a) B", "3.b) C", "D", "4. E", "4.a) F",
    ]  # fmt: skip


def test_rows_of_tables_are_lines(tmp_path: Path) -> None:
    def table(*rows: tuple[str, ...]) -> str:
        cells = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
        return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"

    body = table((par("a"), par("b") + par("c")), (par(""), par("d"))) + table((par("alone"),), (par("two"),))
    assert read(tmp_path, docx(body)).text.split("\n\n") == ["a | b c", "| d", "alone", "two"]


def test_an_odt_has_what_a_docx_has(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="T9"><style:text-properties text:display="none"/></style:style>'
        '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1" '
        'style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" '
        'text:display-levels="2"/></text:list-style>'
    )
    note = (
        "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>See A.</text:p>"
        "</text:note-body></text:note>"
    )
    box = "<draw:frame><draw:text-box><text:p>In the box.</text:p></draw:text-box></draw:frame>"
    inner = "<text:list><text:list-item><text:p>B</text:p></text:list-item></text:list>"
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        '<text:h text:outline-level="1">One</text:h>'
        f'<text:p>It<text:s text:c="3"/>was{note} so\nhere<text:span text:style-name="T9">hidden</text:span>'
        f"<office:annotation><text:p>remark</text:p></office:annotation>.{box}</text:p>"
        f'<text:list text:style-name="L1"><text:list-item><text:p>A</text:p>{inner}</text:list-item></text:list>'
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell>"
        "<table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table-header-rows>"
        "</table:table>"
    )
    document = read(tmp_path, odt(body, styles))
    assert document.source.format == "odt"
    assert document.text.split("\n\n") == [
        "One", "It was so here.", "[1] See A.", "In the box.", "1. A", "1.a) B", "x | y",
    ]  # fmt: skip
    assert [section.title for section in document.sections] == ["One"]
    assert document.warnings == (
        "1 comment was left out",
        "1 deleted passage (tracked changes) was left out",
        "1 hidden passage was left out",
    )


def test_a_flat_odt_is_read(tmp_path: Path) -> None:
    flat = (
        f'<?xml version="1.0"?><office:document {ODF} office:mimetype="application/vnd.oasis.opendocument.text">'
        "<office:body><office:text><text:p>Flat.</text:p></office:text></office:body></office:document>"
    )
    assert read(tmp_path, flat.encode()).text == "Flat."


RTF = r"""{\rtf1\ansi\ansicpg1252\deff0\uc1{\fonttbl{\f0\fnil\fcharset0 Times;}{\f1\fnil\fcharset204 Arial;}}
{\stylesheet{\s0 Normal;}{\s1\ql heading 1;}{\*\cs10 Default;}}{\info{\title A Report}{\author X}}
{\header\pard Running head\par}\pard\plain\s1 One\par
\pard\plain Caf\'e9 \u8212?and {\f1\'cf\'f0\'e8\'e2\'e5\'f2}, \ldblquote so\rdblquote{\v hidden}{\deleted gone}.\line
Line{\footnote\pard\plain{\chftn} See A.} two\~three {\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}}.\par
\trowd\cellx1\cellx2\pard\intbl a\cell b\par c\cell\row
\pard{\listtext\pard 1.\tab}item\par{\listtext\'b7\tab}bullet \u-10179?\u-8704?\par
{\*\unknown left out}{\pict 0102ff}{\*\annotation remark}last}"""


def test_an_rtf_has_what_is_on_the_page(tmp_path: Path) -> None:
    document = read(tmp_path, RTF.encode("ascii"))
    assert document.source.format == "rtf"
    assert document.title == "A Report"
    assert document.text.split("\n\n") == [
        "One", "Café —and Привет, “so”.\nLine two three link.", "[1] See A.", "a | b c", "1. item", "bullet 😀", "last",
    ]  # fmt: skip
    assert [section.title for section in document.sections] == ["One"]
    assert document.warnings == ("1 comment was left out", "hidden or deleted text was left out")


def test_a_cut_rtf_is_read_and_partial(tmp_path: Path) -> None:
    document = read(tmp_path, RTF[: RTF.index("two\\~")].encode("ascii"))
    assert document.text.endswith("Line\n\n[1] See A.")
    assert document.source.lost == ("the file ends in the middle of a group",)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"\pard\intbl a\cell b\cell\pard After.\par More.\par", "a | b\n\nAfter.\n\nMore."),
        (r"\pard\plain\intbl a\cell\pard\plain \intbl b\par c\cell\pard\row After.\par", "a | b c\n\nAfter."),
        (r"\pard\intbl a\cell b\cell c", "a | b | c"),
    ],
)
def test_cells_whose_row_never_ends_keep_no_text_back(tmp_path: Path, body: str, text: str) -> None:
    assert read(tmp_path, f"{{\\rtf1 Before.\\par{body}}}".encode()).text == f"Before.\n\n{text}"


def test_what_stands_behind_the_last_group_is_told(tmp_path: Path) -> None:
    document = read(tmp_path, rb"{\rtf1 Words.\par}} more\par}" + b"\0\n")
    assert document.text == "Words."
    assert document.source.lost == ("8 bytes behind its last group were not read",)


def test_groups_that_nest_without_end_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"{\\rtf1 " + b"{" * 200_000 + b"deep" + b"}" * 200_001).text == "deep"


@pytest.mark.parametrize(
    "data",
    [
        b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600),
        odt("", more={"META-INF/manifest.xml": f"<m {ODF}><manifest:encryption-data/></m>"}),
    ],
)
def test_a_password_is_named_as_the_reason(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(EncryptedInput, match="is encrypted") as caught:
        read(tmp_path, data)
    assert "password" in str(caught.value.why)


def test_an_old_word_document_is_not_taken_for_an_encrypted_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="an old office document"):
        read(tmp_path, b"\xd0\xcf\x11\xe0" + bytes(600) + "WordDocument".encode("utf-16-le"))


@pytest.mark.parametrize("body", ["<w:p><w:unclosed></w:p>", "&undefined; <"])
def test_broken_xml_is_a_damaged_document(tmp_path: Path, body: str) -> None:
    with pytest.raises(DamagedInput, match="a damaged Word document"):
        read(tmp_path, docx(body))
