"""How much two texts overlap: the measures that rankers are fitted and judged by.

Tokens are folded words without English articles, not stemmed: figures are a little lower than those of
ROUGE implementations that stem. Knows nothing of documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

from longdoc.search.words import words

_ARTICLES = frozenset({"a", "an", "the"})


def tokens(text: str) -> list[str]:
    """Folded words in order, without articles."""
    return [word for word in words(text) if word not in _ARTICLES]


def f1(overlap: float, num_found: int, num_gold: int) -> float:
    """Harmonic mean of precision and recall from counts."""
    return 2 * overlap / (num_found + num_gold) if overlap else 0.0


def overlap(found: Iterable[Hashable], gold: Iterable[Hashable]) -> int:
    """Size of the intersection of two bags."""
    return sum((Counter(found) & Counter(gold)).values())


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The best token F1 against any gold answer."""
    own = tokens(answer)
    return max((f1(overlap(own, gold), len(own), len(gold)) for gold in map(tokens, golds)), default=0.0)


def exact_match(answer: str, golds: Sequence[str]) -> bool:
    """Whether the tokens are those of a gold answer."""
    return any(tokens(answer) == tokens(gold) for gold in golds)


def contains(text: str, golds: Sequence[str]) -> bool:
    """Whether the tokens of a gold answer stand in the text, in a row."""
    own = f" {' '.join(tokens(text))} "
    return any(f" {' '.join(gold)} " in own for gold in map(tokens, golds) if gold)


def rouge_n(summary: str, reference: str, n: int) -> float:
    """F1 of n-grams."""
    own, gold = _ngrams(tokens(summary), n), _ngrams(tokens(reference), n)
    return f1(overlap(own, gold), len(own), len(gold))


def rouge_l(summary: str, reference: str) -> float:
    """F1 of the longest common subsequence of tokens (over the whole texts, not sentence by sentence)."""
    own, gold = tokens(summary), tokens(reference)
    return f1(_common_subsequence(own, gold), len(own), len(gold))


def _ngrams(found: list[str], n: int) -> list[Hashable]:
    if n == 1:
        return list(found)
    if n == 2:
        return list(pairwise(found))
    return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, one bit per token of `a` (Hyyrö 2004): no table."""
    where: dict[str, int] = {}
    for i, token in enumerate(a):
        where[token] = where.get(token, 0) | 1 << i
    mask = (1 << len(a)) - 1
    row = mask
    for token in b:
        matches = row & where.get(token, 0)
        row = ((row + matches) | (row - matches)) & mask
    return len(a) - row.bit_count()
