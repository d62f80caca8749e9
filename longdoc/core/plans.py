"""What `longdoc plan` finds: a document, how it would be read, and what that takes. Knows nothing of its form."""

from __future__ import annotations

from dataclasses import dataclass

from longdoc.core.types import AttentionInfo, File, ModelInfo, SkippedPage, Source


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A section with its number from 1, by which it can be chosen, and where it begins: page, label or second."""

    number: int
    title: str
    level: int
    num_tokens: int
    page: int | None = None
    label: str | None = None
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedMemory:
    """Estimated bytes.

    weights: the model's and its adapter's.   kept: keys, values and memory of the reading.
    workspace: of one segment.   program: Python and its libraries, where they share the memory; 0 on a GPU.
    """

    weights: int
    kept: int
    workspace: int
    program: int

    @property
    def total(self) -> int:
        return self.weights + self.kept + self.workspace + self.program


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """The last reading of more than a few thousand tokens with this model, in this mode, on this machine."""

    tokens_per_s: float
    num_tokens: int
    peak_memory_bytes: int
    measured_at: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be read, how, and at what cost. num_tokens: as `ask` and `read` count them.

    num_parts: what notes would be taken on.   speed: None when nothing was measured on this machine yet.
    """

    source: Source
    title: str | None
    num_pages: int | None
    skipped: tuple[SkippedPage, ...]
    warnings: tuple[str, ...]
    files: tuple[File, ...]
    sections: tuple[PlannedSection, ...]
    num_characters: int
    num_tokens: int
    num_parts: int
    model: ModelInfo
    attention: AttentionInfo
    segment_tokens: int
    memory: PlannedMemory
    speed: MeasuredSpeed | None
    status: str = "complete"

    @property
    def seconds(self) -> float | None:
        """How long reading takes at the measured speed."""
        return self.num_tokens / self.speed.tokens_per_s if self.speed is not None else None
