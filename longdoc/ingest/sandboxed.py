"""Parsing in a worker process: what its limits are for a document, and what a user is told when one is met.

Knows nothing of formats; `read` names what is to be done in the worker.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from longdoc.core.errors import DamagedInput
from longdoc.core.events import Listener
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest.parsed import Raw
from longdoc.ingest.sandbox import JobFailed, Limits, Worker

TARGET = "longdoc.ingest.read:open_parser"
_LEAST_SECONDS = 25.0
_SECONDS_PER_MB = 5.0
_TOTAL_SECONDS_PER_MB = 120.0  # of a file that is read page after page: 10,000 plain pages are 10 to 50 MB
_WORN_BYTES = 256 << 20  # of a worker that has parsed something large
_WHO = {"time": "reading it", "memory": "reading it", "crash": "its reader", "garbage": "its reader"}


def limits_for(num_bytes: int, options: SourceOptions) -> Limits:
    """Seconds by the size of the file, unless the options say how many.

    While pages arrive, a file may take longer: a busy machine, or many small pages. One that stands still may not.
    """
    if options.seconds is not None:
        return Limits(seconds=options.seconds)
    megabytes = num_bytes / 1e6
    by_size_s = max(_LEAST_SECONDS, _SECONDS_PER_MB * megabytes)
    return Limits(seconds=by_size_s, total_seconds=by_size_s + _TOTAL_SECONDS_PER_MB * megabytes)


def worker_for(file: BinaryIO, options: SourceOptions) -> Worker:
    """A worker that will parse the open file."""
    descriptor = file.fileno()
    return Worker(TARGET, limits=limits_for(os.fstat(descriptor).st_size, options), descriptors=[descriptor])


def worker_for_many() -> Worker:
    """A worker that will parse one file after the other, each by its path: its start takes longer than most files."""
    return Worker(TARGET)


def parse_next(worker: Worker, source: str, file: BinaryIO, options: SourceOptions, on_event: Listener) -> Document:
    """The document in one of many files, which has a path. Raises as `parse_with`."""
    worker.limits = limits_for(os.fstat(file.fileno()).st_size, options)
    if worker.peak_bytes > _WORN_BYTES:
        worker.close()  # it starts anew
    return _parsed(worker, {"source": source, "path": str(Path(source).absolute()), "options": options}, on_event)


def parse_with(worker: Worker, source: str, file: BinaryIO, options: SourceOptions, on_event: Listener) -> Document:
    """The document in the open file that the worker was made for. Raises the LongdocErrors of `read_document`."""
    return _parsed(worker, {"source": source, "descriptor": file.fileno(), "options": options}, on_event)


def _parsed(worker: Worker, job: dict[str, Any], on_event: Listener) -> Document:
    raw = Raw(job["source"], b"", job["options"])
    try:
        document = worker.submit(job, on_event)
    except JobFailed as failure:
        if failure.kind == "error":  # what files can cause is a LongdocError
            bug = RuntimeError(failure.why)
            bug.add_note(failure.trace or "")
            raise bug from None
        raise _refused(raw, failure) from None
    if not isinstance(document, Document):
        raise _refused(raw, JobFailed("garbage", "gave something that is no document"))
    return document


def _refused(raw: Raw, failure: JobFailed) -> DamagedInput:
    fix = "split it into smaller files, or convert it to another format"
    if failure.kind == "time":
        fix = f"if you trust it: longdoc summarize {raw.quoted} --max-read-seconds 600"
    elif failure.kind == "crash":
        fix = f"convert it to another format, or: longdoc summarize {raw.quoted} --format text"
    return DamagedInput(f"{raw.shown} cannot be read.", why=f"{_WHO[failure.kind]} {failure.why}", fix=fix)
