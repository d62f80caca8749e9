"""The data that the floors hand to each other: documents, anchors, segments, citations, results.

Everything downstream of the readers speaks of *character spans in one normalised text*: a citation is a
span, its page is a look-up, and a quote is checked by comparing strings. Nothing here knows how a
document was parsed, which model read it, or how a result is drawn.

Offsets are code points into `Document.text`, half-open: `text[start:end]`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Literal

from longdoc.core.anchors import Anchor, Anchors
from longdoc.core.around import Around
from longdoc.core.memory_use import MemoryUse
from longdoc.core.settings import SummaryStyle

SummaryStatus = Literal["complete", "partial", "failed"]
AnswerStatus = Literal["answered", "not_found", "partial", "failed"]
NotFoundIn = Literal["document", "memory", "passage"]


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter, part or heading: `text[start:end]` including its sub-sections. level 1 is outermost."""

    title: str
    start: int
    end: int
    level: int = 1


@dataclass(frozen=True, slots=True)
class SkippedPage:
    """A page that gave no text, and why ("no text layer", "damaged: ..."). source: its file, among several."""

    page: int
    reason: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a document came from.

    name: what the user typed or, for standard input, "-".   sha256: of the raw bytes.
    format: "pdf", "epub", "text", "markdown", "srt", "vtt".
    lost: what of it holds text, or may hold some, and could not be read, in words; it makes every result partial.
    selection: what of it was asked for, in words, when that is not all: "pages 10-40 of 412".
    kept_as: the path that kept states are named by, where that is not the name.
    """

    name: str
    sha256: str
    format: str
    num_bytes: int
    lost: tuple[str, ...] = ()
    selection: str | None = None
    kept_as: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """One of several files that are read as one document: `text[start:end]`. num_tokens: when they are counted."""

    source: Source
    start: int
    end: int
    title: str | None = None
    num_pages: int | None = None
    num_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One normalised text with its anchors and sections.

    anchors: sorted by offset; the first has offset 0 when there are any. However they are given, they are held packed.
    sections: sorted by (start, level); may be empty; nested ones lie inside their parent.
    num_pages: physical pages of the source, None for formats without pages.
    warnings: what the reader had to guess or drop, in words for the receipt.
    files: in reading order, when several are read as one; each has a section of level 1, and only those have.
    """

    text: str
    source: Source
    title: str | None = None
    anchors: Sequence[Anchor] = ()
    sections: tuple[Section, ...] = ()
    num_pages: int | None = None
    skipped: tuple[SkippedPage, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    _offsets: Sequence[int] = field(init=False, repr=False, compare=False, default=())
    _edges: tuple[int, ...] = field(init=False, repr=False, compare=False, default=())
    _innermost: tuple[int | None, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        anchors = self.anchors if isinstance(self.anchors, Anchors) else Anchors(self.anchors)
        edges, innermost = _innermost_sections(self.sections)
        object.__setattr__(self, "anchors", anchors)
        object.__setattr__(self, "_offsets", anchors.offsets)
        object.__setattr__(self, "_edges", edges)
        object.__setattr__(self, "_innermost", innermost)

    def anchor_at(self, offset: int) -> Anchor | None:
        """The anchor whose span holds the character at `offset`."""
        index = bisect_right(self._offsets, offset) - 1
        return self.anchors[index] if index >= 0 else None

    def section_at(self, offset: int) -> Section | None:
        """The innermost section that holds the character at `offset`."""
        index = self.section_index_at(offset)
        return self.sections[index] if index is not None else None

    def section_index_at(self, offset: int) -> int | None:
        """Where in `sections` the innermost section that holds the character at `offset` stands."""
        place = bisect_right(self._edges, offset) - 1
        return self._innermost[place] if place >= 0 else None

    def cite(self, start: int, end: int) -> Citation:
        """The citation of `text[start:end]`: verified, because it is copied from the span itself."""
        anchor = self.anchor_at(start) or Anchor(0)
        section = self.section_at(start)
        if section is not None and self.files and section.level == 1:
            section = None  # the file, which `source` names
        return Citation(
            quote=self.text[start:end],
            start=start,
            end=end,
            source=anchor.source or self.source.name,
            page=anchor.page,
            label=anchor.label,
            section=section.title if section else None,
            start_s=anchor.start_s,
            speaker=anchor.speaker,
            line=anchor.line,
            paragraph=self._paragraph_at(start) if anchor.is_nowhere and section is None else None,
            verified=True,
        )

    def _paragraph_at(self, offset: int) -> int:
        """The paragraph of the file, from 1."""
        index = bisect_right(self.files, offset, key=lambda file: file.start) - 1
        return self.text.count("\n\n", self.files[index].start if index >= 0 else 0, offset) + 1


def _innermost_sections(sections: Sequence[Section]) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Offsets where the innermost section changes, and its index from each of them on.

    Innermost is the highest level and among those the latest start. Handbooks have thousands of sections, and every
    citation asks for one.
    """
    edges = sorted({edge for section in sections for edge in (section.start, section.end)})
    by_start = sorted(range(len(sections)), key=lambda i: sections[i].start, reverse=True)
    open_sections: list[tuple[int, int, int]] = []  # a heap with the innermost at its top
    innermost: list[int | None] = []
    for edge in edges:
        while by_start and sections[by_start[-1]].start <= edge:
            index = by_start.pop()
            heappush(open_sections, (-sections[index].level, -sections[index].start, index))
        while open_sections and sections[open_sections[0][2]].end <= edge:
            heappop(open_sections)
        innermost.append(open_sections[0][2] if open_sections else None)
    return tuple(edges), tuple(innermost)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the text that the engine reads in one call.

    token_ids: the model's tokens of `text[start:end]`, at most N of them.
    section: index into `Document.sections` of the innermost section at its start, or None.
    part: index into the parts that `longdoc.segment.parts` gave.
    closes_part: True for the last segment of that part: notes are taken after it.
    """

    index: int
    start: int
    end: int
    token_ids: tuple[int, ...]
    section: int | None = None
    closes_part: bool = False
    part: int = 0

    @property
    def num_tokens(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True, slots=True)
class Passage:
    """A candidate span of the document, with the score of whoever proposed it (higher is better)."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote and the span that it claims to come from. `verified` is set by comparing the two.

    paragraph: from 1, where nothing else says the place.   The others are those of `Anchor` and `Section`.
    """

    quote: str
    start: int
    end: int
    source: str
    page: int | None = None
    label: str | None = None
    section: str | None = None
    start_s: float | None = None
    speaker: str | None = None
    verified: bool = False
    line: int | None = None
    paragraph: int | None = None


@dataclass(frozen=True, slots=True)
class CitationCount:
    """total: citations made; verified: quotes found at their span; statements, and how many carry a verified one."""

    total: int = 0
    verified: int = 0
    statements: int = 0
    statements_cited: int = 0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which weights answered. quantization: "none", "8bit", "nf4". adapter: name of the memory adapter."""

    id: str
    revision: str | None = None
    quantization: str = "none"
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class AttentionInfo:
    """How the document was read: sizes in tokens. why: the reason for the mode, in words. processes: of a ring."""

    mode: str
    sinks: int
    window: int
    memory: bool
    why: str
    highlights: int = 0
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was read, of how much, by what, and at what cost.

    read_tokens_per_s counts reading alone; peak_memory_bytes is the process's peak resident set.
    tokens_from_state: how many of tokens_read an earlier run had read and kept.
    files: those of the document, with their tokens, when several were read as one.
    memory: what the memory did, by layer; empty without one, and after a state that was kept before this was counted.
    """

    source: Source
    title: str | None
    num_pages: int | None
    skipped: tuple[SkippedPage, ...]
    num_tokens: int
    tokens_read: int
    model: ModelInfo
    attention: AttentionInfo
    prompts: dict[str, str]
    settings: dict[str, Any]
    seconds: float
    read_tokens_per_s: float
    write_tokens_per_s: float
    peak_memory_bytes: int
    warnings: tuple[str, ...] = ()
    tokens_from_state: int = 0
    files: tuple[File, ...] = ()
    memory: tuple[MemoryUse, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all of the source was read that can hold text."""
        return self.tokens_read == self.num_tokens and not self.source.lost


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a summary and the citations that bear it (none: it stands without proof)."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class SummaryPart:
    """The notes on one section. `start`, `end`: the span of the document that they speak of."""

    title: str
    statements: tuple[Statement, ...]
    start: int
    end: int

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.statements)


@dataclass(frozen=True, slots=True)
class Focus:
    """What a summary was asked to be about. num_sentences: of the document that touch it.

    missing: words of it that no sentence of the document has.
    """

    asked: str
    num_sentences: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of `longdoc summarize`: the whole in `statements`, then the parts in reading order.

    style: as in `SummaryOptions`; "brief", "bullets" and "timeline" have no parts, "chapters" has no whole.
    around: the neighbours of its verified quotes, in the order of the document, for those who show them.
    """

    status: SummaryStatus
    statements: tuple[Statement, ...]
    parts: tuple[SummaryPart, ...]
    citations: CitationCount
    receipt: Receipt
    verbatim: bool = True
    style: SummaryStyle = "full"
    focus: Focus | None = None
    around: tuple[Around, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.statements)

    def all_statements(self) -> Iterator[Statement]:
        yield from self.statements
        for part in self.parts:
            yield from part.statements


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that was re-read for an answer."""

    citation: Citation
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one question.

    text: the shortest text that answers, "" when status is not_found.
    citations: where it stands.   evidence: the passages that were re-read, best first.
    provenance: which tiers supplied it: "search", "window", "memory", "highlights".
    not_found_in: without a text, where there is none: the document, as far as it was read; what the model still holds
    of it, when nothing was looked up; or any one passage, when the question is about the whole document.
    sure: False where other sentences fit about as well as those that were chosen; without a text, where it may be in
    the document after all.
    """

    status: AnswerStatus
    question: str
    text: str
    citations: tuple[Citation, ...]
    evidence: tuple[Evidence, ...]
    provenance: tuple[str, ...]
    receipt: Receipt
    verbatim: bool = True
    not_found_in: NotFoundIn | None = None
    sure: bool | None = None

    def sayings(self) -> list[Statement]:
        """What is shown, each with its place: the sentences of a verbatim answer one by one, else the whole.

        An answer cut out of a sentence has the sentence behind it: `1882: “He built his first motor in 1882.”`
        """
        quotes = " ".join(" ".join(citation.quote for citation in self.citations).split())
        if self.verbatim and self.text == quotes:
            return [Statement(citation.quote, (citation,)) for citation in self.citations]
        if self.verbatim and len(self.citations) == 1 and self.text and self.text in quotes:
            return [Statement(f"{self.text}: “{quotes}”", self.citations)]
        return [Statement(self.text, self.citations)]
