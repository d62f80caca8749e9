"""What makes the result on a document: its bytes, the model's, the settings, the prompts, longdoc's version.

The key of a document is a hash of all of it; while it stays the same, a batch does not do the document again. In which
forms the result is shown is no part of it. The model is named by its files, which are not loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longdoc import __version__
from longdoc.core.batch import BatchTask
from longdoc.core.errors import InputNotFound
from longdoc.core.paths import data_folder
from longdoc.core.settings import ModelOptions
from longdoc.engine.places import adapter_folder, resolve

_BLOCK_BYTES = 1 << 20
_WHOLE_BYTES = 64 << 20  # of a model's file; of a larger one samples are taken
_SAMPLES = 256
_SAMPLE_BYTES = 1 << 14
# What makes no difference to the result, or only where it is made.
_NOT_IN_KEY = {"model": ("device", "threads", "offline", "prompts"), "source": ("password", "max_bytes", "seconds")}


def settings_hash(task: BatchTask) -> str:
    """Of all that is the same for every document of a batch. Raises ModelUnavailable."""
    settings: dict[str, Any] = {
        "longdoc": __version__,
        "weights": model_files(task.model),
        "prompts": _folder_hash(data_folder("prompts")),
        "own_prompts": _folder_hash(Path(task.model.prompts).expanduser()) if task.model.prompts is not None else None,
        "rankers": _folder_hash(data_folder("adapters") / "lexical"),
        "model": asdict(task.model),
        "source": asdict(task.source),
        "summary": asdict(task.summary) if task.summary is not None else None,
        "questions": task.questions,
        "ask": asdict(task.ask) if task.questions else None,
    }
    for name, fields in _NOT_IN_KEY.items():
        for field in fields:
            del settings[name][field]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def document_key(sha256: str, settings: str) -> str:
    """The key of a document with these bytes. settings: as `settings_hash` gives it."""
    return hashlib.sha256(f"{sha256} {settings}".encode()).hexdigest()


def file_hash(path: str) -> str:
    """SHA-256 of a file. Raises InputNotFound, also for devices and pipes, which may have no end."""
    try:
        mode = Path(path).stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says why it is none
            raise OSError(None, "it is no ordinary file")
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        why = f"it is a link to {Path(path).readlink()}" if Path(path).is_symlink() else "no such path"
        raise InputNotFound(f"There is no file {path}.", why=why, fix="ls, and name one") from error
    except OSError as error:
        raise InputNotFound(f"{path} cannot be opened.", why=error.strerror, fix="name an ordinary file") from error


def model_files(options: ModelOptions) -> list[str]:
    """Hashes of the model's folder and of its adapter's; of a model in the hub's cache the commit that is there."""
    path = resolve(options.model)
    found = [_folder_hash(path)] if isinstance(path, Path) else [_cached_commit(str(path), options.revision)]
    adapter = adapter_folder(options.adapter, path)
    return [*found, _folder_hash(adapter)] if adapter is not None and adapter != path else found


def _cached_commit(name: str, revision: str | None) -> str:
    """The commit that the hub's cache has of a model, else the name of the revision."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(path).parent.name if isinstance(path, str) else revision or "main"


def _folder_hash(folder: Path) -> str:
    """Of the names and the content of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\n{_content_hash(path)}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _content_hash(path: Path) -> str:
    """Of a whole file; of one above 64 MB, of its length and of 256 samples, evenly spread."""
    num_bytes = path.stat().st_size
    with path.open("rb") as file:
        if num_bytes <= _WHOLE_BYTES:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256(str(num_bytes).encode())
        for number in range(_SAMPLES):
            file.seek(number * (num_bytes - _SAMPLE_BYTES) // (_SAMPLES - 1), os.SEEK_SET)
            digest.update(file.read(_SAMPLE_BYTES))
        return digest.hexdigest()
