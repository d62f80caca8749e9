"""`longdoc models`: which models are on this machine, which are recommended, and how they come and go."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from longdoc.cli.man import ManGroup
from longdoc.cli.options import setting
from longdoc.core.errors import UsageError
from longdoc.core.settings import EMBEDDED_MODEL, ModelOptions

if TYPE_CHECKING:
    from longdoc.engine.hub import CachedModel
    from longdoc.engine.known import KnownModel
    from longdoc.output.json import Json

SCHEMA = "longdoc.models/1"
_LONG_TOKENS = 100_000
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
_REVISION = setting("--revision", metavar="NAME", help="Branch, tag or commit of the model.")
_OFFLINE = setting("--offline", is_flag=True, help="Never ask the network; say what is missing here.")


@click.group(cls=ManGroup)
def models() -> None:
    """List, show, fetch and remove models; --model takes any of them.

    Models lie in the cache of Hugging Face, which other programs share. The embedded model is part of longdoc.
    """


@models.command(
    "list",
    examples=[
        ("What is here, and what is recommended for a GPU of 8, 16, 24 or 48 GB", "longdoc models list"),
        ("What of it is missing here", "longdoc models list --offline"),
    ],
)
@_OFFLINE
@_JSON
def list_command(offline: bool, as_json: bool) -> None:
    """Print the models that are on this machine, and those that are recommended, by the memory of a GPU.

    What the recommended ones take is computed from their configuration, for 100,000 tokens that are read. --offline
    says what of them is missing here. Nothing is asked of the network in any case.
    """
    from longdoc.engine.hub import cache_folder, cached_models
    from longdoc.engine.known import known_models
    from longdoc.output.json import dumps
    from longdoc.output.wording import count, file_size

    cached, known = cached_models(), known_models()
    here = {model.id: model for model in cached}
    if as_json:
        rows = {"models": [_cached_json(m) for m in cached], "recommended": [_known_json(m, here) for m in known]}
        click.echo(dumps({"schema": SCHEMA, "folder": str(cache_folder()), **rows}, indent=2))
        return
    lines: list[tuple[str, ...]] = [("MODEL", "SIZE", "REVISION", "USED", "")]
    lines += [(EMBEDDED_MODEL, "part of longdoc", "", "", "")]
    lines += [(m.id, file_size(m.num_bytes), _short(m), m.used_at or "", _lacks(m.missing)) for m in cached]
    click.echo("\n".join(_aligned(lines)))
    head = ("GPU", "RECOMMENDED", "WEIGHTS", "LICENCE", "CONTEXT", "EXACT", "STREAM", "--quantize", "")
    lines = [head, *(_known_row(model, here) for model in known)]
    click.echo("\n" + "\n".join(_aligned(lines)))
    click.echo("EXACT, STREAM: keys and values of 100,000 tokens. Computed, not measured.")
    click.echo(f"{count(len(cached), 'model')} in {cache_folder()}.", err=True)
    if offline:
        for model_id in dict.fromkeys(model.id for model in known):
            lacks = here[model_id].missing if model_id in here else ("everything",)
            if lacks:
                click.echo(f"missing here: {model_id} ({', '.join(lacks)})", err=True)


@models.command(
    examples=[
        ("One that is recommended", "longdoc models show Qwen/Qwen3-4B-Instruct-2507"),
        ("The one that is part of longdoc", "longdoc models show embedded --json"),
    ],
)
@click.argument("model")
@_REVISION
@_OFFLINE
@_JSON
def show(model: str, revision: str | None, offline: bool, as_json: bool) -> None:
    """Print what is known of MODEL: its shape, its context, what it takes, and whether it is here.

    A model that is neither here nor recommended is looked up on the network, its configuration and tokenizer only.
    """
    from longdoc.output.json import dumps

    shown = _shown(_options(model, revision, offline))
    if as_json:
        click.echo(dumps({"schema": SCHEMA, "models": [shown]}, indent=2))
        return
    for key, value in shown.items():
        if value is not None and value != []:
            name = key.replace("_bytes", "").replace("_", " ")
            click.echo(f"{name.ljust(22)} {_said(key, value)}")


@models.command(
    examples=[
        ("Fetch it once, with a network", "longdoc models pull Qwen/Qwen3-4B-Instruct-2507"),
        ("Whether all of it is here", "longdoc models pull Qwen/Qwen3-4B-Instruct-2507 --offline"),
    ],
)
@click.argument("model")
@_REVISION
@_OFFLINE
def pull(model: str, revision: str | None, offline: bool) -> None:
    """Fetch MODEL into the cache, or what of it is missing there, and print its folder."""
    from longdoc.engine.hub import pull as fetch

    click.echo(str(fetch(_options(model, revision, offline))))


@models.command(
    examples=[
        ("One, after a question", "longdoc models rm Qwen/Qwen2.5-32B-Instruct"),
        ("In a script", "longdoc models rm Qwen/Qwen2.5-32B-Instruct --yes"),
    ],
)
@click.argument("names", nargs=-1, required=True, metavar="MODEL...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Remove MODEL... from the cache, with all revisions. On a terminal it asks first; elsewhere it needs --yes."""
    from longdoc.engine.hub import cached_model, remove
    from longdoc.output.wording import file_size

    found = [cached_model(name) for name in dict.fromkeys(names)]
    for model in found:
        click.echo(f"{model.id}, {file_size(model.num_bytes)} in {model.folder}", err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Models are not removed without --yes.", why="nobody can be asked: this is no terminal")
        if not click.confirm("Remove?", err=True):
            return
    click.echo(f"removed {file_size(remove(found))}", err=True)


@models.command(
    examples=[
        ("Where its files lie", "longdoc models path Qwen/Qwen3-4B-Instruct-2507"),
        ("To another machine", 'cp -rL "$(longdoc models path Qwen/Qwen3-4B-Instruct-2507)" /media/stick/'),
    ],
)
@click.argument("model")
@_REVISION
def path(model: str, revision: str | None) -> None:
    """Print the folder of MODEL on this machine. Asks nothing of the network."""
    from longdoc.engine.hub import local_folder
    from longdoc.engine.places import resolve

    found = resolve(model)
    click.echo(str(found if not isinstance(found, str) else local_folder(found, revision)))


def _options(model: str, revision: str | None, offline: bool) -> ModelOptions:
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # huggingface_hub reads it once, when it is imported
    return ModelOptions(model, revision=revision, offline=offline, device="cpu")


def _shown(chosen: ModelOptions) -> Json:
    """Facts of a model, from the table, from this machine, or from the network."""
    from longdoc.engine.hub import cached_models
    from longdoc.engine.known import known
    from longdoc.engine.outline import outline
    from longdoc.engine.plan import default_tiers
    from longdoc.engine.sizes import cache_bytes, kv_dims, text_config
    from longdoc.engine.tiers import KEEP_ALL, Tiers

    recommended = known(chosen.model)
    cached = next((model for model in cached_models() if model.id == chosen.model), None)
    seen = outline(chosen) if recommended is None or (cached is not None and not cached.missing) else None
    config = seen.config if seen is not None else recommended.config  # type: ignore[union-attr]
    text, (heads, dim) = text_config(config), kv_dims(config)
    native = int(getattr(text, "max_position_embeddings", 2048))
    adapter = seen.adapter if seen is not None else None
    tiers = adapter.tiers if adapter is not None else default_tiers(native)
    return {
        "id": chosen.model,
        "revision": seen.info.revision if seen is not None else None,
        "adapter": seen.info.adapter if seen is not None else None,
        "licence": recommended.licence if recommended is not None else None,
        "kind": getattr(text, "model_type", None),
        "layers": text.num_hidden_layers,
        "hidden_size": text.hidden_size,
        "heads": text.num_attention_heads,
        "key_value_heads": heads,
        "head_dim": dim,
        "native_tokens": native,
        "weights_bytes": seen.weights if seen is not None else recommended.weights,  # type: ignore[union-attr]
        "exact_bytes_per_100k": cache_bytes(config, Tiers(0, KEEP_ALL), _LONG_TOKENS),
        "stream_bytes_per_100k": cache_bytes(config, tiers, _LONG_TOKENS),
        "cached_bytes": cached.num_bytes if cached is not None else None,
        "missing": list(cached.missing) if cached is not None else [],
    }


def _known_row(model: KnownModel, here: dict[str, CachedModel]) -> tuple[str, ...]:
    from longdoc.output.wording import memory

    exact, stream = model.exact_bytes(_LONG_TOKENS), model.stream_bytes(_LONG_TOKENS)
    is_here = "on this machine" if model.id in here and not here[model.id].missing else ""
    sizes = (memory(exact), memory(stream), model.quantize, is_here)
    return f"{model.gpu_gb} GB", model.id, memory(model.weights), model.licence, f"{model.native_tokens:,}", *sizes


def _known_json(model: KnownModel, here: dict[str, CachedModel]) -> Json:
    return {
        "id": model.id,
        "gpu_gb": model.gpu_gb,
        "quantize": model.quantize,
        "licence": model.licence,
        "native_tokens": model.native_tokens,
        "weights_bytes": model.weights,
        "exact_bytes_per_100k": model.exact_bytes(_LONG_TOKENS),
        "stream_bytes_per_100k": model.stream_bytes(_LONG_TOKENS),
        "is_here": model.id in here and not here[model.id].missing,
        "missing": list(here[model.id].missing) if model.id in here else ["everything"],
    }


def _cached_json(model: CachedModel) -> Json:
    return {
        "id": model.id,
        "bytes": model.num_bytes,
        "revisions": list(model.revisions),
        "folder": str(model.folder),
        "used_at": model.used_at,
        "missing": list(model.missing),
    }


def _short(model: CachedModel) -> str:
    return model.revisions[0][:8] if model.revisions else ""


def _lacks(missing: tuple[str, ...]) -> str:
    return f"NOT WHOLE: lacks {', '.join(missing)}" if missing else ""


def _said(key: str, value: object) -> str:
    from longdoc.output.wording import memory, one_line

    if isinstance(value, int):
        return memory(value) if "bytes" in key else f"{value:,}"
    return one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines of columns, without control characters."""
    from longdoc.output.wording import one_line

    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
