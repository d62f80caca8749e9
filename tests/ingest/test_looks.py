"""Headings of office documents without heading styles: by their looks, and only where they stand out."""

from __future__ import annotations

import pytest
from made_office import docx, odt, par, run

from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document

WORDS = "The tenant keeps the premises in good repair and makes no alteration without the consent of the landlord."
BOLD, LARGE, LARGER = "<w:b/>", '<w:sz w:val="28"/>', '<w:b/><w:sz w:val="36"/>'
BODY = par(WORDS)


def line(text: str, properties: str = BOLD) -> str:
    return par(run(text, properties))


def read(data: bytes) -> Document:
    return parse_document(Raw("made", data, SourceOptions()))


def seen(body: str) -> tuple[str | None, list[tuple[int, str]]]:
    document = read(docx(body))
    return document.title, [(section.level, section.title) for section in document.sections]


def test_bold_numbered_lines_below_a_larger_one() -> None:
    body = line("LEASE OF A WORKSHOP", LARGER) + BODY + line("1. Premises") + BODY + line("2. Rent") + BODY
    assert seen(body) == ("LEASE OF A WORKSHOP", [(1, "1. Premises"), (1, "2. Rent")])


def test_bold_lines_below_a_title_with_a_name_under_it() -> None:
    body = line("Quarterly report") + par("By A. Clerk") + line("Background") + BODY + line("Next steps") + BODY
    assert seen(body) == ("Quarterly report", [(1, "Background"), (1, "Next steps")])


def test_capitals_and_the_switch_for_capitals() -> None:
    body = par("APOLOGIES") + BODY + par("FINANCE REPORT") + BODY + line("Any other business", "<w:caps/>") + BODY
    assert [title for _, title in seen(body)[1]] == ["APOLOGIES", "FINANCE REPORT", "Any other business"]


def test_larger_lines_are_above_smaller_ones() -> None:
    body = line("The harbour", LARGER) + line("Its history", LARGE) + BODY + line("The lantern") + BODY
    body += line("Its trade", LARGE) + BODY
    assert seen(body) == ("The harbour", [(1, "Its history"), (2, "The lantern"), (1, "Its trade")])


def test_bold_by_the_style_of_the_paragraph_or_of_the_run() -> None:
    bold = '<w:style w:styleId="Mine"><w:rPr><w:b/></w:rPr></w:style>'
    styles = bold + '<w:style w:styleId="S"><w:basedOn w:val="Mine"/></w:style>'
    body = par("Rent", "S") + BODY + line("Repairs", '<w:rStyle w:val="Mine"/>') + BODY
    document = read(docx(body, {"styles": styles}))
    assert [section.title for section in document.sections] == ["Rent", "Repairs"]
    switched_off = body.replace("<w:rPr></w:rPr>", '<w:rPr><w:b w:val="0"/></w:rPr>')
    assert read(docx(switched_off, {"styles": styles})).sections == ()


def test_chapters_by_their_words_stay_when_bold_lines_are_others() -> None:
    body = par("Chapter 1") + BODY + line("Rent") + BODY + par("Chapter 2") + BODY + line("Repairs") + BODY
    assert [title for _, title in seen(body)[1]] == ["Chapter 1", "Chapter 2"]


def test_heading_styles_of_a_file_without_a_style_sheet() -> None:
    document = read(
        docx(
            par("Report", "Title") + par("Rent", "Heading1") + BODY + par("Repairs", "Heading2") + BODY, {"styles": ""}
        )
    )
    assert (document.title, [(s.level, s.title) for s in document.sections]) == (
        "Report",
        [(1, "Rent"), (2, "Repairs")],
    )


RUN_IN = "".join(par(run(name, BOLD) + run(f". {WORDS}")) for name in ("Note", "Rent", "Deposit"))


@pytest.mark.parametrize(
    "body",
    [
        RUN_IN,
        BODY + line("Payment is due at once") + BODY,
        line("Present") + line("Ada Lark") + line("Ben Pool") + line("Cleo Moss") + BODY + BODY,
        "".join(line(name) + par("____") for name in ("Name", "Address", "Date of birth", "Signature")),
        "".join(line(WORDS) + line("All is bold") for _ in range(4)),
        par("Miller Ltd") + BODY + BODY + par("Yours sincerely") + line("A. Miller"),
        BODY + line("he said, and it was bold:") + BODY + line("so was this,") + BODY,
        f"<w:tbl><w:tr><w:tc>{line('Name')}</w:tc><w:tc>{line('Age')}</w:tc></w:tr></w:tbl>" + BODY + BODY,
    ],
)
def test_bold_words_that_are_no_headings(body: str) -> None:
    assert seen(body) == (None, [])


def test_an_odt_by_its_automatic_styles() -> None:
    styles = (
        '<style:style style:name="B" style:family="paragraph"><style:text-properties font-weight="bold"/></style:style>'
        '<style:style style:name="C" style:family="paragraph" style:parent-style-name="B"/>'
        '<style:style style:name="T" style:family="text"><style:text-properties font-weight="bold"/></style:style>'
    )
    body = (
        f'<text:p text:style-name="B">Rent</text:p><text:p>{WORDS}</text:p>'
        f'<text:p text:style-name="C">Repairs</text:p><text:p>{WORDS}</text:p>'
        f'<text:p><text:span text:style-name="T">Notice</text:span></text:p><text:p>{WORDS}</text:p>'
        f'<text:p><text:span text:style-name="T">Run-in</text:span> {WORDS}</text:p>'
    )
    assert [section.title for section in read(odt(body, styles)).sections] == ["Rent", "Repairs", "Notice"]
