"""The pages of a PDF, taken in worker processes: several at once, and one that never ends harms no other.

A page that runs into a limit is listed as skipped; the pages that shared its worker are taken again. A file made of
such pages is given up after a while. The workers open the file for themselves and send lines in packed form.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from longdoc.core.events import Event, Listener, Opening
from longdoc.core.types import SkippedPage
from longdoc.ingest.parsed import Raw
from longdoc.ingest.pdf_pages import DAMAGED, PageReader
from longdoc.ingest.pdf_store import Packed, PageStore
from longdoc.ingest.sandbox import JobFailed, Limits, Outcome
from longdoc.ingest.sandbox_pool import Pool

PAGE_SECONDS = 10.0  # of one page
_LATER_SECONDS = 4.0  # of a page that is taken once more, after another has run into the limit
_MOST_WASTED_S = 18.0  # on pages that give nothing
_PAGES_A_JOB = 8
_PAGES_A_WORKER = 30  # a process more pays for its start
_MOST_WORKERS = 8
_PAGES_A_DOCUMENT = 256  # pdfium keeps what it has parsed: open the file anew after so many
_EVENT_EVERY_PAGES = 10
_WHY = {
    "time": "took too long",
    "memory": "needs more memory than one page may have",
    "crash": "ended the process that read it",
}
_NOT_TRIED = "not tried: other pages took too long"
GAVE_UP = (*_WHY.values(), _NOT_TRIED)


def read_pages(raw: Raw, num_pages: int) -> tuple[PageStore, list[SkippedPage]]:
    """The lines of every page; a page without text has none and is listed with its reason."""
    reading = _Reading(raw, num_pages)
    with _shared(raw) as (setup, descriptors):
        reading.run({**setup, "name": raw.name, "num_pages": num_pages, "password": raw.options.password}, descriptors)
    return reading.store, [SkippedPage(page + 1, reading.problems[page]) for page in sorted(reading.problems)]


class _Reading:
    """The state of a document that is being read."""

    def __init__(self, raw: Raw, num_pages: int) -> None:
        self.raw = raw
        self.store = PageStore(num_pages)
        self.problems: dict[int, str] = {}
        self.begun: dict[int, float] = {}  # page -> when a worker began with it
        self.num_done = 0
        self.wasted_s = 0.0

    def run(self, setup: dict[str, Any], descriptors: Sequence[int]) -> None:
        num_pages = self.store.num_pages
        jobs = [[first, min(first + _PAGES_A_JOB, num_pages)] for first in range(0, num_pages, _PAGES_A_JOB)]
        self.raw.on_event(Opening(self.raw.name, 0, num_pages))
        while jobs:
            num_workers = min(_num_processors(), _MOST_WORKERS, math.ceil(num_pages / _PAGES_A_WORKER), len(jobs))
            limits = Limits(seconds=_LATER_SECONDS if self.wasted_s else PAGE_SECONDS)
            target = "longdoc.ingest.pdf_workers:open_pages"
            again: list[list[int]] = []
            unseen = set(range(len(jobs)))
            with Pool(target, setup, num_workers=num_workers, limits=limits, descriptors=descriptors) as pool:
                for number, outcome in enumerate(pool.map(jobs, self._page_begins)):
                    unseen.discard(number)
                    again += self._take(jobs[number], outcome, limits.seconds / num_workers)
                    if self.wasted_s > _MOST_WASTED_S:
                        break
            if unseen or self.wasted_s > _MOST_WASTED_S:
                for first, end in [*again, *(jobs[number] for number in unseen)]:
                    self.problems.update(dict.fromkeys(range(first, end), _NOT_TRIED))
                return
            jobs = again

    def _page_begins(self, event: Event) -> None:
        if isinstance(event, Opening):
            self.begun[event.pages_done] = time.monotonic()

    def _take(self, job: Sequence[int], outcome: Outcome, limit_s: float) -> list[list[int]]:
        """Keep what a job has given. -> the jobs that are left to do of it. limit_s: its share of the waiting."""
        first, end = job
        pages = range(first, end)
        if outcome.failure is None:
            for page, (text, places, kinds, parts, problem) in zip(pages, outcome.value, strict=True):
                self.begun.pop(page, None)
                if problem:
                    self.problems[page] = problem
                else:
                    self.store.put(page, Packed(text, bytes(places), tuple(kinds), bytes(parts)))
            self._count(len(pages))
            return []
        kind = outcome.failure.kind if isinstance(outcome.failure, JobFailed) else "error"
        at = max((page for page in pages if page in self.begun), default=first)
        since = time.monotonic() - self.begun.pop(at, 0.0)
        if kind in ("time", "memory"):
            self.wasted_s += limit_s if kind == "time" else min(since, limit_s)
        if len(pages) > 1 and kind == "time" and since < 0.7 * PAGE_SECONDS:
            return [[page, page + 1] for page in pages]  # many slow ones, and none to blame
        self.problems[at] = _WHY.get(kind) or f"{DAMAGED}: {outcome.failure}"
        self._count(1)
        return [[page, page + 1] for page in pages if page != at]

    def _count(self, num_pages: int) -> None:
        before = self.num_done // _EVENT_EVERY_PAGES
        self.num_done += num_pages
        if self.num_done // _EVENT_EVERY_PAGES > before:
            self.raw.on_event(Opening(self.raw.name, self.num_done, self.store.num_pages))


def open_pages(setup: dict[str, Any]) -> Callable[[Any, Listener], Any]:
    """In the worker: open the file, and return what takes the pages [first, end) of a job."""
    data: Any = setup.get("data")
    if data is None:
        data = mmap.mmap(setup["descriptor"], 0, access=mmap.ACCESS_COPY)
    num_pages = setup["num_pages"]
    reader = PageReader(data, num_pages, setup["password"])

    def take(job: Sequence[int], on_event: Listener) -> list[Any]:
        if reader.num_taken > _PAGES_A_DOCUMENT:
            reader.close()
        found = []
        for index in range(job[0], job[1]):
            on_event(Opening(setup["name"], index, num_pages))
            page = reader.page(index)
            packed = Packed.of([] if page.problem else page.lines)
            found.append([packed.text, packed.places, list(packed.kinds), packed.parts, page.problem])
        return found

    return take


@contextlib.contextmanager
def _shared(raw: Raw) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """How the workers get at the bytes: an anonymous file in memory, the file itself, or a copy for each."""
    descriptor = _in_memory(raw.data)
    if descriptor is None:
        descriptor = _on_disk(raw)
    if descriptor is None:
        yield {"data": raw.data}, []
        return
    try:
        yield {"descriptor": descriptor}, [descriptor]
    finally:
        os.close(descriptor)


def _in_memory(data: bytes) -> int | None:
    if not hasattr(os, "memfd_create"):
        return None
    descriptor = os.memfd_create("longdoc")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:  # larger than this process may write
        os.close(descriptor)
        return None
    return descriptor


def _on_disk(raw: Raw) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        path = Path(raw.name)
        if path.is_file() and path.stat().st_size == len(raw.data):
            return os.open(path, os.O_RDONLY)
    return None


def _num_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
