"""How much a sentence says of its part of a document: named columns, weighed by a small ranker.

Fitted on human summaries of stories, game sessions, textbooks, abstracts and meetings, so no column may
depend on the kind of document. A language model may add columns of its own. Knows nothing of budgets:
choosing is `selection`'s work.

Shape letters: N sentences of the part, V distinct stems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longdoc.search.ranker import Array, RankerFile
from longdoc.search.terms import SPEAKER, DocumentTerms, without_speaker
from longdoc.search.words import content_stems, num_words

_CHUNK = 300  # sentences compared with each other at once: similarity is quadratic

_PRONOUN_START = re.compile(
    r"^[\"“‘'(\[—–-]*\s*(?:(?:and|but|so|or|then|for|yet|nor|now|yes|no|well|oh)[,\s]+)*"
    r"(he|she|it|they|this|that|these|those|his|her|their|its|him|them|such|there|here|who|which)\b",
    re.IGNORECASE,
)
_CONNECTIVE_START = re.compile(
    r"^[\"“‘'(\[—–-]*\s*(and|but|so|or|then|for|yet|nor|however|therefore|thus|moreover|besides|also|instead|otherwise|"
    r"nevertheless|still|again|meanwhile|finally|next|similarly|likewise|because|well|yes|no|yeah|oh|okay|ok|right)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(I|me|my|mine|we|us|our|you|your|I'm|I've|I'll|we're|you're)\b", re.IGNORECASE)
_THIRD_PERSON = re.compile(r"\b(he|she|they|him|her|his|their|them)\b", re.IGNORECASE)
_PAST = re.compile(r"\b\w{2,}ed\b|\b(was|were|had|went|came|took|told|saw|made|found|left|gave|said)\b")
_BOILERPLATE = re.compile(
    r"copyright|all rights reserved|gutenberg|transcriber|produced by|\betext\b|isbn|https?://|www\.|"
    r"learning objectives|end of this section|subscribe|sponsor|welcome (back )?to|this episode|"
    r"thanks? (you )?(so much )?for|thank you|\bfigure \d|\btable \d|"
    r"^\W*\d{1,3}\W{0,2} (?:see|cf|ibid|op|compare|letter|quoted)\b|\bibid\b|\(\w+, 1[5-9]\d\d\), pp?\. ?\d",
    re.IGNORECASE,
)
# What people say while they look for words; where they do, these and single letters ("th") are taken for it as well.
_HESITATION = re.compile(r"\b(?:uh|um|umm|mm+|hm+|mhm|uh-huh|mm-hmm|erm)\b", re.IGNORECASE)
_FILLER = re.compile(rf"{_HESITATION.pattern}|\b(?:okay|ok|yep|yeah|oh|huh|[b-hj-z])\b|@", re.IGNORECASE)
_LEAST_HESITATION = 0.01  # of the words of a part: from here on it is speech, taken down as it was spoken
# Single quotation marks, not apostrophes: before a capital, after a mark of punctuation.
_SINGLE_OPENS = re.compile(r"(?<![\w.,!?—])[‘'](?=[A-Z])|(?<=[,;] )[‘'](?=\w)")
_SINGLE_CLOSES = re.compile(r"(?<=[.,!?—])['’](?!\w)")


def says_nothing(sentence: str) -> bool:
    """Whether a sentence is of fillers and small words alone: "um, which"."""
    return not content_stems(_FILLER.sub(" ", without_speaker(sentence)))


class _Row(NamedTuple):
    """What is said of one sentence of a part, by column."""

    position: float
    lead: float
    closing: float
    opens_paragraph: float
    length: float
    too_short: float
    too_long: float
    centroid: float
    lexrank: float
    frequent: float
    names: float
    main_names: float
    quoted: float
    unbalanced: float
    pronoun_start: float
    connective_start: float
    numbers: float
    title: float
    is_question: float
    is_heading: float
    first_person: float
    third_person: float
    new_words: float
    content_share: float
    past: float
    speaker: float
    boilerplate: float
    key_sum: float
    key_mean: float
    key_part: float


COLUMNS = _Row._fields
DIALOGUE_AROUND = "dialogue_around"  # the part's mean of "quoted": not ranked by, but narrative is told by it
NARRATIVE = 0.1  # share of dialogue from which a part is taken for a story
SPOKEN = "spoken"  # 1 for all sentences of a part that was taken down as it was spoken
FILLERS = "fillers"  # share of the sentence that is no word of it, in such a part
BOOKISH = "bookish"  # how far the document is a book: what reads well in a long retelling costs ROUGE on short texts
OWED = "owed"  # above 0 for a sentence that a document of its kind owes its reader; where nothing is owed, absent
SHORT, _BOOK = 100_000, 250_000  # characters: up to the one a document is none, from the other it is one
# Beside the ranker's score in stories, in deviations of the part. The sets that the ranker is fitted on hold short
# texts; these were chosen on novels. In textbooks and abstracts they make summaries worse.
_TELLING, _THEME = 0.7, 0.7


@dataclass(frozen=True, slots=True)
class SalientSentence:
    """A sentence with its score. stems: its distinct content words, to see repetition.

    self_contained: opens with no reference to the sentence before, and every quotation it opens it closes.
    """

    number: int
    start: int
    end: int
    score: float
    num_words: int
    stems: frozenset[str]
    self_contained: bool
    features: dict[str, float]


def score_part(
    terms: DocumentTerms,
    start: int,
    end: int,
    rankers: RankerFile,
    *,
    title: str = "",
    extra: Mapping[str, Array] | None = None,
) -> list[SalientSentence]:
    """The sentences of `text[start:end]` in reading order, scored.

    extra: columns from a model, one value per sentence of `terms.part(start, end)`.
    Scores have mean 0 and deviation 1 within the part, so that penalties mean the same in every part.
    """
    part = terms.part(start, end)
    if not part:
        return []
    columns = features(terms, part, title) | dict(extra or {})
    scores = _standard(rankers.best("salience", columns).score(columns))
    if columns[DIALOGUE_AROUND][0] > NARRATIVE:
        beyond = 1 - len(part) / len(terms.sentences)  # what the part itself is about, the ranker knows
        weights = {"telling": _TELLING, "theme": _THEME * beyond}
        scores = _standard(scores + sum(weight * _standard(columns[name]) for name, weight in weights.items()))
    sentences = []
    for i, number in enumerate(part):
        a, b = terms.sentences[number]
        values = {name: float(column[i]) for name, column in columns.items()}
        length = num_words(terms.text[a:b])
        dangling = values["pronoun_start"] > 0 or values["connective_start"] > 0 or values["unbalanced"] > 0
        sentences.append(
            SalientSentence(number, a, b, float(scores[i]), length, terms.stems_in(number), not dangling, values)
        )
    return sentences


def _standard(values: Array) -> Array:
    """Mean 0 and deviation 1."""
    standard: Array = (values - values.mean()) / max(1e-6, float(values.std()))
    return standard


def features(terms: DocumentTerms, part: range, title: str = "") -> dict[str, Array]:
    """COLUMNS, DIALOGUE_AROUND, SPOKEN, FILLERS, BOOKISH, "telling" and "theme" -> (N,) each."""
    num = len(part)
    table = np.zeros((num, len(COLUMNS)))
    piece = terms.slice_of(part)
    flat, owner, weight = terms.flat[piece], terms.owner[piece] - part.start, terms.weight[piece]
    vector = np.bincount(flat, weight, minlength=len(terms.vocabulary))
    central = np.bincount(owner, weight * vector[flat], minlength=num) / max(1e-9, float(np.linalg.norm(vector)))
    counts = np.bincount(flat, minlength=len(terms.vocabulary))
    per_sentence = np.maximum(1, np.bincount(owner, minlength=num))
    frequent = np.bincount(owner, np.log(counts[flat]), minlength=num) / per_sentence
    first_seen = np.zeros(len(flat))
    first_seen[np.unique(flat, return_index=True)[1]] = 1
    new = np.bincount(owner, first_seen, minlength=num) / per_sentence
    key = np.bincount(owner, terms.key[flat], minlength=num)
    key_part = np.bincount(owner, terms.key[flat] * np.log(counts[flat]), minlength=num)
    lexrank = _lexrank(flat, owner, weight, num)
    title_stems = frozenset(content_stems(title))
    most = max(terms.names.values(), default=1)
    for i, number in enumerate(part):
        start, end = terms.sentences[number]
        sentence = terms.text[start:end]
        gap = terms.text[terms.sentences[number - 1][1] : start] if number else "\n\n"
        length = max(1, len(sentence.split()))
        names, stems = terms.names_in(number), terms.stems_in(number)
        body = without_speaker(sentence)
        table[i] = _Row(
            position=i / num,
            lead=1 / (1 + i),
            closing=1 / (num - i),
            opens_paragraph=float("\n" in gap),
            length=np.log(length),
            too_short=float(length < 7),
            too_long=float(length > 45),
            centroid=central[i],
            lexrank=lexrank[i],
            frequent=frequent[i],
            names=min(3, len(names)) / 3,
            main_names=max((np.sqrt(terms.names[name] / most) for name in names), default=0.0),
            quoted=terms.quoted[number],
            unbalanced=float(is_unbalanced(sentence)),
            pronoun_start=float(bool(_PRONOUN_START.search(body))),
            connective_start=float(bool(_CONNECTIVE_START.search(body))),
            numbers=min(2, sum(c.isdigit() for c in sentence)) / 2,
            title=len(title_stems & stems) / max(1, len(title_stems)),
            is_question=float(sentence.rstrip("\"'”’) ").endswith("?")),
            is_heading=float(sentence[-1] not in ".!?…\"'”’)。！？]" or sentence.isupper()),
            first_person=min(0.3, len(_FIRST_PERSON.findall(sentence)) / length),
            third_person=min(0.3, len(_THIRD_PERSON.findall(sentence)) / length),
            new_words=new[i],
            content_share=min(1.0, len(stems) / length),
            past=min(3, len(_PAST.findall(sentence))) / 3,
            speaker=float(bool(SPEAKER.search(sentence))),
            boilerplate=float(bool(_BOILERPLATE.search(sentence))),
            key_sum=np.log1p(key[i]),
            key_mean=key[i] / per_sentence[i],
            key_part=np.log1p(key_part[i]),
        )
    columns = {name: table[:, i] for i, name in enumerate(COLUMNS)}
    return columns | {
        **_speech([terms.text[slice(*terms.sentences[number])] for number in part]),
        DIALOGUE_AROUND: np.full(num, terms.quoted[part.start : part.stop].mean()),
        BOOKISH: np.full(num, min(1.0, max(0.0, (len(terms.text) - SHORT) / (_BOOK - SHORT)))),
        "telling": np.bincount(owner, terms.telling[flat], minlength=num) / per_sentence,
        "theme": np.log1p(np.bincount(owner, terms.theme[flat], minlength=num)),
    }


def _speech(sentences: list[str]) -> dict[str, Array]:
    """SPOKEN, FILLERS -> (N,) each."""
    lengths = np.array([max(1, len(sentence.split())) for sentence in sentences])
    hesitations = sum(len(_HESITATION.findall(sentence)) for sentence in sentences)
    if hesitations < _LEAST_HESITATION * lengths.sum():
        return {SPOKEN: np.zeros(len(sentences)), FILLERS: np.zeros(len(sentences))}
    fillers = np.array([len(_FILLER.findall(sentence)) for sentence in sentences]) / lengths
    return {SPOKEN: np.ones(len(sentences)), FILLERS: np.minimum(1.0, fillers)}


def opens_with_reference(sentence: str) -> bool:
    """Whether a sentence begins with a word that points to the one before it: "He", "This", "However"."""
    return _PRONOUN_START.search(sentence) is not None or _CONNECTIVE_START.search(sentence) is not None


def is_unbalanced(sentence: str) -> bool:
    """Whether the sentence opens a quotation or a bracket that it does not close, or the other way round."""
    pairs = (("“", "”"), ("(", ")"), ("«", "»"), ("[", "]"))
    single = len(_SINGLE_OPENS.findall(sentence)) != len(_SINGLE_CLOSES.findall(sentence))
    return single or sentence.count('"') % 2 == 1 or any(sentence.count(a) != sentence.count(b) for a, b in pairs)


def _lexrank(flat: NDArray[np.int32], owner: NDArray[np.int32], weight: Array, num: int) -> Array:
    """(N,): log of the stationary share of a walk between similar sentences, against an even share.

    LexRank (Erkan and Radev 2004, continuous form), within stretches of _CHUNK sentences: a book is not compared
    with itself as a whole, which would be quadratic.
    """
    ranks = np.zeros(num)
    for first in range(0, num, _CHUNK):
        last = min(num, first + _CHUNK)
        a, b = np.searchsorted(owner, [first, last])
        stems, local = np.unique(flat[a:b], return_inverse=True)
        rows = np.zeros((last - first, len(stems)), dtype=np.float32)
        rows[owner[a:b] - first, local] = weight[a:b]
        similar = rows @ rows.T
        np.fill_diagonal(similar, 0)
        walk = similar / np.maximum(similar.sum(1, keepdims=True), 1e-6)
        even = np.full(last - first, 1 / (last - first))
        share = even
        for _ in range(12):
            share = 0.15 * even + 0.85 * (share @ walk)
        ranks[first:last] = np.log(np.maximum(share * (last - first), 1e-3))
    return ranks
