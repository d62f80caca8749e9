"""Facts that outlive their row: told in one row of a memory's life, asked for after any later one.

A row ends with questions. They are read on a fork: the life goes on from the state before them, as it does where a
user asks, so that no question tells the memory again what it asks for. A fact that an early row told can then only be
known if no later write has erased it. Rows alone cannot teach that: what they ask for, they told themselves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from longdoc.train.tasks import Piece, Row, RowMaker, joined

_TELLING_ROWS = (1, 2, 4, 8)  # rows in which a life's facts are told
_LOOK_ALIKES = 60  # at most one in so many tokens


@dataclass(slots=True)
class Life:
    """One slot's facts (name, or None for the pass key, and number). per_row: how many the next rows tell."""

    untold: list[tuple[str | None, str]] = field(default_factory=list)
    told: list[tuple[str | None, str]] = field(default_factory=list)
    per_row: int = 1

    def plain(self) -> dict[str, Any]:
        """For a checkpoint: lists, strings and numbers."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Life:
        """The opposite of `plain`."""
        facts = {key: [(name, number) for name, number in plain[key]] for key in ("untold", "told")}
        return cls(**facts, per_row=plain["per_row"])


def begin(maker: RowMaker, most_facts: int) -> Life:
    """A life without a past. most_facts: it will tell at least 2 and at most so many, each as likely."""
    rng = maker.rng
    names = dict.fromkeys(maker.name() for _ in range(rng.randint(2, most_facts)))
    facts: list[tuple[str | None, str]] = [(name, maker.number()) for name in names]
    if rng.random() < 0.3:
        facts.insert(rng.randrange(len(facts) + 1), (None, maker.number()))
    return Life(untold=facts, per_row=-(-len(facts) // rng.choice(_TELLING_ROWS)))


def row(maker: RowMaker, life: Life, num_tokens: int, asked_tokens: int) -> Row:
    """The next row of a life, `num_tokens + 1` ids and weights; the last `asked_tokens` of the inputs are questions.

    Facts move from `untold` to `told`. Questions go to any fact told so far, each at most once in a row.
    """
    rng, room = maker.rng, num_tokens - asked_tokens
    events: list[tuple[float, list[Piece]]] = []
    total = 0
    while life.untold and len(events) < life.per_row:
        fact = life.untold.pop(0)
        pieces = maker.told(*fact)
        if total + len(pieces[0][0]) > 0.8 * room:
            life.untold.insert(0, fact)
            break
        total += len(pieces[0][0])
        life.told.append(fact)
        events.append((rng.random(), pieces))
    known = [name for name, _ in life.told]
    for _ in range(int(rng.random() ** 2 * room / _LOOK_ALIKES)):
        look_alike = maker.encode(maker.look_alike(known))
        if total + len(look_alike) < 0.8 * room:
            total += len(look_alike)
            events.append((rng.random(), [(look_alike, 0.0)]))
    content = _spread(maker, events, room, room - total)
    asked: list[Piece] = []
    left = asked_tokens + 1
    for fact in rng.sample(life.told, len(life.told)):
        question = maker.wanted(*fact)
        if (size := sum(len(ids) for ids, _ in question)) <= left:
            asked += question
            left -= size
    if left:
        asked.append((maker.text(left), 0.0))
    ids, weights = joined(content + asked)
    assert len(ids) == num_tokens + 1, "content, questions and what fills them up make a row"
    return ids, weights


def _spread(maker: RowMaker, events: list[tuple[float, list[Piece]]], room: int, num_filler: int) -> list[Piece]:
    """The events in the order of their places, 0 to 1, with `num_filler` tokens of text or numbers between them."""
    filler = maker.surroundings(num_filler)
    pieces: list[Piece] = []
    at = 0
    for place, event in sorted(events, key=lambda event: event[0]):
        until = int(place * num_filler)
        pieces += [*maker.filler(filler[at:until]), *event]
        at = until
    return [*pieces, *maker.filler(filler[at:])]
