"""HTML: what a browser shows, without the menus of the site, in one line for each row of a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.core.errors import EmptyInput
from longdoc.core.types import Document
from longdoc.ingest import html, read_document


def read(tmp_path: Path, body: str) -> Document:
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><html><head><title>T</title></head><body>{body}</body></html>", encoding="utf-8")
    return read_document(str(path))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>a<br>b<br><br>c</p>", "a\nb\n\nc"),
        ("<p>a</p><p style='display: none'>no</p><p hidden>no</p><div aria-hidden='true'>no</div>", "a"),
        ("<p>x<noscript>no</noscript><!-- no --><template>no</template></p>", "x"),
        (
            "<p>AT&amp;T &lt;b&gt; &eacute;&#233;&#xe9; &nbsp;&unknown; &#0; 5 &lt 6</p>",
            "AT&T <b> ééé &unknown; \ufffd 5 < 6",
        ),
        ("<p>He said <q>so</q>.</p>", "He said “so”."),
        ("<p>10<sup>6</sup> m<sup>2</sup>, the 1<sup>st</sup>, H<sub>2</sub>O</p>", "10⁶ m², the 1st, H2O"),
        ("<p>as shown.<sup>3</sup> Then in 1914<sup>4</sup></p>", "as shown.[3] Then in 1914[4]"),
        ("<p>So<sup><a href='#fn1'>1</a></sup> it was.</p><p id='fn1'>1 Or not.</p>", "So[1] it was.\n\n1 Or not."),
        (
            "<p>1 Or not. <a href='#r1'>↩︎</a></p><p>2 So. <a role='doc-backlink' href='#r2'>back</a></p>"
            "<p><a href='#up'>↑ up</a></p>",
            "1 Or not.\n\n2 So.\n\n↑ up",
        ),
        ("<ol><li>one</li><li>two<ol type='a'><li>in</li></ol></li></ol>", "1. one\n\n2. two\n\na. in"),
        ("<ol start='3'><li>(c) own</li><li>four</li></ol>", "(c) own\n\n4. four"),
        (
            "<p>so <math alttext='a+b'><mi>a</mi></math> is <math><mi>x</mi><mo>=</mo><mn>2</mn></math></p>",
            "so a+b is x = 2",
        ),
        ("<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"),
        (
            "<p>a</p><svg><title>no</title><defs><text>no</text></defs><text>Sales <tspan>rose</tspan></text>"
            "<g><text>by 40 %</text></g></svg><p>b <svg hidden><text>no</text></svg><svg><path d='M0 0'/></svg>c</p>",
            "a\n\nSales rose\nby 40 %\n\nb c",
        ),
    ],
)
def test_the_text_is_what_a_browser_shows(tmp_path: Path, body: str, text: str) -> None:
    assert read(tmp_path, body).text == text


def test_a_row_of_a_table_is_a_line_whatever_is_in_its_cells(tmp_path: Path) -> None:
    table = (
        "<table><caption>Prices</caption><thead><tr><th>Thing</th><th>Price</th></tr></thead><tbody>"
        "<tr><td><p>Bread</p></td><td><div>2</div><div>pounds</div></td></tr>"
        "<tr><td></td><td>3<br>4</td></tr></tbody></table><p>After.</p>"
    )
    assert read(tmp_path, table).text.split("\n\n") == [
        "Prices",
        "Thing | Price",
        "Bread | 2 pounds",
        "| 3 4",
        "After.",
    ]


def test_a_table_that_lays_out_the_page_gives_paragraphs(tmp_path: Path) -> None:
    table = f"<table><tr><td><p>{'One. ' * 300}</p></td><td><h2>Two</h2><p>Three.</p></td></tr></table>"
    document = read(tmp_path, table)
    assert " | " not in document.text
    assert [section.title for section in document.sections] == ["Two"]


def test_menus_of_the_site_are_left_out_and_said(tmp_path: Path) -> None:
    body = (
        "<header><ul><li><a href='/'>Home</a></ul></header><nav><a href='/a'>All articles</a></nav>"
        "<main><article><header><h1>The Article</h1></header><p>" + "It says a lot. " * 20 + "</p>"
        "<footer>By Ann.</footer></article></main><footer>Imprint</footer>"
    )
    document = read(tmp_path, body)
    assert document.text.startswith("The Article\n\nIt says")
    assert document.text.endswith("By Ann.")
    assert document.warnings == ("23 characters of navigation were left out",)


def test_a_page_of_links_alone_is_kept(tmp_path: Path) -> None:
    assert read(tmp_path, "<nav><a href='/a'>The only words</a></nav>").text == "The only words"


def test_tags_without_words_are_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        read(tmp_path, "<p> </p><script>x</script>")


def test_what_stands_behind_an_open_dialog_is_read(tmp_path: Path) -> None:
    page = '<div aria-hidden="true"><p>All of the words.</p></div><p>Go<i aria-hidden="true">*</i> on.</p>'
    path = tmp_path / "page.html"
    path.write_text(f"<html><body>{page}</body></html>")
    assert read_document(str(path)).text == "All of the words.\n\nGo on."


def test_menus_in_menus_are_counted_once(tmp_path: Path) -> None:
    menu = "<header><nav>one<div role=navigation>two<nav>six</nav></div></nav></header>"
    path = tmp_path / "page.html"
    path.write_text(f"<html><body>{menu}<article><p>{'Words of it. ' * 9}</p></article></body></html>")
    document = read_document(str(path))
    assert document.text == ("Words of it. " * 9).strip()
    assert document.warnings == ("9 characters of navigation were left out",)


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 100_000 + "The words.</p>" + "</div>" * 100_000 + "<p>After.</p>",
        "<div><span>" * 50_000 + "The words.<p>After.",
        "<ul><li>" * 50_000 + "The words." + "</ul>" * 50_000 + "<p>After.</p>",
    ],
)
def test_a_page_that_is_nested_too_deep_is_read_all_the_same(body: str) -> None:
    assert [block.text for block in html.blocks(f"<html><body>{body}") if block.text] == ["The words.", "After."]
