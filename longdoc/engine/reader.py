"""The reader: streams tokens into a state, forks it, scores and writes.

A state is a `StreamingCache` with the logits of its last token. Everything that writes works on a fork, so one
reading serves any number of notes and questions. No full-length cache exists anywhere on this path.

Shapes: B batch, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.core.errors import OutOfMemory
from longdoc.engine.cache import StreamingCache
from longdoc.engine.finite import check_logits, check_state, not_finite
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.plan import plan_reading as plan_reading  # who reads needs both
from longdoc.engine.rope import fix_length, length_dependent
from longdoc.engine.verbatim import VerbatimConstraint

_SCORED_ROWS = 16  # continuations scored at once, at most
_SCORED_LOGITS = 1 << 24  # and logits of them, at most (64 MiB in float32)
_SCORED_BYTES = 1 << 30  # and of their states: each row has one of its own


@dataclass(frozen=True, slots=True)
class ReadingState:
    """What has been read. logits: (V,) of the last token, None before the first.   num_tokens: read so far."""

    cache: StreamingCache
    logits: Tensor | None
    num_tokens: int


def _call_tokens(num_tokens: int, segment_tokens: int) -> list[int]:
    """How many tokens each call takes: whole segments, then a rest of few different sizes.

    oneDNN keeps the code and the workspace of every shape that it has met (5 MB each for the embedded model), so that
    segments of all lengths would make memory grow with the document. The result does not depend on the cut.
    """
    calls = [segment_tokens] * (num_tokens // segment_tokens)
    rest = num_tokens % segment_tokens
    for step in (256, 32):
        if rest >= step:
            calls.append(rest // step * step)
            rest %= step
    return calls + [1 << bit for bit in range(4, -1, -1) if rest >> bit & 1]


class Reader:
    """Runs one model under one plan. Greedy everywhere: the same input gives the same output."""

    def __init__(self, loaded: LoadedModel, plan: ReadingPlan) -> None:
        self.loaded = loaded
        self.plan = plan
        self._rotaries = length_dependent(loaded.model)
        self.tokens_written = 0
        self.write_seconds = 0.0

    def start(self) -> ReadingState:
        """A state into which nothing was read."""
        cache = StreamingCache(self.loaded.model.config, self.plan.tiers, use_memory=self.plan.use_memory)
        return ReadingState(cache, None, 0)

    def read(self, state: ReadingState, ids: Sequence[int]) -> ReadingState:
        """The state after `ids` as well, in calls of at most a segment. The given state stays as it is.

        Raises LongdocError when a number is not finite any more: no state ever holds one.
        """
        if not ids:
            return state
        self._switch(writing=False)
        cache = state.cache.fork()
        cache.begin_reading()
        tokens = torch.tensor([list(ids)], device=self.loaded.device)
        logits = None
        for piece in torch.split(tokens, _call_tokens(len(ids), self.plan.segment_tokens), 1):
            out = self._run(piece, cache, keep=1)
            check_state(cache, piece.shape[1])
            logits = out.logits[0, -1]
        assert logits is not None
        check_logits(logits, state.num_tokens + len(ids))
        cache.settle()
        return ReadingState(cache, logits, state.num_tokens + len(ids))

    def score(self, state: ReadingState, continuations: Sequence[Sequence[int]]) -> list[Tensor]:
        """Log-probabilities of each token of each continuation after `state`: one (T,) float32 tensor each."""
        return [taken for taken, _ in self.expect(state, continuations)]

    def expect(self, state: ReadingState, continuations: Sequence[Sequence[int]]) -> list[tuple[Tensor, Tensor]]:
        """As `score`, and besides the log-probabilities of whatever comes next: (T,) and (V,) float32 for each.

        In batches of about equal length; a row's result does not depend on its neighbours, but for rounding. With keys
        and values in 8 bits that may put an entry on the other side of a step, 1/127 of its token's largest.
        """
        results: dict[int, tuple[Tensor, Tensor]] = {}
        order = sorted(range(len(continuations)), key=lambda i: len(continuations[i]))
        most_rows = min(_SCORED_ROWS, _SCORED_BYTES // max(1, state.cache.num_bytes()))
        most_tokens = _SCORED_LOGITS // self.loaded.model.get_input_embeddings().weight.shape[0]
        while order:
            longest = len(continuations[order[-1]])
            count = max(1, min(most_rows, most_tokens // max(1, longest)))
            chosen, order = order[-count:], order[:-count]
            results.update(zip(chosen, self._score_batch(state, [continuations[i] for i in chosen]), strict=True))
        return [results[i] for i in range(len(continuations))]

    def _score_batch(self, state: ReadingState, rows: list[Sequence[int]]) -> list[tuple[Tensor, Tensor]]:
        """Rows padded on the right: padding comes after every token that counts, so causality makes it harmless."""
        self._switch(writing=False)
        length = max(len(row) for row in rows)
        assert min(len(row) for row in rows) > 0, "an empty continuation has no score"
        ids = torch.tensor([[*row, *[0] * (length - len(row))] for row in rows], device=self.loaded.device)
        cache = state.cache.expand(len(rows)) if state.num_tokens else state.cache.fork()
        log_probabilities = F.log_softmax(self._forward(ids, cache, keep=0).float(), -1)
        if state.logits is not None:
            first = F.log_softmax(state.logits.float(), -1).expand(len(rows), 1, -1)
        else:  # nothing read: the first token is as likely as any other
            first = torch.full_like(log_probabilities[:, :1], -math.log(log_probabilities.shape[-1]))
        before = torch.cat([first, log_probabilities[:, :-1]], 1)
        taken = before.gather(-1, ids[..., None])[..., 0].cpu()
        if any(bool(taken[i, : len(row)].isnan().any()) for i, row in enumerate(rows)):
            raise not_finite("the model's output", state.num_tokens + length)
        return [(taken[i, : len(row)], log_probabilities[i, len(row) - 1].cpu()) for i, row in enumerate(rows)]

    def write(
        self,
        state: ReadingState,
        *,
        max_tokens: int,
        constraint: VerbatimConstraint | None = None,
        end_ids: frozenset[int] = frozenset(),
    ) -> Iterator[int]:
        """Decode greedily from a fork of `state`; yields token ids, without the end id.

        constraint: what may be emitted (`verbatim.py`).   end_ids: tokens that end the writing.
        """
        assert state.logits is not None, "there must be something to go on from"
        started = time.perf_counter()
        cache, logits = state.cache.fork(), state.logits
        try:
            for _ in range(max_tokens):
                if constraint is not None:
                    if not constraint.allowed():
                        return
                    logits = constraint.mask(logits)
                best, index = logits.max(-1)  # NaN and infinity are the largest
                if not math.isfinite(best):
                    raise not_finite("the model's output", cache.num_seen)
                token = int(index)
                if token in end_ids or (constraint is not None and token == constraint.end_id):
                    return
                if constraint is not None:
                    constraint.advance(token)
                self.tokens_written += 1
                yield token
                self._switch(writing=True)  # whoever took the token may have read since
                logits = self._forward(torch.tensor([[token]], device=self.loaded.device), cache, keep=1)[0, -1]
        finally:
            self.write_seconds += time.perf_counter() - started

    def _switch(self, *, writing: bool) -> None:
        """4-bit weights on a processor have a layout for many tokens and one for a single token."""
        kernel = self.loaded.kernel
        if kernel is not None:
            kernel.for_writing() if writing else kernel.for_reading()

    def _forward(self, ids: Tensor, cache: StreamingCache, keep: int) -> Tensor:
        """(B, T) -> (B, T or keep, V); the cache moves on."""
        logits: Tensor = self._run(ids, cache, keep).logits
        return logits

    def _run(self, ids: Tensor, cache: StreamingCache, keep: int) -> Any:
        """The model's output."""
        for rotary in self._rotaries:  # another plan may have read with this model since
            fix_length(rotary, self.plan.reach_tokens)
        try:
            with torch.inference_mode():
                return self.loaded.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=keep)
        except torch.OutOfMemoryError as error:
            raise OutOfMemory(
                "The GPU's memory is full.",
                why=str(error).split("\n")[0],
                fix="a smaller --segment or --window, or --quantize 4bit",
            ) from error
