"""The sentence that opens an article and says what happened: the lede of news, press releases and reports.

Journalists put it first, and a reader misses it in a summary before anything else. Only short texts that are told in
sentences have one: no talk, no contract, no book. It has to take up what its headline or the text below it speaks of.
Knows nothing of scores: how much a lede is favoured is for whoever chooses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.search.salience import NARRATIVE, is_unbalanced, opens_with_reference
from longdoc.search.terms import SPEAKER, DocumentTerms
from longdoc.search.words import content_stems

_MOST_CHARACTERS = 16_000  # of an article that names its author or place: about 2,600 words
_MOST_UNNAMED = 8_000  # of one that does not: a longer text may open with anything
_LEAST_SENTENCES = 5  # in a shorter text nothing needs to be found
_HEAD = 20  # sentences: names, dates and headings above it count as such
_TRIED = 3  # told sentences: who opens with a quotation or an aside comes to the point soon
_LEAST_WORDS, _MOST_WORDS = 6, 60
_LEAST_STEMS = 3
_IN_TALK = 0.1  # share of sentences that begin with a speaker from which a text is talk
_NARRATOR = 0.25  # share of sentences with I, me or my from which somebody tells of himself
_HEADLINE_SHARED = 2  # content words
_TAKEN_UP = 0.5  # share of its content words that come back below it
_ENDS = re.compile(r"[.!…][\"”’')\]»]*$")
_CONCRETE = re.compile(r"(?<=[\w,;] )[A-Z]\w|\d")  # a name or a number: what happened, not what things are like
_NARRATED = re.compile(r"\b(?:I|me|my|myself)\b")
_CLAUSE = re.compile(r"^\W*(?:\d|part\b|article\b|section\b|clause\b|schedule\b|chapter\b)", re.IGNORECASE)
_DATELINE = re.compile(
    r"^[A-Z][A-Z .'’-]{2,40}(?:, [A-Z\d][\w. ]{2,20}){0,2}(?: ?\([\w. ]{2,20}\))?(?: [-–—]|:) (?=[A-Z“\"'])"
)
_BYLINE = re.compile(
    r"^(?:(?:[Bb]y|BY) [A-Z]|(?i:for immediate release|press release|media release)\b|"
    r"[^\n.]{0,60}\b\d{1,2} (?i:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)\w* (?:19|20)\d\d\b|"
    r"[^\n.]{0,60}\b(?i:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)\w* \d{1,2}(?:, (?:19|20)\d\d)?$|"
    r"[^\n.]{0,80}\b(?i:correspondent|news ?desk|staff (?:writer|reporter))\b)"
)


def lede(terms: DocumentTerms, title: str = "") -> int | None:
    """The number of the sentence, or None for a text that has none. title: of the document, where it is known."""
    text, sentences = terms.text, terms.sentences
    num = len(sentences)
    if len(text) > _MOST_CHARACTERS or num < _LEAST_SENTENCES:
        return None
    said = [text[start:end] for start, end in sentences]
    if sum(SPEAKER.match(sentence) is not None for sentence in said) > _IN_TALK * num:
        return None
    told = [n for n, s in enumerate(said[:_HEAD]) if _ENDS.search(s) and len(s.split()) >= _LEAST_WORDS][:_TRIED]
    opening = next((n for n in told if _can_stand_alone(terms, n, said[n])), None)
    if opening is None or _CLAUSE.match(said[opening]) or SPEAKER.match(said[opening]):
        return None
    head = said[: told[0]]
    if _DATELINE.match(said[opening]) or any(_BYLINE.match(line) for sentence in head for line in sentence.split("\n")):
        return opening
    if len(text) > _MOST_UNNAMED or sum(_NARRATED.search(sentence) is not None for sentence in said) > _NARRATOR * num:
        return None
    if not _CONCRETE.search(said[opening]):
        return None
    stems = terms.stems_in(opening)
    if _repeats(stems, [title, *head]):
        return opening
    below = {stem for n in range(opening + 1, num) for stem in terms.stems_in(n)}
    is_story = float(terms.quoted.mean()) > NARRATIVE
    return opening if not is_story and len(stems & below) >= _TAKEN_UP * len(stems) else None


def _can_stand_alone(terms: DocumentTerms, number: int, sentence: str) -> bool:
    """Whether a sentence says something by itself and is nobody's quoted words."""
    return (
        len(sentence.split()) <= _MOST_WORDS
        and len(terms.stems_in(number)) >= _LEAST_STEMS
        and float(terms.quoted[number]) < 0.5
        and not opens_with_reference(sentence)
        and not is_unbalanced(sentence)
    )


def _repeats(stems: frozenset[str], headlines: Sequence[str]) -> bool:
    """Whether it says again what the title or a headline says."""
    return any(len(stems & set(content_stems(line))) >= _HEADLINE_SHARED for line in headlines)
