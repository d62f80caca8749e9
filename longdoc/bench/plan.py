"""How far a plan is from what then happens: tokens, peak memory and seconds of each file, estimated and measured.

Each file is planned here, which loads no weights, and read in a fresh process (`plan_process.py`) that keeps its state
as `longdoc read` does. The first file is read once before, so that there is a speed to plan with. Seconds are those of
the whole process: start, opening the document, reading, keeping the state.

The bars: the tokens are the same; memory within 15 %; seconds within 30 %, on a machine that does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core.errors import BUG_EXIT_CODE, LongdocError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.plans import Plan
from longdoc.core.settings import AttentionMode, ModelOptions, SourceOptions
from longdoc.pipeline.plan import outline, plan

MEMORY_SHARE = 0.15
SECONDS_SHARE = 0.30


def run(
    options: ModelOptions,
    files: Sequence[Path],
    *,
    attentions: Sequence[AttentionMode] = ("stream",),
    stop_after: int | None = None,
    on_event: Listener = ignore,
) -> Report:
    """One row for each way of reading and each file.

    stop_after: tokens after which a reading is stopped: its memory is measured then, and not its time.
    """
    rows: list[dict[str, Any]] = []
    total = len(attentions) * (len(files) + (stop_after is None))
    for attention in attentions:
        chosen = replace(options, attention=attention)
        with tempfile.TemporaryDirectory() as folder:
            names = [*([files[0]] if stop_after is None else []), *files]
            for number, file in enumerate(names):
                on_event(Writing("readings", len(rows) + number, total, f"{file.name}, {attention}"))
                planned = _planned(file, chosen, folder)
                measured = _measured(file, chosen, folder, stop_after)
                if stop_after is not None or number:
                    rows.append(_row(file, planned, measured))
    on_event(Writing("readings", total, total))
    off = [abs(row["memory_ratio"] - 1) for row in rows]
    return report(
        "plan",
        outline(options).info,
        rows,
        tokens_equal=all(row["tokens"] == row["planned_tokens"] for row in rows),
        largest_memory_error=round(max(off), 3),
        memory_within_15_percent=max(off) <= MEMORY_SHARE,
        **_seconds_found(rows),
    )


def _planned(file: Path, options: ModelOptions, folder: str) -> Plan:
    return plan(str(file), source_options=SourceOptions(), model_options=options, state_dir=folder)


def _measured(file: Path, options: ModelOptions, folder: str, stop_after: int | None) -> dict[str, Any]:
    """tokens, peak_memory_bytes, seconds of a fresh process; a state that it left is removed, its speed stays."""
    job = {"source": str(file), "options": asdict(options), "folder": folder, "stop_after": stop_after}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "longdoc.bench.plan_process"],
        input=json.dumps(job),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    seconds = time.perf_counter() - began
    for path in Path(folder).glob("*.safetensors"):
        path.unlink()
    if done.returncode:
        error = LongdocError(
            f"{file} could not be read.", why=(done.stderr.strip() or f"exit code {done.returncode}").split("\n")[-1]
        )
        error.exit_code = done.returncode if done.returncode > 0 else BUG_EXIT_CODE
        raise error
    measured: dict[str, Any] = json.loads(done.stdout)
    return {**measured, "seconds": seconds}


def _row(file: Path, planned: Plan, measured: dict[str, Any]) -> dict[str, Any]:
    """One file. Ratios are estimate over measurement."""
    is_whole = measured["tokens_read"] == measured["tokens"]
    seconds = planned.seconds if is_whole else None
    return {
        "file": file.name,
        "mode": planned.attention.mode,
        "tokens": measured["tokens"],
        "planned_tokens": planned.num_tokens,
        "tokens_read": None if is_whole else measured["tokens_read"],
        "planned_memory_bytes": planned.memory.total,
        "peak_memory_bytes": measured["peak_memory_bytes"],
        "memory_ratio": round(planned.memory.total / measured["peak_memory_bytes"], 4),
        "planned_s": None if seconds is None else round(seconds, 2),
        "seconds_s": round(measured["seconds"], 2) if is_whole else None,
        "seconds_ratio": None if seconds is None else round(seconds / measured["seconds"], 4),
    }


def _seconds_found(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    off = [abs(row["seconds_ratio"] - 1) for row in rows if row["seconds_ratio"] is not None]
    if not off:
        return {}
    return {"largest_seconds_error": round(max(off), 3), "seconds_within_30_percent": max(off) <= SECONDS_SHARE}
