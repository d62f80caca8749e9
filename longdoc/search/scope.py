"""Which section a question speaks of: "What happens in chapter 3?", "Who is the king in The Snow Man?".

A section named in the question narrows the search, and its name leaves the query, because every
passage of it would match; a heading of one word may be what is asked for and stays. Knows nothing of the
index; it is told where words are concentrated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longdoc.core.sentences import Span
from longdoc.core.types import Section
from longdoc.search.words import STOP_WORDS, fold

_WORD = re.compile(r"[^\W_]+")
_KINDS = frozenset({"chapter", "section", "part", "book", "act", "scene", "lecture", "lesson", "unit", "appendix"})
_NUMBER_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty"""
_NUMBERS = {name: str(number) for number, name in enumerate(_NUMBER_WORDS.split())}
_ROMAN = re.compile(r"^(?=[ivxlc])(c{0,3})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})$")
_ROMAN_VALUE = {"c": 100, "xc": 90, "l": 50, "xl": 40, "x": 10, "ix": 9, "v": 5, "iv": 4, "i": 1}
_MAX_SECTIONS_OF_ONE_NAME = 8


@dataclass(frozen=True, slots=True)
class Scope:
    """spans: the sections named.   rest: the question without the name."""

    spans: tuple[Span, ...]
    rest: str


def find(
    question: str,
    sections: Sequence[Section],
    is_concentrated: Callable[[str, Sequence[Span]], bool],
) -> Scope | None:
    """The section with the longest name in the question, or None.

    is_concentrated(name, spans): whether the words of a short name occur mostly in those spans; a
    short name that is met everywhere is a word of the question, not the name of a section.
    """
    asked = [(fold(match[0]), match.start(), match.end()) for match in _WORD.finditer(question)]
    by_name: dict[tuple[str, ...], list[Span]] = {}
    for section in sections:
        for name in _names(section.title):
            by_name.setdefault(name, []).append((section.start, section.end))
    values = [word for word, _, _ in asked]
    numbered = _with_numbers(values)
    for name in sorted(by_name, key=len, reverse=True):
        spans = by_name[name]
        where = _position(name, numbered if name[0] in _KINDS else values)
        if where is None or len(spans) > _MAX_SECTIONS_OF_ONE_NAME:
            continue
        start, end = asked[where][1], asked[where + len(name) - 1][2]
        content = [word for word in name if word not in STOP_WORDS]
        is_marked = name[0] in _KINDS or question[start - 1 : start] in {'"', "“", "'", "‘", "«"}
        if is_marked or len(content) > 3 or is_concentrated(" ".join(name), spans):
            rest = question[:start] + " " + question[end:]
            says_more = _WORD.search(rest) if name[0] in _KINDS else _says_more(rest)
            is_name = is_marked or len(content) > 1  # "repairs" is what is asked for as well as a heading
            return Scope(tuple(spans), rest if says_more and is_name else question)
    return None


def _says_more(rest: str) -> bool:
    """Whether there is something to search for: "What are mitochondria?" is nothing without their name."""
    return any(fold(word) not in STOP_WORDS for word in _WORD.findall(rest))


def _names(title: str) -> set[tuple[str, ...]]:
    """The ways to name a section: its whole title, the title without "Chapter 3", and "chapter 3"."""
    title_words = tuple(fold(word) for word in _WORD.findall(title))
    if not title_words:
        return set()
    names: set[tuple[str, ...]] = set()
    if title_words[0] in _KINDS and len(title_words) > 1:
        number = _number(title_words[1])
        if number is not None:
            names.add((title_words[0], number))
            names.add(title_words[2:])
    elif (number := _number(title_words[0])) is not None:
        names.add(("chapter", number))
        names.add(title_words[1:])
    names.add(title_words)
    return {name for name in names if any(word not in STOP_WORDS and len(word) > 1 for word in name)}


def _number(word: str) -> str | None:
    """ "3", "iii" and "three" are "3"."""
    if word.isdigit():
        return str(int(word))
    if word in _NUMBERS:
        return _NUMBERS[word]
    match = _ROMAN.match(word)
    if match is None:
        return None
    total = 0
    for digits in match.groups():
        while digits:
            step = digits[:2] if digits[:2] in _ROMAN_VALUE else digits[0]
            total += _ROMAN_VALUE[step]
            digits = digits[len(step) :]
    return str(total)


def _with_numbers(values: list[str]) -> list[str]:
    """The words, with a number after "chapter" and the like in digits."""
    return [(_number(word) or word) if i and values[i - 1] in _KINDS else word for i, word in enumerate(values)]


def _position(name: tuple[str, ...], values: list[str]) -> int | None:
    for i in range(len(values) - len(name) + 1):
        if tuple(values[i : i + len(name)]) == name:
            return i
    return None
