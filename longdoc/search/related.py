"""Words that stand in an answer for other words of its question: "pay" - "bear", "cost"; "marry" - "wife".

A short English thesaurus of our own (`related_words.txt`, a group a line), by stems. What a sentence says in related
words counts for less than what it says in the question's own; how much, the rankers have learned.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from longdoc.search.words import stem

_NONE: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def _groups() -> list[list[str]]:
    lines = Path(__file__).with_name("related_words.txt").read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines]


@lru_cache(maxsize=1)
def _related() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for words in _groups():
        group = {stem(word) for word in words}
        for one in group:
            found.setdefault(one, set()).update(group - {one})
    return {one: frozenset(others) for one, others in found.items()}


def related(stem: str) -> frozenset[str]:
    """The stems that may say the same; none for a stem that the thesaurus does not have."""
    return _related().get(stem, _NONE)


@lru_cache(maxsize=1)
def _by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for words in _groups():
        for one in words:
            found.setdefault(one, {}).update(dict.fromkeys(other for other in words if other != one))
    return {one: tuple(others) for one, others in found.items()}


def related_words(word: str) -> tuple[str, ...]:
    """The words, not their stems, that may say the same; none for a word that the thesaurus does not have."""
    return _by_word().get(word, ())
