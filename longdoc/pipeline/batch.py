"""A batch: many documents, each once. Decides which are to be done, gives them to workers, and records what is done.

A document is recorded in the manifest after its results are on the disk. Whatever ends the batch, the next run begins
with those that are not recorded; their readings go on from their checkpoints. Nothing is done twice, nothing is lost.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from longdoc.core.batch import (
    BatchFinished,
    BatchStarted,
    BatchTask,
    DocumentDone,
    Item,
    Made,
    OfDocument,
)
from longdoc.core.errors import InputError, LongdocError, OutOfMemory, StoppedNow
from longdoc.core.events import Listener, Step, Warned
from longdoc.output.documents import FORMS
from longdoc.output.json import error_json
from longdoc.output.wording import count
from longdoc.pipeline.batch_crew import Crew, Lost
from longdoc.pipeline.batch_items import in_shard, items_of, left_out_of
from longdoc.pipeline.batch_keys import document_key, settings_hash
from longdoc.pipeline.batch_manifest import Manifest, Row, Rows, open_manifest
from longdoc.pipeline.batch_process import Began, Finished, Heard, Message, Ready, Refused
from longdoc.pipeline.batch_queue import Found, Queue
from longdoc.pipeline.batch_results import keep, pages_again, write_index, write_pages
from longdoc.pipeline.batch_rows import BatchOutcome, now, outcome_of, row_of, what

_LOOK_EVERY_S = 0.2


def run(
    sources: Sequence[str],
    out: Path,
    task: BatchTask,
    crew_of: Callable[[BatchTask], Crew],
    on_event: Listener,
    *,
    shard: tuple[int, int] | None = None,
    retry: bool = False,
) -> BatchOutcome:
    """Do what is new or changed of the documents, and write the index.

    crew_of: makes the workers, which are started when there is something to do.
    shard: (i, n), only the documents of that part.   retry: also those that failed on the same input.
    Raises what no document can be done with, and KeyboardInterrupt after what was begun is kept.
    """
    endings = [FORMS[form].ending for form in task.forms]
    batch: _Batch | None = None
    try:
        _check(task)
        items_of(sources, out, endings)  # refused before anything is written
        for said in left_out_of(sources):
            on_event(Warned(said))
        with closing(open_manifest(out, shard)) as manifest:
            rows = Rows(out)
            items = items_of(sources, out, endings, {name: row["source"] for name, row in rows.latest.items()})
            mine = [item for item in items if shard is None or in_shard(item, shard)]
            batch = _Batch(out, task, manifest, rows, mine, on_event, retry)
            try:
                batch.work(crew_of)
            finally:
                batch.queue.close()
                write_index(out)
        return outcome_of(mine, rows.latest, len(batch.made_now))
    except KeyboardInterrupt:
        if batch is None:
            on_event(Warned("stopped before any document was begun: the same command starts with the first"))
        else:
            batch.tell_stopped()
        raise


def _check(task: BatchTask) -> None:
    """Raises UsageError for a focus that is none; the rest is checked by the workers, who have the model."""
    if task.summary is not None and task.summary.focus is not None:
        from longdoc.search.focus import check_focus  # numpy

        check_focus(task.summary.focus)


class _Batch:
    """One run. rows: of earlier runs, of this one, and of those that write beside it."""

    def __init__(
        self,
        out: Path,
        task: BatchTask,
        manifest: Manifest,
        rows: Rows,
        items: Sequence[Item],
        on_event: Listener,
        retry: bool,
    ) -> None:
        self.out = out
        self.task = task
        self.manifest = manifest
        self.rows = rows
        self.items = items
        self.on_event = on_event
        self.retry = retry
        self.is_fresh = task.states is not None and task.states.fresh
        self.quote = task.quote and bool(task.questions)
        self.settings = settings_hash(task)
        self.queue = Queue(out, items, rows, self.settings, self._look)
        self.made_now: set[str] = set()  # names
        self.num_done = 0
        self.began = time.perf_counter()

    def work(self, crew_of: Callable[[BatchTask], Crew]) -> None:
        """Until every document is recorded."""
        to_do = self._to_do()
        self.on_event(Step())
        first = next((item for item in _with_waits(to_do) if item is not None), None)
        if first is not None:
            crew = crew_of(self.task)
            self.on_event(BatchStarted(len(self.items), crew.num_workers, crew.where))
            try:
                crew.start()
                self._drive(crew, _with_first(first, to_do))
            except StoppedNow:
                raise
            except KeyboardInterrupt:
                self._stop(crew)
                raise
            finally:
                crew.close()
        statuses = Counter(self.rows.latest[item.name]["status"] for item in self.items)
        self.on_event(
            BatchFinished(
                len(self.items),
                len(self.made_now),
                statuses["complete"],
                statuses["partial"],
                statuses["failed"],
                time.perf_counter() - self.began,
            )
        )

    def _drive(self, crew: Crew, to_do: Iterator[Item | None]) -> None:
        has_more = True
        while has_more or not crew.is_idle():
            self.on_event(Step())  # Ctrl-C comes through here
            while has_more and crew.has_room():
                try:
                    item = next(to_do)
                except StopIteration:
                    has_more = False
                    break
                if item is None:  # another run has the rest in hand
                    if crew.is_idle():
                        time.sleep(_LOOK_EVERY_S)
                    break
                crew.give(item)
            for number, message in crew.wait(_LOOK_EVERY_S):
                self._hear(number, message)

    def _stop(self, crew: Crew) -> None:
        """Ctrl-C: the workers keep what they have read; a document that is finished meanwhile is recorded."""
        for number, message in crew.stop():
            if not isinstance(message, Refused):
                self._hear(number, message)

    def tell_stopped(self) -> None:
        """Ctrl-C: what there is, and how it goes on."""
        num_now = len(self.made_now)
        done = f"{num_now:,} of {count(len(self.items), 'document')} done now"
        before = f", {self.num_done - num_now:,} before" if self.num_done > num_now else ""
        self.on_event(Warned(f"stopped: {done}{before}; the same command goes on with the rest"))

    def _hear(self, number: int, message: Message | Lost) -> None:
        match message:
            case Refused(error):
                raise error
            case Heard(item, event):
                self.on_event(OfDocument(item.name, number + 1, event))
            case Finished(item, made):
                self._record(item, made, number)
            case Lost(item, why, is_memory):
                kind = OutOfMemory if is_memory else LongdocError
                lost = kind(f"The worker that read {item.path} died.", why=why, fix="run it again, with fewer workers")
                self._record(item, Made(status="failed", error=error_json(lost)), number)
            case Began() | Ready():
                pass

    def _to_do(self) -> Iterator[Item | None]:
        """The documents for which a worker is needed; the others are counted. None: another run has the rest."""
        self.on_event(Step())
        for step in self.queue.steps():
            self.on_event(Step())
            if step is None:
                yield None
                continue
            item, found = step
            match found:
                case Found.DONE:
                    self._count(item)
                case Found.NEW:
                    yield item
                case Found.FORM:
                    if not self._show_again(item):
                        yield item
                case error:
                    self._record(item, Made(status="failed", error=error_json(error)), None)

    def _look(self, row: Row, key: str) -> Found:
        """What a row means: the document is done with the same key, or not, or only not in all forms."""
        if row["key"] != key or (self.is_fresh and row["name"] not in self.made_now):
            return Found.NEW
        if row["status"] == "failed":  # memory, a bug, a worker that died: another time it may go well
            is_settled = not self.retry and row["exit_code"] == InputError.exit_code
            return Found.DONE if is_settled else Found.NEW
        return Found.FORM if self._missing(row) else Found.DONE

    def _missing(self, row: Row) -> list[str]:
        """The forms that are wanted, and not there."""
        if row.get("quote", False) != self.quote:
            return [*self.task.forms]
        names = self._names(row["name"]).items()
        return [form for form, name in names if name not in row["files"] or not (self.out / name).is_file()]

    def _names(self, name: str) -> dict[str, str]:
        """The files of the results that are wanted, by form."""
        return {form: f"{name}{FORMS[form].ending}" for form in self.task.forms}

    def _show_again(self, item: Item) -> bool:
        """The forms that are missing, of a result that was made by an earlier run. -> whether that could be done."""
        row = self.rows.latest[item.name]
        pages = pages_again(self.out, item.name, row["key"], self._missing(row), quote=self.quote)
        if pages is None:
            return False
        is_shown = row.get("quote", False) == self.quote  # else what is there in other forms shows something else
        before = [name for name in row["files"] if is_shown and (self.out / name).is_file()]
        there = {*before, *write_pages(self.out, item.name, pages)}
        wanted = [name for name in self._names(item.name).values() if name in there]
        files = [*dict.fromkeys([*wanted, *before])]
        self.queue.begun.pop(item.name, None)
        self._add({**row, "files": files, "quote": self.quote, "at": now()})
        self._count(item, row["status"])
        return True

    def _record(self, item: Item, made: Made, number: int | None) -> None:
        """Results to the disk, then the row. number: of the worker."""
        before = self.queue.begun.pop(item.name, None)  # of a failure: what it is by now may never have been tried
        sha256 = made.sha256 or before
        key = document_key(sha256, self.settings) if sha256 is not None else None
        files = write_pages(self.out, item.name, made.pages)
        if made.result:
            keep(self.out, item.name, key, made.result)
        row = row_of(item, made, sha256=sha256, key=key, files=files, quote=self.quote)
        self._add(row)
        self._count(item, made.status, number, made.stats)

    def _add(self, row: Row) -> None:
        self.manifest.add(row)
        self.rows.add(row)
        self.made_now.add(row["name"])
        self.queue.release(row["name"])

    def _count(
        self, item: Item, status: str = "before", number: int | None = None, stats: dict[str, Any] | None = None
    ) -> None:
        """A document is recorded, by this run or another."""
        self.num_done += 1
        stats = stats or {}
        self.on_event(
            DocumentDone(
                item.name,
                None if number is None else number + 1,
                status,
                self.num_done,
                len(self.items),
                what(self.rows.latest[item.name]) or None,
                stats.get("seconds"),
                stats.get("read_tokens_per_s"),
            )
        )


def _with_waits(to_do: Iterator[Item | None]) -> Iterator[Item | None]:
    """The same, with time between two looks at what another run has in hand."""
    for item in to_do:
        if item is None:
            time.sleep(_LOOK_EVERY_S)
        yield item


def _with_first(first: Item, rest: Iterator[Item | None]) -> Iterator[Item | None]:
    yield first
    yield from rest
