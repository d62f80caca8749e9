"""What a summary is asked to be about, against the sentences of a document: shared words, and what is meant.

Words are weighed by their rarity. With an encoder, sentences that mean something near count as well, and those that
share a word in passing count for less. What stands below a heading that has the words is about it too. Knows nothing of
budgets.

Shape letters: N sentences of the document, V distinct stems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from longdoc.core.errors import UsageError
from longdoc.core.types import Section
from longdoc.search.encoder import SentenceEncoder
from longdoc.search.ranker import Array
from longdoc.search.related import related
from longdoc.search.salience import SalientSentence
from longdoc.search.terms import DocumentTerms
from longdoc.search.words import content_words, is_english, stem

_WEIGHT = 4.0  # of the sentence that is most about the focus, in standard deviations of salience
_TOUCHES = 0.3  # share of what the best sentence has of it
_BELOW_HEADING = 0.6  # of what the heading has
_MOST_OF_TEXT = 0.5  # a section that is longer than this share of the text has a title, no heading
_LONGEST_HEADING, _MOST_BELOW = 60, 8  # characters of a line that may be one; sentences that it may be above
_RELATED = 0.4  # of a word that may mean the same, for being compared by meaning
_MOST_COMPARED = 600  # sentences: by meaning costs milliseconds each
_NEAR, _NEAR_BEST = 0.4, 0.8  # the cosine that makes a sentence touch it, and its least share of the highest one
_NEARER = 0.55
_FAR, _SAME = 0.25, 0.6  # cosines that count for nothing, and for all


class Topic:
    """A focus in one document.

    coverage: (N,) each sentence's share of the focus's inverse document frequencies, 1 for the best sentence; all 0
    when no sentence has a word of it.   share: (N,) how much a sentence is about it, 1 for the best, 0 for one that
    does not touch it.   missing: words of the focus that the document does not have, folded.

    encoder: for English; without one words alone count.   sections: of the document, with their headings.
    """

    def __init__(
        self,
        asked: str,
        terms: DocumentTerms,
        encoder: SentenceEncoder | None = None,
        sections: Sequence[Section] = (),
    ) -> None:
        found = {word: terms.vocabulary.get(stem(word)) for word in content_words(asked)}
        self.missing = tuple(word for word, number in found.items() if number is None)
        known = {stem(word): number for word, number in found.items() if number is not None}
        weights = np.zeros(len(terms.vocabulary))
        numbers = sorted(set(known.values()))
        weights[numbers] = terms.idf[numbers]
        covered = _sums(weights, terms)
        most = max(1e-9, float(covered.max(initial=0.0)))
        self.coverage: Array = covered / most
        about = np.maximum(self.coverage, _below_headings(known, self.coverage, terms, sections, most))
        touches = about >= _TOUCHES
        if encoder is not None and is_english(terms.text):
            near = _cosines(asked, about, terms, encoder)
            least = _NEAR if self.missing else _NEARER  # where all its words are there, they say where
            touches |= near >= max(least, _NEAR_BEST * float(near.max(initial=0.0)))
            about = about / 2 + np.clip((near - _FAR) / (_SAME - _FAR), 0, 1) / 2
        about = np.where(touches, about, 0.0)
        share: Array = about / max(1e-9, float(about.max(initial=0.0)))
        self.share: Array = np.where(share >= _TOUCHES, share, 0.0)

    @property
    def num_sentences(self) -> int:
        """How many sentences of the document touch it."""
        return int((self.share > 0).sum())

    def touching(self, scored: Sequence[SalientSentence]) -> list[SalientSentence]:
        """Those of the sentences that touch it, with scores raised by how much they are about it."""
        shares = [float(self.share[s.number]) for s in scored]
        pairs = zip(scored, shares, strict=True)
        return [replace(s, score=s.score + _WEIGHT * share) for s, share in pairs if share > 0]


def _sums(weights: Array, terms: DocumentTerms) -> Array:
    """(V,) -> (N,): the weights of the distinct stems of each sentence together."""
    return np.bincount(terms.owner, weights[terms.flat], minlength=len(terms.sentences)).astype(np.float64)


def _below_headings(
    known: dict[str, int], coverage: Array, terms: DocumentTerms, sections: Sequence[Section], most: float
) -> Array:
    """(N,): what the headings above a sentence have of the focus. known: its stems and their numbers."""
    below = np.zeros(len(terms.sentences))
    for section in sections:
        if section.end - section.start > _MOST_OF_TEXT * len(terms.text):
            continue
        said = {stem(word) for word in content_words(section.title)}
        has = sum(float(terms.idf[number]) for found, number in known.items() if found in said) / most
        if has > 0:
            part = terms.part(section.start, section.end)
            below[part.start : part.stop] = np.maximum(below[part.start : part.stop], _BELOW_HEADING * min(1.0, has))
    has_now = 0.0  # of a short line without a full stop, and how many sentences it may still be above
    left = 0
    for number, (start, end) in enumerate(terms.sentences):
        if end - start <= _LONGEST_HEADING and terms.text[end - 1].isalnum():
            has_now, left = float(coverage[number]), _MOST_BELOW
        elif left > 0:
            left -= 1
            below[number] = max(below[number], _BELOW_HEADING * has_now)
    return below


def _cosines(asked: str, about: Array, terms: DocumentTerms, encoder: SentenceEncoder) -> Array:
    """(N,): with the focus, of the sentences that have most of it or of words that may mean the same; 0 for others."""
    weights = np.zeros(len(terms.vocabulary))
    for word in content_words(asked):
        near = [number for one in related(stem(word)) if (number := terms.vocabulary.get(one)) is not None]
        weights[near] = _RELATED
    hint = about + np.minimum(_RELATED, _sums(weights, terms))
    order = np.argsort(-hint, kind="stable")[:_MOST_COMPARED]
    compared = [int(n) for n in order if len(terms.sentences) <= _MOST_COMPARED or hint[n] > 0]
    near_to = np.zeros(len(terms.sentences))
    if compared:
        vectors = encoder.encode([terms.text[slice(*terms.sentences[n])] for n in compared])
        near_to[compared] = vectors @ encoder.encode([asked])[0]
    return near_to


def check_focus(asked: str | None) -> None:
    """Raises UsageError for a focus in which there is nothing that a sentence could be about."""
    if asked is not None and not content_words(asked):
        raise UsageError(
            f"There is nothing to look for in the focus {asked!r}.",
            why="it has no word that says what the summary should be about",
            fix='name it in a few words: --focus "the escape over the moor"',
        )
