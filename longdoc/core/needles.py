"""The pass key: a number told somewhere in a long text and asked for at its end. Passkey retrieval, arXiv 2305.16300.

Training and measuring share these words, so that what is measured is what was trained.
"""

from __future__ import annotations

NUM_DIGITS = 5
TOLD = " The pass key is {number}. Remember it. {number} is the pass key."
ASKED = " What is the pass key? The pass key is"
