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
from longdoc.ingest.parsed import Parsed, Raw

STDIN = "-"
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

_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an office document", "unzip -l {name}"),
    (b"\xd0\xcf\x11\xe0", "an old office document", "libreoffice --convert-to pdf {name}"),
    (b"{\\rtf", "an RTF document", "libreoffice --convert-to pdf {name}"),
    (b"\x1f\x8b", "a gzip file", "gunzip -c {name} | longdoc summarize -"),
    (b"\x89PNG", "a picture", "img2pdf {name} | ocrmypdf - out.pdf"),
    (b"\xff\xd8\xff", "a picture", "img2pdf {name} | ocrmypdf - out.pdf"),
    (b"BOOKMOBI", "a Mobipocket book", "ebook-convert {name} out.epub"),
    (b"ID3", "a sound recording", "whisper {name} --output_format vtt"),
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
        raise EmptyInput(f"{_shown(source)} is empty.", why="it has no bytes", fix=f"ls -l {shlex.quote(source)}")
    raw = Raw(source, data, options, on_event)
    reader = chosen or _detect(raw)
    try:
        parsed = reader.parse(raw)
    except LongdocError:
        raise
    except (MemoryError, RecursionError) as error:
        raise _damaged(source, reader, "it is built to be too large or too deep to read") from error
    except Exception as error:
        # Parsers of foreign formats raise whatever a broken file makes them raise: that is the file's fault.
        raise _damaged(source, reader, f"{type(error).__name__}: {error}") from error
    if not parsed.text.strip():
        raise EmptyInput(
            f"{_shown(source)} has no text.",
            why=f"the {reader.name} reader found none in it",
            fix=f"file {shlex.quote(source)}",
        )
    document = Document(
        text=parsed.text,
        source=Source(name=source, sha256=sha256, format=reader.name, num_bytes=len(data)),
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
        raise InputNotFound(f"{source} cannot be opened.", why=why, fix=f"ls -l {shlex.quote(source)}") from error


def _hashed(stream: BinaryIO) -> tuple[bytes, str]:
    digest = hashlib.sha256()
    collected = io.BytesIO()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        collected.write(block)
    return collected.getvalue(), digest.hexdigest()


def _detect(raw: Raw) -> Format:
    for mark, what, fix in _FOREIGN:
        if raw.data.startswith(mark) and not (mark.startswith(b"PK") and FORMATS[1].matches(raw)):
            raise UnknownFormat(
                f"{_shown(raw.name)} is {what}.", why="longdoc has no reader for it", fix=fix.format(name=raw.quoted)
            )
    for reader in FORMATS:
        if reader.matches(raw):
            return reader
    raise UnknownFormat(
        f"{_shown(raw.name)} is in no format that longdoc knows.",
        why="its bytes are neither text nor a document",
        fix=f"file {raw.quoted}",
    )


def _damaged(source: str, reader: Format, why: str) -> DamagedInput:
    return DamagedInput(
        f"{_shown(source)} cannot be read as {reader.name}.",
        why=why,
        fix=f"longdoc summarize {shlex.quote(source)} --format text",
    )


def _shown(source: str) -> str:
    return "Standard input" if source == STDIN else source
