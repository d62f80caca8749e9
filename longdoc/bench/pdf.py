"""How long a PDF takes to read, beside pypdf's `extract_text` on every page: both in one run, alternately.

The document of `longdoc` is the whole of it: workers started, lines ordered, paragraphs, footnotes, labels. pypdf
gives the bare text of each page, with Python's own garbage collection, as in anybody's program. `wall_s` is the
clock's time, `cpu_s` that of all processes, the best of each run.

`peak_memory_bytes` is of the largest of the processes that read, `start_memory_bytes` what they take for one line.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core import collecting
from longdoc.core.events import Listener, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import ModelInfo
from longdoc.ingest.opening import open_source
from longdoc.ingest.pdf_pages import open_with_pypdf
from longdoc.ingest.sandboxed import parse_with, worker_for

_ONE_LINE = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R
/Resources <</Font <</F 5 0 R>>>>>> endobj
4 0 obj <</Length 55>> stream
BT /F 12 Tf 50 700 Td (One line of text on a page.) Tj ET
endstream endobj
5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
trailer <</Root 1 0 R>>
"""


def run(path: Path, *, num_runs: int = 3, password: str | None = None, on_event: Listener = ignore) -> Report:
    """One row for each reader. Raises what `read_document` raises."""
    options = SourceOptions(format="pdf", password=password)
    read: list[tuple[float, float]] = []
    extracted: list[tuple[float, float]] = []
    num_pages = num_characters = peak_bytes = 0

    def ours() -> None:
        nonlocal num_pages, num_characters, peak_bytes
        with open_source(str(path), options.max_bytes) as file, worker_for(file, options) as worker:
            document = parse_with(worker, str(path), file, options, on_event)
            peak_bytes = max(peak_bytes, worker.peak_bytes)
        num_pages, num_characters = document.num_pages or 0, len(document.text)

    start_bytes = _start_bytes()
    collecting.loaded()  # else pypdf would gain a quarter from what our start sets
    for _ in range(num_runs):
        read.append(_timed(ours))
        extracted.append(_timed(lambda: _extract(path, password)))
    rows = [_row("longdoc", read, num_pages), _row("pypdf extract_text", extracted, num_pages)]
    return report(
        "pdf",
        ModelInfo("none"),
        rows,
        pages=num_pages,
        characters=num_characters,
        runs=num_runs,
        times_faster_wall=rows[1]["wall_s"] / rows[0]["wall_s"],
        times_faster_cpu=rows[1]["cpu_s"] / rows[0]["cpu_s"],
        peak_memory_bytes=peak_bytes,
        start_memory_bytes=start_bytes,
        bytes_a_character=max(peak_bytes - start_bytes, 0) / max(num_characters, 1),
    )


def _start_bytes() -> int:
    """What the readers themselves take: the peak for a page of one line."""
    options = SourceOptions(format="pdf")
    with tempfile.NamedTemporaryFile(suffix=".pdf") as copy:
        copy.write(_ONE_LINE)
        copy.flush()
        with open_source(copy.name, options.max_bytes) as file, worker_for(file, options) as worker:
            parse_with(worker, copy.name, file, options, ignore)
            return worker.peak_bytes


def _extract(path: Path, password: str | None) -> int:
    reader = open_with_pypdf(path.read_bytes(), password)
    return sum(len(page.extract_text()) for page in reader.pages)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors: of this process and of those that it started and that ended."""
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    return time.perf_counter() - wall, _cpu_s() - cpu


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _row(name: str, seconds: list[tuple[float, float]], num_pages: int) -> dict[str, Any]:
    wall_s, cpu_s = min(wall for wall, _ in seconds), min(cpu for _, cpu in seconds)
    return {"reader": name, "wall_s": wall_s, "cpu_s": cpu_s, "wall_ms_a_page": 1000 * wall_s / max(num_pages, 1)}
