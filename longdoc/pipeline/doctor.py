"""What this installation can do: each part tried, with what was found and what to do where it fails.

A check never raises: whatever goes wrong is its finding. Parts that a summary needs are `needed`; the others make
it faster, or make larger models possible. 4-bit weights are tried in another process meanwhile.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from longdoc.core.errors import LongdocError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.paths import data_folder
from longdoc.core.settings import ModelOptions, SourceOptions, SummaryOptions
from longdoc.output.wording import count

OLDEST_PYTHON = (3, 11)
_REINSTALL = "pip install --force-reinstall longdoc"
_TEXT = (
    "The bridge was closed in March. Its northern pier had sunk by four inches since the last survey.\n\n"
    "The council voted for repairs. They begin in May and will take six weeks, during which a ferry runs."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One part. found: versions, sizes, or what went wrong.   fix: what to do about it, None when all is well.

    is_tried: False for what was only looked up.   details: the same for programs.
    is_needed: by a summary, or because it was asked for.
    """

    name: str
    is_ok: bool
    found: str
    is_needed: bool = True
    fix: str | None = None
    is_tried: bool = True
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a part found, in words and for programs. is_tried: as in `Check`."""

    words: str
    details: dict[str, Any]
    is_tried: bool = True


Part = Callable[[ModelOptions], str | Found]


def examine(
    options: ModelOptions, on_event: Listener = ignore, state_dir: str | None = None, *, ring: bool = False
) -> list[Check]:
    """Try every part, in the order in which one needs the other. state_dir: where reading states are kept.

    ring: try a ring as well.
    """
    from longdoc.engine.quantized import end_trial, start_trial

    trial = start_trial()
    parts: list[tuple[str, Part, bool, str]] = [
        ("Python", _python, True, "install Python 3.11 or newer"),
        ("torch", _torch, True, _REINSTALL),
        ("GPU", _gpu, False, "longdoc runs on the CPU; for a GPU install a torch with CUDA (pytorch.org)"),
        ("attention", _attention, True, _REINSTALL),
        ("search", _search, True, "install a Python from python.org, conda or uv: theirs have FTS5"),
        ("sandbox", _sandbox, True, "let longdoc start processes, and give them 2 GB of address space"),
        ("folders", lambda options: _folders(state_dir), True, _REINSTALL),
        ("network", _network, False, "unset HF_HUB_OFFLINE"),
        ("models", _models, False, "longdoc models list"),
        ("model", _model, True, _REINSTALL),
        ("summary", _summary, True, "run it again with -v, and send us what it says"),
        (
            "4 bit",
            lambda options: end_trial(trial),
            False,
            "pip install --upgrade bitsandbytes, or do without --quantize",
        ),
        *(_ring_parts() if ring else []),
    ]
    checks = []
    with ExitStack() as last:
        last.callback(trial.kill)  # when Ctrl-C comes before it has ended
        for number, (name, part, is_needed, fix) in enumerate(parts):
            on_event(Writing("checks", number, len(parts), name))
            checks.append(_tried(name, part, options, is_needed, fix))
    on_event(Writing("checks", len(parts), len(parts)))
    return checks


def _ring_parts() -> list[tuple[str, Part, bool, str]]:
    """The parts of a ring, which is tried once for both."""
    from longdoc.pipeline.doctor_ring import check_found, links_found, try_ring

    tried = cache(try_ring)
    fix = "longdoc doctor --ring -v, and send us what it says; or read with --attention stream"
    return [
        ("links", lambda options: Found(*links_found(tried(options))), True, fix),
        ("ring", lambda options: Found(*check_found(tried(options))), True, fix),
    ]


def is_fit(checks: list[Check]) -> bool:
    """Whether a summary can be made, and a ring works where it was tried."""
    return all(check.is_ok for check in checks if check.is_needed)


def _tried(name: str, part: Part, options: ModelOptions, is_needed: bool, fix: str) -> Check:
    try:
        found = part(options)
        if isinstance(found, Found):
            return Check(name, True, found.words, is_needed, is_tried=found.is_tried, details=found.details)
        return Check(name, True, found, is_needed)
    except LongdocError as error:
        found = f"{error.what} ({error.why})" if error.why else error.what
        return Check(name, False, found, is_needed, error.fix or fix)
    except Exception as error:  # a broken installation breaks in ways that nobody foresaw: that is the finding
        return Check(name, False, f"{type(error).__name__}: {error}".split("\n")[0], is_needed, fix)


def _python(options: ModelOptions) -> str:
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise LongdocError(f"Python {platform.python_version()} is too old.")
    return f"{platform.python_version()} on {platform.platform(terse=True)}"


def _torch(options: ModelOptions) -> Found:
    import torch

    from longdoc.engine import machine

    seen = machine.describe()
    versions = ", ".join(f"{name} {version}" for name, version in seen["packages"].items())
    cuda = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
    gigabytes = f", {seen['memory_bytes'] / 1e9:.0f} GB" if seen["memory_bytes"] else ""
    able = machine.instructions()
    threads = options.threads or seen["threads"]
    where = f"{seen['processor']}, {count(seen['cores'], 'core')}, {count(threads, 'thread')}{gigabytes} ({able})"
    return Found(f"{versions}, {cuda}; {where}", {**seen, "cuda": torch.version.cuda, "instructions": able})


def _gpu(options: ModelOptions) -> Found:
    from longdoc.engine import machine

    gpus = machine.gpus()
    if not gpus:
        raise LongdocError("There is no GPU that torch can use.")
    said = [f"{g['name']}, {g['free_bytes'] / 1e9:.1f} of {g['memory_bytes'] / 1e9:.1f} GB free" for g in gpus]
    return Found("; ".join(said), {"gpus": gpus})


def _attention(options: ModelOptions) -> str:
    from longdoc.engine import machine

    return f"fused on {machine.fused_attention()}"


def _search(options: ModelOptions) -> str:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(body)")
        connection.execute("INSERT INTO t VALUES ('the bridge')")
        rows = connection.execute("SELECT count(*) FROM t WHERE t MATCH 'bridge'").fetchone()
    finally:
        connection.close()
    if rows != (1,):
        raise LongdocError("SQLite's FTS5 does not find what it holds.")
    return f"SQLite {sqlite3.sqlite_version} with FTS5"


def _sandbox(options: ModelOptions) -> str:
    from longdoc.ingest.opening import open_source
    from longdoc.ingest.sandboxed import parse_with, worker_for

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.html"
        path.write_text(f"<p>{_TEXT}</p>", encoding="utf-8")
        source = SourceOptions(format="html")
        with open_source(str(path), source.max_bytes) as file, worker_for(file, source) as worker:
            document = parse_with(worker, str(path), file, source, ignore)
    if "northern pier" not in document.text:
        raise LongdocError("A worker process lost the text that it was to parse.")
    return "documents are parsed in worker processes, with limits of memory and time and without network"


def _folders(state_dir: str | None) -> Found:
    from longdoc.pipeline.places import places

    missing = [name for name in ("adapters", "prompts") if not data_folder(name).is_dir()]
    if missing:
        raise LongdocError(
            "Parts of the installation are missing.", why=", ".join(str(data_folder(m)) for m in missing)
        )
    with tempfile.TemporaryFile():
        found = places(state_dir)
    said, rows = [], []
    for place in found:
        size = "" if place.num_bytes is None else f"{place.num_bytes / 1e6:,.1f} MB"
        there = "" if place.path.is_dir() else "not there yet"
        state = ", ".join(filter(None, [size, there, "" if place.is_writable else "not writable"]))
        said.append(f"{place.name} {place.path}" + (f" ({state})" if state else ""))
        row = {"name": place.name, "path": str(place.path), "bytes": place.num_bytes}
        rows.append({**row, "writable": place.is_writable, "free_bytes": place.free_bytes})
    free = found[-1].free_bytes
    said[-1] += f" ({free / 1e9:.1f} GB free)" if free is not None else ""
    return Found("; ".join(said), {"folders": rows})


def _network(options: ModelOptions) -> Found:
    said = os.environ.get("HF_HUB_OFFLINE", "")
    is_offline = options.offline or said.upper() in {"1", "ON", "YES", "TRUE"}
    words = (
        "not used: models come from this machine alone"
        if is_offline
        else "not tried; used to fetch models, and for nothing else"
    )
    why = " (HF_HUB_OFFLINE)" if is_offline and not options.offline else ""
    return Found(words + why, {"offline": is_offline}, is_tried=False)


def _models(options: ModelOptions) -> Found:
    import torch

    from longdoc.engine.known import known_models
    from longdoc.engine.load import device_of
    from longdoc.engine.sizes import free_bytes

    device = device_of(options.device) if torch.cuda.is_available() else torch.device("cpu")
    free = free_bytes(device)
    rows: list[dict[str, Any]] = []
    for model in known_models():
        total = model.needs(device.type).total
        fits = None if free is None else total <= free
        rows.append({"id": model.id, "quantize": model.quantize, "bytes": total, "fits": fits})
    fitting = [f"{row['id']} --quantize {row['quantize']} ({row['bytes'] / 1e9:.1f} GB)" for row in rows if row["fits"]]
    room = "unknown" if free is None else f"{free / 1e9:.1f} GB"
    words = f"{', '.join(fitting) or 'none of the recommended ones'} would fit into {room} free on {device}"
    return Found(words, {"free_bytes": free, "device": str(device), "models": rows})


def _model(options: ModelOptions) -> str:
    from longdoc.engine.load import load_model

    loaded = load_model(options)
    memory = "with a memory" if loaded.has_memory else "without a memory"
    quantization = f"{loaded.info.quantization}, " if loaded.info.quantization != "none" else ""
    return (
        f"{loaded.info.id}: {loaded.num_parameters / 1e6:,.1f} million parameters, {quantization}"
        f"{memory}, on {loaded.device}; it reads the same under longdoc's attention as under its own"
    )


def _summary(options: ModelOptions) -> str:
    from longdoc.pipeline.summarize import summarize

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.txt"
        path.write_text(_TEXT, encoding="utf-8")
        summary = summarize(
            str(path),
            source_options=SourceOptions(),
            model_options=options,
            options=SummaryOptions(words=20),
        )
    if not summary.text:
        raise LongdocError("The summary of a short text is empty.")
    return f"{summary.receipt.tokens_read} tokens read in {summary.receipt.seconds:.1f} s: {summary.text}"
