"""Who says "I" in a story told in the first person: the name by which others speak to the narrator.

A question names the narrator ("Why did Hannay leave London?"), the narration hardly ever does. Knows nothing of
search.
"""

from __future__ import annotations

import re
from collections import Counter

from longdoc.search.terms import QUOTATION

_NAME = re.compile(r"(?<![.!?“\"‘'] )(?<![“\"‘'])\b[A-Z][a-z]{2,}\b")
_ADDRESSED = re.compile(r"(?:,\s|\b(?:Mr|Mrs|Miss|Dr|Master|dear|old|poor)\.?\s)([A-Z][a-z]{2,})(?=[,.?!”\"’])")
_RUN, _I = re.compile(r"\S+"), re.compile(r"\bI\b")
_MIN_SHARE_OF_I = 0.01  # of the words outside quotations; novels told in the third person have below .004
_MIN_ADDRESSED = 8
_MAX_OUTSIDE = 0.15  # of the name's mentions, narrators seldom call themselves by name


def narrator_of(text: str) -> str | None:
    """The narrator's name, or None when the text is not told by an "I" whom others call by one."""
    told: list[str] = []
    said: list[str] = []
    position = 0
    for match in QUOTATION.finditer(text):
        told.append(text[position : match.start()])
        said.append(match[0])
        position = match.end()
    told.append(text[position:])
    narration, speech = "\n".join(told), "\n".join(said)
    if sum(1 for _ in _I.finditer(narration)) < _MIN_SHARE_OF_I * max(1, sum(1 for _ in _RUN.finditer(narration))):
        return None
    addressed = Counter(_ADDRESSED.findall(speech))
    inside, outside = Counter(_NAME.findall(speech)), Counter(_NAME.findall(narration))
    names = [
        n for n, count in addressed.items() if count >= _MIN_ADDRESSED and outside[n] <= _MAX_OUTSIDE * inside[n] + 1
    ]
    return max(names, key=lambda name: (addressed[name], name), default=None)


def without(question: str, name: str) -> str:
    """The question without a narrator's name."""
    return re.sub(rf"\b(?:(?:Mr|Mrs|Miss|Dr)\.?\s)?{name}\b(?:['’]s)?", " ", question)
