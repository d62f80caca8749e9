"""`manifest.jsonl`: one line for each document that a batch has finished, written when its results are on the disk.

A line that a killed process left torn is ignored, and cut off before the next one is written. The last line of a
document counts. Shards write files of their own and read those of all. Knows nothing of models and results.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from longdoc.core.errors import OutputError
from longdoc.core.paths import sync_folder
from longdoc.pipeline.claims import Claim, claim

MANIFEST_SCHEMA = "longdoc.manifest/1"
Row = dict[str, Any]


def manifest_name(shard: tuple[int, int] | None) -> str:
    """`manifest.jsonl`, or `manifest-2-of-8.jsonl`."""
    return f"manifest-{shard[0]}-of-{shard[1]}.jsonl" if shard is not None else "manifest.jsonl"


class Rows:
    """The rows of all manifests of an output folder, as far as they were looked at. No file, no rows.

    latest: the last row of each document, by name.
    """

    def __init__(self, out: Path) -> None:
        self.latest: dict[str, Row] = {}
        self._out = out
        self._read: dict[Path, int] = {}  # bytes of each manifest
        self.look()

    def look(self) -> None:
        """Take in what was written since, by whom ever. Raises OutputError."""
        for path in sorted(self._out.glob("manifest*.jsonl")):
            try:
                num_bytes, begin = path.stat().st_size, self._read.get(path, 0)
                if num_bytes == begin:
                    continue
                begin = begin if begin < num_bytes else 0  # a shorter one is another one
                with path.open("rb") as file:
                    file.seek(begin)
                    data = file.read()
            except OSError as error:
                fix = "give -o another folder"
                raise OutputError(f"{path} cannot be read.", why=error.strerror, fix=fix) from error
            whole = data.rfind(b"\n") + 1  # what stands behind it was not written to its end, or not yet
            self._read[path] = begin + whole
            for row in _rows_in(data[:whole]):
                self.add(row)

    def add(self, row: Row) -> None:
        """One more row."""
        name = row["name"]
        if name not in self.latest or str(row.get("at", "")) >= str(self.latest[name].get("at", "")):
            self.latest[name] = row


def read_rows(out: Path) -> list[Row]:
    """The last row of each document in all manifests of an output folder, by name."""
    return [row for _, row in sorted(Rows(out).latest.items())]


def _rows_in(data: bytes) -> Iterable[Row]:
    for line in data.split(b"\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.get("schema") == MANIFEST_SCHEMA and _is_whole(row):
            yield row


def _is_whole(row: Row) -> bool:
    """Whether a row has what the next run takes from it; one that somebody has edited may not."""
    kinds: dict[str, type | tuple[type, ...]] = {"name": str, "source": str, "status": str, "files": list}
    if row.get("status") == "failed":
        kinds |= {"error": dict, "exit_code": int}
    return "key" in row and all(isinstance(row.get(field), kind) for field, kind in kinds.items())


class Manifest:
    """The manifest that this process writes, open from `open_manifest` to `close`."""

    def __init__(self, path: Path, descriptor: int, held: Claim) -> None:
        self.path = path
        self._descriptor = descriptor
        self._claim = held

    def add(self, row: Row) -> None:
        """Write a row to the disk. What it tells of is there by now. Raises OutputError."""
        line = json.dumps({"schema": MANIFEST_SCHEMA, **row}) + "\n"  # in ASCII: names of files may be no UTF-8
        end = os.fstat(self._descriptor).st_size
        try:
            data = line.encode()
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, end)
            raise OutputError(f"{self.path} cannot be written.", why=error.strerror, fix="make room on the disk, and "
                              "run it again: it goes on from there") from error  # fmt: skip

    def close(self) -> None:
        """Let another process write it."""
        os.close(self._descriptor)
        self._claim.release()


def open_manifest(out: Path, shard: tuple[int, int] | None) -> Manifest:
    """Make the output folder, and be the one that writes this manifest. Raises OutputError."""
    path = out / manifest_name(shard)
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = claim(out, path.stem)
        if held is None:
            raise OutputError(
                f"Another batch is writing to {path}.",
                why="two would do the same documents twice",
                fix="wait for it, give -o another folder, or share the work with --shard 1/2 and --shard 2/2",
            )
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        _cut_torn_line(descriptor)
        sync_folder(out)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written.", why=error.strerror, fix="give -o a folder that you may write to"
        ) from error
    return Manifest(path, descriptor, held)


def _cut_torn_line(descriptor: int) -> None:
    """Remove what stands behind the last line feed."""
    end = os.fstat(descriptor).st_size
    keep = end
    while keep:
        start = max(0, keep - 4096)
        at = os.pread(descriptor, keep - start, start).rfind(b"\n")
        if at >= 0:
            keep = start + at + 1
            break
        keep = start
    if keep < end:
        os.ftruncate(descriptor, keep)


def make_folders(folder: Path) -> None:
    """A folder for results and those above it, on the disk. Raises OutputError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be made.", why=error.strerror, fix="give -o another folder") from error
        sync_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """What a killed process left of a file that it was writing; `longdoc.output.write` names it so."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            left.unlink()
