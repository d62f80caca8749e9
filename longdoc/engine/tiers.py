"""The sizes of what a reading keeps, and what follows from them. Knows nothing of tensors."""

from __future__ import annotations

from dataclasses import dataclass

KEEP_ALL = 1 << 40  # a window that nothing leaves: exact attention
_TURN_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Tiers:
    """Sizes in tokens.

    sinks: S, the first tokens.   window: W, each token sees the last W, itself included.
    highlights: C, chosen from those that left the window.
    kv_bits: of an entry of the window's keys and values: 8, or 16 for the model's own precision.
    """

    sinks: int = 4
    window: int = 1024
    highlights: int = 0
    kv_bits: int = 16

    @property
    def turn(self) -> int:
        """Tokens between two choices of highlights, and for which decoding keeps its rotations."""
        return max(1, min(_TURN_TOKENS, self.window // 4))

    @property
    def reach(self) -> int:
        """The distance of the nearest sink once a token was dropped; highlights and window are nearer."""
        return self.window + (self.highlights + self.turn - 1 if self.highlights else 0)

    def first_local(self, num_seen: int) -> int:
        """Position of the first token that the window keeps after `num_seen`, unless it is a sink.

        With highlights, tokens that left the window stay until the next turn has judged them.
        """
        last_turn = num_seen // self.turn * self.turn if self.highlights else num_seen
        return max(self.sinks, last_turn - self.window + 1)
