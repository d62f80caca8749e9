"""Why a model is not there, in words for whoever named it: no such folder, no checkpoint in it, no network, no such id.

Knows nothing of how a model is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions

_CHECKPOINT = "a checkpoint's folder holds config.json, *.safetensors and tokenizer.json"
_REACH_SECONDS = 5.0
_ELSEWHERE = "hf download {model} --local-dir FOLDER  # where there is a network; then --model FOLDER"


def check_folder(model: str) -> None:
    """Raises ModelUnavailable for a folder without a checkpoint, and for a path to nothing."""
    if not model.strip():
        raise ModelUnavailable(
            "The model has no name.", why="--model is followed by an empty text", fix="leave --model away, or name one"
        )
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            is_empty = not any(path.iterdir())
            raise ModelUnavailable(
                f"There is no model in the folder {model}.",
                why="it is empty" if is_empty else "it has no config.json",
                fix=f"name the folder that holds the model itself: {_CHECKPOINT}",
            )
    elif path.exists():
        raise ModelUnavailable(f"{model} is a file, not a model.", why=_CHECKPOINT, fix="name the folder that holds it")
    elif model.startswith((".", "~", "/")) or model.count("/") > 1:
        raise ModelUnavailable(
            f"There is no folder {model}.", why="no such path", fix="name a folder that is there, or owner/name"
        )


def check_reachable(path: str | Path, options: ModelOptions) -> None:
    """Raises ModelUnavailable at once for a model that was never fetched, when the hub does not answer.

    One try of a few seconds: huggingface_hub would try six times and say so each time.   path: folder, or id.
    """
    if isinstance(path, Path) or options.offline:
        return
    from huggingface_hub import constants, get_session, try_to_load_from_cache

    known = try_to_load_from_cache(path, "config.json", cache_dir=constants.HF_HUB_CACHE, revision=options.revision)
    if isinstance(known, str):
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=_REACH_SECONDS)
    except Exception as error:  # proxies, names, certificates: whatever it is, nothing can be fetched
        raise _not_here(options) from error


def explain(options: ModelOptions, error: Exception) -> ModelUnavailable:
    """What to tell instead of what transformers said."""
    from huggingface_hub import errors

    model = options.model
    chain = list(_chain(error))
    if any(isinstance(e, errors.GatedRepoError) for e in chain):
        return ModelUnavailable(
            f"The model {model} is gated.",
            why="its owner asks you to agree to a licence first",
            fix=f"agree on https://huggingface.co/{model}, then: hf auth login",
        )
    if any(isinstance(e, errors.RevisionNotFoundError) for e in chain):
        return ModelUnavailable(
            f"The model {model} has no revision {options.revision}.", why="the hub says so", fix="leave out --revision"
        )
    if any(isinstance(e, errors.RepositoryNotFoundError) for e in chain):
        return ModelUnavailable(
            f"There is no model {model}.",
            why="Hugging Face has none of that name, or it is private",
            fix="check owner/name; for a private one: hf auth login",
        )
    if any(isinstance(e, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled) for e in chain):
        return _not_here(options)
    return ModelUnavailable(
        f"The model {model} cannot be loaded.",
        why=first_lines(error),
        fix="check the id or the folder, and the space that is left on the disk",
    )


def _not_here(options: ModelOptions) -> ModelUnavailable:
    """Not in the cache, and nothing can be fetched."""
    model = options.model
    if options.offline or os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}:
        return ModelUnavailable(
            f"The model {model} is not on this machine.",
            why="--offline forbids to fetch it, and it was not fetched before",
            fix="once without --offline, or " + _ELSEWHERE.format(model=model),
        )
    return ModelUnavailable(
        f"The model {model} is not on this machine and cannot be fetched.",
        why="huggingface.co cannot be reached",
        fix="check the network, or " + _ELSEWHERE.format(model=model),
    )


def first_lines(error: Exception) -> str:
    """The first two lines of a message that may fill a screen."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
