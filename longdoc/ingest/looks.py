"""Headings by their looks, in office documents whose writer used no heading styles: bold, larger, or in capitals.

Believed only where they stand out: a short line of its own, unlike most of the text, with text below it. Bold words at
the beginning of a paragraph, lists of bold names and forms make none. Knows no format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from longdoc.ingest.parsed import Heading

_LARGER = 1.12  # times the size of the text
_MOST_CHARACTERS = 90
_MOST_WORDS = 14
_MOST_BEFORE_STOP = 6  # words of a heading that ends with a full stop
_MOST_SHARE = 0.5  # of all paragraphs: more are no headings
_LEAST_BELOW = 60  # characters, in the median section
_LEAST_LETTERS = 3
_MOST_IN_A_ROW = 2  # of one kind: more are a list, or an address
_MOST_LEVELS = 3
_FIRST = 3  # paragraphs among which a title stands
_NUMBER = re.compile(r"(?:§ ?)?(?P<number>\d{1,2}(?:\.\d{1,2}){0,3}|[IVXLC]{1,6}|[A-Z])(?P<mark>[.)]?)\s+\S")


@dataclass(frozen=True, slots=True)
class Look:
    """How all of a paragraph is written. size: in points, 0 when nothing says it.   caps: shown as capitals."""

    bold: bool = False
    size: float = 0.0
    caps: bool = False


class Seen(NamedTuple):
    """A paragraph. look: None for what is never a heading, such as a row of a table."""

    text: str
    start: int
    look: Look | None


class _Kind(NamedTuple):
    """What lines of one rank have in common; the larger the more it stands out."""

    size: float
    bold: bool
    caps: bool


def headings_by_looks(paragraphs: Sequence[Seen]) -> tuple[str | None, list[Heading]]:
    """The title, or None, and the headings: none, or two and more."""
    kinds = _kinds(paragraphs)
    found = [index for index, kind in enumerate(kinds) if kind is not None]
    title = _title(paragraphs, kinds, found)
    shown = " ".join(paragraphs[title].text.split()) if title is not None else None
    if title is not None and not (
        kinds[title] in [kinds[index] for index in found[1:]] and _has_text(paragraphs, found)
    ):
        found.remove(title)
    if len(found) < 2 or len(found) > _MOST_SHARE * len(paragraphs):
        return (shown if len(found) < 2 else None), []
    below = sorted(_num_below(paragraphs, found))
    if below[len(below) // 2] < _LEAST_BELOW:
        return None, []
    ranks = sorted({kind for index in found if (kind := kinds[index]) is not None}, reverse=True)
    return shown, [_heading(paragraphs[index], ranks.index(kinds[index])) for index in found]  # type: ignore[arg-type]


def _num_below(paragraphs: Sequence[Seen], found: Sequence[int]) -> list[int]:
    """How many characters stand between each of these paragraphs and the next of them."""
    ends = [*found[1:], len(paragraphs)]
    return [sum(len(p.text) for p in paragraphs[at + 1 : end]) for at, end in zip(found, ends, strict=True)]


def _has_text(paragraphs: Sequence[Seen], found: Sequence[int]) -> bool:
    return _num_below(paragraphs, found[:2])[0] >= _LEAST_BELOW


def _kinds(paragraphs: Sequence[Seen]) -> list[_Kind | None]:
    """For each paragraph that stands out as a heading does, how it does."""
    sizes, bold = Counter[float](), 0
    for text, _, look in paragraphs:
        if look is not None:
            sizes[look.size] += len(text)
            bold += len(text) * look.bold
    size = max(sizes, key=lambda size: sizes[size], default=0.0)
    is_bold = 2 * bold > sum(sizes.values())
    kinds = [_kind(seen, size, is_bold) for seen in paragraphs]
    at = 0
    for kind, group in groupby(kinds):
        length = len([*group])
        if kind is not None and length > _MOST_IN_A_ROW:
            kinds[at : at + length] = [None] * length
        at += length
    if kinds and kinds[-1] is not None:  # a signature: nothing stands below it
        kinds[-1] = None
    return kinds


def _kind(seen: Seen, size: float, is_bold: bool) -> _Kind | None:
    text, look = seen.text.strip(), seen.look
    if look is None or not _could_be_heading(text):
        return None
    larger = round(look.size, 1) if look.size > _LARGER * size > 0 else 0.0
    caps = look.caps or (text.isupper() and len(text.split()) > 1) or (text.isupper() and len(text) > _LEAST_LETTERS)
    kind = _Kind(larger, look.bold and not is_bold, caps)
    return kind if any(kind) else None


def _could_be_heading(text: str) -> bool:
    if "\n" in text or len(text) > _MOST_CHARACTERS or len(text.split()) > _MOST_WORDS:
        return False
    if sum(character.isalpha() for character in text) < _LEAST_LETTERS or text[0].islower():
        return False
    may_end = len(text.split()) <= _MOST_BEFORE_STOP and (text.isupper() or _NUMBER.match(text) is not None)
    return not text.endswith((",", ";", ":", "…")) and (may_end or not text.endswith((".", "!", "”")))


def _title(paragraphs: Sequence[Seen], kinds: Sequence[_Kind | None], found: Sequence[int]) -> int | None:
    """The paragraph that is the title: the first that stands out, when it is no heading like the others."""
    if not found or found[0] >= _FIRST or _NUMBER.match(paragraphs[found[0]].text.strip()):
        return None
    first, others = kinds[found[0]], [kinds[index] for index in found[1:]]
    assert first is not None
    stands_alone = all(other is not None and first > other for other in others) and (first.size or others or first.caps)
    numbered = [_NUMBER.match(paragraphs[index].text.strip()) is not None for index in found[1:]]
    is_above_numbers = len(numbered) > 1 and all(numbered)
    is_first_in_capitals = found[0] == 0 and first.caps
    is_without_text = len(found) > 1 and not _has_text(paragraphs, found)
    return found[0] if stands_alone or is_above_numbers or is_first_in_capitals or is_without_text else None


def _heading(seen: Seen, rank: int) -> Heading:
    number = _NUMBER.match(seen.text.strip())
    depth = number["number"].count(".") if number else 0
    return Heading(" ".join(seen.text.split()), seen.start, min(rank + depth + 1, _MOST_LEVELS))
