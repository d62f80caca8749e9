"""A citation of a plain text names the line of the file on which it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.core.sentences import sentence_spans
from longdoc.ingest import read_document

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "the-thirty-nine-steps.txt"


def line_of(text: str, words: str, path: Path) -> int | None:
    path.write_bytes(text.encode())
    document = read_document(str(path))
    start = document.text.index(words)
    return document.cite(start, start + len(words)).line


WRAPPED = (
    "CHAPTER I\n\nThe captain carried the old lan-\ntern over the wet and narrow bridge, and nobody\n"
    "saw him go.  He did not look back at the harbour\nonce.\n\n* * *\n\n  The widow slept. An “odd” word: *so*.\n"
)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("words", "line"), [("CHAPTER", 1), ("lantern", 3), ("over", 4), ("He did", 5), ("once", 6),
                                             ("The widow", 10), ("odd", 10)])  # fmt: skip
def test_each_word_knows_its_line(end: str, words: str, line: int, tmp_path: Path) -> None:
    assert line_of(WRAPPED.replace("\n", end), words, tmp_path / "a.txt") == line


def test_a_form_feed_is_no_line_end(tmp_path: Path) -> None:
    text = "One page of words.\n\n\x0cTwo pages of words.\n\n\x0c\nThree pages of words.\n"
    assert line_of(text, "Two", tmp_path / "a.txt") == 3
    assert line_of(text, "Three", tmp_path / "a.txt") == 6


def test_every_sentence_of_a_book_begins_on_its_line() -> None:
    lines = SAMPLE.read_text(encoding="utf-8").split("\n")
    document = read_document(str(SAMPLE))
    spans = sentence_spans(document.text)
    for start, end in spans[::7]:
        citation = document.cite(start, end)
        assert citation.line is not None
        first = "".join(citation.quote.split())[:12].rstrip("-—")
        there = "".join("".join(lines[citation.line - 1 : citation.line + 2]).split())
        assert first in there
    assert len(spans) > 2000


def test_a_page_of_html_without_headings_is_cited_by_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<html><body><p>One thing is said.</p><p>Two things are said.</p></body></html>")
    document = read_document(str(path))
    start = document.text.index("Two")
    citation = document.cite(start, start + 3)
    assert (citation.line, citation.paragraph) == (None, 2)


MARKDOWN = """---
title: Rain
---

# One [link](http://example.org/a-b)

First line of it
goes on *here* and
ends with `code`.

- an item
- and another **one**

```
kept_as = it.stands
second_line()
```

Two
===

| a | b |
|---|---|
| c1 | d1 |

A [link that
is broken](http://example.org/long/path) over lines.
The last line.
"""


def test_markdown_is_cited_by_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(MARKDOWN)
    document = read_document(str(path))
    lines = MARKDOWN.split("\n")
    for words in ("One", "First", "goes on", "ends", "an item", "another", "kept_as", "second_line", "Two", "c1"):
        start = document.text.index(words)
        cited = document.cite(start, start + len(words))
        assert cited.line is not None
        assert words in lines[cited.line - 1], (words, cited.line)
        assert cited.paragraph is None
    start = document.text.index("The last")  # marks reach over a line end: the paragraph's first line
    assert document.cite(start, start + 3).line == 1 + lines.index("A [link that")


def test_lines_of_markdown_with_form_feeds_and_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(b"# One\r\n\r\nFirst.\x0c\r\n\r\n# Two\r\n\r\nSecond.\r\n")
    document = read_document(str(path))
    found = [document.cite(document.text.index(w), document.text.index(w) + 1).line for w in ("First", "Two", "Second")]
    assert found == [3, 5, 7]


@pytest.mark.parametrize(("words", "line"), [("“Go home", 3), ("(and", 4), ("[2] He", 6)])
def test_signs_before_the_first_letter_stand_on_its_line(words: str, line: int, tmp_path: Path) -> None:
    text = "The rain had stopped by then.\n\n“Go home,” she said to all people\n(and they were many).\n\n[2] He did.\n"
    assert line_of(text, words, tmp_path / "a.txt") == line
