"""Models in the hub's cache on this machine: which are there, which files they lack, how they come and go.

Everything goes through huggingface_hub; nothing is fetched unless `pull` is called. Imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from longdoc.core.errors import ModelUnavailable, OutputError
from longdoc.core.settings import ModelOptions
from longdoc.engine.unavailable import check_folder, check_reachable, explain

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md")
_NOT_WANTED = ("original/*", "onnx/*", "openvino/*", "consolidated*")
_ONE, _INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class CachedModel:
    """A model of the cache. missing: files that reading it would need and that are not there.

    revisions: commits, the one of `main` first.   used_at: ISO 8601, None where the system does not tell.
    """

    id: str
    num_bytes: int
    revisions: tuple[str, ...]
    folder: Path
    used_at: str | None
    missing: tuple[str, ...] = ()


def cache_folder() -> Path:
    """Where the hub keeps what was fetched: HF_HOME and HF_HUB_CACHE say so."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_models(cache: Path | None = None) -> list[CachedModel]:
    """All models of the cache, by id."""
    return sorted((_model(repo) for repo in _repositories(cache)), key=lambda model: model.id.lower())


def cached_model(model: str, cache: Path | None = None) -> CachedModel:
    """One of them. Raises ModelUnavailable (69)."""
    found = next((one for one in cached_models(cache) if one.id == model), None)
    if found is None:
        raise ModelUnavailable(
            f"The model {model} is not on this machine.",
            why=f"it is not in {cache or cache_folder()}",
            fix=f"longdoc models pull {model}",
        )
    return found


def pull(options: ModelOptions, cache: Path | None = None) -> Path:
    """Fetch what reading a model needs, or find all of it there; -> its folder.

    Offline it names what is missing. Raises ModelUnavailable (69).
    """
    from huggingface_hub import snapshot_download

    _check_id(options.model)
    if options.offline:
        return local_folder(options.model, options.revision, cache)
    check_reachable(options.model, options)
    try:
        folder = snapshot_download(
            options.model,
            revision=options.revision,
            cache_dir=cache or cache_folder(),
            allow_patterns=list(WANTED),
            ignore_patterns=list(_NOT_WANTED),
        )
    except (OSError, ValueError) as error:
        raise explain(options, error) from error
    return Path(str(folder))


def local_folder(model: str, revision: str | None = None, cache: Path | None = None) -> Path:
    """The folder of a model that is on this machine with all that reading it needs. Raises ModelUnavailable (69)."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    _check_id(model)
    fix = f"where there is a network: longdoc models pull {model}"
    try:
        folder = Path(
            str(snapshot_download(model, revision=revision, cache_dir=cache or cache_folder(), local_files_only=True))
        )
    except (LocalEntryNotFoundError, OSError) as error:
        which = f"its revision {revision}" if revision else "nothing of it"
        raise ModelUnavailable(
            f"The model {model} is not on this machine.",
            why=f"{which} is {'not ' if revision else ''}in {cache or cache_folder()}",
            fix=fix,
        ) from error
    if missing := missing_files(folder):
        raise ModelUnavailable(
            f"The model {model} is not whole on this machine.", why=f"it lacks {', '.join(missing)}", fix=fix
        )
    return folder


def remove(models: list[CachedModel], cache: Path | None = None) -> int:
    """Remove models from the cache with all their revisions; -> the bytes that are free now. Raises OutputError."""
    from huggingface_hub import scan_cache_dir

    found, ids = scan_cache_dir(cache or cache_folder()), {model.id for model in models}
    chosen = frozenset(repo for repo in found.repos if repo.repo_type == "model" and repo.repo_id in ids)
    commits = [commit for model in models for commit in model.revisions]
    strategy = replace(found, repos=chosen).delete_revisions(*commits)  # copies of a model share their commits
    freed = int(strategy.expected_freed_size)
    strategy.execute()
    if left := [model.id for model in models if model.folder.exists()]:
        raise OutputError(f"{', '.join(left)} could not be removed.", why="files stayed; the cache may be read-only")
    return freed


def missing_files(folder: Path) -> tuple[str, ...]:
    """What reading a checkpoint needs and its folder lacks: configuration, tokenizer, every file of the weights."""
    missing = [name for name in ("config.json",) if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        missing.append("tokenizer.json")
    if (folder / _INDEX).is_file():
        try:
            wanted = set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            return (*missing, _INDEX)
        missing += sorted(name for name in wanted if not (folder / str(name)).is_file())
    elif not (folder / _ONE).is_file():
        missing.append(_ONE)
    return tuple(missing)


def _check_id(model: str) -> None:
    """Raises ModelUnavailable for what is no id of the hub."""
    check_folder(model)
    if Path(model).expanduser().is_dir() or model.count("/") != 1:
        raise ModelUnavailable(
            f"{model} is no model of the hub.", why="ids have the form owner/name", fix="longdoc models list"
        )


def _repositories(cache: Path | None) -> list[Any]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        return [repo for repo in scan_cache_dir(cache or cache_folder()).repos if repo.repo_type == "model"]
    except CacheNotFound:
        return []


def _model(repo: Any) -> CachedModel:
    revisions = sorted(repo.revisions, key=lambda one: ("main" not in one.refs, -one.last_modified))
    used = datetime.fromtimestamp(repo.last_accessed, UTC).isoformat(timespec="seconds") if repo.nb_files else None
    return CachedModel(
        id=repo.repo_id,
        num_bytes=repo.size_on_disk,
        revisions=tuple(one.commit_hash for one in revisions),
        folder=Path(repo.repo_path),
        used_at=used,
        missing=missing_files(Path(revisions[0].snapshot_path)) if revisions else ("everything",),
    )
