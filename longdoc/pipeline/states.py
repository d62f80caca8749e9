"""The folder of kept states: which there are, what they hold, and how they are removed.

A document, as one model read it, has one name and at most three files: NAME.safetensors, the state after the whole
text, NAME.checkpoint.safetensors, a place on the way, from which a reading that was stopped goes on, or a text that
has grown, and NAME.index, what `kept_reading` keeps beside the first. Knows nothing of torch and models.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from longdoc.core.errors import InputNotFound, OutputError, StateRefused
from longdoc.core.paths import states_folder
from longdoc.core.types import Document, Source
from longdoc.engine.state_file import StateHeader, check_file, leftovers, read_header
from longdoc.pipeline.claims import Claim, claim

WHOLE = ".safetensors"
CHECKPOINT = ".checkpoint.safetensors"
INDEX = ".index"
GROWING = frozenset({"text", "markdown", "srt", "vtt", "ass"})  # formats of texts that are added to at their end
_MAX_NAME_CHARACTERS = 40
_IS_NAME = re.compile(r"[\w.-]+-[0-9a-f]{8}")
_Files = dict[Path, os.stat_result]  # what the system said of each in one look: it may be removed at any time


@dataclass(frozen=True, slots=True)
class KeptState:
    """One row of `longdoc states list`.

    num_tokens: of the document, held by the state, of total_tokens.   num_bytes: of all its files.
    purpose: "questions" for a state of the whole text, that of its notes for a summary's.
    saved_at, used_at: ISO 8601; it is used when a reading goes on from it.
    trouble: why it would not be used, None for a state whose header is sound.
    """

    name: str
    folder: Path
    num_bytes: int
    source: str = ""
    model: str = ""
    num_tokens: int = 0
    total_tokens: int = 0
    saved_at: str = ""
    used_at: str = ""
    purpose: str = "questions"
    trouble: str | None = None

    @property
    def is_complete(self) -> bool:
        return self.trouble is None and self.num_tokens == self.total_tokens


def folder_of(folder: str | None) -> Path:
    """The folder that the user names, else the usual one."""
    return Path(folder).expanduser() if folder else states_folder()


def make_folder(folder: Path) -> None:
    """Create it, for its owner alone, unless it is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} for states cannot be made.", why=error.strerror, fix="--no-state, or --state-dir"
        ) from error


def state_name(source: Source, model: str, purpose: str) -> str:
    """`book-1a2b3c4d`: the same for the same file, model, purpose and choice, whatever the folder it is named from."""
    named = source.kept_as or source.name
    path = source.sha256 if named == "-" else str(Path(named).resolve())
    stem = "stdin" if named == "-" else Path(named).stem
    stem = re.sub(r"[^\w.-]+", "-", stem)[:_MAX_NAME_CHARACTERS].strip("-.") or "text"
    chosen = [source.selection] if source.selection else []
    key = hashlib.sha256(json.dumps([path, model, purpose, *chosen]).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{stem}-{key}"


def list_states(folder: Path) -> list[KeptState]:
    """All states of a folder, by name; no rows when there is no folder. One that is removed meanwhile is left out."""
    rows = []
    for name in _names(folder):
        with suppress(InputNotFound):
            rows.append(kept_state(folder, name))
    return rows


def show_state(folder: Path, name: str) -> tuple[KeptState, StateHeader]:
    """A state and its header, after every byte of its files was checked. Raises InputNotFound, StateRefused."""
    headers = [check_file(path) for path in _files(folder, name) if path.suffix == WHOLE]
    return kept_state(folder, name), headers[0]


def remove_state(folder: Path, name: str) -> KeptState:
    """Remove a state's files, and what a killed process left of them. Raises InputNotFound."""
    files = _files(folder, name)
    kept = kept_state(folder, name)
    for path in files:
        _unlink(path)
    for suffix in (WHOLE, CHECKPOINT, INDEX):
        for path in leftovers(folder / f"{name}{suffix}"):
            _unlink(path)
    return kept


def remove_all(folder: Path) -> list[KeptState]:
    """Remove every state of a folder; other files stay. One that another process removes meanwhile is none of them."""
    removed = _remove(folder, _names(folder))
    for path in folder.glob(f"*{INDEX}"):  # whose state was removed by hand
        if _IS_NAME.fullmatch(path.stem):
            _unlink(path)
    for path in folder.glob(f".*{WHOLE}.*.tmp"):  # of a first save that was killed: no state has its name
        for left in leftovers(path.with_name(path.name[1:].partition(WHOLE)[0] + WHOLE)):
            _unlink(left)
    return removed


def remove_older(folder: Path, age: timedelta) -> list[KeptState]:
    """Remove the states that were not used for so long."""
    before = (datetime.now(UTC) - age).timestamp()
    old = []
    for name in _names(folder):
        with suppress(InputNotFound):
            if _used_s(_files(folder, name)) < before:
                old.append(name)
    return _remove(folder, old)


def _remove(folder: Path, names: Iterable[str]) -> list[KeptState]:
    """Those of the states that are still there, removed."""
    removed = []
    for name in names:
        with suppress(InputNotFound):
            removed.append(remove_state(folder, name))
    return removed


def keep_within(folder: Path, most_bytes: int, spared: str) -> tuple[int, int]:
    """Remove states until all take `most_bytes` at most, those first that were not used for longest.

    spared: the one that stays, whatever its size; one that another process is writing stays too.
    -> how many were removed, and their bytes. Raises OutputError.
    """
    rows = []
    for name in _names(folder):
        with suppress(InputNotFound):  # another process may remove it meanwhile
            files = _files(folder, name)
            rows.append((_used_s(files), name, _num_bytes(files)))
    total, count, freed = sum(row[2] for row in rows), 0, 0
    for _, name, num_bytes in sorted(rows):
        if total - freed <= most_bytes:
            break
        held = claim(folder, name) if name != spared else None
        if held is not None:
            try:
                with suppress(InputNotFound):
                    remove_state(folder, name)
            finally:
                held.release()
            count, freed = count + 1, freed + num_bytes
    return count, freed


def may_grow(document: Document) -> bool:
    """Whether its text may go on behind its end one day; then a checkpoint before it is kept beside the whole state."""
    return bool(document.files) or document.source.format in GROWING


def drop_checkpoint(folder: Path, name: str, held: Claim | None = None) -> None:
    """Remove the place on the way. held: the claim on the state; one that another process is writing stays."""
    path = folder / f"{name}{CHECKPOINT}"
    if not path.exists():
        return
    claimed = held or claim(folder, name)
    if claimed is not None:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if held is None:
            claimed.release()


def mark_used(path: Path) -> None:
    """A reading goes on from this file now."""
    with suppress(OSError):
        os.utime(path)


def _names(folder: Path) -> list[str]:
    """The names of all states of a folder; model weights may lie there too."""
    names = dict.fromkeys(_name_of(path) for path in sorted(folder.glob(f"*{WHOLE}")))
    return [name for name in names if _IS_NAME.fullmatch(name)]


def _used_s(files: _Files) -> float:
    """When any of the files was saved or used, in seconds since 1970."""
    return max(about.st_mtime for about in files.values())


def _num_bytes(files: _Files) -> int:
    return sum(about.st_size for about in files.values())


def _files(folder: Path, name: str) -> _Files:
    """The files of a state that are there, the whole one first. Raises InputNotFound when there is none (any more)."""
    found: _Files = {}
    for path in (*paths_of(folder, name), index_path(folder, name)) if _IS_NAME.fullmatch(name) else ():
        with suppress(OSError):
            about = path.stat()
            if stat.S_ISREG(about.st_mode):
                found[path] = about
    if all(path.suffix == INDEX for path in found):
        raise InputNotFound(
            f"There is no state {name}.", why=f"none of that name in {folder}", fix="longdoc states list"
        )
    return found


def kept_state(folder: Path, name: str) -> KeptState:
    """The row of one state, from its header. Raises InputNotFound."""
    files = _files(folder, name)
    first = next(iter(files))
    used_at = datetime.fromtimestamp(_used_s(files), UTC).isoformat(timespec="seconds")
    known = KeptState(name, folder, _num_bytes(files), used_at=used_at)
    try:
        return replace(known, **_row(read_header(first)))
    except StateRefused as error:
        if not first.exists():  # it was removed since: look again at what is there
            return kept_state(folder, name)
        return replace(known, trouble=error.why)
    except (KeyError, TypeError, ValueError):
        return replace(known, trouble="it was not saved by longdoc read, ask or summarize")


def _row(header: StateHeader) -> dict[str, Any]:
    about = header.about
    return {
        "purpose": str(header.fingerprint.get("purpose") or "questions"),
        "source": str(about["source"]),
        "model": str(about["model"]),
        "num_tokens": int(about["place"]["num_tokens"]),
        "total_tokens": int(about["total_tokens"]),
        "saved_at": str(about["saved_at"]),
    }


def _name_of(path: Path) -> str:
    return path.name.removesuffix(WHOLE).removesuffix(".checkpoint")


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be removed.", why=error.strerror) from error


def index_path(folder: Path, name: str) -> Path:
    """Where `kept_reading` keeps what another question needs."""
    return folder / f"{name}{INDEX}"


def paths_of(folder: Path, name: str) -> Iterator[Path]:
    """Where the files of a state are or would be: the whole one, the checkpoint."""
    yield folder / f"{name}{WHOLE}"
    yield folder / f"{name}{CHECKPOINT}"
