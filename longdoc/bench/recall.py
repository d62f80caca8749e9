"""What the pass key and the codes share: the text around what is hidden, and the answer that greedy decoding gives.

The memory's own test: nothing is looked up, the state alone must know. Knows nothing of what is hidden where.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from longdoc.bench import haystack, numbers
from longdoc.core import needles
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, ReadingState
from longdoc.ingest import read_document
from longdoc.pipeline.session import Session

_ANSWER_TOKENS = 2 * needles.NUM_DIGITS + 2  # a space, and digits that may be single tokens or not

Tell = Callable[[int], None]


class Texts:
    """The haystack of one sample, and the numbers that are hidden in it. One rng, so that a seed gives its texts."""

    def __init__(self, session: Session, hay: Sequence[int], rng: random.Random) -> None:
        self.hay = [*opening(session), *hay]
        self.rng = rng
        self.session = session

    def encode(self, text: str) -> list[int]:
        return [token for token, _, _ in self.session.encode(text)]

    def number(self) -> str:
        return "".join(self.rng.choices("0123456789", k=needles.NUM_DIGITS))


def opening(session: Session) -> list[int]:
    """What a bare text begins with: the start token, where the model was trained with one."""
    start = getattr(session.loaded.tokenizer, "bos_token_id", None)
    return [start] if start is not None and session.loaded.adapter is None else []


def ways(options: ModelOptions, without_memory: bool) -> list[tuple[str | None, ModelOptions]]:
    """As the user said, and if wanted once more without the memory: (what is switched off, options)."""
    return [(None, options), *([("memory", replace(options, memory=False))] if without_memory else [])]


def rotated(hay: Sequence[int], sample: int, samples: int) -> list[int]:
    """The haystack of one sample: the same text, begun at another place."""
    start = sample * len(hay) // samples
    return [*hay[start:], *hay[:start]]


def advance(reader: Reader, state: ReadingState, ids: Sequence[int], tell: Tell) -> ReadingState:
    """Read whole segments, and say from time to time how far that is."""
    step = 16 * reader.plan.segment_tokens
    for first in range(0, len(ids), step):
        state = reader.read(state, ids[first : first + step])
        tell(state.num_tokens)
    return state


def answer(reader: Reader, state: ReadingState, question: Sequence[int]) -> str:
    """The digits that greedy decoding gives after the question, at most as many as were told."""
    decode = reader.loaded.tokenizer.decode
    ids: list[int] = []
    digits = ""
    for token in reader.write(reader.read(state, question), max_tokens=_ANSWER_TOKENS):
        ids.append(token)
        found = re.search(r"\d+", decode(ids))
        digits = found.group() if found else ""
        if len(digits) >= needles.NUM_DIGITS:
            break
    return digits[: needles.NUM_DIGITS]


def digit_share(told: str, answered: str) -> float:
    """How many of the digits are right in their place."""
    return sum(a == b for a, b in zip(told, answered, strict=False)) / len(told)


def document_tokens(session: Session, path: Path | str) -> Iterator[int]:
    """The tokens of all of a document, read in blocks of characters."""
    whole = read_document(str(path)).text
    for start in range(0, len(whole), 1 << 16):
        yield from (token for token, _, _ in session.encode(whole[start : start + (1 << 16)]))


def hay_tokens(session: Session, text: Path | str | None, num_tokens: int) -> Iterator[int]:
    """At least `num_tokens` tokens of a document, of all of it; repeated with other numbers where it is too short.

    text: a document, `numbers.NAME` for text full of numbers, or None for longdoc's own paragraphs.
    """
    total = 0
    if text is not None and text != numbers.NAME:
        for token in document_tokens(session, text):
            yield token
            total += 1
    paragraphs = haystack.text_of(text)
    while total < num_tokens:
        for token, _, _ in session.encode(next(paragraphs) + "\n\n"):
            yield token
            total += 1
