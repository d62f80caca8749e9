"""Verbatim decoding: what is emitted is always a span of the document.

The candidate passages are a token automaton: a state is the set of places (passage, position) that the tokens so
far may stand at. A step allows the tokens that follow at one of these places, and the end token where a span may
end. So nothing can be made up, and the emitted tokens are a span by construction.

Knows nothing of models: it maps logits to logits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A candidate passage in tokens.

    ids: its tokens.   offsets: their character spans in the document.
    starts, ends: positions of tokens that may begin or end what is emitted (sentence or word boundaries).
    """

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    starts: frozenset[int]
    ends: frozenset[int]

    @classmethod
    def whole(cls, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> TokenSpan:
        """A passage that is emitted from its first to its last token: a sentence."""
        return cls(tuple(ids), tuple(offsets), frozenset({0}), frozenset({len(ids) - 1}))


def _up_to_the_last_end(span: TokenSpan) -> TokenSpan:
    """The span without what no end can be reached from: decoding never runs into a dead end."""
    last = max(span.ends)
    return TokenSpan(
        span.ids[: last + 1], span.offsets[: last + 1], frozenset(s for s in span.starts if s <= last), span.ends
    )


class VerbatimConstraint:
    """Masks logits so that the decoded tokens follow one of the candidates. One instance serves one decoding."""

    def __init__(self, candidates: Iterable[TokenSpan], end_id: int) -> None:
        self.candidates = [_up_to_the_last_end(c) for c in candidates if c.ids and c.ends]
        self.end_id = end_id
        self.places: list[tuple[int, int]] | None = None  # (candidate, position of the last token); None: not begun
        self.origin: list[int] = []  # where each place's span began

    def allowed(self) -> list[int]:
        """Token ids that may come next; the end id where a span may end. Empty: nothing to emit."""
        if self.places is None:
            return sorted({c.ids[start] for c in self.candidates for start in c.starts})
        following = {
            self.candidates[c].ids[at + 1] for c, at in self.places if at + 1 < len(self.candidates[c].ids)
        }  # fmt: skip
        if any(at in self.candidates[c].ends for c, at in self.places):
            following.add(self.end_id)
        return sorted(following)

    def mask(self, logits: Tensor) -> Tensor:
        """(V,) -> (V,) with minus infinity wherever the automaton has no edge."""
        masked = torch.full_like(logits, float("-inf"))
        index = torch.tensor(self.allowed(), device=logits.device)
        masked[index] = logits[index]
        return masked

    def advance(self, token: int) -> None:
        """Follow an edge. The token must be one of `allowed()` and not the end id."""
        if self.places is None:
            begun = [(c, s) for c, span in enumerate(self.candidates) for s in span.starts if span.ids[s] == token]
            self.places, self.origin = begun, [s for _, s in begun]
        else:
            kept = [
                (c, at + 1, origin)
                for (c, at), origin in zip(self.places, self.origin, strict=True)
                if at + 1 < len(self.candidates[c].ids) and self.candidates[c].ids[at + 1] == token
            ]
            self.places, self.origin = [(c, at) for c, at, _ in kept], [origin for _, _, origin in kept]
        assert self.places, "the token is not one that the automaton allows"

    def span(self) -> tuple[int, int] | None:
        """The character span of what was emitted, if it may end here: of the earliest candidate that fits."""
        for (c, at), origin in zip(self.places or [], self.origin, strict=True):
            candidate = self.candidates[c]
            if at in candidate.ends:
                return candidate.offsets[origin][0], candidate.offsets[at][1]
        return None
