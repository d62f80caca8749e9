"""Initials: a letter much larger than the text at the beginning of a chapter, dropped into several lines or raised.

A dropped one belongs to the first of its lines and stands on the baseline of the last: nothing but its size says where
it is read. Whether it is a word ("A captain") or begins one ("Once") the words of the document say: `resolved`.
Knows nothing of pdfium, or of columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from longdoc.ingest.pdf_rows import WORD_GAP
from longdoc.ingest.pdf_text import LARGE, Run

_MOST_SIGNS = 3  # a quotation mark may stand before the letter
_BESIDE = 2.0  # of the height: so far right of the initial do the lines begin, at most
_FAR = 2.5  # of the height, from one line to the next
_LEVEL = 0.1  # of the height: a raised initial stands on the baseline of its line
INITIAL_MARK = "\N{WORD JOINER}"  # between the initial and the first line; `normalise` leaves none in a text
_MARKED = re.compile(rf"(\w*){INITIAL_MARK}([^\W\d_]*)")
_WORDS = frozenset("AIO")  # of one letter, in a text that has no other


def with_initials(runs: list[Run]) -> list[Run]:
    """The runs with each dropped initial at the beginning of its first line, and the lines beside it as far left."""
    capitals = [run for run in runs if len(run.text) <= _MOST_SIGNS and run.text[-1].isupper() and run.angle == 0]
    if not capitals:
        return runs
    heights = Counter[float]()
    for run in runs:
        heights[round(run.height, 1)] += len(run.text)
    least = LARGE * heights.most_common(1)[0][0]
    for initial in capitals:
        beside = _lines_beside(initial, runs) if initial.height > least else []
        if beside:
            moved = {run.order: run._replace(left=initial.left) for run in beside}
            first = moved[beside[0].order]
            is_apart = len(beside) == 1 and beside[0].left - initial.right > WORD_GAP * first.height
            text = f"{initial.text}{' ' if is_apart else INITIAL_MARK}{first.text}"
            moved[first.order] = first._replace(text=text)
            runs = [moved.get(run.order, run) for run in runs if run is not initial]
    return runs


def _lines_beside(initial: Run, runs: Sequence[Run]) -> list[Run]:
    """The lines right of an initial, from its top to its foot: one if it is level with that, or two and more."""
    top = initial.bottom + initial.height
    found = [
        run
        for run in runs
        if run.angle == 0
        and LARGE * run.height < initial.height
        and initial.right - 0.5 * run.height < run.left < initial.right + _BESIDE * run.height
        and initial.bottom - 0.5 * run.height < run.bottom < top - 0.5 * run.height
    ]
    found.sort(key=lambda run: -run.bottom)
    together = found[:1]
    for run in found[1:]:
        if together[-1].bottom - run.bottom < _FAR * run.height:
            together.append(run)
    if len(together) == 1:
        return together if abs(together[0].bottom - initial.bottom) < _LEVEL * together[0].height else []
    is_at_top = bool(together) and together[0].bottom > initial.bottom + 0.25 * initial.height
    return together if is_at_top else []


def resolved(text: str, counts: Mapping[str, int]) -> str:
    """A line with its initial as part of its first word, or apart from it. counts: of words in lower case."""
    return _MARKED.sub(lambda match: _joined(match[1], match[2], counts), text) if INITIAL_MARK in text else text


def _joined(initial: str, rest: str, counts: Mapping[str, int]) -> str:
    whole, alone = counts[f"{initial}{rest}".lower()] - 1, counts[rest.lower()]  # it is itself among the whole ones
    is_word = initial in _WORDS or counts[initial.lower()] > 0
    return f"{initial} {rest}" if rest and is_word and alone > whole else f"{initial}{rest}"
