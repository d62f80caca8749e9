"""What a row of the manifest says of a document, and what all of them say of a run. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from longdoc.core.batch import Item, Made
from longdoc.output.wording import failure_words, one_line
from longdoc.pipeline.batch_manifest import Row


@dataclass(slots=True)
class BatchOutcome:
    """What the output folder holds of the documents that a run is for. failed, partial: (name, exit code, what)."""

    num_documents: int = 0
    num_now: int = 0
    failed: list[tuple[str, int, str]] = field(default_factory=list)
    partial: list[tuple[str, int, str]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


def row_of(item: Item, made: Made, *, sha256: str | None, key: str | None, files: Sequence[str], quote: bool) -> Row:
    """The row of a document that was just made. sha256, key: None where it could not be opened.

    quote: whether its results show the passages that were re-read.
    """
    return {
        "name": item.name,
        "source": str(Path(item.path).absolute()),
        "sha256": sha256,
        "bytes": made.num_bytes,
        "key": key,
        "status": made.status,
        "files": [*files],
        "quote": quote,
        "title": made.title,
        "first": made.first,
        "exit_code": made.error["exit_code"] if made.error is not None else 3 * (made.status == "partial"),
        "error": made.error,
        "lost": made.lost,
        "stats": made.stats,
        "at": now(),
    }


def now() -> str:
    """As rows have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def what(row: Row) -> str:
    """What is wrong with a failed or partial result, on one line; "" for a complete one."""
    error = row.get("error")
    if error is not None:
        return failure_words(error)
    return f"partial: {one_line(row['lost'])}" if row.get("lost") else ""


def outcome_of(items: Iterable[Item], rows: Mapping[str, Row], num_now: int) -> BatchOutcome:
    """What there is of some documents. rows: by name.   num_now: how many this run has recorded."""
    found = BatchOutcome(num_now=num_now)
    for item in items:
        row = rows[item.name]
        found.num_documents += 1
        if row["status"] == "failed":
            found.failed.append((item.name, row["exit_code"], what(row)))
            found.errors.append(row["error"])
        elif row["status"] == "partial":
            found.partial.append((item.name, 3, what(row)))
    return found
