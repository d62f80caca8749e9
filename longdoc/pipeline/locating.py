"""Where in a document an answer stands that was given without looking anything up. It is not judged by who gave it."""

from __future__ import annotations

import re
from bisect import bisect_right

from longdoc.core.types import Citation, Document
from longdoc.pipeline.citations import Supporter, cite_sentence
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_stems

_LONG_STEMS = 4  # an answer of so many content words is told by them alone
_LEAST_SHARED = 0.5  # of the question's words, by weight, around a short one


def locate(document: Document, terms: DocumentTerms, answer: str, question: str) -> tuple[Citation, ...]:
    """The sentences that bear an answer, or none.

    A long answer is borne by those that share most of its words. A short one must stand there word for word, and most
    of the question's words beside it: in its sentence, the one before and the one after.
    """
    supporter = Supporter(document, terms)
    told = set(content_stems(answer))
    if len(told) >= _LONG_STEMS:
        return supporter.support(answer, [(0, len(document.text))])
    words = re.findall(r"\w+", answer)
    asked = set(content_stems(question)) - told
    total = sum(supporter.weight(stem) for stem in asked)
    if not told or not total:
        return ()
    pattern = re.compile(r"(?<!\w)" + r"\W+".join(map(re.escape, words)) + r"(?!\w)", re.IGNORECASE)
    best: tuple[float, int] | None = None
    for match in pattern.finditer(document.text):
        number = bisect_right(terms.sentences, match.start(), key=lambda span: span[0]) - 1
        if number < 0 or match.end() > terms.sentences[number][1]:
            continue
        near = range(max(0, number - 1), min(len(terms.sentences), number + 2))
        there = {stem for n in near for stem in content_stems(document.text[slice(*terms.sentences[n])])}
        own = set(content_stems(document.text[slice(*terms.sentences[number])]))
        shared = sum(supporter.weight(stem) * (1 + (stem in own)) / 2 for stem in asked & there) / total
        if best is None or shared > best[0]:
            best = shared, number
    if best is None or best[0] < _LEAST_SHARED:
        return ()
    return (cite_sentence(document, *terms.sentences[best[1]]),)
