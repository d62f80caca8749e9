"""Chooses sentences for a summary: the best ones that do not repeat each other, within a budget of words.

Scores come from `salience`; here only what a reader sees in the result counts: no statement twice, no half
quotation, no "He said so." without a he, reading order. Knows nothing of how scores are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longdoc.search.salience import BOOKISH, DIALOGUE_AROUND, FILLERS, NARRATIVE, OWED, SPOKEN, SalientSentence

_REPETITION = 0.5  # standard deviations of salience that a complete repetition costs
_TOO_SIMILAR = 0.6  # share of the smaller sentence's words that another has: said already
_MIN_WORTH = 0.0  # in a book, a short sentence of little worth is not put in only because it still fits
_WORDS_PER_PART = 30  # of the summary of a whole: about a sentence
_EASY_WORDS = 14  # shorter ones say little when they stand alone
_MANY_FILLERS = 0.2  # share of "uh", "yeah" and half words from which a sentence that was taken down is noise
_MIN_WORDS, _MAX_WORDS = 6, 60
_SHORTLIST = 64


def select(
    scored: Sequence[SalientSentence],
    budget_words: int,
    already_chosen: Sequence[SalientSentence] = (),
    *,
    max_sentences: int | None = None,
) -> list[SalientSentence]:
    """Sentences of one part in reading order, together about `budget_words` words and never none.

    Maximal marginal relevance (Carbonell and Goldstein 1998): the best score less its likeness to what is
    chosen. already_chosen: sentences of other parts that must not be repeated.
    """
    worth = {s.number: s.score - _handicap(s) for s in scored}
    pool = [s for s in scored if _is_fit(s)] or list(scored)
    pool.sort(key=lambda s: (-worth[s.number], s.number))
    likeness = {s.number: max((_overlap(s, other) for other in already_chosen), default=0.0) for s in pool}
    chosen: list[SalientSentence] = []
    left = budget_words
    while pool and (max_sentences is None or len(chosen) < max_sentences):
        fitting = [s for s in pool if s.num_words <= left and likeness[s.number] < _TOO_SIMILAR]
        best = max(fitting, key=lambda s: (worth[s.number] - _REPETITION * likeness[s.number], -s.number), default=None)
        if best is None or (chosen and best.features[BOOKISH] and worth[best.number] < _MIN_WORTH):
            break
        chosen.append(best)
        left -= best.num_words
        pool.remove(best)
        for s in pool:
            likeness[s.number] = max(likeness[s.number], _overlap(s, best))
    if not chosen and scored:
        chosen = [min(pool or list(scored), key=lambda s: (-worth[s.number] + s.num_words / budget_words, s.number))]
    return sorted(chosen, key=lambda s: s.number)


def shortlist(scored: Sequence[SalientSentence]) -> list[SalientSentence]:
    """The sentences of one part that a selection can come to, in order: so that a long document's need not be kept."""

    def best(sentences: Sequence[SalientSentence]) -> list[int]:
        return [s.number for s in sorted(sentences, key=lambda s: _handicap(s) - s.score)[:_SHORTLIST]]

    kept = {*best(scored), *best([_for_the_whole(s) for s in scored])}
    return [s for s in scored if s.number in kept]


def select_overall(
    parts: Sequence[Sequence[SalientSentence]], words: int, lengths: Sequence[int] | None = None
) -> list[SalientSentence]:
    """A summary of the whole in about `words` words, in reading order.

    lengths: words of each part, when `parts` holds shortlists only.

    Every part gives its best sentence, neighbouring parts one together when there are more parts than sentences to
    give; what is left goes to the best of the rest. So the middle and the end are in it whatever their scores.
    """
    parts = [[_for_the_whole(s) for s in part] for part in parts]
    lengths = lengths or [sum(s.num_words for s in part) for part in parts]
    groups = _groups(lengths, max(1, min(len(parts), words // _WORDS_PER_PART)))
    chosen: list[SalientSentence] = []
    for number, group in enumerate(groups):
        left = words - sum(s.num_words for s in chosen)
        budget = min(_MAX_WORDS, round(1.5 * left / (len(groups) - number)))
        chosen += select([s for i in group for s in parts[i]], budget, chosen, max_sentences=1)
    taken = {s.number for s in chosen}
    rest = [s for part in parts for s in part if s.number not in taken]
    left = words - sum(s.num_words for s in chosen)
    if left >= _EASY_WORDS and rest:
        chosen += [s for s in select(rest, left, chosen) if s.num_words <= left]
    return sorted(chosen, key=lambda s: s.start)


def _is_fit(sentence: SalientSentence) -> bool:
    """Whether its length is one that a summary can show: what is owed to the reader may be short."""
    least = 1 if sentence.features.get(OWED) else _MIN_WORDS
    return least <= sentence.num_words <= _MAX_WORDS


def _for_the_whole(sentence: SalientSentence) -> SalientSentence:
    """The sentence with a score for the whole book: its main figures and subjects count, not the part's.

    In a story the subjects have been counted already, as "theme".
    """
    f = sentence.features
    subjects = f["key_sum"] if f[DIALOGUE_AROUND] <= NARRATIVE else 0.0
    return replace(sentence, score=sentence.score + f[BOOKISH] * (0.8 * f["main_names"] + 0.8 * subjects))


def _groups(lengths: Sequence[int], num_groups: int) -> list[list[int]]:
    """Neighbouring parts together, so that the groups hold about equally many words."""
    total = max(1, sum(lengths))
    groups: list[list[int]] = [[] for _ in range(num_groups)]
    before = 0
    for i, length in enumerate(lengths):
        middle = before + length / 2
        groups[min(num_groups - 1, int(num_groups * middle / total))].append(i)
        before += length
    return [group for group in groups if group]


def _handicap(sentence: SalientSentence) -> float:
    """What a summary cannot show, in standard deviations of salience; in a book also what reads badly alone."""
    f = sentence.features
    broken = 4.0 * (f["unbalanced"] > 0) + 4.0 * (f["is_heading"] > 0) + 4.0 * (f["boilerplate"] > 0)
    out_of_place = (
        1.5 * (f["is_question"] > 0)
        + 1.0 * (f["pronoun_start"] > 0)
        + 0.5 * (f["connective_start"] > 0)
        + 1.5 * (f["quoted"] > 0.25)
        + 1.0 * f["quoted"]
        + max(0.0, (_EASY_WORDS - sentence.num_words) / 8)
        - 0.5 * f["names"] * (f[DIALOGUE_AROUND] > NARRATIVE)
    )
    spoken = f[SPOKEN] * (
        1.5 * min(1.0, f[FILLERS] / _MANY_FILLERS) + 1.0 * (f["is_question"] > 0) + 0.4 * (f["pronoun_start"] > 0)
    )
    return broken + spoken + f[BOOKISH] * out_of_place


def _overlap(a: SalientSentence, b: SalientSentence) -> float:
    """Share of the smaller sentence's content words that the other has too."""
    smaller = min(len(a.stems), len(b.stems))
    return len(a.stems & b.stems) / smaller if smaller else 0.0
