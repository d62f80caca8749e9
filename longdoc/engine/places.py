"""Where a model and its adapter lie: a name to a folder, or to an id of the hub. Opens nothing, fetches nothing."""

from __future__ import annotations

from pathlib import Path

from longdoc.core.errors import ModelUnavailable
from longdoc.core.paths import data_folder
from longdoc.core.settings import EMBEDDED_MODEL
from longdoc.engine.adapter_file import SETTINGS_FILE
from longdoc.engine.unavailable import check_folder


def resolve(model: str) -> str | Path:
    """A folder, or an id for the hub's cache."""
    if model != EMBEDDED_MODEL:
        check_folder(model)
        path = Path(model).expanduser()
        return path if path.is_dir() else model
    folder = data_folder("adapters") / EMBEDDED_MODEL
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            "The embedded model is not in this installation.",
            why=f"{folder} holds no checkpoint",
            fix="install longdoc again, or name a model with --model",
        )
    return folder


def adapter_folder(name: str | None, model_path: str | Path) -> Path | None:
    """The folder of the adapter beside the model, or of a named one."""
    if name is None or name == "none":
        beside = Path(model_path)
        return beside if isinstance(model_path, Path) and (beside / SETTINGS_FILE).is_file() else None
    for folder in (Path(name).expanduser(), data_folder("adapters") / name):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise ModelUnavailable(
        f"There is no adapter {name}.", why=f"no {SETTINGS_FILE} in it", fix="--adapter none, or the folder's path"
    )
