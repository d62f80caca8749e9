"""How many facts told in a long text are still known at its end: N names with a number each, any of them asked for.

The facts are spread evenly: fact i of N (from 0) stands after the share (i + 1/2) / N of the text's other tokens, so
N = 1 is the middle. A text is read once, and every fact of it is asked for on a fork of the state at its end. With
many facts in a short text the last ones stand within the window; the control without memory shows how many.

The words are those of the training, the names are not (`names.py`). Multi-key needles as in RULER (arXiv 2404.06654,
section 3), each key asked for. L length in tokens with the facts.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from longdoc.bench import haystack
from longdoc.bench.names import NAMES
from longdoc.bench.recall import Tell, Texts, advance, answer, digit_share, hay_tokens, rotated, ways
from longdoc.bench.report import Report, report
from longdoc.core import needles
from longdoc.core.errors import UsageError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, ReadingPlan, plan_reading
from longdoc.pipeline.session import Session, open_session


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact and what came back. depth: share of the text before it, 0 to 1."""

    depth: float
    told: str
    answered: str


def run(
    options: ModelOptions,
    *,
    lengths: Sequence[int],
    facts: Sequence[int],
    samples: int,
    text: Path | str | None = None,
    without_memory: bool = False,
    on_event: Listener = ignore,
) -> Report:
    """One row per length and number of facts. samples: texts for each.   text: as in `recall.hay_tokens`.

    Raises UsageError when there are more facts than names, or than a text has room for.
    """
    if max(facts) > len(NAMES):
        raise UsageError(f"{max(facts)} facts are too many.", why=f"there are {len(NAMES)} names", fix="fewer --facts")
    session = open_session(options, on_event)
    hay = list(hay_tokens(session, text, max(lengths)))
    rows: list[dict[str, Any]] = []
    jobs = [(length, count) for length in lengths for count in facts]
    chosen_ways = ways(options, without_memory)
    total = len(chosen_ways) * samples * sum(count for _, count in jobs)
    asked = 0
    for without, chosen in chosen_ways:
        for length, count in jobs:
            plan = plan_reading(session.loaded, chosen, length)
            found: list[Fact] = []
            for sample in range(samples):
                texts = Texts(session, rotated(hay, sample, samples), random.Random(sample))
                tell = partial(_tell, on_event, asked, total)
                for fact in recalled(session, plan, texts, length, count, tell):
                    found.append(fact)
                    asked += 1
                    on_event(Writing("facts", asked, total, f"{count} in {length:,} tokens"))
            rows.append(_row(length, count, found, plan, without))
    return report("needles", session.loaded.info, rows, haystack=haystack.name_of(text))


def _tell(on_event: Listener, asked: int, total: int, num_tokens: int) -> None:
    on_event(Writing("facts", asked, total, f"{num_tokens:,} tokens of this text"))


def recalled(
    session: Session, plan: ReadingPlan, texts: Texts, length: int, count: int, tell: Tell = lambda _: None
) -> Iterator[Fact]:
    """Read one text of `length` tokens with `count` facts in it, then ask for each of them."""
    names = texts.rng.sample(NAMES, count)
    numbers = [texts.number() for _ in names]
    reader = Reader(session.loaded, plan)
    ids, depths = with_facts(
        texts.hay, [texts.encode(needles.told(*fact)) for fact in zip(names, numbers, strict=True)], length
    )
    state = advance(reader, reader.start(), ids, tell)
    for name, number, depth in zip(names, numbers, depths, strict=True):
        yield Fact(depth, number, answer(reader, state, texts.encode(needles.asked(name))))


def with_facts(hay: Sequence[int], facts: Sequence[Sequence[int]], length: int) -> tuple[list[int], list[float]]:
    """`length` tokens with the facts spread evenly among them, and the share of the text before each fact."""
    room = length - sum(map(len, facts))
    if room < 0:
        raise UsageError(
            f"{len(facts)} facts do not fit into {length:,} tokens.",
            why=f"they take {length - room:,} tokens themselves",
            fix="fewer --facts, or larger --lengths",
        )
    ids: list[int] = []
    depths: list[float] = []
    used = 0
    for index, fact in enumerate(facts):
        stop = round((index + 0.5) / len(facts) * room)
        ids += hay[used:stop]
        used = stop
        depths.append(len(ids) / length)
        ids += fact
    return [*ids, *hay[used:room]], depths


def _row(length: int, count: int, found: Sequence[Fact], plan: ReadingPlan, without: str | None) -> dict[str, Any]:
    """Means over all questions, and the accuracy of the facts in the first, middle and last third of the text."""
    thirds: dict[int, list[bool]] = defaultdict(list)
    for fact in found:
        thirds[min(2, int(3 * fact.depth))].append(fact.told == fact.answered)
    return {
        "length": length,
        "facts": count,
        "samples": len(found),
        "accuracy": round(sum(fact.told == fact.answered for fact in found) / len(found), 4),
        "digit_accuracy": round(sum(digit_share(fact.told, fact.answered) for fact in found) / len(found), 4),
        "accuracy_by_third": [round(sum(t) / len(t), 4) if (t := thirds.get(i)) else None for i in range(3)],
        "attention": plan.info.mode,
        "without": without,
    }
