"""What a summary is asked to be about, against the sentences of a document: shared words, weighed by their rarity.

Knows nothing of scores and budgets: how much a touching sentence is favoured is for whoever chooses.

Shape letters: N sentences of the document, V distinct stems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from longdoc.core.errors import UsageError
from longdoc.search.ranker import Array
from longdoc.search.salience import SalientSentence
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_words, stem

_WEIGHT = 3.0  # of the sentence that touches the focus most, in standard deviations of salience
_TOUCHES = 0.3  # share of what the best sentence has of it


class Topic:
    """A focus in one document.

    coverage: (N,) each sentence's share of the focus's inverse document frequencies, 1 for the best sentence; all 0
    when no sentence has a word of it.   missing: words of the focus that the document does not have, folded.
    """

    def __init__(self, asked: str, terms: DocumentTerms) -> None:
        found = {word: terms.vocabulary.get(stem(word)) for word in content_words(asked)}
        self.missing = tuple(word for word, number in found.items() if number is None)
        known = sorted({number for number in found.values() if number is not None})
        weights = np.zeros(len(terms.vocabulary))
        weights[known] = terms.idf[known]
        num = len(terms.sentences)
        covered: Array = np.bincount(terms.owner, weights[terms.flat], minlength=num).astype(np.float64)
        self.coverage: Array = covered / max(1e-9, float(covered.max(initial=0.0)))

    @property
    def num_sentences(self) -> int:
        """How many sentences of the document touch it."""
        return int((self.coverage >= _TOUCHES).sum())

    def touching(self, scored: Sequence[SalientSentence]) -> list[SalientSentence]:
        """Those of the sentences that touch it, with scores raised by what they have of it."""
        shares = [float(self.coverage[s.number]) for s in scored]
        pairs = zip(scored, shares, strict=True)
        return [replace(s, score=s.score + _WEIGHT * share) for s, share in pairs if share >= _TOUCHES]


def check_focus(asked: str | None) -> None:
    """Raises UsageError for a focus in which there is nothing that a sentence could be about."""
    if asked is not None and not content_words(asked):
        raise UsageError(
            f"There is nothing to look for in the focus {asked!r}.",
            why="it has no word that says what the summary should be about",
            fix='name it in a few words: --focus "the escape over the moor"',
        )
