"""How fast a document is read and written about, and how much memory that takes, by its length and mode.

Each measurement is a process of its own (`speed_process.py`), or the peak of the longest would be the peak of all.
Whoever starts it loads no torch. Several runs alternate between the modes, so that what else the machine does meets
all of them; a row is the run of median speed, a ratio the median of the ratios of each run.

Reading with a full cache is quadratic, so long texts take hours. Above `exact_tokens` it is *projected*: the seconds
after each segment of the longest text that was measured are fitted by a n + b n^2, and the row says `projected`.

The bar for flat memory: a million tokens peak at most 10% above a hundred thousand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from longdoc.bench.speed_process import MODES
from longdoc.core.errors import BUG_EXIT_CODE, LongdocError, UsageError
from longdoc.core.events import Listener, SegmentRead, Writing, ignore
from longdoc.core.settings import ModelOptions

Row = dict[str, Any]

FLAT_RATIO = 1.10
FULL_CACHE = ("exact", "stock")
_FILLING_TOKENS = 50_000  # shorter texts may not fill the window, and the parser's and the model's first peaks count
_EXACT_TOKENS = 32_768
_SETTLED_TOKENS = 8_000  # from here on a reading's history has its full size


def run(
    options: ModelOptions,
    *,
    sources: Sequence[str] = (),
    lengths: Sequence[int] = (),
    text: Path | None = None,
    modes: Sequence[str] = ("stream",),
    runs: int = 1,
    exact_tokens: int = _EXACT_TOKENS,
    clock: str = "wall",
    on_event: Listener = ignore,
) -> dict[str, Any]:
    """One row per mode, source and length. text: what the texts of these lengths are made of.

    runs: how often each is measured.   exact_tokens: the longest made text that is read with a full cache.
    clock: "wall", or "cpu" for the processor's seconds, which count the same on a busy machine; with one thread.
    Without history the length does not matter: only the shortest is read so.
    """
    if unknown := set(modes) - set(MODES):
        raise UsageError(f"There is no mode {', '.join(sorted(unknown))}.", why="there are " + ", ".join(MODES))
    jobs = _jobs(sources, lengths, text, modes, exact_tokens)
    rounds: list[list[Row]] = []
    own: dict[str, Any] = {}
    for number in range(runs):
        rows = []
        for place, job in enumerate(jobs):
            what = f"{job['mode']}, {job.get('source') or format(job['tokens'], ',') + ' tokens'}"
            on_event(Writing("speed", number * len(jobs) + place, runs * len(jobs), what))
            result = _in_a_process({**job, "clock": clock, "options": asdict(options)}, on_event)
            own = {key: result[key] for key in ("schema", "bench", "model", "machine")}
            rows.append(result["results"][0])
            on_event(Writing("speed", number * len(jobs) + place + 1, runs * len(jobs), what))
        rounds.append(rows + projections(rows, lengths, modes))
    results = [_median_row([rows[place] for rows in rounds]) for place in range(len(rounds[0]))]
    found = {name: round(median(values), 3) for name, values in _by_name([ratios(rows) for rows in rounds]).items()}
    more = {"clock": clock, "runs": runs}
    streamed = [row for row in results if row["mode"] == "stream"]
    return own | more | found | flatness(streamed) | {"results": results}


def _jobs(
    sources: Sequence[str], lengths: Sequence[int], text: Path | None, modes: Sequence[str], exact_tokens: int
) -> list[Row]:
    """What is measured, in order: all modes of one text, then the next text."""
    jobs: list[Row] = [{"source": source, "mode": mode} for source in sources for mode in modes]
    for place, length in enumerate(sorted(lengths)):
        made = {"tokens": length, "text": str(text) if text else None}
        for mode in modes:
            is_needed = place == 0 if mode == "no-history" else mode not in FULL_CACHE or length <= exact_tokens
            if is_needed:
                jobs.append({**made, "mode": mode})
    for mode in FULL_CACHE:  # something to project from
        if mode in modes and lengths and min(lengths) > exact_tokens:
            jobs.append({"tokens": exact_tokens, "text": str(text) if text else None, "mode": mode})
    return jobs


def projections(rows: Sequence[Row], lengths: Sequence[int], modes: Sequence[str]) -> list[Row]:
    """Rows for the full cache at lengths that were not measured, from the curve of the longest that was."""
    found = []
    for mode in FULL_CACHE:
        measured = [row for row in rows if row["mode"] == mode and row["source"] is None]
        if mode not in modes or not measured:
            continue
        longest = max(measured, key=lambda row: int(row["tokens"]))
        seconds = quadratic(longest["curve"])
        streamed = {_asked(row, lengths): row["tokens"] for row in rows if row["mode"] == "stream"}
        for length in sorted(lengths):
            if length > 1.1 * longest["tokens"]:
                tokens = streamed.get(length, length)
                held = longest["state_bytes"] * tokens // longest["tokens"]
                row = {"source": None, "mode": mode, "tokens": tokens, "state_bytes": held, "projected": True}
                found.append({**row, "tokens_per_s": round(tokens / seconds(tokens), 1), "curve": []})
    return found


def _asked(row: Row, lengths: Sequence[int]) -> int:
    """The length that a made text was asked for: it has a few tokens fewer."""
    return min(lengths, key=lambda length: abs(length - int(row["tokens"])), default=0)


def quadratic(curve: Sequence[tuple[int, float]]) -> Callable[[int], float]:
    """(tokens, seconds) ... -> seconds of n tokens: a n + b n^2 by least squares, neither of them negative."""
    s2 = sum(n * n for n, _ in curve)
    s3 = sum(n**3 for n, _ in curve)
    s4 = sum(n**4 for n, _ in curve)
    t1 = sum(n * t for n, t in curve)
    t2 = sum(n * n * t for n, t in curve)
    determinant = s2 * s4 - s3 * s3
    a = (t1 * s4 - t2 * s3) / determinant if determinant else t1 / s2
    b = (s2 * t2 - s3 * t1) / determinant if determinant else 0.0
    if b < 0:
        a, b = t1 / s2, 0.0
    elif a < 0:
        a, b = 0.0, t2 / s4
    return lambda n: a * n + b * n * n


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Of the speeds within one run: how streaming stands to itself, to no history at all, and to a full cache."""
    made = [row for row in rows if row["source"] is None]
    streamed = sorted((row for row in made if row["mode"] == "stream"), key=lambda row: int(row["tokens"]))
    if not streamed:
        return {}
    found: dict[str, float] = {}
    settled = [row for row in streamed if row["tokens"] >= _SETTLED_TOKENS]
    if len(settled) > 1:
        first, last = settled[0], settled[-1]
        names = f"{last['tokens']:,} tokens over {first['tokens']:,}"
        found[f"reading {names}"] = last["tokens_per_s"] / first["tokens_per_s"]
        if first.get("write_tokens_per_s") and last.get("write_tokens_per_s"):
            found[f"writing after {names}"] = last["write_tokens_per_s"] / first["write_tokens_per_s"]
    for row in made:
        if row["mode"] == "stream":
            continue
        near = min(streamed, key=lambda one: abs(one["tokens"] - row["tokens"]))
        if abs(near["tokens"] - row["tokens"]) <= 0.1 * row["tokens"]:
            name = "no history" if row["mode"] == "no-history" else row["mode"]
            projected = " projected" if row.get("projected") else ""
            found[f"stream over {name} at {near['tokens']:,}{projected}"] = near["tokens_per_s"] / row["tokens_per_s"]
    return found


def _by_name(found: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [one[name] for one in found if name in one] for name in (found[0] if found else {})}


def _median_row(rows: Sequence[Row]) -> Row:
    """The run of median speed, without its curve."""
    ordered = sorted(rows, key=lambda row: float(row["tokens_per_s"]))
    return {key: value for key, value in ordered[(len(ordered) - 1) // 2].items() if key != "curve"}


def flatness(rows: Sequence[Row]) -> dict[str, Any]:
    """The peak of the longest over that of the shortest and, for tenfold lengths, whether that is flat."""
    if len(rows) < 2:
        return {}
    shortest, longest = min(rows, key=lambda row: int(row["tokens"])), max(rows, key=lambda row: int(row["tokens"]))
    ratio = longest["peak_memory_bytes"] / shortest["peak_memory_bytes"]
    found: dict[str, Any] = {"peak_ratio": round(ratio, 4)}
    if shortest["tokens"] >= _FILLING_TOKENS and longest["tokens"] >= 9.5 * shortest["tokens"]:
        found["memory_is_flat"] = ratio <= FLAT_RATIO
    return found


def _in_a_process(job: Row, on_event: Listener) -> dict[str, Any]:
    """The report of a fresh process, its progress told on the way."""
    command = [sys.executable, "-m", "longdoc.bench.speed_process"]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, encoding="utf-8"
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({**job, "started": time.time()}))
            process.stdin.close()
            said: dict[str, Any] = {}
            for line in process.stdout:
                said = json.loads(line)
                if "segment_read" in said:
                    on_event(SegmentRead(**said["segment_read"]))
        finally:
            process.stdout.close()
            if process.poll() is None and "results" not in said and "error" not in said:
                process.terminate()
            process.wait()
        if "results" in said:
            return said
        complaints.seek(0)
        raise _error(said, process.returncode, complaints.read().decode(errors="replace"))


def _error(said: dict[str, Any], code: int, complaint: str) -> LongdocError:
    """What went wrong in the process: its own error with its exit code, or how it died."""
    if "error" in said:
        own = said["error"]
        error = LongdocError(own["what"], why=own["why"], fix=own["fix"])
        error.exit_code = own["exit_code"]
        return error
    error = LongdocError(
        "The measuring process ended without a result.",
        why=f"killed by signal {-code}" if code < 0 else (complaint.strip() or "it said nothing").split("\n")[-1],
        fix="a smaller --tokens, or free memory" if code < 0 else None,
    )
    error.exit_code = BUG_EXIT_CODE if code > 0 else error.exit_code
    return error
