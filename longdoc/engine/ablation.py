"""A reading state with one of its tiers switched off: for asking whether what is written comes from it.

The state that is given stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from longdoc.engine.highlights import Highlights
from longdoc.engine.reader import ReadingState

Tier = Literal["highlights", "memory"]


def held_tiers(state: ReadingState) -> tuple[Tier, ...]:
    """The tiers that hold something of what has left the window."""
    layers = state.cache.layers
    held: list[Tier] = []
    if any(layer.highlights is not None and layer.highlights.keys.shape[2] for layer in layers):
        held.append("highlights")
    if state.cache.use_memory and any(layer.memory is not None for layer in layers):
        held.append("memory")
    return tuple(held)


def without(state: ReadingState, tier: Tier) -> ReadingState:
    """The same state, except that nothing is found in one tier. What is read into it from here on may enter again,
    except for a memory, which is neither read nor written any more.
    """
    cache = state.cache.fork()
    if tier == "memory":
        cache.use_memory = False
    else:
        for layer in cache.layers:
            layer.highlights = _emptied(layer.highlights) if layer.highlights is not None else None
    return ReadingState(cache, state.logits, state.num_tokens)


def _emptied(held: Highlights) -> Highlights:
    """No highlights; what the next turn chooses by stays. Copies, because views would keep all of them alive."""
    none = {
        name: getattr(held, name)[:, :, :0].clone() for name in ("keys", "values", "positions", "scores", "used")
    }  # fmt: skip
    return replace(held, **none)
