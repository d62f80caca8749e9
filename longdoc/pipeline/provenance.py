"""Which tiers an answer came from: search, window, highlights, memory.

Where the document's own words stand can be looked up: in the passages that were read again (search), or among the last
tokens that were read (window). What highlights and memory hold cannot be looked at, so it is tried: the model reads the
same request on the same state with the tier switched off, and the tier is named if its own answer becomes clearly less
likely. A sentence that rankers chose among found passages comes from the search alone: the state had no say in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from longdoc.core.types import Citation, Evidence
from longdoc.engine.ablation import held_tiers, without
from longdoc.engine.reader import ReadingState
from longdoc.engine.tiers import KEEP_ALL
from longdoc.pipeline.reading import Reading

CHOSEN = ("search",)
_LEAST_NATS = 1.0  # of the whole answer
_LEAST_NATS_PER_TOKEN = 0.1
_CHARACTERS_PER_TOKEN = 8  # more than most texts have


def of_written(
    reading: Reading,
    request: Sequence[int],
    asked: ReadingState,
    ids: Sequence[int],
    citations: Sequence[Citation],
    evidence: Sequence[Evidence] = (),
) -> tuple[str, ...]:
    """The tiers that tokens came from which the model wrote or chose after a request.

    asked: the state that has read the request.   citations: of the answer.   evidence: passages inside the request.
    """
    tiers = []
    if any(e.citation.start <= c.start and c.end <= e.citation.end for c in citations for e in evidence):
        tiers.append("search")
    if citations:
        seen_from = window_start(reading, len(request))
        tiers += ["window"] if any(c.start >= seen_from for c in citations) else []
    return (*tiers, *needed(reading, request, asked, ids))


def needed(reading: Reading, request: Sequence[int], asked: ReadingState, ids: Sequence[int]) -> list[str]:
    """The tiers without which the answer is less likely: by a nat in all, and a tenth of one for each token."""
    reader = reading.reader
    tiers = held_tiers(reading.state) if reading.plan.info.mode == "stream" else ()
    if not tiers or not ids:
        return []
    likely = float(reader.score(asked, [ids])[0].sum())
    least = max(_LEAST_NATS, _LEAST_NATS_PER_TOKEN * len(ids))
    found = []
    for tier in tiers:
        poorer = reader.read(without(reading.state, tier), request)
        if likely - float(reader.score(poorer, [ids])[0].sum()) >= least:
            found.append(str(tier))
    return found


def window_start(reading: Reading, request_tokens: int) -> int:
    """The first character of the document that stands in the window beside a request."""
    text, window = reading.document.text, reading.plan.tiers.window
    if window == KEEP_ALL:
        return 0
    room = window - request_tokens
    if room <= 0:
        return len(text)
    first = max(0, len(text) - _CHARACTERS_PER_TOKEN * room)
    tokens = reading.framing.tokens(text[first:])
    return first + tokens[-room][1] if len(tokens) > room else first
