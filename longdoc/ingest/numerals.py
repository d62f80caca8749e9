"""Numbers as documents write them on pages and before chapters and list items: arabic, roman, letters."""

from __future__ import annotations

import re

_NUMERAL = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_UNITS = ((9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MAX_ROMAN = 3999
_MAX_LETTERS = 26 * 8


def written(number: int, kind: str) -> str:
    """The number as "1", "i", "I", "a" or "A" says; arabic where the kind has no sign for it."""
    if kind in ("i", "I") and 0 < number <= _MAX_ROMAN:
        text = ""
        for value, sign in _ROMAN + _UNITS:
            text += sign * (number // value)
            number %= value
    elif kind in ("a", "A") and 0 < number <= _MAX_LETTERS:  # after z comes aa, then bb
        text = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
    else:
        return str(number)
    return text.upper() if kind.isupper() else text


def roman_value(text: str) -> int | None:
    """12 for "xii"; None when it is no Roman numeral."""
    lower = text.lower()
    if not lower or not _NUMERAL.fullmatch(lower):
        return None
    values = [_VALUES[character] for character in lower]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
