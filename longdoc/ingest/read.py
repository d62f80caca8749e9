"""A path or standard input to a `Document`: open, look at the content, choose the reader.

Knows nothing of how a format is parsed, nor of how it is recognised (formats).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from longdoc.core.errors import DamagedInput, EmptyInput, LongdocError
from longdoc.core.events import Event, Listener, Opened, Opening, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document, Source
from longdoc.ingest.formats import FORMATS as FORMATS
from longdoc.ingest.formats import Format, detect, format_named, plugins
from longdoc.ingest.opening import open_source
from longdoc.ingest.parsed import Raw

if TYPE_CHECKING:
    from longdoc.ingest.sandbox import Worker

# These are parsed in this process when they and their lines are short: starting a worker would take longer than
# reading them, and no pattern can be made slow by them.
_HARMLESS = ("text", "markdown", "vtt", "sbv", "dialogue")
_SHORT_BYTES = 256 << 10
_SHORT_LINE_BYTES = 4000
_HEAD_BYTES = 1024
_BINARY = (b"PK", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
_DEFAULTS = SourceOptions()


def read_document(
    source: str, options: SourceOptions = _DEFAULTS, on_event: Listener = ignore, *, worker: Worker | None = None
) -> Document:
    """The document in the file `source`, or in standard input when it is "-".

    It is parsed in a worker process with limits, but for short texts, which no parser can be made to stumble over.
    worker: one of `sandboxed.worker_for_many`, that parses other files too.

    Raises a LongdocError for everything that a user can cause: InputNotFound, EmptyInput, UnknownFormat,
    DamagedInput, EncryptedInput, NoTextLayer, and UsageError for a format that does not exist.
    """
    if options.format:
        format_named(options.format)
    on_event(Opening(source))
    with open_source(source, options.max_bytes) as file:
        return read_file(source, file, options, on_event, worker=worker)


def read_file(
    source: str, file: BinaryIO, options: SourceOptions, on_event: Listener, *, worker: Worker | None = None
) -> Document:
    """The document in an open file, which is not empty. source: its name. Raises as `read_document`."""
    document = _short_text(source, file, options, on_event)
    if document is None:
        from longdoc.ingest.sandboxed import parse_next, parse_with, worker_for

        if worker is not None and Path(source).is_file():
            document = parse_next(worker, source, file, options, on_event)
        else:
            with worker_for(file, options) as own:
                document = parse_with(own, source, file, options, on_event)
    on_event(
        Opened(
            source=source,
            title=document.title,
            format=document.source.format,
            num_pages=document.num_pages,
            num_characters=len(document.text),
            num_sections=len(document.sections),
            warnings=document.warnings,
        )
    )
    return document


def open_parser(_: object) -> Callable[[Any, Listener], Document]:
    """What a worker does: see `sandbox`."""

    def parse(job: dict[str, Any], on_event: Listener) -> Document:
        if job.get("path"):
            with Path(job["path"]).open("rb") as file:
                return parse({**job, "descriptor": file.fileno(), "path": None}, on_event)
        descriptor, options = job["descriptor"], job["options"]
        if (mapped := _mapped_pdf(descriptor, options)) is not None:
            raw = Raw(job["source"], b"", options, on_event, mapped)
            return parse_document(raw, format_named("pdf"))
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(options.max_bytes)
        return parse_document(Raw(job["source"], data, options, on_event))

    return parse


def _mapped_pdf(descriptor: int, options: SourceOptions) -> mmap.mmap | None:
    """A map of the file if it is a PDF for certain: one of very many pages need not be in memory as a whole."""
    if (options.format or "pdf").lower() != "pdf" or any(plugins()):
        return None
    mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    return mapped if mapped[:_HEAD_BYTES].lstrip().startswith(b"%PDF-") else None


def parse_document(raw: Raw, reader: Format | None = None) -> Document:
    """The document in the bytes, parsed in this process. reader: if it is known. Raises as `read_document`."""
    if reader is None and raw.options.format:
        reader = format_named(raw.options.format)
    try:
        reader = reader or detect(raw)
        parsed = reader.parse(raw)
    except DamagedInput as error:
        raise _otherwise(raw, error) from error
    except (LongdocError, ImportError, SyntaxError):  # the last two: of the installation
        raise
    except MemoryError as error:
        raise _damaged(raw, reader, "reading it takes more memory than a reader may have") from error
    except RecursionError as error:
        raise _damaged(raw, reader, "it is built to be too deep to read") from error
    except Exception as error:
        # Parsers of foreign formats raise whatever a broken file makes them raise: that is the file's fault.
        raise _damaged(raw, reader, f"{type(error).__name__}: {error}") from error
    if not parsed.text.strip():
        raise EmptyInput(
            f"{raw.shown} has no text.",
            why=f"the {reader.name} reader found none in it",
            fix=f"file {raw.quoted}  # says what it is",
        )
    return Document(
        text=parsed.text,
        source=Source(raw.name, raw.sha256, reader.name, len(raw.whole), parsed.lost),
        title=parsed.title,
        anchors=parsed.anchors,
        sections=parsed.sections,
        num_pages=parsed.num_pages,
        skipped=parsed.skipped,
        warnings=parsed.warnings,
    )


def _short_text(source: str, file: BinaryIO, options: SourceOptions, on_event: Listener) -> Document | None:
    """The document, when it is a short text of one of the formats that need no worker."""
    if os.fstat(file.fileno()).st_size > _SHORT_BYTES:
        return None
    heard: list[Event] = []
    raw = Raw(source, file.read(), options, heard.append)
    file.seek(0)
    if raw.data.startswith(_BINARY) or b"%PDF-" in raw.data[:1024]:
        return None
    if max(map(len, raw.data.splitlines()), default=0) > _SHORT_LINE_BYTES:
        return None
    reader = format_named(options.format) if options.format else detect(raw)
    if reader.name not in _HARMLESS:
        return None
    for event in heard:
        on_event(event)
    return parse_document(replace(raw, on_event=on_event), reader)


def _otherwise(raw: Raw, error: DamagedInput) -> DamagedInput:
    """The error, with the advice to drop a --format that the content does not look like."""
    if raw.options.format is None:
        return error
    try:
        found = detect(raw).name
    except LongdocError:
        return error
    if found == raw.options.format.lower():
        return error
    name = raw.options.format
    return DamagedInput(error.what, why=error.why, fix=f"leave out --format {name}: by its content it is {found}")


def _damaged(raw: Raw, reader: Format | None, why: str) -> DamagedInput:
    return DamagedInput(
        f"{raw.shown} cannot be read{f' as {reader.name}' if reader else ''}.",
        why=why,
        fix=f"longdoc summarize {raw.quoted} --format text",
    )
