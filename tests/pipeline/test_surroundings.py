"""The neighbours of a quote: exactly what stands beside it, and nothing of another section."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from longdoc.core.around import Around
from longdoc.core.records import from_text, to_text
from longdoc.core.settings import SourceOptions, SummaryOptions
from longdoc.core.types import Document, Section, Source, Statement
from longdoc.pipeline.session import Session
from longdoc.pipeline.summarize import summarize
from longdoc.pipeline.surroundings import surroundings
from longdoc.search.terms import DocumentTerms

TEXT = "One\n\nIt rained. The dog slept. It barked.\n\nTwo\n\nThe cat came. It left."
SECTIONS = (Section("One", 0, TEXT.index("Two")), Section("Two", TEXT.index("Two"), len(TEXT)))
DOCUMENT = Document(TEXT, Source("a.txt", "0" * 64, "text", 9), sections=SECTIONS)


def beside(*quotes: str) -> list[tuple[str, str]]:
    cited = tuple(DOCUMENT.cite(TEXT.index(q), TEXT.index(q) + len(q)) for q in quotes)
    found = surroundings(DOCUMENT, DocumentTerms(TEXT), [Statement("x", cited), Statement("y", cited[:1])])
    assert [a.start for a in found] == sorted(c.start for c in cited)
    return [(a.before, a.after) for a in found]


def test_a_quote_has_its_neighbours_and_the_white_space_between() -> None:
    assert beside("The dog slept.") == [("It rained. ", " It barked.")]
    assert beside("rained. The dog", "cat") == [
        ("One\n\nIt ", " slept. It barked."),
        ("Two\n\nThe ", " came. It left."),
    ]


def test_another_section_and_the_ends_of_the_text_are_not_beside_it() -> None:
    assert beside("It barked.", "It left.") == [("The dog slept. ", ""), ("The cat came. ", "")]
    assert beside("One")[0][0] == ""


def test_what_was_not_verified_has_none_and_a_long_sentence_is_cut_at_a_word() -> None:
    lie = replace(DOCUMENT.cite(0, 3), verified=False)
    assert surroundings(DOCUMENT, DocumentTerms(TEXT), [Statement("x", (lie,))]) == ()
    text = f"{'word ' * 200}. It rained. {'long ' * 200}."
    document = Document(text, DOCUMENT.source)
    quote = text.index("It rained.")
    cited = document.cite(quote, quote + 10)
    (found,) = surroundings(document, DocumentTerms(text), [Statement("x", (cited,))])
    assert found.before.startswith("… word")
    assert found.after.endswith("long …")
    assert 390 < len(found.before) < 410
    assert found.after.removesuffix(" …") in text


def test_a_summary_brings_them_and_they_can_be_kept(book: Path, pointing: Session) -> None:
    summary = summarize(
        str(book),
        source_options=SourceOptions(),
        model_options=pointing.options,
        options=SummaryOptions(),
        session=pointing,
    )
    text = pointing.read(str(book), SourceOptions(), lambda event: None).document.text
    cited = {(c.start, c.end) for s in summary.all_statements() for c in s.citations}
    assert {(a.start, a.end) for a in summary.around} == cited
    for found in summary.around:
        before, after = found.before.removeprefix("… "), found.after.removesuffix(" …")
        assert f"{before}{text[found.start : found.end]}{after}" in text
    assert any(found.before and found.after for found in summary.around)
    assert from_text(Around, to_text(summary.around[0])) == summary.around[0]
