"""The sizes of what a reading keeps, and what follows from them. Knows nothing of tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from longdoc.core.errors import ModelUnavailable

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


def layer_tiers(config: Any, tiers: Tiers) -> list[Tiers]:
    """The tiers of each layer: natively sliding layers keep the model's own window, without sinks."""
    text = config.get_text_config(decoder=True)
    native = getattr(text, "sliding_window", None)
    kinds = getattr(text, "layer_types", None)
    if kinds is None:
        kinds = ["sliding_attention" if native else "full_attention"] * text.num_hidden_layers
    result = []
    for kind in kinds:
        if kind == "sliding_attention" and native:
            result.append(Tiers(sinks=0, window=min(native, tiers.window), kv_bits=tiers.kv_bits))
        elif kind in ("full_attention", "sliding_attention"):
            result.append(tiers)
        else:
            raise ModelUnavailable(
                f"This model has layers of the kind {kind!r}.",
                why="longdoc streams full and sliding attention only",
                fix="choose a Llama, Qwen, Mistral, Gemma, Phi, Granite or OLMo model",
            )
    return result
