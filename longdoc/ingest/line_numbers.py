"""The lines of a plain text in the file that it came from, for citations that an editor can jump to.

Paragraphs are put together from lines: blanks are squeezed, hyphens at line ends may go, and lines are joined. Letters
and digits all stay, in order, so counting them tells which line a place in the text comes from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.core.types import Anchor
from longdoc.ingest.clean import line_ends, normalise

_LETTERS = re.compile(r"[^\W_]+")


def numbered(text: str) -> tuple[str, list[int]]:
    """The text normalised, and for each of its lines the line of the file, from 1.

    A form feed makes two lines of one for a reader of paragraphs, and none for an editor.
    """
    pieces: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(line_ends(text).split("\n"), start=1):
        piece = normalise(line)
        pieces.append(piece)
        numbers += [number] * (piece.count("\n") + 1)
    return "\n".join(pieces), numbers


def num_letters(text: str) -> int:
    """Letters and digits of a text: what of a line is never dropped when paragraphs are made."""
    return sum(len(run) for run in _LETTERS.findall(text))


def line_anchors(text: str, lines: Sequence[str], numbers: Sequence[int]) -> tuple[Anchor, ...]:
    """An anchor where each line begins in a text that was put together from `lines`. numbers: of these lines."""
    anchors: list[Anchor] = []
    runs = _LETTERS.finditer(text)
    run = next(runs, None)
    passed = wanted = 0  # letters and digits before `run`, and before the line
    for line, number in zip(lines, numbers, strict=False):
        here = num_letters(line)
        if not here:
            continue
        while run is not None and passed + len(run[0]) <= wanted:
            passed += len(run[0])
            run = next(runs, None)
        if run is None:
            break
        start = _before_signs(text, run.start() + wanted - passed, line)
        anchors.append(Anchor(start if anchors else 0, line=number))
        wanted += here
    return tuple(anchors)


def _before_signs(text: str, start: int, line: str) -> int:
    """Where the signs stand in the text that the line has before its first letter: quotation marks, brackets."""
    first = _LETTERS.search(line)
    signs = line[: first.start()].split() if first else []
    for sign in reversed("".join(signs)):
        back = start - 1
        while back > 0 and text[back] == " ":
            back -= 1
        if back < 0 or text[back] != sign:
            break
        start = back
    return start
