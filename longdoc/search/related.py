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
def _related() -> dict[str, frozenset[str]]:
    lines = Path(__file__).with_name("related_words.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, set[str]] = {}
    for line in lines:
        group = {stem(word) for word in line.split()}
        for one in group:
            found.setdefault(one, set()).update(group - {one})
    return {one: frozenset(others) for one, others in found.items()}


def related(stem: str) -> frozenset[str]:
    """The stems that may say the same; none for a stem that the thesaurus does not have."""
    return _related().get(stem, _NONE)
