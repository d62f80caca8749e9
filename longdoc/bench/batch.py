"""Is a batch that is killed at random moments the same in the end, and what does a batch cost beside plain reading.

Kills: a batch runs to its end; then, in a folder of its own each time, the whole process group gets SIGKILL at a random
moment after the first document began, and the same command is given again. All files must be the same, byte for byte,
the manifest must name every document once, and nothing else may lie there.
Cost: the batch of all documents beside one process that loads the model once and summarizes one after the other.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core.batch import Item
from longdoc.core.errors import LongdocError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.core.types import ModelInfo
from longdoc.output.batch_index import INDEX
from longdoc.pipeline.batch_items import items_of
from longdoc.pipeline.batch_manifest import manifest_name

_PROGRAM = "import sys; from longdoc.cli import run; sys.exit(run(sys.argv[1:]))"
_PLAIN = (
    "import json, sys; from longdoc.bench.batch import summarize_plainly; summarize_plainly(json.loads(sys.argv[1]))"
)


@dataclass(frozen=True, slots=True)
class _Run:
    """One command. began_s: until the first document began.   cpu_s: of all its processes.   killed: whether it was."""

    seconds: float
    began_s: float
    cpu_s: float
    killed: bool


def run(
    model: ModelOptions,
    folder: Path,
    *,
    kills: int,
    num_killed_documents: int = 10,
    jobs: int = 1,
    seed: int = 0,
    on_event: Listener = ignore,
) -> Report:
    """One row for the killed batches, one for the cost of a batch of all documents below the folder."""
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        items = items_of([str(folder)], work / "out", [".md"])
        rows = []
        whole: _Run | None = None
        if kills:
            few = items[:num_killed_documents]
            row, whole = _killed(_Command(model, [item.path for item in few], work, jobs), kills, seed, on_event)
            rows.append(row)
            if len(few) < len(items):
                whole = None  # not all documents: their cost is that of another run
        rows.append(_cost(_Command(model, [item.path for item in items], work, jobs), items, whole, on_event))
    first = rows[0]
    passed = not kills or first["same"] == first["runs"]
    return report("batch", ModelInfo(model.model, model.revision), rows, jobs=jobs, seed=seed, passed=passed)


def check(result: Report) -> None:
    """Raise when a killed batch was not the same in the end."""
    if not result["passed"]:
        row = result["results"][0]
        raise LongdocError(
            f"{row['runs'] - row['same']} of {row['runs']} killed batches differ from the one that was not.",
            why="; ".join(row["differences"][:3]),
            fix="report it with the result of --json",
        )


class _Command:
    """`longdoc batch` of some documents. work: a folder for the results and the states of each run."""

    def __init__(self, model: ModelOptions, sources: Sequence[str], work: Path, jobs: int) -> None:
        self.sources = sources
        self.model = model
        self._work = work
        self._jobs = jobs

    def out(self, name: str) -> Path:
        """Where results lie."""
        return self._work / name

    def run(self, name: str, kill_after_s: float | None = None) -> _Run:
        """Run it, and kill it so long after its first document began. Raises LongdocError when it fails."""
        options = ["--model", self.model.model, "--device", self.model.device, "--jobs", str(self._jobs)]
        options += ["--state-dir", str(self.out(f"{name}-states")), "--to", "md,json", "--progress", "json"]
        options += ["--threads", str(self.model.threads)] if self.model.threads else []
        command = [sys.executable, "-c", _PROGRAM, "batch", *self.sources, "-o", str(self.out(name)), *options]
        began = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
        assert process.stderr is not None
        began_s, last = 0.0, b""
        with process.stderr as events:
            for line in events:
                last = line
                if not began_s and b'"document"' in line:
                    began_s = time.perf_counter() - began
                    if kill_after_s is not None:
                        time.sleep(kill_after_s)
                        os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 3, -signal.SIGKILL}:
            raise LongdocError("The batch failed.", why=last.decode(errors="replace").strip(), fix="longdoc batch -v")
        seconds = time.perf_counter() - began
        return _Run(seconds, began_s, usage.ru_utime + usage.ru_stime, process.returncode == -signal.SIGKILL)


def _killed(command: _Command, kills: int, seed: int, on_event: Listener) -> tuple[dict[str, Any], _Run]:
    """The row, and the run that was not killed. kills: runs that are killed once each, and started again."""
    rng = random.Random(seed)
    on_event(Writing("killed runs", 0, kills, "one that is not killed"))
    whole = command.run("whole")
    expected = dict(_results(command.out("whole")))
    names = _recorded(command.out("whole"))
    same = num_killed = 0
    differences: list[str] = []
    for number in range(kills):
        on_event(Writing("killed runs", number, kills))
        name = f"killed-{number}"
        num_killed += command.run(name, rng.uniform(0.0, whole.seconds - whole.began_s)).killed
        command.run(name)
        found = [*_different(expected, dict(_results(command.out(name))))]
        recorded = _recorded(command.out(name))
        found += [f"{document} recorded {count} times" for document, count in recorded.items() if count != 1]
        found += [f"{document} lost" for document in names if document not in recorded]
        differences += [f"run {number + 1}: {what}" for what in found]
        same += not found
    on_event(Writing("killed runs", kills, kills))
    row = {
        "measure": "killed and started again",
        "documents": len(names),
        "runs": kills,
        "killed": num_killed,
        "same": same,
        "differences": differences,
    }
    return row, whole


def _results(out: Path) -> Iterator[tuple[str, bytes]]:
    """Every file but the manifest, which holds times."""
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != manifest_name(None):
            yield str(path.relative_to(out)), path.read_bytes()


def _different(expected: dict[str, bytes], found: dict[str, bytes]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is left over"
        elif expected[name] != found[name]:
            yield f"{name} differs"


def _recorded(out: Path) -> Counter[str]:
    lines = (out / manifest_name(None)).read_bytes().splitlines()
    return Counter(json.loads(line)["name"] for line in lines)


def _cost(command: _Command, items: Sequence[Item], batch: _Run | None, on_event: Listener) -> dict[str, Any]:
    """batch: a run of all the documents that is known already."""
    on_event(Writing("cost", 0, 2, "batch"))
    if batch is None:
        batch = command.run("cost")
        assert (command.out("cost") / INDEX).is_file()
    on_event(Writing("cost", 1, 2, "one process"))
    job = {"model": asdict(command.model), "paths": [item.path for item in items]}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _PLAIN, json.dumps(job)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LongdocError("The plain reading failed.", why=f"exit code {process.returncode}")
    plain_s, plain_cpu_s = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
    on_event(Writing("cost", 2, 2))
    return {
        "measure": "cost",
        "documents": len(items),
        "batch_s": round(batch.seconds, 2),
        "plain_s": round(plain_s, 2),
        "ratio": round(batch.seconds / plain_s, 3),
        "batch_cpu_s": round(batch.cpu_s, 2),
        "plain_cpu_s": round(plain_cpu_s, 2),
        "cpu_ratio": round(batch.cpu_s / plain_cpu_s, 3),
    }


def summarize_plainly(job: dict[str, Any]) -> None:
    """What the batch is compared with: one model, one document after the other, nothing written."""
    from longdoc.core.settings import SourceOptions, SummaryOptions
    from longdoc.pipeline.session import open_session
    from longdoc.pipeline.summarize import summarize

    model = ModelOptions(**job["model"])
    session = open_session(model, ignore)
    for path in job["paths"]:
        try:
            summarize(path, source_options=SourceOptions(), model_options=model, options=SummaryOptions(),
                      session=session)  # fmt: skip
        except LongdocError:
            continue
