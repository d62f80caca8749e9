"""How well texts are predicted, by position, with and without the memory, and with a state that starts anew.

A memory that helps lowers the loss, the more the longer its state has lived; a memory that drifts raises it far into
a text. With a reset every K tokens the whole state, window and memory, starts empty: what a reset costs without the
memory is the window's share, what it costs beyond that is the memory's.

All ways count the same tokens: all but the first of each text, and but those that any of the resets makes the first
after an empty state, which cannot be predicted. A text is streamed; besides the state there is one number per token.

Neighbouring tokens share their text, so standard errors are those of means over blocks of tokens, not over tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from longdoc.bench.recall import document_tokens, opening, ways
from longdoc.bench.report import Report, report
from longdoc.core.errors import EmptyInput
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.likelihood import read_and_score
from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.session import Session, open_session

_FIRST_BUCKET_TOKENS = 512
_CALL_TOKENS = 8192  # between two events
_BLOCK_TOKENS = 2048  # of a text that vary together: about five pages

Nats = npt.NDArray[np.float32]
Counted = npt.NDArray[np.bool_]


def run(
    options: ModelOptions,
    files: Sequence[Path],
    *,
    resets: Sequence[int | None],
    max_tokens: int | None = None,
    on_event: Listener = ignore,
) -> Report:
    """One row per way, reset and bucket of positions, all files together, and one for all positions (`from` 0).

    resets: tokens between two empty states, None for never.   max_tokens: of each file, from its start.
    With and without the memory the report has `memory_gain` as well, and what `gains` adds.
    """
    session = open_session(options, on_event)
    texts = [list(islice(document_tokens(session, path), max_tokens)) for path in files]
    for path, ids in zip(files, texts, strict=True):
        if len(ids) < 2:
            raise EmptyInput(f"{path} has too little text to be predicted.")
    counted = [counted_tokens(len(ids), resets) for ids in texts]
    chosen_ways = ways(options, without_memory=session.loaded.has_memory and options.memory)
    total = len(chosen_ways) * len(resets) * sum(map(len, texts))
    done = 0
    rows: list[dict[str, Any]] = []
    found: dict[str, list[Sequence[Nats]]] = {}
    for without, chosen in chosen_ways:
        for reset in resets:
            nats = []
            for path, ids in zip(files, texts, strict=True):

                def tell(num_tokens: int, path: Path = path, before: int = done) -> None:
                    on_event(Writing("tokens", before + num_tokens, total, path.name))

                nats.append(losses(session, chosen, ids, reset, tell))
                done += len(ids)
            name = "never" if reset is None else str(reset)
            rows += [{"without": without, "reset": reset or name, **row} for row in bucketed(nats, counted)]
            found.setdefault(name, []).append(nats)
    more = gains({name: (on, off) for name, (on, off) in found.items()}, counted) if len(chosen_ways) == 2 else {}
    return report("perplexity", session.loaded.info, rows, files=[path.name for path in files], **more)


def gains(nats: Mapping[str, tuple[Sequence[Nats], Sequence[Nats]]], counted: Sequence[Counted]) -> dict[str, Any]:
    """What the memory saves in nats per token, each with its standard error (`..._error`), by reset.

    nats: by reset the losses of all texts with the memory, and without it.

    memory_gain: over all positions.   memory_gain_by_tenth: of each text; a memory that drifts saves less and less.
    lasting_gain: what it saves more when the state is never empty again; only where `never` is one of the resets.
    """
    saved = {name: [b - a for a, b in zip(on, off, strict=True)] for name, (on, off) in nats.items()}
    found: dict[str, Any] = {"memory_gain": {}, "memory_gain_error": {}}
    found |= {"memory_gain_by_tenth": {}, "memory_gain_by_tenth_error": {}}
    for name, own in saved.items():
        found["memory_gain"][name], found["memory_gain_error"][name] = mean_and_error(own, counted)
        tenths = [mean_and_error(*_part(own, counted, tenth / 10, (tenth + 1) / 10)) for tenth in range(10)]
        found["memory_gain_by_tenth"][name] = [mean for mean, _ in tenths]
        found["memory_gain_by_tenth_error"][name] = [error for _, error in tenths]
    if "never" in saved and len(saved) > 1:
        found |= {"lasting_gain": {}, "lasting_gain_error": {}}
        for name in saved:
            if name == "never":
                continue
            more = [a - b for a, b in zip(saved["never"], saved[name], strict=True)]
            found["lasting_gain"][name], found["lasting_gain_error"][name] = mean_and_error(more, counted)
    return found


def mean_and_error(values: Sequence[Nats], counted: Sequence[Counted]) -> tuple[float | None, float | None]:
    """Mean over the counted tokens of all texts, and its standard error from blocks; None where there are too few."""
    sums, sizes = [], []
    for own, used in zip(values, counted, strict=True):
        for first in range(0, len(own), _BLOCK_TOKENS):
            block = slice(first, first + _BLOCK_TOKENS)
            if size := int(used[block].sum()):
                sums.append(float(own[block][used[block]].sum(dtype=np.float64)))
                sizes.append(size)
    total = sum(sizes)
    if total == 0:
        return None, None
    mean = sum(sums) / total
    blocks = len(sizes)
    if blocks < 2:
        return round(mean, 5), None
    # a mean over blocks of unequal sizes is a ratio: Cochran, Sampling Techniques, chapter 6
    spread = sum((one - mean * size) ** 2 for one, size in zip(sums, sizes, strict=True))
    return round(mean, 5), round(math.sqrt(spread * blocks / (blocks - 1)) / total, 5)


def _part(
    values: Sequence[Nats], counted: Sequence[Counted], start: float, end: float
) -> tuple[list[Nats], list[Counted]]:
    """The stretch of each text from one share of its tokens to another."""
    spans = [slice(round(start * len(own)), round(end * len(own))) for own in values]
    return (
        [own[span] for own, span in zip(values, spans, strict=True)],
        [used[span] for used, span in zip(counted, spans, strict=True)],
    )


def losses(
    session: Session, options: ModelOptions, ids: Sequence[int], reset: int | None, tell: Any = lambda _: None
) -> Nats:
    """Nats of each token of a text, (T,), the state empty again every `reset` tokens."""
    plan = plan_reading(session.loaded, options, len(ids))
    reader = Reader(session.loaded, plan)
    start = reader.read(reader.start(), opening(session))
    every = len(ids) if reset is None else reset
    found: list[Nats] = []
    for begin in range(0, len(ids), every):
        state, end = start, min(len(ids), begin + every)
        for first in range(begin, end, _CALL_TOKENS):
            state, scores = read_and_score(reader, state, ids[first : min(end, first + _CALL_TOKENS)])
            found.append(-scores.numpy())
            tell(min(end, first + _CALL_TOKENS))
    return np.concatenate(found)


def counted_tokens(num_tokens: int, resets: Sequence[int | None]) -> Counted:
    """Which tokens count: those that follow another one whatever the reset."""
    position = np.arange(num_tokens)
    counted = position > 0
    for reset in resets:
        if reset is not None:
            counted &= position % reset != 0
    return counted


def bucketed(nats: Sequence[Nats], counted: Sequence[Counted]) -> list[dict[str, Any]]:
    """Means over the counted tokens of all texts by position: 0-512, 512-1,024, then doubling; the last row: all."""
    longest = max(map(len, nats))
    edges = [0, _FIRST_BUCKET_TOKENS]
    while edges[-1] < longest:
        edges.append(2 * edges[-1])
    spans = [(start, min(end, longest)) for start, end in pairwise(edges)]
    rows = []
    for start, end in spans if len(spans) == 1 else [*spans, (0, longest)]:
        own = np.concatenate([n[start:end][c[start:end]] for n, c in zip(nats, counted, strict=True)])
        if len(own):
            mean = float(own.mean(dtype=np.float64))
            row = {"from": start, "to": end, "tokens": len(own), "nats": round(mean, 5)}
            rows.append({**row, "perplexity": round(math.exp(mean), 4)})
    return rows
