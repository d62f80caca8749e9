"""What is hidden in long texts and asked for at their end: the pass key, and the codes of many names.

The pass key is passkey retrieval as in arXiv 2305.16300. Training and measuring share these words, so that what is
measured is what was trained.
"""

from __future__ import annotations

NUM_DIGITS = 5
TOLD = " The pass key is {number}. Remember it. {number} is the pass key."
ASKED = " What is the pass key? The pass key is"
CODE_TOLD = " The code of {name} is {number}."
CODE_ASKED = " What is the code of {name}? The code of {name} is"


def told(name: str | None, number: str) -> str:
    """The sentence that tells a number: the code of `name`, or the pass key when there is no name."""
    return TOLD.format(number=number) if name is None else CODE_TOLD.format(name=name, number=number)


def asked(name: str | None) -> str:
    """The question for it, up to where the number begins."""
    return ASKED if name is None else CODE_ASKED.format(name=name)
