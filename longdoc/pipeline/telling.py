"""The sentences of a document as a summary sees them: scored, without what says nothing, and with what is owed raised.

Owed is what a document of its kind must not lack in a summary: the first sentence of an article, the decisions of
minutes. Knows nothing of models and budgets.
"""

from __future__ import annotations

from dataclasses import replace

from longdoc.core.types import Document, Section
from longdoc.search.apparatus import is_furniture, is_numbered_heading, title_keys
from longdoc.search.asides import asides
from longdoc.search.decisions import decisions
from longdoc.search.footers import is_mail
from longdoc.search.lede import lede
from longdoc.search.ranker import RankerFile
from longdoc.search.salience import OWED, SalientSentence, score_part
from longdoc.search.terms import DocumentTerms

_MIN_TELLING = 0.2  # share of a part's words that must be left when headings, heads of letters and tables are out
_LEDE, _DECISION = 4.0, 3.0  # what is added to a score, in standard deviations of salience


class Telling:
    """Scores sentences. terms: of the whole document.   ranker: the file "salience"."""

    def __init__(self, document: Document, terms: DocumentTerms, ranker: RankerFile) -> None:
        self._document = document
        self._terms = terms
        self._ranker = ranker
        own = [Section(document.title, 0, 0)] if document.title else []
        self._titles = title_keys([*own, *document.sections])
        self._asides = asides(document, terms)
        self._owed = self._what_is_owed()

    def score(self, part: Section) -> list[SalientSentence]:
        """The sentences of a part, without its furniture and its asides unless the part is little else."""
        scored = score_part(self._terms, part.start, part.end, self._ranker, title=part.title)
        text = self._document.text
        said = [text[s.start : s.end] for s in scored]
        around = zip(["", *said], said, [*said[1:], ""], strict=False)
        telling = [
            self._raised(s)
            for s, (before, sentence, after) in zip(scored, around, strict=False)
            if s.number not in self._asides
            and not is_furniture(sentence, self._titles)
            and not is_numbered_heading(before, sentence, after)
        ]
        enough = _MIN_TELLING * sum(s.num_words for s in scored)
        return telling if sum(s.num_words for s in telling) > enough else scored

    def _raised(self, sentence: SalientSentence) -> SalientSentence:
        owed = self._owed.get(sentence.number)
        if owed is None:
            return sentence
        return replace(sentence, score=sentence.score + owed, features=sentence.features | {OWED: owed})

    def _what_is_owed(self) -> dict[int, float]:
        """By the number of the sentence. Talk that was taken down, mails and several files together owe nothing."""
        document, terms = self._document, self._terms
        if any(anchor.speaker or anchor.start_s is not None for anchor in document.anchors[:2]) or is_mail(document, 0):
            return {}
        if document.files:
            return {}
        found = {n: _DECISION * value for n, value in decisions(document.text, terms.sentences).items()}
        first = lede(terms, document.title or "") if not found else None
        return found if first is None else {first: _LEDE}
