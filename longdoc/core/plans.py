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
    workspace: of one segment, with the state before it.   program: Python and its libraries, where they share the
    memory; 0 on a GPU.   document: its text and what is known of it, beside the program.
    loading: of the checkpoint's file while it is turned into the weights, before anything is read.
    """

    weights: int
    kept: int
    workspace: int
    program: int
    document: int = 0
    loading: int = 0

    @property
    def total(self) -> int:
        """The peak: of reading, or of loading where that takes more."""
        reading = self.kept + self.workspace
        return self.weights + self.program + self.document + max(reading, self.loading)


@dataclass(frozen=True, slots=True)
class PlannedMode:
    """What one way of reading would take. mode: "stream", "exact" or "ring".

    memory: None where the model cannot be read so.   processes: that share a ring, each with this memory.
    most_tokens: of the longest document that fits them, of a ring alone; None where that is not known.
    """

    mode: str
    memory: PlannedMemory | None
    processes: int = 1
    most_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """The last reading of more than a few thousand tokens with this model, in this mode, on this machine.

    tokens_per_s: of reading alone.   start_s: from the program's start until the model stood there, without opening the
    document; None where the system does not tell when a program began.
    quadratic_s: seconds for each token times tokens, of a reading in which each token looks at all before it.
    """

    tokens_per_s: float
    num_tokens: int
    peak_memory_bytes: int
    measured_at: str
    start_s: float | None = None
    quadratic_s: float = 0.0

    def read_s(self, num_tokens: int) -> float:
        """Seconds that reading so many tokens takes: a n + b n^2, with the a of the reading that was measured."""
        linear_s = 1 / self.tokens_per_s - self.quadratic_s * self.num_tokens
        return num_tokens * (max(0.0, linear_s) + self.quadratic_s * num_tokens)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be read, how, and at what cost. num_tokens: as `ask` and `read` count them.

    num_parts: what notes would be taken on.   speed: None when nothing was measured on this machine yet.
    opening_s: what opening the document took just now, and counting its tokens, twice.
    modes: what each way of reading would take.   flags: what to give other commands, where sizes were chosen so that a
    memory limit is kept.   native_tokens: the context that the model was trained for.
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
    opening_s: float = 0.0
    modes: tuple[PlannedMode, ...] = ()
    memory_limit: int | None = None
    flags: tuple[str, ...] = ()
    native_tokens: int | None = None
    status: str = "complete"

    @property
    def seconds(self) -> float | None:
        """How long reading takes at the measured speed: starting, opening the document, reading, keeping the state."""
        if self.speed is None:
            return None
        return (self.speed.start_s or 0.0) + self.opening_s + self.speed.read_s(self.num_tokens)
