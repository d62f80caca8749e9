"""The pages of a PDF, taken in worker processes: several at once, and one that never ends harms no other.

A page that runs into a limit is listed as skipped; the pages that shared its worker are taken again. A file made of
such pages is given up after a while. The workers open the file for themselves, write down with which page they have
begun, and send the lines of many pages in one packed piece.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from longdoc.core.events import Event, Listener, Opening
from longdoc.core.types import SkippedPage
from longdoc.ingest.parsed import Raw
from longdoc.ingest.pdf_pages import DAMAGED, Page, PageReader
from longdoc.ingest.pdf_store import Packed, PageStore
from longdoc.ingest.sandbox import JobFailed, Limits, Outcome
from longdoc.ingest.sandbox_fork import can_fork
from longdoc.ingest.sandbox_pool import Pool

PAGE_SECONDS = 10.0  # of one page
_LATER_SECONDS = 4.0  # of a page that is taken once more, after another has run into the limit
_MOST_WASTED_S = 18.0  # on pages that give nothing
_MOST_PAGES_A_JOB = 16
_PAGES_A_WORKER = 16  # a process more pays for its start
_TELL_EVERY_S = 0.25
_MOST_WORKERS = 8
# pdfium keeps what it has parsed: the file is opened anew after so many pages. In a long one that takes longer.
_PAGES_A_DOCUMENT = (64, 256)
_OPENED_ANEW = 40  # times, at most, up to the larger of these
_EVENT_EVERY_PAGES = 10
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT_BYTES = 8 << 20
_WHY = {
    "time": "took too long",
    "memory": "needs more memory than one page may have",
    "crash": "ended the process that read it",
}
_PAGE_END = b"\f"  # no line of a page has one
_NOT_TRIED = "not tried: other pages took too long"
GAVE_UP = (*_WHY.values(), _NOT_TRIED)


def read_pages(raw: Raw, num_pages: int) -> tuple[PageStore, list[SkippedPage]]:
    """The lines of every page; a page without text has none and is listed with its reason."""
    with _shared(raw) as (setup, descriptors), _Begun() as begun:
        reading = _Reading(raw, num_pages, begun)
        setup |= {"name": raw.name, "num_pages": num_pages, "password": raw.options.password, "begun": begun.descriptor}
        reading.run(setup, [*descriptors, begun.descriptor])
    return reading.store, [SkippedPage(page + 1, reading.problems[page]) for page in sorted(reading.problems)]


class _Begun:
    """When the workers began with each page: a file that they share, so that nobody is woken for it.

    The clock is that of `time.monotonic`, one for all processes of the machine.
    """

    _SECONDS = struct.Struct("d")

    def __init__(self, descriptor: int | None = None) -> None:
        """descriptor: of the file that another process has made."""
        self.descriptor = _temporary_file() if descriptor is None else descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def note(self, page: int) -> None:
        with contextlib.suppress(OSError):  # a file of a million pages: the limit on files
            os.pwrite(self.descriptor, self._SECONDS.pack(time.monotonic()), self._SECONDS.size * page)

    def of(self, page: int) -> float:
        """0.0 for a page that nobody has begun with."""
        found = os.pread(self.descriptor, self._SECONDS.size, self._SECONDS.size * page)
        return float(self._SECONDS.unpack(found)[0]) if len(found) == self._SECONDS.size else 0.0

    def forget(self, pages: range) -> None:
        with contextlib.suppress(OSError):
            os.pwrite(self.descriptor, bytes(self._SECONDS.size * len(pages)), self._SECONDS.size * pages.start)


class _Reading:
    """The state of a document that is being read."""

    def __init__(self, raw: Raw, num_pages: int, begun: _Begun) -> None:
        self.raw = raw
        self.store = PageStore(num_pages, self._is_put_together)
        self.told = time.monotonic()
        self.problems: dict[int, str] = {}
        self.begun = begun
        self.num_done = 0
        self.wasted_s = 0.0

    def run(self, setup: dict[str, Any], descriptors: Sequence[int]) -> None:
        num_pages = self.store.num_pages
        most_workers = min(_num_processors(), _MOST_WORKERS, math.ceil(num_pages / _PAGES_A_WORKER))
        pages_a_job = min(_MOST_PAGES_A_JOB, math.ceil(num_pages / most_workers))
        jobs = [[first, min(first + pages_a_job, num_pages)] for first in range(0, num_pages, pages_a_job)]
        self.raw.on_event(Opening(self.raw.name, 0, num_pages))
        while jobs:
            num_workers = min(most_workers, len(jobs))
            page_s = _LATER_SECONDS if self.wasted_s else PAGE_SECONDS
            limits = Limits(seconds=page_s, total_seconds=page_s * pages_a_job)
            target = "longdoc.ingest.pdf_workers:open_pages"
            again: list[list[int]] = []
            unseen = set(range(len(jobs)))
            with Pool(target, setup, num_workers=num_workers, limits=limits, descriptors=descriptors) as pool:
                for number, outcome in enumerate(pool.map(jobs, self._goes_on)):
                    unseen.discard(number)
                    again += self._take(jobs[number], outcome, page_s / num_workers)
                    if self.wasted_s > _MOST_WASTED_S:
                        break
            if unseen or self.wasted_s > _MOST_WASTED_S:
                for first, end in [*again, *(jobs[number] for number in unseen)]:
                    self.problems.update(dict.fromkeys(range(first, end), _NOT_TRIED))
                return
            jobs = again

    def _goes_on(self, event: Event) -> None:
        """Slow pages: whoever waits for the document hears that there is something to wait for."""
        if isinstance(event, Opening):
            self.raw.on_event(Opening(self.raw.name, self.num_done, self.store.num_pages))

    def _is_put_together(self) -> None:
        """All pages are there, and many take long to be put together: it goes on."""
        if time.monotonic() - self.told > _TELL_EVERY_S:
            self.told = time.monotonic()
            self.raw.on_event(Opening(self.raw.name, self.store.num_pages, self.store.num_pages))

    def _take(self, job: Sequence[int], outcome: Outcome, limit_s: float) -> list[list[int]]:
        """Keep what a job has given. -> the jobs that are left to do of it. limit_s: its share of the waiting."""
        first, end = job
        pages = range(first, end)
        if outcome.failure is None:
            for page, packed, problem in unpacked_pages(pages, outcome.value):
                if problem:
                    self.problems[page] = problem
                else:
                    self.store.put(page, packed)
            self._count(len(pages))
            return []
        kind = outcome.failure.kind if isinstance(outcome.failure, JobFailed) else "error"
        at = max((page for page in pages if self.begun.of(page)), default=first)
        since = time.monotonic() - self.begun.of(at)
        self.begun.forget(pages)
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


def packed_pages(pages: Sequence[Page]) -> list[Any]:
    """The lines of several pages as they go through a pipe: one text, one piece of places, and what is odd by page."""
    packed = [Packed.of([] if page.problem else page.lines) for page in pages]
    odd = {
        str(rank): [one.kinds, one.parts, page.problem]
        for rank, (page, one) in enumerate(zip(pages, packed, strict=True))
        if one.kinds or one.parts or page.problem
    }
    text = _PAGE_END.join([one.text for one in packed])
    return [text, b"".join([one.places for one in packed]), [len(one.places) for one in packed], odd]


def unpacked_pages(pages: Sequence[int], sent: Sequence[Any]) -> Iterator[tuple[int, Packed, str | None]]:
    """The other way round, for pages of these indices: (index, lines, why there is no text or None)."""
    text, places, lengths, odd = sent
    end = 0
    for rank, (page, one, length) in enumerate(zip(pages, text.split(_PAGE_END), lengths, strict=True)):
        kinds, parts, problem = odd.get(str(rank), (b"", b"", None))
        start, end = end, end + length
        yield page, Packed(one, places[start:end], kinds, parts), problem


def open_pages(setup: dict[str, Any]) -> Callable[[Any, Listener], Any]:
    """In the worker: open the file, and return what takes the pages [first, end) of a job."""
    _keep_free_memory()
    data: Any = setup.get("data")
    if data is None:
        data = mmap.mmap(setup["descriptor"], 0, access=mmap.ACCESS_COPY)
    num_pages = setup["num_pages"]
    reader = PageReader(data, num_pages, setup["password"])

    begun = _Begun(setup["begun"])
    least, most = _PAGES_A_DOCUMENT
    pages_a_document = min(max(num_pages // _OPENED_ANEW, least), most)

    def take(job: Sequence[int], on_event: Listener) -> list[Any]:
        if reader.num_taken > pages_a_document:
            reader.close()
        told = time.monotonic()
        pages = []
        for index in range(job[0], job[1]):
            begun.note(index)
            if time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                on_event(Opening(setup["name"], index, num_pages))
            pages.append(reader.page(index))
        return packed_pages(pages)

    return take


def _keep_free_memory() -> None:
    """Each page takes memory and gives it back: the C library shall not hand it to the system in between (glibc)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # other systems have no `mallopt`
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(threshold, _KEPT_BYTES)


@contextlib.contextmanager
def _shared(raw: Raw) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """How the workers get at the bytes: forks have them; others by a file in memory, the file itself, or a copy."""
    if can_fork():
        yield {"data": raw.whole}, []
        return
    descriptor = _in_memory(raw.whole)
    if descriptor is None:
        descriptor = _on_disk(raw)
    if descriptor is None:
        yield {"data": bytes(raw.whole)}, []
        return
    try:
        yield {"descriptor": descriptor}, [descriptor]
    finally:
        os.close(descriptor)


def _in_memory(data: bytes | mmap.mmap) -> int | None:
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


def _temporary_file() -> int:
    """An open file without a name."""
    descriptor = _in_memory(b"")
    if descriptor is None:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    return descriptor


def _on_disk(raw: Raw) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        path = Path(raw.name)
        if path.is_file() and path.stat().st_size == len(raw.whole):
            return os.open(path, os.O_RDONLY)
    return None


def _num_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
