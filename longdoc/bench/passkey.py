"""Whether a number told early in a long text is still known at its end, by length and depth.

The memory's own test: nothing is looked up, the state alone must know. Passkey retrieval as in Landmark Attention
(arXiv 2305.16300); we ask in a text that goes on, without an instruction in front of it.

A state can be forked, so what texts have in common is read once: the haystack before the needle for all depths, and
what follows a needle for all lengths. Texts are cut into segments as if each was read alone, so that the results are
the same ones. L length in tokens with the needle, p tokens before the needle.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from longdoc.bench import haystack
from longdoc.bench.report import Report, report
from longdoc.core import needles
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, ReadingPlan, ReadingState, plan_reading
from longdoc.ingest import read_document
from longdoc.pipeline.session import Session, open_session

_ANSWER_TOKENS = 2 * needles.NUM_DIGITS + 2  # a space, and digits that may be single tokens or not


@dataclass(frozen=True, slots=True)
class Found:
    """One pass key: which was told, and the digits that came back."""

    length: int
    depth: float
    told: str
    answered: str

    @property
    def is_right(self) -> bool:
        return self.told == self.answered

    @property
    def digit_share(self) -> float:
        """How many of the digits are right in their place."""
        return sum(a == b for a, b in zip(self.told, self.answered, strict=False)) / len(self.told)


def run(
    options: ModelOptions,
    *,
    lengths: Sequence[int],
    depths: Sequence[float],
    samples: int,
    text: Path | None = None,
    without_memory: bool = False,
    on_event: Listener = ignore,
) -> Report:
    """One row per length and depth. text: a document to hide the number in. without_memory: measure that as well."""
    session = open_session(options, on_event)
    hay = list(_tokens(session, text, max(lengths)))
    settings: list[tuple[str | None, ModelOptions]] = [(None, options)]
    if without_memory:
        settings.append(("memory", replace(options, memory=False)))
    rows: list[dict[str, Any]] = []
    for without, chosen in settings:
        reader_plans = {length: plan_reading(session.loaded, chosen, length) for length in lengths}
        found = measure(session, hay, reader_plans, depths, samples, on_event)
        rows += summarized(found, reader_plans, without)
    return report("passkey", session.loaded.info, rows, haystack=str(text) if text else "longdoc's own paragraphs")


def measure(
    session: Session,
    hay: Sequence[int],
    plans: dict[int, ReadingPlan],
    depths: Sequence[float],
    samples: int,
    on_event: Listener = ignore,
) -> list[Found]:
    """Every sample of every length and depth. Lengths that are read in different ways share nothing."""
    by_way: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for length, plan in plans.items():
        by_way[(plan.tiers, plan.segment_tokens, plan.use_memory)].append(length)
    total = len(plans) * len(depths) * samples
    found: list[Found] = []
    for lengths in by_way.values():
        reader = Reader(session.loaded, plans[lengths[0]])
        for sample in range(samples):
            start = sample * len(hay) // samples
            texts = _Texts(session, [*hay[start:], *hay[:start]], random.Random(sample))

            def tell(num_tokens: int) -> None:
                on_event(Writing("pass keys", len(found), total, f"{num_tokens:,} tokens of this text"))

            for one in _read(reader, texts, lengths, depths, tell):
                found.append(one)
                on_event(Writing("pass keys", len(found), total, f"{one.length:,} tokens, depth {one.depth:g}"))
    return found


def summarized(found: Sequence[Found], plans: dict[int, ReadingPlan], without: str | None) -> list[dict[str, Any]]:
    """Means over samples, by length and depth. without: the tier that was switched off; None when all is on always."""
    groups: dict[tuple[int, float], list[Found]] = defaultdict(list)
    for one in found:
        groups[one.length, one.depth].append(one)
    return [
        {
            "length": length,
            "depth": depth,
            "samples": len(group),
            "accuracy": round(sum(one.is_right for one in group) / len(group), 4),
            "digit_accuracy": round(sum(one.digit_share for one in group) / len(group), 4),
            "attention": plans[length].info.mode,
            "without": without,
        }
        for (length, depth), group in sorted(groups.items())
    ]


class _Texts:
    """The haystack of one sample with its needles. Each place has a number of its own."""

    def __init__(self, session: Session, hay: list[int], rng: random.Random) -> None:
        self.hay = hay
        self.rng = rng
        self.session = session
        start = getattr(session.loaded.tokenizer, "bos_token_id", None)
        if start is not None and session.loaded.adapter is None:
            self.hay = [start, *hay]
        self.question = self.encode(needles.ASKED)
        self.needle_tokens = len(self.encode(needles.TOLD.format(number="0" * needles.NUM_DIGITS)))

    def encode(self, text: str) -> list[int]:
        return [token for token, _, _ in self.session.encode(text)]

    def number(self) -> str:
        return "".join(self.rng.choices("0123456789", k=needles.NUM_DIGITS))

    def place(self, length: int, depth: float) -> int:
        """How many tokens stand before the needle."""
        return round(depth * max(0, length - self.needle_tokens))


def _read(
    reader: Reader, texts: _Texts, lengths: Sequence[int], depths: Sequence[float], tell: Callable[[int], None]
) -> Iterator[Found]:
    """All lengths and depths of one haystack."""
    by_place: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for length in lengths:
        for depth in depths:
            by_place[texts.place(length, depth)].append((length, depth))
    segment = reader.plan.segment_tokens
    trunk, trunk_tokens = reader.start(), 0
    for place in sorted(by_place):
        whole = place // segment * segment  # the segments that the needle does not touch
        trunk = _advance(reader, trunk, texts.hay[trunk_tokens:whole], tell)
        trunk_tokens = whole
        number = texts.number()
        told = texts.encode(needles.TOLD.format(number=number))
        ids = [*texts.hay[:place], *told, *texts.hay[place:]]
        state, at = trunk, whole
        for length, depth in sorted(by_place[place]):
            stop = max(at, length // segment * segment)
            state = _advance(reader, state, ids[at:stop], tell)
            at = stop
            end = reader.read(state, ids[stop:length])
            yield Found(length, depth, number, answer(reader, end, texts.question))


def _advance(reader: Reader, state: ReadingState, ids: Sequence[int], tell: Callable[[int], None]) -> ReadingState:
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


def _tokens(session: Session, text: Path | None, num_tokens: int) -> Iterator[int]:
    """At least `num_tokens` tokens of a document, of all of it; repeated where it is too short."""
    total = 0
    if text is not None:
        whole = read_document(str(text)).text
        for start in range(0, len(whole), 1 << 16):
            for token, _, _ in session.encode(whole[start : start + (1 << 16)]):
                yield token
                total += 1
    paragraphs = haystack.endless(haystack.paragraphs(text))
    while total < num_tokens:
        for token, _, _ in session.encode(next(paragraphs) + "\n\n"):
            yield token
            total += 1
