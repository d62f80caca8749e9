"""A path or standard input to a `Document`: open, look at the content, choose the reader.

Knows nothing of how a format is parsed. A new format is one file and one line in `FORMATS`.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from longdoc.core.errors import DamagedInput, EmptyInput, InputNotFound, LongdocError, UnknownFormat, UsageError
from longdoc.core.events import Listener, Opened, Opening, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document, Source
from longdoc.ingest.foreign import refuse_foreign
from longdoc.ingest.parsed import STDIN, Parsed, Raw

_BLOCK_BYTES = 1 << 20
_DEFAULTS = SourceOptions()


@dataclass(frozen=True, slots=True)
class Format:
    """A reader: `module.read(raw) -> Parsed`, and `module.sniff(raw) -> bool` which looks at the content."""

    name: str
    module: str
    read: str = "read"
    sniff: str = "sniff"

    def _function(self, name: str) -> Callable[[Raw], object]:
        # Readers are imported when a source needs them: --help and the other formats do not wait.
        module = importlib.import_module(f"longdoc.ingest.{self.module}")
        return cast("Callable[[Raw], object]", getattr(module, name))

    def matches(self, raw: Raw) -> bool:
        return bool(self._function(self.sniff)(raw))

    def parse(self, raw: Raw) -> Parsed:
        return cast("Parsed", self._function(self.read)(raw))


# In the order in which they are asked; what is left is plain text.
FORMATS: tuple[Format, ...] = (
    Format("pdf", "pdf"),
    Format("epub", "epub"),
    Format("vtt", "transcript", "read_vtt", "sniff_vtt"),
    Format("srt", "transcript", "read_srt", "sniff_srt"),
    Format("ass", "transcript", "read_ass", "sniff_ass"),
    Format("html", "html"),
    Format("markdown", "markdown"),
    Format("text", "text"),
)


def read_document(source: str, options: SourceOptions = _DEFAULTS, on_event: Listener = ignore) -> Document:
    """The document in the file `source`, or in standard input when it is "-".

    Raises a LongdocError for everything that a user can cause: InputNotFound, EmptyInput, UnknownFormat,
    DamagedInput, EncryptedInput, NoTextLayer, and UsageError for a format that does not exist.
    """
    chosen = _format_named(options.format) if options.format else None
    on_event(Opening(source))
    data, sha256 = _bytes(source)
    if not data:
        raise _empty(source)
    raw = Raw(source, data, options, on_event)
    reader = chosen or _detect(raw)
    try:
        parsed = reader.parse(raw)
    except LongdocError:
        raise
    except (MemoryError, RecursionError) as error:
        raise _damaged(raw, reader, "it is built to be too large or too deep to read") from error
    except Exception as error:
        # Parsers of foreign formats raise whatever a broken file makes them raise: that is the file's fault.
        raise _damaged(raw, reader, f"{type(error).__name__}: {error}") from error
    if not parsed.text.strip():
        raise EmptyInput(
            f"{raw.shown} has no text.",
            why=f"the {reader.name} reader found none in it",
            fix=f"file {raw.quoted}  # says what it is",
        )
    document = Document(
        text=parsed.text,
        source=Source(source, sha256, reader.name, len(data), parsed.lost),
        title=parsed.title,
        anchors=parsed.anchors,
        sections=parsed.sections,
        num_pages=parsed.num_pages,
        skipped=parsed.skipped,
        warnings=parsed.warnings,
    )
    on_event(
        Opened(
            source=source,
            title=document.title,
            format=reader.name,
            num_pages=document.num_pages,
            num_characters=len(document.text),
            num_sections=len(document.sections),
            warnings=document.warnings,
        )
    )
    return document


def _format_named(name: str) -> Format:
    for reader in FORMATS:
        if reader.name == name.lower():
            return reader
    names = ", ".join(reader.name for reader in FORMATS)
    raise UsageError(f"There is no format {name!r}.", why=f"the formats are {names}", fix="leave --format away")


def _bytes(source: str) -> tuple[bytes, str]:
    """The bytes of the source and their SHA-256, in one pass."""
    if source == STDIN:
        return _hashed(sys.stdin.buffer)
    path = Path(source)
    try:
        if path.is_dir():
            raise InputNotFound(
                f"{source} is a folder.",
                why="one document at a time is read",
                fix=f"longdoc summarize {shlex.quote(source)}/*",
            )
        with path.open("rb") as stream:
            return _hashed(stream)
    except FileNotFoundError as error:
        raise InputNotFound(
            f"There is no file {source}.", why="no such path", fix=f"ls {shlex.quote(str(path.parent))}"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        fix = f"ls -l {shlex.quote(source)}" if isinstance(error, PermissionError) else "name an ordinary file"
        raise InputNotFound(f"{source} cannot be opened.", why=why, fix=fix) from error


def _empty(source: str) -> EmptyInput:
    if source == STDIN:
        return EmptyInput(
            "Standard input is empty.", why="it ended before the first byte", fix="check the command before the |"
        )
    return EmptyInput(f"{source} is empty.", why="it has no bytes", fix="name a file that holds something")


def _hashed(stream: BinaryIO) -> tuple[bytes, str]:
    digest = hashlib.sha256()
    collected = io.BytesIO()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        collected.write(block)
    return collected.getvalue(), digest.hexdigest()


def _detect(raw: Raw) -> Format:
    epub = _format_named("epub")
    if not epub.matches(raw):  # it is the one kind of zip that has a reader
        refuse_foreign(raw)
    for reader in FORMATS:
        if reader.matches(raw):
            return reader
    raise UnknownFormat(
        f"{raw.shown} is in no format that longdoc knows.",
        why="its bytes are neither text nor a document",
        fix=f"file {raw.quoted}  # says what it is",
    )


def _damaged(raw: Raw, reader: Format, why: str) -> DamagedInput:
    return DamagedInput(
        f"{raw.shown} cannot be read as {reader.name}.",
        why=why,
        fix=f"longdoc summarize {raw.quoted} --format text",
    )
