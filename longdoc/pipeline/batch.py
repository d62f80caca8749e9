"""A batch: many documents, each once. Decides which are to be done, gives them to workers, and records what is done.

A document is recorded in the manifest after its results are on the disk. Whatever ends the batch, the next run begins
with those that are not recorded; their readings go on from their checkpoints. Nothing is done twice, nothing is lost.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from longdoc.core.errors import InputError, InputNotFound, LongdocError, OutOfMemory, StoppedNow
from longdoc.core.events import Listener, Step
from longdoc.output.batch_index import HTML_INDEX, INDEX, index_html, index_markdown
from longdoc.output.documents import FORMS
from longdoc.output.json import error_json
from longdoc.output.wording import failure_words, one_line
from longdoc.output.write import open_sink
from longdoc.pipeline.batch_crew import Crew, Lost
from longdoc.pipeline.batch_items import in_shard, items_of
from longdoc.pipeline.batch_keys import document_key, file_hash, settings_hash
from longdoc.pipeline.batch_manifest import Manifest, Row, make_folders, open_manifest, read_rows, remove_leftovers
from longdoc.pipeline.batch_process import Began, Finished, Heard, Message, Ready, Refused
from longdoc.pipeline.claims import claim

_LOOK_EVERY_S = 0.2


@dataclass(slots=True)
class BatchOutcome:
    """What the output folder holds of the documents that this run is for. failed, partial: (name, exit code, what)."""

    num_documents: int = 0
    num_now: int = 0
    failed: list[tuple[str, int, str]] = field(default_factory=list)
    partial: list[tuple[str, int, str]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


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
    items_of(sources, out, endings)  # refused before anything is written
    manifest = open_manifest(out, shard)
    try:
        known = {row["name"]: row for row in read_rows(out)}
        items = items_of(sources, out, endings, {name: row["source"] for name, row in known.items()})
        mine = [item for item in items if shard is None or in_shard(item, shard)]
        batch = _Batch(out, task, manifest, known, mine, on_event, retry)
        try:
            batch.work(crew_of)
        finally:
            _write_index(out)
        return batch.outcome()
    finally:
        manifest.close()


class _Batch:
    """One run. known: rows by name, of earlier runs and of this one."""

    def __init__(
        self,
        out: Path,
        task: BatchTask,
        manifest: Manifest,
        known: dict[str, Row],
        items: Sequence[Item],
        on_event: Listener,
        retry: bool,
    ) -> None:
        self.out = out
        self.task = task
        self.manifest = manifest
        self.known = known
        self.items = items
        self.on_event = on_event
        self.retry = retry
        self.is_fresh = task.states is not None and task.states.fresh
        self.settings = settings_hash(task)
        self.begun: dict[str, str] = {}  # name -> hash of the file when it was given to a worker
        self.num_done = 0
        self.num_now = 0
        self.began = time.perf_counter()

    def work(self, crew_of: Callable[[BatchTask], Crew]) -> None:
        """Until every document is recorded."""
        to_do = self._to_do()
        self.on_event(Step())
        first = next(to_do, None)
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
        statuses = Counter(self.known[item.name]["status"] for item in self.items)
        self.on_event(
            BatchFinished(
                len(self.items),
                self.num_now,
                statuses["complete"],
                statuses["partial"],
                statuses["failed"],
                time.perf_counter() - self.began,
            )
        )

    def _drive(self, crew: Crew, to_do: Iterator[Item]) -> None:
        has_more = True
        while has_more or not crew.is_idle():
            self.on_event(Step())  # Ctrl-C comes through here
            while has_more and crew.has_room():
                item = next(to_do, None)
                if item is None:
                    has_more = False
                else:
                    crew.give(item)
            for number, message in crew.wait(_LOOK_EVERY_S):
                self._hear(number, message)

    def _stop(self, crew: Crew) -> None:
        """Ctrl-C: the workers keep what they have read; a document that is finished meanwhile is recorded."""
        for number, message in crew.stop():
            if not isinstance(message, Refused):
                self._hear(number, message)

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

    def _to_do(self) -> Iterator[Item]:
        """The documents that are not recorded, or were recorded with another key. The others are counted."""
        for item in self.items:
            self.on_event(Step())
            row = self.known.get(item.name)
            try:
                sha256 = file_hash(item.path)
            except InputNotFound as error:
                self._record(item, Made(status="failed", error=error_json(error)), None)
                continue
            if row is not None and not self.is_fresh and self._is_done(row, document_key(sha256, self.settings)):
                self.num_done += 1
                self.on_event(
                    DocumentDone(item.name, None, "before", self.num_done, len(self.items), _what(row) or None)
                )
            else:
                self.begun[item.name] = sha256
                yield item

    def _is_done(self, row: Row, key: str) -> bool:
        if row["key"] != key or not all((self.out / name).is_file() for name in row["files"]):
            return False
        if row["status"] == "failed":  # memory, a bug, a worker that died: another time it may go well
            return not self.retry and bool(row["exit_code"] == InputError.exit_code)
        return True

    def _record(self, item: Item, made: Made, number: int | None) -> None:
        """Results to the disk, then the row. number: of the worker."""
        files = []
        for form, page in made.pages.items():
            name = f"{item.name}{FORMS[form].ending}"
            path = self.out / name
            make_folders(path.parent)
            remove_leftovers(path)
            with open_sink(str(path)) as sink:
                sink.write(page)
                sink.keep()
            files.append(name)
        row = self._row(item, made, files)
        self.manifest.add(row)
        self.known[item.name] = row
        self.num_done += 1
        self.num_now += 1
        self.on_event(
            DocumentDone(
                item.name,
                None if number is None else number + 1,
                made.status,
                self.num_done,
                len(self.items),
                _what(row) or None,
                made.stats.get("seconds"),
                made.stats.get("read_tokens_per_s"),
            )
        )

    def _row(self, item: Item, made: Made, files: list[str]) -> Row:
        before = self.begun.pop(item.name, None)  # of a failure: what the file is by now may never have been tried
        sha256 = made.sha256 or before
        return {
            "name": item.name,
            "source": str(Path(item.path).absolute()),
            "sha256": sha256,
            "bytes": made.num_bytes,
            "key": document_key(sha256, self.settings) if sha256 is not None else None,
            "status": made.status,
            "files": files,
            "title": made.title,
            "first": made.first,
            "exit_code": made.error["exit_code"] if made.error is not None else 3 * (made.status == "partial"),
            "error": made.error,
            "lost": made.lost,
            "stats": made.stats,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def outcome(self) -> BatchOutcome:
        """What there is now."""
        found = BatchOutcome(len(self.items), self.num_now)
        for item in self.items:
            row = self.known[item.name]
            if row["status"] == "failed":
                found.failed.append((item.name, row["exit_code"], _what(row)))
                found.errors.append(row["error"])
            elif row["status"] == "partial":
                found.partial.append((item.name, 3, _what(row)))
        return found


def _what(row: Row) -> str:
    """What is wrong with a failed or partial result, on one line; "" for a complete one."""
    error = row.get("error")
    if error is not None:
        return failure_words(error)
    return f"partial: {one_line(row['lost'])}" if row.get("lost") else ""


def _with_first(first: Item, rest: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from rest


def _write_index(out: Path) -> None:
    """The index of all that the manifests hold, also in HTML when there are such results.

    Shards take turns, so that the last one has it all.
    """
    turn = claim(out, "index", wait=True)
    try:
        rows = read_rows(out)
        pages = {INDEX: index_markdown(rows)}
        if any(name.endswith(FORMS["html"].ending) for row in rows for name in row["files"]):
            pages[HTML_INDEX] = index_html(rows)
        for name, page in pages.items():
            remove_leftovers(out / name)
            with open_sink(str(out / name)) as sink:
                sink.write(page)
                sink.keep()
    finally:
        if turn is not None:
            turn.release()
