"""Text of any length: the paragraphs of a file over and over, shuffled and with other numbers each time.

Knows nothing of tokens. Without a file there are a few paragraphs of our own. What repeats is easier to read than a
book, so it does for speed and memory; for recall name a file that is long enough, or `numbers` (`numbers.py`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from longdoc.bench import numbers
from longdoc.core.errors import InputError
from longdoc.ingest import read_document

_NUMBER = re.compile(r"\d+")
_OWN = (
    "The ledger of the harbour office runs to 412 pages. On page 37 the clerk notes that 18 barrels of tar came in "
    "with the morning tide, that two of them leaked, and that nobody could be found to sign for them.",
    "Rain had fallen for 9 days when the road gave way below the mill. The carrier lost a wheel, walked the last "
    "6 miles, and told the story so often afterwards that it grew by a mile each winter.",
    "A survey of 1,240 households found that most of them kept a garden and few of them a cow. The authors warn that "
    "the figures for the eastern parishes rest on 14 answers only.",
    '"You had better sit down," said Mrs Alder, and moved a chair of about 1780 out of the draught. "It is a long '
    'account, and I shall not be hurried. It began with a letter that came 3 weeks late."',
    "Section 22 of the agreement says that repairs below 250 pounds are paid for by the tenant. What is meant by a "
    "repair is set out in the second schedule, which was not attached to the copy that both parties signed.",
    "The bridge was measured again in 1931. It had sunk by 4 inches on the northern side, which the engineer put down "
    "to the piles and the town to the engineer.",
    "To set up the instrument, level it, wait for 15 minutes, and take 5 readings. If two of them differ by more than "
    "3 units, begin again; the usual cause is a door that was opened while somebody was waiting.",
    "They reached the pass before dark. There were 7 of them left, with 11 mules, and the guide counted both twice, "
    "as if the mountain might have taken one while he was looking at the other.",
)


def paragraphs(path: Path | None) -> Sequence[str]:
    """The paragraphs of a document of any format, or our own."""
    if path is None:
        return _OWN
    found = [" ".join(piece.split()) for piece in read_document(str(path)).text.split("\n\n") if piece.strip()]
    if not any(" " in paragraph for paragraph in found):
        raise InputError(f"{path} has no paragraphs to make a text of.", fix="name a file with running text")
    return found


def endless(source: Sequence[str], seed: int = 0) -> Iterator[str]:
    """Paragraphs without end, each with numbers of its own; the same seed gives the same ones."""
    rng = random.Random(seed)
    order = list(range(len(source)))
    while True:
        rng.shuffle(order)
        for index in order:
            yield _NUMBER.sub(lambda match: "".join(rng.choices("123456789", k=len(match.group()))), source[index])


def text_of(source: Path | str | None) -> Iterator[str]:
    """Paragraphs without end: of a document, of made tables and logs (`numbers.NAME`), or our own."""
    if source == numbers.NAME:
        return numbers.endless()
    return endless(paragraphs(Path(source) if source is not None else None))


def name_of(source: Path | str | None) -> str:
    """What a report says of it."""
    if source == numbers.NAME:
        return "numbers (made ledgers, logs and tables)"
    return str(source) if source is not None else "longdoc's own paragraphs"
