"""What becomes of each file below a folder: text or one clear error, in how many seconds and how much memory.

Each file is parsed in a worker process with the limits that every command has, also the short texts that commands parse
without one. No model is loaded and nothing is written. A file fails the bench when it makes a bug show (exit code 70),
takes more than 30 s, or makes a process larger than 2 GiB.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core.errors import BUG_EXIT_CODE, InputNotFound, LongdocError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import ModelInfo
from longdoc.ingest.opening import open_source
from longdoc.ingest.sandboxed import parse_with, worker_for

MAX_SECONDS = 30.0
MAX_MEMORY_BYTES = 2 << 30
_MAX_REASON = 160  # characters of an error


def run(folder: Path, options: SourceOptions | None = None, on_event: Listener = ignore) -> Report:
    """One row per file, by path. Raises InputNotFound for a folder without any."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    if not files:
        raise InputNotFound(f"The folder {folder} has no files.", why="nothing is below it", fix="name another")
    rows = []
    for number, path in enumerate(files):
        on_event(Writing("files", number, len(files), str(path.relative_to(folder))))
        rows.append({"file": str(path.relative_to(folder)), **read_one(str(path), options or SourceOptions())})
    outcomes = Counter(row["outcome"] for row in rows)
    bad = [row["file"] for row in rows if row["failed"]]
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items(), reverse=True))
    return report(
        "readers",
        ModelInfo("none"),
        rows,
        files=f"{len(rows):,}: {counts}",
        slowest_s=max(row["seconds"] for row in rows),
        peak_memory_bytes=max(row["peak_memory_bytes"] or 0 for row in rows),
        passed=not bad,
        failed=bad,
    )


def read_one(source: str, options: SourceOptions) -> dict[str, Any]:
    """What became of one file. failed: why it fails the bench, or None."""
    row: dict[str, Any] = dict.fromkeys(("format", "outcome", "characters", "pages", "skipped", "reason"))
    peak_bytes = 0
    exit_code = 0
    began = time.perf_counter()
    try:
        with open_source(source, options.max_bytes) as file, worker_for(file, options) as worker:
            try:
                document = parse_with(worker, source, file, options, ignore)
            finally:
                peak_bytes = worker.peak_bytes
        row |= {"format": document.source.format, "outcome": "text", "characters": len(document.text)}
        row |= {"pages": document.num_pages, "skipped": len(document.skipped) or None}
        row["reason"] = _cut("; ".join(document.source.lost)) or None
    except LongdocError as error:
        exit_code = error.exit_code
        row |= {"outcome": "error", "reason": _cut(f"{type(error).__name__}: {error.why or error.what}")}
    except Exception as error:  # the bench is there to see it
        exit_code = BUG_EXIT_CODE
        row |= {"outcome": "bug", "reason": _cut(f"{type(error).__name__}: {error}")}
    seconds = time.perf_counter() - began
    failed = "a bug" if exit_code == BUG_EXIT_CODE else None
    if seconds > MAX_SECONDS:
        failed = f"more than {MAX_SECONDS:g} s"
    if peak_bytes > MAX_MEMORY_BYTES:
        failed = "more than 2 GiB"
    measured = {"exit_code": exit_code, "seconds": round(seconds, 2), "peak_memory_bytes": peak_bytes or None}
    return {**row, **measured, "failed": failed}


def check(result: Report) -> None:
    """Raise when a file failed the bench."""
    if not result["passed"]:
        row = next(row for row in result["results"] if row["failed"])
        raise LongdocError(
            f"{len(result['failed'])} of {len(result['results'])} files were not read within the limits.",
            why=f"{row['file']}: {row['failed']} ({row['outcome']}: {row['reason']})",
            fix="report it with the result of --json, and the file if you may",
        )


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 1] + "…"
