"""Every citation is checked: the quote must stand at its span, in the document that was read.

A statement in the model's own words gets its citations here as well: the sentences of the document that share most
of its words, or none. What fails is dropped and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from longdoc.core.run_in import body_start
from longdoc.core.types import Citation, CitationCount, Document, Statement
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_stems

Span = tuple[int, int]
_MIN_SHARE = 0.5  # of a statement's content words, by weight, that its sentences must hold
_MAX_SENTENCES = 2
_AFTER_NAME = re.compile(r"\s*:\s+")
_QUOTATION_MARKS = re.compile(r"(?:>[ \t]?)+")


def is_verified(document: Document, citation: Citation) -> bool:
    """Whether the quote is what stands at the span, and the page is the one that the span lies on."""
    if not citation.quote or document.text[citation.start : citation.end] != citation.quote:
        return False
    anchor = document.anchor_at(citation.start)
    return (citation.page, citation.label, citation.start_s) == (
        (anchor.page, anchor.label, anchor.start_s) if anchor else (None, None, None)
    )


def cite_sentence(document: Document, start: int, end: int) -> Citation:
    """The citation of a sentence, without the name of who says it where it begins with that: the place has the name.

    Nor has it the marks of a quotation, `> ` (in a mail the section names who wrote that), a heading that runs into
    it, or the mark of a list.
    """
    marks = _QUOTATION_MARKS.match(document.text, start, end)
    if marks is not None and marks.end() < end:
        start = marks.end()
    start = body_start(document.text, start, end)
    anchor = document.anchor_at(start)
    name = anchor.speaker if anchor is not None else None
    if name and document.text.startswith(name, start):
        colon = _AFTER_NAME.match(document.text, start + len(name), end)
        start = colon.end() if colon is not None and colon.end() < end else start
    return document.cite(start, end)


def check(document: Document, statements: Iterable[Statement]) -> tuple[list[Statement], CitationCount]:
    """The statements with their verified citations only, and the count of what was made and what held."""
    kept: list[Statement] = []
    total = verified = cited = 0
    for statement in statements:
        good = tuple(c for c in statement.citations if is_verified(document, c))
        total += len(statement.citations)
        verified += len(good)
        cited += bool(good)
        kept.append(Statement(statement.text, good))
    return kept, CitationCount(total, verified, len(kept), cited)


class Supporter:
    """Finds the sentences that bear a statement. terms: of the whole document.   weight: how rare a stem is in it."""

    def __init__(self, document: Document, terms: DocumentTerms) -> None:
        self.document = document
        self.terms = terms
        self.weight: Callable[[str], float] = self._weights()

    def support(self, statement: str, within: Sequence[Span]) -> tuple[Citation, ...]:
        """Up to two citations from the given spans that together hold enough of the statement's words, or none."""
        terms = self.terms
        wanted = set(content_stems(statement))
        total = sum(self.weight(stem) for stem in wanted)
        numbers = sorted({n for start, end in within for n in terms.part(start, end)})
        if not total or not numbers:
            return ()
        missing = np.zeros(len(terms.vocabulary))
        known = [terms.vocabulary[stem] for stem in wanted if stem in terms.vocabulary]
        missing[known] = terms.idf[known]
        absent = total - float(missing.sum())
        chosen: list[int] = []
        for _ in range(_MAX_SENTENCES):
            gains = np.bincount(terms.owner, missing[terms.flat], minlength=len(terms.sentences))[numbers]
            best = numbers[int(gains.argmax())]
            if gains.max() < 0.2 * total:
                break
            chosen.append(best)
            missing[terms.flat[terms.slice_of(range(best, best + 1))]] = 0
        if absent + float(missing.sum()) > (1 - _MIN_SHARE) * total:
            return ()
        return tuple(cite_sentence(self.document, *terms.sentences[n]) for n in sorted(chosen))

    def _weights(self) -> Callable[[str], float]:
        terms = self.terms
        absent = float(terms.idf.max()) if len(terms.idf) else 1.0

        def weight(stem: str) -> float:
            index = terms.vocabulary.get(stem)
            return float(terms.idf[index]) if index is not None else absent

        return weight
