"""Numbers as documents write them before list items: arabic, roman, letters."""

from __future__ import annotations

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
