"""Whether a ring works on this machine: its links, and whether it computes what one process does.

The processes are started as those of a command are (`engine/ring/launch.py`) and try it once (`engine/ring/trial.py`):
one for each GPU, or two on the processor where there are fewer than two GPUs.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longdoc.core.errors import INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE, LongdocError, UsageError
from longdoc.core.settings import ModelOptions

Found = tuple[str, dict[str, Any]]  # in words, and for programs

_LINKS_FIX = {
    "cpu": "let processes of this machine connect to each other (localhost, no firewall between them); "
    "or read with --attention stream",
    "cuda": "nvidia-smi topo -m shows the links; NCCL_P2P_DISABLE=1 goes by the main memory, where a virtual machine "
    "or the IOMMU breaks peer access; or read with --attention stream",
}
_KILLED_FIX = "free memory, and run longdoc doctor --ring again"
_RING_FIX = "read with --attention stream or exact, and send us what longdoc doctor --ring --json says"


@dataclass(frozen=True, slots=True)
class Tried:
    """What the processes left. links, check: None where they did not come so far; then `error` says why.

    device: "cpu" or "cuda".
    """

    processes: int
    device: str
    links: dict[str, Any] | None = None
    check: dict[str, Any] | None = None
    error: LongdocError | None = None


def try_ring(options: ModelOptions) -> Tried:
    """Start the processes, and wait for what they find. Raises UsageError for more than there are GPUs."""
    from longdoc.engine.ring.launch import launch
    from longdoc.engine.ring.trial_process import CHECK, LINKS

    size, device = processes_of(options)
    error: LongdocError | None = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            code = launch([folder, "cpu" if device == "cpu" else "auto"], size, "longdoc.engine.ring.trial_process")
            if code in (INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE):
                raise KeyboardInterrupt
            if code:
                error = LongdocError("A process of the ring failed.", why=f"exit code {code}")
        except LongdocError as lost:
            error = lost
        links, check = (_word(Path(folder) / name) for name in (LINKS, CHECK))
    return Tried(size, device, links, check, error)


def processes_of(options: ModelOptions) -> tuple[int, str]:
    """How many, and whether on GPUs ("cuda") or not ("cpu"). Raises UsageError."""
    from longdoc.engine.machine import gpus

    there = 0 if options.device == "cpu" else len(gpus())
    asked = options.processes
    if asked == 1:
        raise UsageError("One process is no ring.", why="--gpus 1", fix="--gpus 2, or leave --gpus out")
    if there > 1 and asked is not None and asked > there:
        raise UsageError(
            f"{asked} GPUs are asked for, and {there} are here.",
            why="each process of a ring has a GPU of its own",
            fix=f"--gpus {there}, or --device cpu to try {asked} processes on the processor",
        )
    return (asked or there, "cuda") if there > 1 else (asked or 2, "cpu")


def links_found(tried: Tried) -> Found:
    """The links. Raises LongdocError when they do not work."""
    if tried.links is None:
        raise _failed(tried, _LINKS_FIX[tried.device])
    links = tried.links["links"]
    name = "GPUs" if tried.device == "cuda" else "processes"
    said = []
    for link in sorted(links, key=lambda one: float(one["bytes_per_s"]))[: 1 if len(links) > 3 else None]:
        pair = " and ".join(map(str, link["processes"]))
        access = "" if link["peer_access"] is None else f", {'with' if link['peer_access'] else 'without'} peer access"
        speed = f"{_speed(link['bytes_per_s'])} each way, {link['latency_s'] * 1e6:,.0f} µs{access}"
        said.append(f"{'slowest: ' if len(links) > 3 else ''}{name} {pair}: {speed}")
    together = f"all at once {_speed(tried.links['ring_bytes_per_s'])} each"
    return f"{tried.links['backend']}, {len(links)} tried; {'; '.join(said)}; {together}", tried.links


def check_found(tried: Tried) -> Found:
    """The reading. Raises LongdocError when it is not that of one process."""
    if tried.links is None:
        raise LongdocError("Not tried.", why="the links do not work", fix="see links")
    if tried.check is None:
        raise _failed(tried, _RING_FIX)
    rows = tried.check["rows"]
    for row in rows:
        if row["complaint"] is not None:
            raise LongdocError(
                "The ring computes something else.", why=f"{row['dtype']}: {row['complaint']}", fix=_RING_FIX
            )
    same = ", ".join(f"{row['difference']:.1g} in {row['dtype']}" for row in rows)
    where = "GPUs" if tried.device == "cuda" else "processes on the processor"
    words = (
        f"{tried.processes} {where} read a random model as one does: largest difference of the logits {same}; "
        f"the same {tried.check['tokens_written']} tokens written"
    )
    return words, tried.check


def _failed(tried: Tried, fix: str) -> LongdocError:
    """What went wrong, with what to do about it."""
    error = tried.error
    if error is None:
        return LongdocError("The processes of the ring left no word.", fix=fix)
    return LongdocError(error.what, why=error.why, fix=_KILLED_FIX if "ended by SIGKILL" in (error.why or "") else fix)


def _speed(bytes_per_s: float) -> str:
    return f"{bytes_per_s / 1e9:.1f} GB/s"


def _word(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said
