"""What a compressive memory did with a document, in numbers. Knows nothing of how a memory works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What the compressive memory of one layer did while a document was read, by head.

    layer: of the model, from 0.   num_tokens: that went through it, the prompt before the document included.
    written: how many of them each head took.   gate: the mean of that which opens its output, from 0 to 1.
    """

    layer: int
    num_tokens: int
    written: tuple[int, ...]
    gate: tuple[float, ...]
