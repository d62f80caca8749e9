"""Printed page labels of a PDF that has none of its own: from the numbers that its heads and feet bear.

A number is believed when the numbers of other pages count up with it. Pages between two that count alike, and the
unnumbered first pages of a run, get the label that they would bear. Knows nothing of where the numbers stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from longdoc.ingest.numerals import roman_value, written

_NEAR = 3  # pages

# What a label is written in ("1", "i", "I") and what its value exceeds the page's index by.
_Count = tuple[str, int]


def labels_from_folios(folios: Mapping[int, Sequence[str]], num_pages: int) -> list[str | None]:
    """A label for each page, or None. folios: numbers at the edges of pages, as printed, by page index."""
    counts = {index: _counts(numbers, index) for index, numbers in folios.items()}
    everywhere = Counter(count for found in counts.values() for count in found)
    chosen: dict[int, _Count] = {}
    for index, found in counts.items():
        near = Counter(count for away in range(-_NEAR, _NEAR + 1) if away for count in counts.get(index + away, ()))
        # A paper has its number in the volume and one of its own: all pages take the same, that of the volume.
        best = max(found, key=lambda count: (near[count], everywhere[count], count[1]), default=None)
        first = next((count for count in found if index + count[1] == 1), None)
        if best is not None and near[best]:
            chosen[index] = best
        elif first is not None and not any(first[0] == other[0] for other in chosen.values()):
            chosen[index] = first  # the only page of its run
    filled = _filled(chosen, num_pages)
    return [_written(*count, index) if (count := filled.get(index)) else None for index in range(num_pages)]


def _counts(numbers: Sequence[str], index: int) -> list[_Count]:
    found = []
    for number in numbers:
        if number.isdigit():
            found.append(("1", int(number) - index))
        elif (value := roman_value(number)) is not None:
            found.append(("I" if number.isupper() else "i", value - index))
    return found


def _filled(chosen: Mapping[int, _Count], num_pages: int) -> dict[int, _Count]:
    """What was chosen, and pages without a number: between two that count alike, and back to the first of a run."""
    filled = dict(chosen)
    known = sorted(chosen)
    for before, after in pairwise(known):
        if chosen[before] == chosen[after]:
            filled.update(dict.fromkeys(range(before, after), chosen[before]))
    for index in known:  # a chapter's first page bears no number as a rule
        count = chosen[index]
        for earlier in range(index - 1, -1, -1):
            if earlier in filled or earlier + count[1] < 1:
                break
            filled[earlier] = count
    for index in known:
        for later in range(index + 1, num_pages):
            if later in filled:
                break
            filled[later] = chosen[index]
    return filled


def _written(style: str, excess: int, index: int) -> str | None:
    value = index + excess
    return written(value, style) if value > 0 else None
