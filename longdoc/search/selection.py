"""Chooses sentences for a summary: the best ones that do not repeat each other, within a budget of words.

Scores come from `salience`; here only what a reader sees in the result counts: no statement twice, no half
quotation, no "He said so." without a he, reading order. Knows nothing of how scores are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from longdoc.search.salience import SalientSentence

_REPETITION = 1.2  # standard deviations of salience that a complete repetition costs
_TOO_SIMILAR = 0.6  # share of the smaller sentence's words that another has: said already
_MIN_WORDS, _MAX_WORDS = 6, 60


def select(
    scored: Sequence[SalientSentence], budget_words: int, already_chosen: Sequence[SalientSentence] = ()
) -> list[SalientSentence]:
    """Sentences of one part in reading order, together about `budget_words` words and never none.

    Maximal marginal relevance (Carbonell and Goldstein 1998): the best score less its likeness to what is
    chosen. already_chosen: sentences of other parts that must not be repeated.
    """
    worth = {s.number: s.score - _handicap(s) for s in scored}
    pool = [s for s in scored if _MIN_WORDS <= s.num_words <= _MAX_WORDS] or list(scored)
    pool.sort(key=lambda s: (-worth[s.number], s.number))
    likeness = {s.number: max((_overlap(s, other) for other in already_chosen), default=0.0) for s in pool}
    chosen: list[SalientSentence] = []
    left = budget_words
    while pool:
        fitting = [s for s in pool if s.num_words <= left and likeness[s.number] < _TOO_SIMILAR]
        if not fitting:
            break
        best = max(fitting, key=lambda s: (worth[s.number] - _REPETITION * likeness[s.number], -s.number))
        chosen.append(best)
        left -= best.num_words
        pool.remove(best)
        for s in pool:
            likeness[s.number] = max(likeness[s.number], _overlap(s, best))
    if not chosen and scored:
        chosen = [min(pool or list(scored), key=lambda s: (-worth[s.number] + s.num_words / budget_words, s.number))]
    return sorted(chosen, key=lambda s: s.number)


def select_overall(parts: Sequence[Sequence[SalientSentence]], words: int) -> list[SalientSentence]:
    """A summary of the whole: every part gets a share of the words that grows with the root of its length.

    When there are more parts than sentences to give, neighbouring parts share one quota. Reading order.
    """
    lengths = [sum(s.num_words for s in part) for part in parts]
    num_quotas = max(1, min(len(parts), words // 25))
    groups = _groups(lengths, num_quotas)
    roots = [max(1.0, sum(lengths[i] for i in group)) ** 0.5 for group in groups]
    chosen: list[SalientSentence] = []
    left, rest = float(words), sum(roots)
    for group, root in zip(groups, roots, strict=True):
        quota = max(1, round(left * root / rest))
        pool = [s for i in group for s in parts[i]]
        picked = select(pool, quota, chosen) if pool else []
        chosen += picked
        left = max(0.0, left - sum(s.num_words for s in picked))
        rest = max(1e-9, rest - root)
    return sorted(chosen, key=lambda s: s.start)


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
    """What a summary cannot show, in standard deviations of salience."""
    f = sentence.features
    return (
        4.0 * (f["unbalanced"] > 0)
        + 4.0 * (f["is_heading"] > 0)
        + 4.0 * (f["boilerplate"] > 0)
        + 1.5 * (f["is_question"] > 0)
        + 1.0 * (f["pronoun_start"] > 0)
        + 0.5 * (f["connective_start"] > 0)
        + 1.5 * f["quoted"]
        + 1.0 * (f["too_short"] > 0)
    )


def _overlap(a: SalientSentence, b: SalientSentence) -> float:
    """Share of the smaller sentence's content words that the other has too."""
    smaller = min(len(a.stems), len(b.stems))
    return len(a.stems & b.stems) / smaller if smaller else 0.0
