"""What goes into a reader and what comes out, and the builder that keeps offsets and text together.

Knows no format. A reader takes a `Raw` and returns a `Parsed`; `read.py` makes a `Document` of it.
"""

from __future__ import annotations

import hashlib
import mmap
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from longdoc.core.events import Listener, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Section, SkippedPage

STDIN = "-"  # the name of standard input
PARAGRAPH_BREAK = "\n\n"
_PIECE_BYTES = 1 << 22


def forget(mapped: mmap.mmap) -> None:
    """Let the system have the memory of a map of a file again; what is needed once more is read from the file."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Raw:
    """The bytes of a source and what its reader may need besides.

    name: what the user typed, or "-"; it stands in messages and its suffix may break a tie.
    mapped: the bytes of a PDF as a map of its file, of which only what is looked at takes memory; `data` is empty then.
    """

    name: str
    data: bytes
    options: SourceOptions = field(default_factory=SourceOptions)
    on_event: Listener = ignore
    mapped: mmap.mmap | None = None

    @property
    def whole(self) -> bytes | mmap.mmap:
        """The bytes, wherever they are."""
        return self.data if self.mapped is None else self.mapped

    def forget(self) -> None:
        """Give back the memory of what was looked at in a map."""
        if self.mapped is not None:
            forget(self.mapped)

    @property
    def sha256(self) -> str:
        """Of the bytes, a piece at a time."""
        digest = hashlib.sha256()
        for start in range(0, len(self.whole), _PIECE_BYTES):
            digest.update(self.whole[start : start + _PIECE_BYTES])
            self.forget()
        return digest.hexdigest()

    @property
    def quoted(self) -> str:
        """The name as it stands in a command line that a user may copy; what came in a pipe has to be saved first."""
        return "FILE" if self.name == STDIN else shlex.quote(self.name)

    @property
    def shown(self) -> str:
        """The name as it stands in a sentence."""
        return "Standard input" if self.name == STDIN else self.name

    @property
    def suffix(self) -> str:
        """The part of the name after the last full stop, in lower case: "pdf"."""
        return self.name.rpartition(".")[2].lower() if "." in self.name else ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document without its source. The fields are those of `Document`; lost: that of its `Source`."""

    text: str
    title: str | None = None
    anchors: Sequence[Anchor] = ()
    sections: tuple[Section, ...] = ()
    num_pages: int | None = None
    skipped: tuple[SkippedPage, ...] = ()
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """The start of a section. level 1 is outermost."""

    title: str
    start: int
    level: int = 1


@dataclass(slots=True)
class TextBuilder:
    """Paragraphs in, one text with exact offsets out."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def paragraph(self, text: str) -> int:
        """Append a paragraph and return the offset of its first character."""
        assert text, "an empty paragraph has no offset"
        if self.pieces:
            self.pieces.append(PARAGRAPH_BREAK)
            self.length += len(PARAGRAPH_BREAK)
        start = self.length
        self.pieces.append(text)
        self.length += len(text)
        return start

    @property
    def next_offset(self) -> int:
        """Where the next paragraph will start."""
        return self.length + (len(PARAGRAPH_BREAK) if self.pieces else 0)

    def text(self) -> str:
        return "".join(self.pieces)


def sections_from(headings: list[Heading], text_length: int) -> tuple[Section, ...]:
    """Sections that run from each heading to the next one of the same or an outer level; empty ones are dropped."""
    ordered = sorted(headings, key=lambda heading: heading.start)
    sections = []
    for index, heading in enumerate(ordered):
        end = next((later.start for later in ordered[index + 1 :] if later.level <= heading.level), text_length)
        if end > heading.start:
            sections.append(Section(heading.title, heading.start, end, heading.level))
    return tuple(sorted(sections, key=lambda section: (section.start, section.level)))
