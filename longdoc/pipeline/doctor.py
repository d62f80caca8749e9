"""What this installation can do: each part tried, with what was found and what to do where it fails.

A check never raises: whatever goes wrong is its finding. Parts that a summary needs are `needed`; the others make
it faster, or make larger models possible.
"""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from longdoc.core.errors import LongdocError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.paths import data_folder
from longdoc.core.settings import ModelOptions, SourceOptions, SummaryOptions

OLDEST_PYTHON = (3, 11)
_REINSTALL = "pip install --force-reinstall longdoc"
_TEXT = (
    "The bridge was closed in March. Its northern pier had sunk by four inches since the last survey.\n\n"
    "The council voted for repairs. They begin in May and will take six weeks, during which a ferry runs."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One part. found: versions, sizes, or what went wrong.   fix: what to do about it, None when all is well."""

    name: str
    is_ok: bool
    found: str
    is_needed: bool = True
    fix: str | None = None


Part = Callable[[ModelOptions], str]


def examine(options: ModelOptions, on_event: Listener = ignore) -> list[Check]:
    """Try every part, in the order in which one needs the other."""
    parts: list[tuple[str, Part, bool, str]] = [
        ("Python", _python, True, "install Python 3.11 or newer"),
        ("torch", _torch, True, _REINSTALL),
        ("GPU", _gpu, False, "longdoc runs on the CPU; for a GPU install a torch with CUDA (pytorch.org)"),
        ("4 bit", _four_bit, False, "pip install --upgrade bitsandbytes, or do without --quantize"),
        ("search", _search, True, "install a Python from python.org, conda or uv: theirs have FTS5"),
        ("folders", _folders, True, _REINSTALL),
        ("model", _model, True, _REINSTALL),
        ("summary", _summary, True, "run it again with -v, and send us what it says"),
    ]
    checks = []
    for number, (name, part, is_needed, fix) in enumerate(parts):
        on_event(Writing("checks", number, len(parts), name))
        checks.append(_tried(name, part, options, is_needed, fix))
    on_event(Writing("checks", len(parts), len(parts)))
    return checks


def is_fit(checks: list[Check]) -> bool:
    """Whether a summary can be made."""
    return all(check.is_ok for check in checks if check.is_needed)


def _tried(name: str, part: Part, options: ModelOptions, is_needed: bool, fix: str) -> Check:
    try:
        return Check(name, True, part(options), is_needed)
    except LongdocError as error:
        found = f"{error.what} ({error.why})" if error.why else error.what
        return Check(name, False, found, is_needed, error.fix or fix)
    except Exception as error:  # a broken installation breaks in ways that nobody foresaw: that is the finding
        return Check(name, False, f"{type(error).__name__}: {error}".split("\n")[0], is_needed, fix)


def _python(options: ModelOptions) -> str:
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise LongdocError(f"Python {platform.python_version()} is too old.")
    return f"{platform.python_version()} on {platform.platform(terse=True)}"


def _torch(options: ModelOptions) -> str:
    from longdoc.engine import machine

    seen = machine.describe()
    versions = ", ".join(f"{name} {version}" for name, version in seen["packages"].items())
    gigabytes = f", {seen['memory_bytes'] / 1e9:.0f} GB" if seen["memory_bytes"] else ""
    return f"{versions}; {seen['processor']}, {seen['cores']} cores{gigabytes}"


def _gpu(options: ModelOptions) -> str:
    from longdoc.engine import machine

    gpus = machine.gpus()
    if not gpus:
        raise LongdocError("There is no GPU that torch can use.")
    return "; ".join(f"{g['name']}, {g['free_bytes'] / 1e9:.1f} of {g['memory_bytes'] / 1e9:.1f} GB free" for g in gpus)


def _four_bit(options: ModelOptions) -> str:
    from longdoc.engine.quantized import try_four_bit

    return try_four_bit()


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


def _folders(options: ModelOptions) -> str:
    missing = [name for name in ("adapters", "prompts") if not data_folder(name).is_dir()]
    if missing:
        raise LongdocError(
            "Parts of the installation are missing.", why=", ".join(str(data_folder(m)) for m in missing)
        )
    from platformdirs import user_config_path

    with tempfile.TemporaryFile():
        free_bytes = shutil.disk_usage(tempfile.gettempdir()).free
    settings = user_config_path("longdoc") / "config.toml"
    return (
        f"data {data_folder('adapters').parent}; settings {settings}{'' if settings.is_file() else ' (not there)'}; "
        f"temporary {tempfile.gettempdir()} ({free_bytes / 1e9:.1f} GB free)"
    )


def _model(options: ModelOptions) -> str:
    from longdoc.engine.load import load_model

    loaded = load_model(options)
    memory = "with a memory" if loaded.has_memory else "without a memory"
    return (
        f"{loaded.info.id}: {loaded.num_parameters / 1e6:,.1f} million parameters, {loaded.info.quantization}, "
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
