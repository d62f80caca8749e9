"""What a memory does with a text: how much its heads write, how far they are open, and how full they get.

Per layer and head, over all tokens up to each length: the mean write strength (0 where the threshold cuts it off),
the share of tokens written at all, the mean of the read gate, and the Frobenius norm of the memory's matrix at that
length. Forgetting is the sum of the writes that nobody wanted: a good memory writes few tokens of a text without
facts, and its norm stops growing.

The paper's form writes every token with strength 1 and has a constant gate per query head, beside the matrix of that
head's group. Shapes: B batch, H memory heads, T new tokens, E hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longdoc.bench import haystack
from longdoc.bench.recall import advance, hay_tokens, opening
from longdoc.bench.report import Report, report
from longdoc.core.errors import UsageError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.attention import attention_modules
from longdoc.engine.cache import StreamingCache
from longdoc.engine.memory import DeltaMemory, PaperMemory
from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.session import open_session


@dataclass(slots=True)
class Tally:
    """Sums over the tokens that one layer's memory has met: strength, writes and read gates, (H,) float64 each."""

    strength: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    written: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    gate: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    num_tokens: int = 0

    def add(self, memory: DeltaMemory, args: tuple[Any, ...], output: Any) -> None:
        """A forward hook: what the memory has just done with (B, T, E) hidden states."""
        assert memory.last_strength is not None
        raw = memory.last_strength.double().cpu()  # (B, T, H)
        strength = raw * (raw >= torch.tensor(memory.config.thresholds()))
        gate = torch.sigmoid(memory.read_gate(args[0]).double()).cpu()
        self.strength = self.strength + strength.sum((0, 1))
        self.written = self.written + (strength > 0).double().sum((0, 1))
        self.gate = self.gate + gate.sum((0, 1))
        self.num_tokens += strength.shape[0] * strength.shape[1]


def run(
    options: ModelOptions,
    *,
    lengths: Sequence[int],
    text: Path | str | None = None,
    on_event: Listener = ignore,
) -> Report:
    """One row per length, layer and head, of one reading. text: as in `hay_tokens`.

    Raises UsageError when the model reads without a memory.
    """
    session = open_session(options, on_event)
    longest = max(lengths)
    plan = plan_reading(session.loaded, options, longest)
    if not plan.use_memory:
        raise UsageError(
            f"The model {options.model} reads without a memory.",
            why="it has none" if not session.loaded.has_memory else "--no-memory or --attention exact",
            fix="name one with --adapter, or leave out what switches it off",
        )
    reader = Reader(session.loaded, plan)
    ids = [*opening(session), *hay_tokens(session, text, longest)]
    memories = memories_of(session.loaded.model)
    state, rows = reader.start(), []

    def tell(num_tokens: int) -> None:
        on_event(Writing("tokens", num_tokens, longest, "gates"))

    with tallied(memories) as tallies:
        for length in sorted(lengths):
            state = advance(reader, state, ids[state.num_tokens : length], tell)
            rows += layer_rows(length, memories, tallies, state.cache)
    return report("gates", session.loaded.info, rows, haystack=haystack.name_of(text))


def memories_of(model: Any) -> dict[int, DeltaMemory | PaperMemory]:
    """The memories that were attached to a model, by layer."""
    found = {int(m.layer_idx): getattr(m, "longdoc_memory", None) for m in attention_modules(model)}  # type: ignore[arg-type]
    return {layer: memory for layer, memory in sorted(found.items()) if memory is not None}


@contextmanager
def tallied(memories: dict[int, DeltaMemory | PaperMemory]) -> Iterator[dict[int, Tally]]:
    """Count what the delta memories do inside the block."""
    tallies = {layer: Tally() for layer in memories}
    hooks = [
        memory.register_forward_hook(tallies[layer].add)
        for layer, memory in memories.items()
        if isinstance(memory, DeltaMemory)
    ]
    try:
        yield tallies
    finally:
        for hook in hooks:
            hook.remove()


def layer_rows(
    length: int, memories: dict[int, DeltaMemory | PaperMemory], tallies: dict[int, Tally], cache: StreamingCache
) -> list[dict[str, Any]]:
    """The rows of one length."""
    rows = []
    for layer, memory in memories.items():
        held = cache.layers[layer].memory
        assert held is not None, "a memory that has read has a state"
        norms = held.matrix[0].double().flatten(1).norm(dim=1).tolist()
        strength, written, gate = _means(memory, tallies[layer])
        group = len(gate) // len(norms)
        for head, value in enumerate(gate):
            rows.append(
                {
                    "length": length,
                    "layer": layer,
                    "head": head,
                    "write_strength": round(strength[head], 5),
                    "share_written": round(written[head], 5),
                    "read_gate": round(value, 5),
                    "norm": round(norms[head // group], 4),
                }
            )
    return rows


def _means(memory: DeltaMemory | PaperMemory, tally: Tally) -> tuple[list[float], list[float], list[float]]:
    """Mean write strength, share of tokens written, mean read gate: by head."""
    if isinstance(memory, PaperMemory):
        constant: list[float] = torch.sigmoid(memory.gate.double()).tolist()
        return [1.0] * len(constant), [1.0] * len(constant), constant
    strength, written, gate = (s / tally.num_tokens for s in (tally.strength, tally.written, tally.gate))
    return strength.tolist(), written.tolist(), gate.tolist()
