"""A text that a program hands over instead of a file. It is read as the same bytes in a file would be."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import BinaryIO, cast

from longdoc.core.errors import EmptyInput, InputError
from longdoc.core.events import Listener, Opening, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest.read import read_file
from longdoc.ingest.select import select_places, select_sections


@dataclass(frozen=True, slots=True)
class Given:
    """name: of the text, in messages and results."""

    name: str
    text: str


def read_given(given: Given, options: SourceOptions, on_event: Listener = ignore) -> Document:
    """The document in the text, cut to what the options choose. Raises what `read_source` raises."""
    data = given.text.encode("utf-8", "replace")
    if not data:
        raise EmptyInput(f"{given.name} is empty.", why="its text has no characters")
    if len(data) > options.max_bytes:
        raise InputError(
            f"{given.name} is too large.",
            why=f"it has more than {options.max_bytes / 1e6:,.0f} MB",
            fix="split it, or allow more with --max-input-mb",
        )
    on_event(Opening(given.name))
    with tempfile.TemporaryFile() as copy:
        copy.write(data)
        copy.flush()
        copy.seek(0)
        document = read_file(given.name, cast("BinaryIO", copy), options, on_event)
    return select_sections(select_places(document, options), options.sections)
