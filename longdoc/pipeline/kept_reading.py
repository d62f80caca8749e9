"""Answers about a document whose reading is kept, without loading the model.

The embedded model's answers are found by search and its rankers (`pointing`): what a second question needs is the
text, its index and the receipt of the reading. They lie beside the state, in one file with a checksum. It is used only
while all that makes a result is the same: the bytes of the source, the model's files, every setting, longdoc's version
and the state itself. Then the answer is byte for byte the one that the loaded model would stand for.

Nothing is kept of a source that a password opens: the text would lie on the disk without it. Knows nothing of torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longdoc import __version__
from longdoc.core.errors import LongdocError
from longdoc.core.events import Listener, Opened, Opening, StateUsed
from longdoc.core.paths import data_folder, sync_folder
from longdoc.core.process import peak_resident_bytes
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Document, Receipt, Source
from longdoc.engine.state_file import read_header
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.ingest.sandbox_wire import HEADER, GarbageError, frame, value_of
from longdoc.pipeline import pointing
from longdoc.pipeline.batch_keys import file_hash, model_files
from longdoc.pipeline.interview import Interview, Told
from longdoc.pipeline.states import (
    drop_checkpoint,
    folder_of,
    index_path,
    keep_within,
    mark_used,
    may_grow,
    paths_of,
    state_name,
)
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import load

if TYPE_CHECKING:
    from longdoc.pipeline.reading import Reading

FORMAT = "longdoc.index/1"  # raise it when passages are cut otherwise, or these fields change
_KIND = b"K"
_CHECKSUM_BYTES = 32
_OF_THE_RUN = ("password", "max_bytes", "seconds")  # of a source's options: they change nothing in what is read


def keep(reading: Reading, options: SourceOptions, most_question_bytes: int) -> None:
    """Keep what another question needs beside the state of the whole text, if it can be answered without the model.

    most_question_bytes: of a question that the model sees whole, whatever its tokens are.
    What cannot be written is not missed: the next run loads the model.
    """
    keeper, session = reading.keeper, reading.session
    if keeper is None or not keeper.whole.exists() or options.password is not None:
        return
    receipt = reading.receipt({})
    if not receipt.is_complete or not pointing.is_alone(session.loaded.adapter, session.rankers["ranker"]):
        return
    path = index_path(keeper.folder, keeper.name)
    with suppress(OSError, LongdocError, sqlite3.Error, AttributeError):  # the last: a Python without serialize()
        value = {
            "made_with": _made_with(keeper.whole, session.options, options),
            "document": reading.document,
            "index": reading.index.packed(),
            "receipt": receipt,
            "most_question_bytes": most_question_bytes,
        }
        _write(path, frame(_KIND, value))
        keep_within(keeper.folder, keeper.options.most_bytes, keeper.name)


def recollect(
    source: str | Together | Given,
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    options: AskOptions,
    states: StateOptions | None,
    on_event: Listener,
    otherwise: Callable[[], Interview],
) -> Interview | None:
    """Questions about a document that an earlier run has read and kept; None when it has to be opened or read.

    otherwise: begins with the model loaded, for a question that is too long for this.
    """
    began = time.perf_counter()
    if isinstance(source, Given) or source == "-" or states is None or states.fresh or source_options.password:
        return None
    if options.verbatim is False or not options.search:
        return None
    folder = folder_of(states.folder)
    named = source if isinstance(source, str) else source.kept_as
    name = state_name(Source(named, "", "", 0), model_options.model, "")
    whole, _ = paths_of(folder, name)
    try:
        kept = _value(index_path(folder, name))
        document, receipt = kept["document"], kept["receipt"]
        if not isinstance(document, Document) or not isinstance(receipt, Receipt):
            return None
        if kept["made_with"] != _made_with(whole, model_options, source_options):
            return None
        if not _is_of(document, source, source_options.max_bytes):
            return None
        if isinstance(source, str):  # the same file may be named from another folder
            document = replace(document, source=replace(document.source, name=source))
        index = PassageIndex.unpacked(document.text, document.sections, kept["index"])
        rankers = load(data_folder("adapters") / "lexical" / "ranker.json")
        most_question_bytes = int(kept["most_question_bytes"])
    except (OSError, LongdocError, GarbageError, sqlite3.Error, KeyError, TypeError, ValueError, AttributeError):
        return None
    _tell_of(document, name, receipt, on_event)
    mark_used(whole)
    if not may_grow(document):  # left by a run that was killed when the whole state was on the disk
        drop_checkpoint(folder, name)
    with_the_model = cache(otherwise)

    def tell(question: str) -> Told:
        if len(question.encode("utf-8", "surrogatepass")) > most_question_bytes:
            return with_the_model().tell(question)
        return pointing.point(document, index, rankers, question, options)

    def receipt_with(settings: dict[str, Any]) -> Receipt:
        return replace(
            receipt,
            source=document.source,
            settings={**receipt.settings, **settings},
            read_tokens_per_s=0.0,
            write_tokens_per_s=0.0,
            peak_memory_bytes=peak_resident_bytes(),
            tokens_from_state=receipt.num_tokens,
        )

    return Interview(tell, receipt_with, options, on_event, time.perf_counter() - began)


def _is_of(document: Document, source: str | Together, max_bytes: int) -> bool:
    """Whether the files have the bytes that the document was made of. Raises InputNotFound, OSError."""
    if isinstance(source, str):
        wanted = {source: document.source.sha256}
    else:
        wanted = {file.source.name: file.source.sha256 for file in document.files}
        if document.source.name != source.name or [*wanted] != [*source.files]:
            return False
    return all(Path(path).stat().st_size <= max_bytes and file_hash(path) == sha for path, sha in wanted.items())


def _tell_of(document: Document, name: str, receipt: Receipt, on_event: Listener) -> None:
    source = document.source
    counts = document.num_pages, len(document.text), len(document.sections)
    on_event(Opening(source.name))
    on_event(Opened(source.name, document.title, source.format, *counts, warnings=document.warnings))
    on_event(StateUsed(name, receipt.num_tokens, receipt.num_tokens))


def _made_with(whole: Path, model: ModelOptions, source: SourceOptions) -> dict[str, Any]:
    """JSON of all that has to be the same. whole: the state of the whole text."""
    state = json.dumps(read_header(whole).fingerprint, sort_keys=True)
    chosen = {name: value for name, value in asdict(source).items() if name not in _OF_THE_RUN}
    return {
        "format": FORMAT,
        "longdoc": __version__,
        "state": hashlib.sha256(state.encode()).hexdigest(),
        "model_files": model_files(model),
        "model": asdict(model),
        "source": chosen,
    }


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _value(path: Path) -> dict[str, Any]:
    """What a file holds. Raises OSError, and GarbageError when it is damaged."""
    data = memoryview(path.read_bytes())
    told, rest = data[:_CHECKSUM_BYTES], data[_CHECKSUM_BYTES:]
    if hashlib.sha256(rest).digest() != told or len(rest) < HEADER.size or bytes(rest[:1]) != _KIND:
        raise GarbageError("it is damaged")
    value = value_of(bytes(rest[HEADER.size :]))
    if not isinstance(value, dict):
        raise GarbageError("it holds something else")
    return value
