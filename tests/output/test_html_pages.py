"""The page of HTML: what is on it, what points at what, and that no document can put anything else there."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from handmade import make_answer, make_citation, make_receipt, make_summary
from hypothesis import given
from hypothesis import strategies as st
from pages import Page

from longdoc.core.around import Around
from longdoc.core.types import Evidence, File, Focus, Source, Statement, SummaryPart
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.timeline import Reading

HOSTILE = (
    '</p></div></style></title><script>alert(1)</script>"onload="x\' {{ 7*7 }} {% if %} &lt;b&gt; \x1b[2J\x00\x9b'
    '<img src="http://evil.example/x"> javascript:alert(1) ]]> -->'
)
REAL = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "nav", "article", "section", "footer",
    "div", "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "a", "b", "strong", "bdi", "span", "blockquote", "mark",
    "code", "figure", "figcaption", "svg", "g", "text", "rect", "line", "path", "polyline", "table", "thead", "tbody",
    "tr", "th", "td",
}  # fmt: skip
READING = Reading(((2.0, 0), (4.0, 30_000), (6.0, 56_812)), 56_812, 8.0)


def check(html: str) -> Page:
    """What holds of every page."""
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {f"#{own}" for own in page.ids} >= set(page.links)
    assert page.tags - {"title"} <= REAL
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)
    loading = {"src", "srcset", "data", "action", "poster", "background", "xlink:href"}
    for tag, attributes in page.elements:
        assert not loading & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|http", style)
    return page


def answered() -> Reported:
    return Reported(None, (make_answer(), make_answer("Who barked?", status="not_found", text="", citations=())))


def test_each_statement_links_to_its_quote_and_each_quote_back() -> None:
    page = check(report_html([Reported(make_summary())]))
    quotes = [own for own in page.ids if own.startswith("c")]
    assert quotes == ["c1", "c2"]  # the sentence on the whole and the note with the same quote share one
    assert "p. 12" in page.texts["c1"]
    assert "It rained." in page.texts["c1"]
    assert "p. xiii" in page.texts["c2"]
    assert "[1]" in page.texts["s1"]
    assert page.links.count("#c1") == 2
    assert {"#s1", "#s2", "#s3"} <= set(page.links)


def test_parts_are_sections_with_a_table_of_contents() -> None:
    one, two = SummaryPart("One", (), 0, 300), SummaryPart("Two", make_summary().statements, 300, 900)
    page = check(report_html([Reported(make_summary(parts=(one, two)))]))
    assert [link for link in page.links if link.startswith("#p")] == ["#p1", "#p2"]
    assert "Nothing noted." in page.texts["p1"]
    assert "Two" in page.texts["p2"]
    assert [a["width"] for tag, a in page.elements if tag == "rect"] == ["333.3", "666.7"]
    assert [a["x1"] for tag, a in page.elements if tag == "line"] == ["111.1"]  # 100 of 900 characters


def test_the_words_of_an_answer_are_marked_in_their_passage() -> None:
    passage = replace(make_citation("All day it rained. It rained."), start=81, end=110)
    page = check(report_html([Reported(None, (make_answer(evidence=(Evidence(passage, 0.8),)),))]))
    assert page.texts["c1"] == "It rained."
    assert [tag for tag, attributes in page.elements if attributes.get("id") == "c1"] == ["mark"]
    assert "#c1" in page.links
    assert "#s1" in page.links
    assert "All day it rained. It rained." in page.text


def test_a_quote_of_a_summary_is_marked_among_its_neighbours() -> None:
    cited = make_citation(section="The <Storm>")
    around = (Around(cited.start, cited.end, "A <b>cloud</b> came. ", "\n\nIt stopped."),)
    summary = make_summary(statements=(Statement("It rained.", (cited,)),), parts=(), around=around)
    html = report_html([Reported(summary)])
    page = check(html)
    assert "A <b>cloud</b> came. It rained.\n\nIt stopped." in page.texts["c1"]
    assert "<mark>It rained.</mark>" in html
    assert "The <Storm>" in page.texts["c1"]
    assert "cloud" not in page.texts["s1"]
    assert "mark" not in check(report_html([Reported(make_summary())])).tags  # nothing is known of its neighbours


def test_the_section_is_said_once_and_an_answer_says_where_it_comes_from() -> None:
    cited = make_citation(section="Chapter 1", source="book.pdf")
    part = SummaryPart("Chapter 1", (Statement("It rained.", (cited,)),), 0, 900)
    page = check(report_html([Reported(make_summary(statements=(), parts=(part,)))]))
    assert "Chapter 1" not in page.texts["c1"]  # it stands above the quote
    answer = make_answer(evidence=(Evidence(replace(cited, quote="All day it rained."), 0.8),))
    page = check(report_html([Reported(None, (answer,))]))
    assert "From the search and the memory." in page.texts["q1"]
    assert "Chapter 1" in page.texts["q1-passages"]
    declined = make_answer(status="not_found", text="", citations=(), provenance=())
    assert "From the" not in check(report_html([Reported(None, (declined,))])).texts["q1"]


def test_a_quote_that_stands_in_no_passage_is_shown_by_itself() -> None:
    """The hand-made passage begins at the answer's offset, but other words stand there."""
    page = check(report_html([answered()]))
    assert "mark" not in page.tags
    assert "It rained." in page.texts["c1"]
    assert [tag for tag, attributes in page.elements if attributes.get("id") == "c1"] == ["li"]


def test_what_is_not_in_the_document_is_said_with_the_closest_passages() -> None:
    page = check(report_html([answered()]))
    assert "Not in the document." in page.texts["q2"]
    assert "Closest passages" in page.texts["q2"]
    assert "Not in the document." not in page.texts["q1"]


def test_what_was_not_verified_is_not_shown() -> None:
    lie = make_citation("It never rained.", verified=False)
    summary = make_summary(statements=(Statement("A claim.", (lie,)),), parts=())
    answer = make_answer(citations=(lie,), evidence=(Evidence(lie, 1.0),))
    page = check(report_html([Reported(summary, (answer,))]))
    assert "A claim." in page.text
    assert "never rained" not in page.text
    assert not [own for own in page.ids if own.startswith("c")]


def test_styles_have_what_they_are_made_of() -> None:
    brief = check(report_html([Reported(make_summary(parts=(), style="timeline"))]))
    assert brief.texts["s1"].split() == ["[1]", "p.", "12", "It", "rained."]
    assert "rect" not in brief.tags  # there are no parts to draw
    chapters = check(report_html([Reported(make_summary(statements=(), style="chapters"))]))
    assert "The whole" not in chapters.text
    assert "The dog slept." in chapters.texts["p1"]


def test_the_focus_is_named_and_that_nothing_touches_it() -> None:
    page = check(report_html([Reported(make_summary(focus=Focus("the <rain>", 3)))]))
    assert "Focus: the <rain> (3 sentences touch it)" in page.text
    page = check(report_html([Reported(make_summary(focus=Focus("snow", 0)))]))
    assert "No sentence of the document has a word of the focus “snow”" in page.text


def test_a_partial_result_says_first_what_was_lost() -> None:
    receipt = make_receipt(source=Source("book.pdf", "0" * 64, "pdf", 9, ("1 of 9 pages are damaged",)))
    page = check(report_html([Reported(make_summary(status="partial", receipt=receipt))]))
    assert page.text.index("This result is partial.") < page.text.index("1 of 9 pages are damaged.")
    assert page.text.index("Skipped pages: 7 (no text layer).") < page.text.index("It rained.")
    assert "partial" not in check(report_html([Reported(make_summary())])).text


def test_the_receipt_stands_at_the_end_with_warnings_files_and_how_it_went() -> None:
    source = Source("a&b.txt", "1" * 64, "text", 9)
    receipt = make_receipt(warnings=("a page is damaged",), files=(File(source, 0, 9, num_tokens=1_234),))
    page = check(report_html([Reported(make_summary(receipt=receipt), (), READING)]))
    told = page.text[page.text.index("What was read") :]
    for words in (
        "Read 56,812 of 56,812 tokens (100%)",
        "Note: a page is damaged",
        "a&b.txt",
        "1,234",
        "0123456789abcdef" * 4,
    ):
        assert words in told
    assert "begun after 2.0 s, with everything read after 6.0 s, the result there after 8.0 s" in told
    (line,) = (a["points"] for tag, a in page.elements if tag == "polyline")
    assert line == "0,100 250,100 500,47.2 750,0 1000,0"
    assert "polyline" not in check(report_html([Reported(make_summary())])).tags


def test_several_documents_are_one_page_and_those_that_failed_are_named() -> None:
    failures = [("bad<b>.pdf", "bad.pdf is encrypted.")]
    page = check(report_html([Reported(make_summary()), answered()], failures=failures, note="Partial: 1 of 2."))
    assert [own for own in page.ids if own.startswith("d")] == ["d1", "d2"]
    assert page.text.index("Partial: 1 of 2.") < page.text.index("bad<b>.pdf: bad.pdf is encrypted.")
    assert "A Book (book.pdf)" in page.texts["d1"]
    assert sum(tag == "h1" for tag, _ in page.elements) == 1
    assert sum(tag == "main" for tag, _ in page.elements) == 1


def hostile() -> list[Reported]:
    cited = make_citation(HOSTILE, page=None, section=HOSTILE, source=HOSTILE, start=0, end=len(HOSTILE))
    statement = Statement(HOSTILE, (cited,))
    receipt = make_receipt(HOSTILE, title=HOSTILE, warnings=(HOSTILE,))
    receipt = replace(receipt, files=(File(receipt.source, 0, 9, HOSTILE),))
    summary = make_summary(
        status="partial",
        statements=(statement,),
        parts=(SummaryPart(HOSTILE, (statement,), 0, 9), SummaryPart(HOSTILE, (), 9, 12)),
        receipt=receipt,
    )
    answer = make_answer(
        HOSTILE, text=HOSTILE, citations=(cited,), evidence=(Evidence(cited, 1.0),), receipt=receipt, verbatim=False
    )
    return [Reported(summary, (answer,))]


def test_nothing_of_a_document_becomes_a_part_of_the_page() -> None:
    html = report_html(hostile(), failures=[(HOSTILE, HOSTILE)], note=HOSTILE)
    page = check(html)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "<script" not in html
    assert "{{ 7*7 }}" in page.text  # a template inside the text is text
    assert "</p></div></style></title><script>alert(1)</script>" in page.text
    for _, attributes in page.elements:
        assert not [value for value in attributes.values() if value and value.startswith("javascript:")]


def test_the_check_finds_what_it_looks_for() -> None:
    good = report_html([Reported(make_summary())])
    for bad in (
        "<script>x</script>",
        '<img src="x">',
        '<a href="#nowhere">x</a>',
        '<p onclick="x">x</p>',
        "</p>",
        "\x07",
    ):
        with pytest.raises(AssertionError):
            check(good.replace("</main>", f"{bad}</main>"))


# Line breaks are white space to a browser; a lone surrogate cannot be written.
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_text_is_shown_as_it_stands(text: str) -> None:
    summary = make_summary(statements=(Statement(text, (make_citation(text),)),), parts=())
    page = check(report_html([Reported(summary)]))
    assert text.strip() in page.texts["s1"]
    assert text in page.texts["c1"]


def test_the_same_result_is_the_same_page() -> None:
    assert report_html(hostile()) == report_html(hostile())


def luminance(colour: str) -> float:
    """As WCAG 2 defines it, of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    style = report_html([Reported(make_summary())]).partition("<style>")[2].partition("</style>")[0]
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in style.split(":root")[1:3]]
    assert schemes[0] != schemes[1]
    for colours in schemes:
        pairs = [(ink, ground) for ink in ("ink", "muted", "link") for ground in ("ground", "panel", "warn")]
        for ink, ground in [*pairs, ("mark-ink", "mark")]:
            low, high = sorted((luminance(colours[ink]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
