"""How fast a document is read and written about, and how much memory that takes, by its length.

Each length is read by a process of its own (`python -m longdoc.bench.speed`), or the peak of the longest would be
the peak of all. The process reads as the pipeline does: file, parser, segments, model. It tells its progress and its
result on standard output, one JSON object a line. Whoever starts it loads no torch.

The bar for flat memory: a million tokens peak at most 10% above a hundred thousand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from longdoc.core.errors import BUG_EXIT_CODE, LongdocError
from longdoc.core.events import Event, Listener, SegmentRead, Writing, ignore
from longdoc.core.settings import ModelOptions, SourceOptions

FLAT_RATIO = 1.10
_FILLING_TOKENS = 50_000  # shorter texts may not fill the window, and the parser's and the model's first peaks count
_WRITE_TOKENS = 32
_TOLD_EVERY_S = 1.0


def run(
    options: ModelOptions,
    *,
    sources: Sequence[str] = (),
    lengths: Sequence[int] = (),
    text: Path | None = None,
    on_event: Listener = ignore,
) -> dict[str, Any]:
    """One row per source and per length, in the order given. text: what the texts of these lengths are made of."""
    jobs: list[dict[str, Any]] = [{"source": source} for source in sources]
    jobs += [{"tokens": length, "text": str(text) if text else None} for length in lengths]
    results = []
    for number, job in enumerate(jobs):
        what = job.get("source") or f"{job['tokens']:,} tokens"
        on_event(Writing("speed", number, len(jobs), what))
        results.append(_in_a_process({**job, "options": asdict(options)}, on_event))
        on_event(Writing("speed", number + 1, len(jobs), what))
    own: dict[str, Any] = {key: results[0][key] for key in ("schema", "bench", "model", "machine")}
    rows = [result["results"][0] for result in results]
    return own | flatness(rows) | {"results": rows}


def flatness(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The peak of the longest over that of the shortest and, for tenfold lengths, whether that is flat."""
    if len(rows) < 2:
        return {}
    shortest, longest = min(rows, key=lambda row: row["tokens"]), max(rows, key=lambda row: row["tokens"])
    ratio = longest["peak_memory_bytes"] / shortest["peak_memory_bytes"]
    found: dict[str, Any] = {"peak_ratio": round(ratio, 4)}
    if shortest["tokens"] >= _FILLING_TOKENS and longest["tokens"] >= 9.5 * shortest["tokens"]:
        found["memory_is_flat"] = ratio <= FLAT_RATIO
    return found


def _in_a_process(job: dict[str, Any], on_event: Listener) -> dict[str, Any]:
    """The report of a fresh process, its progress told on the way."""
    command = [sys.executable, "-m", "longdoc.bench.speed"]
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


def measure(job: dict[str, Any], on_event: Listener = ignore) -> dict[str, Any]:
    """Read one document in this process and report. started: when the process was (`time.time`)."""
    from longdoc.bench.report import report
    from longdoc.engine.machine import peak_gpu_bytes, peak_resident_bytes
    from longdoc.pipeline.session import open_session

    session = open_session(ModelOptions(**job["options"]), on_event)
    load_s = time.time() - job["started"]
    with tempfile.TemporaryDirectory() as folder:
        source = job.get("source")
        if source is None:
            source = str(Path(folder) / "text.txt")
            _write_text(Path(source), job["tokens"], session.encode, job.get("text"))
        began = time.perf_counter()
        reading = session.read(source, SourceOptions(), on_event)
        seconds = time.perf_counter() - began
        reader = reading.reader
        state = reader.read(reading.state, reading.framing.encode("\n\n"))
        for _ in reader.write(state, max_tokens=_WRITE_TOKENS):
            pass
    row = {
        "source": job.get("source"),
        "tokens": reading.tokens_read,
        "attention": reading.plan.info.mode,
        "load_s": round(load_s, 3),
        "seconds": round(seconds, 3),
        "read_tokens_per_s": round(reading.tokens_read / max(1e-9, reading.read_seconds), 1),
        "write_tokens_per_s": round(reader.tokens_written / max(1e-9, reader.write_seconds), 1),
        "state_bytes": reading.state.cache.num_bytes(),
        "peak_memory_bytes": peak_resident_bytes(),
        "peak_gpu_bytes": peak_gpu_bytes(session.loaded.device),
    }
    return report("speed", session.loaded.info, [row])


def _write_text(path: Path, num_tokens: int, encode: Any, text: str | None) -> None:
    """A text of about so many tokens, written as it is made: its length must not cost memory here."""
    from longdoc.bench import haystack

    gap = len(encode("\n\n"))
    with path.open("w", encoding="utf-8") as stream:
        for paragraph in haystack.endless(haystack.paragraphs(Path(text) if text else None)):
            num_tokens -= len(encode(paragraph)) + gap
            if num_tokens <= 0:
                return
            stream.write(paragraph + "\n\n")


def main() -> int:
    """The measuring process: a job on standard input, JSON lines on standard output."""
    job = json.load(sys.stdin)
    told_s = 0.0

    def tell(event: Event) -> None:
        nonlocal told_s
        if isinstance(event, SegmentRead) and time.monotonic() - told_s >= _TOLD_EVERY_S:
            told_s = time.monotonic()
            _say({"segment_read": asdict(event)})

    try:
        _say(measure(job, tell))
    except LongdocError as error:
        from longdoc.output.json import error_json

        _say({"error": error_json(error)})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(cast("object", value)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
