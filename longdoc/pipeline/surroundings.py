"""What stands beside a quote in the document: the sentence before it and the one after it, for those who check it."""

from __future__ import annotations

from collections.abc import Iterable

from longdoc.core.around import Around
from longdoc.core.types import Document, Statement
from longdoc.search.terms import DocumentTerms

_MOST_CHARACTERS = 400  # on each side; a sentence may be a page long


def surroundings(document: Document, terms: DocumentTerms, statements: Iterable[Statement]) -> tuple[Around, ...]:
    """Of each verified quote once, in the order of the document. What stands in another section is not beside it."""
    spans = {(c.start, c.end) for statement in statements for c in statement.citations if c.verified}
    return tuple(_around(document, terms, *span) for span in sorted(spans))


def _around(document: Document, terms: DocumentTerms, start: int, end: int) -> Around:
    text, sentences = document.text, terms.sentences
    first, last = terms.part(0, start + 1).stop - 1, terms.part(0, end).stop - 1
    begin = sentences[first][0] if first >= 0 else start  # before the quote, where that has lost its speaker's name
    if first > 0 and _is_same(document, sentences[first - 1][0], start):
        begin = sentences[first - 1][0]
    stop = end
    if last + 1 < len(sentences) and _is_same(document, sentences[last + 1][0], start):
        stop = sentences[last + 1][1]
    return Around(start, end, _ending(text[min(begin, start) : start]), _beginning(text[end : max(stop, end)]))


def _is_same(document: Document, one: int, other: int) -> bool:
    return document.section_index_at(one) == document.section_index_at(other)


def _ending(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    kept = text[-_MOST_CHARACTERS:]
    return "… " + (kept.partition(" ")[2] or kept)


def _beginning(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    kept = text[:_MOST_CHARACTERS]
    return (kept.rpartition(" ")[0] or kept) + " …"
