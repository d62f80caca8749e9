"""A reading in a ring of 1, 2, 4 processes: seconds, bytes sent, what is hidden, what each holds, whether it is right.

The processes are started as those of a command (`engine/ring/launch.py`) and measure themselves (`ring_process.py`).
One process is always measured: it is what the others are compared with. A row's seconds are those of the slowest
process, its bytes those of the one that has most; of a layer where they are sent, of a block of one layer that goes by.

`hidden` is the share of the waiting for transfers that attending meanwhile saves: measured against the same reading
with each transfer waited for first. On paper (`hiding_tokens`): from which length on all of it is hidden.

Letters: N processes, n tokens of one process, D head dim, H query heads, Hkv key/value heads.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, Row, report
from longdoc.bench.ring_process import ERROR
from longdoc.core.errors import INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE, LongdocError, UsageError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.core.types import ModelInfo

PROCESSES = (1, 2, 4)
GPUS = (8, 64)  # of the calculation on paper
SENT_SHARE = 0.01  # that what is sent may be off the theory
_GPU_ELEMENT_BYTES = 2  # bfloat16
_LEAST_TOKENS = 128  # for each process: shorter texts are not shared out


def run(
    options: ModelOptions,
    *,
    is_named: bool = False,
    processes: Sequence[int] | None = None,
    tokens: int = 16_384,
    write: int = 32,
    bandwidths: Sequence[float] = (25.0, 300.0),
    flops: float | None = None,
    on_event: Listener = ignore,
) -> Report:
    """One row for each number of processes.

    is_named: whether the options name a model; else it is a random one, whose shape the result says.
    processes: None for 1, 2 and 4, as far as there are GPUs when there are any.
    bandwidths: of a link, in GB/s, for the calculation on paper.   flops: operations a second of a GPU's attention,
    for the same, with keys and values in 2 bytes; else as measured with one process.
    Raises RingLost when a process is lost, and what loading raises.
    """
    sizes = _sizes(options, processes)
    if tokens < _LEAST_TOKENS * sizes[-1]:
        raise UsageError(
            f"{tokens:,} tokens are too few for {sizes[-1]} processes.",
            why=f"a text is shared out from {_LEAST_TOKENS} tokens for each process on",
            fix=f"--tokens {_LEAST_TOKENS * sizes[-1]} or more",
        )
    found: dict[int, list[Row]] = {}
    for number, size in enumerate(sizes):
        on_event(Writing("ring", number, len(sizes), f"{size} process{'' if size == 1 else 'es'}"))
        found[size] = _measured(options, is_named, size, tokens, write)
    on_event(Writing("ring", len(sizes), len(sizes)))
    rows = [row(found[size], found[1], tokens) for size in sizes]
    one = found[1][0]
    kv_token_bytes = one["kv_token_bytes"]
    if flops:
        kv_token_bytes = kv_token_bytes // one["element_bytes"] * _GPU_ELEMENT_BYTES
    pair_s = 4 * one["heads"] * one["dim"] / flops if flops else attention_s(one) / one["pairs"] / one["layers"]
    made = report(
        "ring",
        ModelInfo(**one["model"]),
        rows,
        dtype=one["dtype"],
        threads_each=_threads(options),
        sent_as_in_theory=all(abs(r["sent_ratio"] - 1) <= SENT_SHARE for r in rows if r["sent_ratio"] is not None),
        same_tokens=all(r["same_tokens"] for r in rows if r["same_tokens"] is not None),
        pair_seconds=pair_s,
        pair_seconds_from="the given operations a second, in 16 bits" if flops else "one process, measured",
        paper=on_paper(kv_token_bytes, pair_s, bandwidths),
    )
    cores = made["machine"]["cores"]
    crowded = [size for size in sizes if size * _threads(options) > cores]
    if crowded and not made["machine"]["gpus"]:
        made["crowded"] = (
            f"{' and '.join(map(str, crowded))} processes share {cores} cores: their seconds are not those of as many "
            "machines"
        )
    return made


def hiding_tokens(kv_token_bytes: float, pair_s: float, bytes_per_s: float) -> int:
    """n: tokens of each process from which on a transfer is over before the attention that hides it.

    In each step of a causal reading in a zigzag a process sends a block of n tokens, which takes n b / B seconds for
    b = `kv_token_bytes` of one layer and B = `bytes_per_s` of a link, and attends to n^2 / 2 pairs of a query and a
    key, which takes a n^2 / 2 for a = `pair_s` (all heads of one layer). So n >= 2 b / (a B), whatever N: with a
    compute rate F, a = 4 H D / F and b = 2 Hkv D e for e bytes a number, that is Hkv e F / (H B). The latency of a
    message is not counted, nor that a layer with a window attends to less.
    """
    return math.ceil(2 * kv_token_bytes / (pair_s * bytes_per_s) - 1e-9)


def on_paper(kv_token_bytes: float, pair_s: float, bandwidths: Sequence[float]) -> list[Row]:
    """For each bandwidth in GB/s and number of GPUs: the length of a process's part, and of the whole text."""
    return [
        {
            "bandwidth_bytes_per_s": bandwidth * 1e9,
            "gpus": gpus,
            "segment_tokens": (each := hiding_tokens(kv_token_bytes, pair_s, bandwidth * 1e9)),
            "tokens": each * gpus,
        }
        for bandwidth in bandwidths
        for gpus in GPUS
    ]


def row(ranks: Sequence[Row], alone: Sequence[Row], tokens: int) -> dict[str, Any]:
    """One number of processes. ranks: what each found.   alone: what one process found."""
    from longdoc.engine.ring.made import Outcome, difference

    size, first = len(ranks), ranks[0]
    overlapped = [rank["overlapped"] for rank in ranks]
    whole = tokens * first["kv_token_bytes"]  # of one layer
    theory = (size - 1) / size * whole
    sent = [one["ring_bytes"] / first["layers"] for one in overlapped]
    ring, single = (
        Outcome(tuple(found["overlapped"]["logits"]), tuple(found["overlapped"]["tokens"]))
        for found in (first, alone[0])
    )
    write_s = first["overlapped"]["write_s"]
    return {
        "processes": size,
        "tokens": tokens,
        "read_s": round(first["overlapped"]["read_s"], 3),
        "attention_s": round(max(map(attention_s, ranks)), 3),
        "wait_s": round(max(sum(one["wait_s"]) for one in overlapped), 4),
        "packing_s": round(max(one["packing_s"] for one in overlapped), 4),
        "steps": [
            {
                "compute_s": round(max(one["compute_s"][step] for one in overlapped), 4),
                "wait_s": round(max(one["wait_s"][step] for one in overlapped), 4),
            }
            for step in range(size)
        ],
        "hidden": hidden(ranks),
        "sent_bytes": round(max(sent)),
        "sent_ratio": round(max(sent, key=lambda one: abs(one - theory)) / theory, 5) if size > 1 else None,
        "kv_bytes": max(one["kv_bytes"] for one in overlapped),
        "kv_share": round(max(one["kv_bytes"] for one in overlapped) / (whole * first["layers"]), 5),
        "block_bytes": max(one["block_bytes"] for one in overlapped),
        "loaded_bytes": max(rank["loaded_bytes"] for rank in ranks),
        "peak_memory_bytes": max(rank["peak_memory_bytes"] for rank in ranks),
        "peak_gpu_bytes": max((rank["peak_gpu_bytes"] for rank in ranks if rank["peak_gpu_bytes"]), default=None),
        "write_tokens_per_s": round(1 / write_s, 1) if write_s else None,
        "largest_logit": round(max(map(abs, single.logits)), 3),
        "difference": difference(single, ring) if size > 1 else None,
        "same_tokens": ring.tokens == single.tokens if size > 1 else None,
    }


def attention_s(rank: Row) -> float:
    """Seconds that one process attended, all layers and steps."""
    return float(sum(rank["overlapped"]["compute_s"]))


def hidden(ranks: Sequence[Row]) -> float | None:
    """The share of waiting that attending meanwhile saves; negative when it costs more than it saves."""
    if len(ranks) == 1:
        return None
    waiting = sum(sum(rank["waiting"]["wait_s"]) for rank in ranks)
    return round(1 - sum(sum(rank["overlapped"]["wait_s"]) for rank in ranks) / waiting, 3) if waiting else None


def condensed(result: Report) -> Report:
    """As a table shows it: a step in a few figures, and what is on paper in words."""
    rows = [
        {
            **one,
            "steps": " ".join(f"{step['compute_s']:.2f}+{step['wait_s']:.2f}" for step in one["steps"]),
        }
        for one in result["results"]
    ]
    shown = {key: value for key, value in result.items() if key != "paper"}
    by_speed: dict[float, list[Row]] = {}
    for one in result["paper"]:
        by_speed.setdefault(one["bandwidth_bytes_per_s"], []).append(one)
    for bytes_per_s, same in by_speed.items():
        lengths = " and ".join(f"{one['tokens']:,} on {one['gpus']} GPUs" for one in same)
        words = f"transfers hide from {same[0]['segment_tokens']:,} tokens in each process on: {lengths}"
        shown[f"at {bytes_per_s / 1e9:g} GB/s"] = words
    return {**shown, "steps": "seconds of attending + waiting before it, slowest process", "results": rows}


def _sizes(options: ModelOptions, asked: Sequence[int] | None) -> list[int]:
    """How many processes, one among them, in order. Raises UsageError for more than there are GPUs."""
    from longdoc.engine.machine import gpus

    there = 0 if options.device == "cpu" else len(gpus())
    if asked is None:
        return [size for size in PROCESSES if size <= there or not there]
    if there and max(asked) > there:
        raise UsageError(
            f"{max(asked)} GPUs are asked for, and {there} are here.",
            why="each process of a ring has a GPU of its own",
            fix="--device cpu, or fewer --processes",
        )
    return sorted({1, *asked})


def _threads(options: ModelOptions) -> int:
    return options.threads or 1


def _measured(options: ModelOptions, is_named: bool, size: int, tokens: int, write: int) -> list[Row]:
    """What each of so many processes found."""
    from longdoc.engine.ring.launch import launch
    from longdoc.engine.ring.made import Shape

    job = {
        "processes": size,
        "options": asdict(options),
        "is_named": is_named,
        "shape": asdict(Shape(layers=2, wide=512, heads=8, kv_heads=4, dim=64, vocabulary=1024)),
        "tokens": tokens,
        "write": write,
        "threads": _threads(options),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        code = launch([name], size, "longdoc.bench.ring_process")
        if code in (INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE):
            raise KeyboardInterrupt
        if code:
            raise _failed(code, folder / ERROR)
        return [json.loads((folder / f"rank-{rank}.json").read_text(encoding="utf-8")) for rank in range(size)]


def _failed(code: int, path: Path) -> LongdocError:
    """The error that a process left, with its exit code."""
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    why = said.get("why") if said else f"exit code {code}"
    error = LongdocError(said.get("what", "A measuring process failed."), why=why, fix=said.get("fix"))
    error.exit_code = code
    return error
