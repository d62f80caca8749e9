"""Whether a number told early in a long text is still known at its end, by length and depth.

Passkey retrieval as in Landmark Attention (arXiv 2305.16300); we ask in a text that goes on, without an instruction
in front of it.

A state can be forked, so what texts have in common is read once: the haystack before the needle for all depths, and
what follows a needle for all lengths. Texts are cut into segments as if each was read alone, so that the results are
the same ones. L length in tokens with the needle, p tokens before the needle.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longdoc.bench import haystack
from longdoc.bench.recall import Tell, Texts, advance, answer, digit_share, hay_tokens, rotated, ways
from longdoc.bench.report import Report, report
from longdoc.core import needles
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, ReadingPlan, plan_reading
from longdoc.pipeline.session import Session, open_session


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
        return digit_share(self.told, self.answered)


def run(
    options: ModelOptions,
    *,
    lengths: Sequence[int],
    depths: Sequence[float],
    samples: int,
    text: Path | str | None = None,
    without_memory: bool = False,
    on_event: Listener = ignore,
) -> Report:
    """One row per length and depth. text: as in `hay_tokens`. without_memory: measure that as well."""
    session = open_session(options, on_event)
    hay = list(hay_tokens(session, text, max(lengths)))
    rows: list[dict[str, Any]] = []
    for without, chosen in ways(options, without_memory):
        reader_plans = {length: plan_reading(session.loaded, chosen, length) for length in lengths}
        found = measure(session, hay, reader_plans, depths, samples, on_event)
        rows += summarized(found, reader_plans, without)
    return report("passkey", session.loaded.info, rows, haystack=haystack.name_of(text))


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
            texts = Texts(session, rotated(hay, sample, samples), random.Random(sample))

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


def place_of(length: int, depth: float, needle_tokens: int) -> int:
    """How many tokens stand before the needle."""
    return round(depth * max(0, length - needle_tokens))


def _read(reader: Reader, texts: Texts, lengths: Sequence[int], depths: Sequence[float], tell: Tell) -> Iterator[Found]:
    """All lengths and depths of one haystack. Each place has a number of its own."""
    question = texts.encode(needles.asked(None))
    needle_tokens = len(texts.encode(needles.told(None, "0" * needles.NUM_DIGITS)))
    by_place: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for length in lengths:
        for depth in depths:
            by_place[place_of(length, depth, needle_tokens)].append((length, depth))
    segment = reader.plan.segment_tokens
    trunk, trunk_tokens = reader.start(), 0
    for place in sorted(by_place):
        whole = place // segment * segment  # the segments that the needle does not touch
        trunk = advance(reader, trunk, texts.hay[trunk_tokens:whole], tell)
        trunk_tokens = whole
        number = texts.number()
        told = texts.encode(needles.told(None, number))
        ids = [*texts.hay[:place], *told, *texts.hay[place:]]
        state, at = trunk, whole
        for length, depth in sorted(by_place[place]):
            stop = max(at, length // segment * segment)
            state = advance(reader, state, ids[at:stop], tell)
            at = stop
            end = reader.read(state, ids[stop:length])
            yield Found(length, depth, number, answer(reader, end, question))
