"""The documents of a batch: what the sources stand for, and under which name each has its results.

A name is the path below the folder that was named, or the name of a file that was named itself. It depends on the
sources alone, so that every shard and every later run gives the same. Reads no document.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from longdoc.core.batch import Item
from longdoc.core.errors import InputNotFound, UsageError
from longdoc.ingest import expand, look_into

_RESERVED = re.compile(r"(index|manifest.*)", re.IGNORECASE)
_MAX_PART_BYTES = 200  # of a file's name; an ending and the name of a temporary file come behind it
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def items_of(
    sources: Sequence[str], out: Path, endings: Sequence[str], known: Mapping[str, str] | None = None
) -> list[Item]:
    """All documents of the sources, in reading order, each once.

    out: results lie there, with these endings; below a source it is not searched.
    known: names and source paths of an earlier run, which they keep.
    Raises InputNotFound for folders and patterns without files, UsageError for standard input and for results that
    would lie among the sources.
    """
    found: dict[str, tuple[str, str]] = {}  # absolute path -> path, plain name
    real_out = os.path.realpath(out)
    for source in sources:
        if source == "-":
            raise UsageError(
                "A batch cannot read standard input.", fix="longdoc summarize -, or name files and folders"
            )
        if os.path.realpath(source) == real_out:
            raise UsageError(
                f"The results would lie among the sources in {source}.",
                why="the next run would take them for documents",
                fix="give -o another folder; one below the source will do",
            )
        is_inside = Path(real_out).is_relative_to(os.path.realpath(source))
        for path, name in _files_of(source):
            if not (is_inside and Path(os.path.realpath(path)).is_relative_to(real_out)):
                found.setdefault(_absolute(path), (path, name))
    if not found:
        raise InputNotFound("There are no documents.", why="nothing is in the sources", fix="name other ones")
    items = _named(found, dict(known or {}), endings)
    _check_targets(items, out, endings)
    return items


def _files_of(source: str) -> list[tuple[str, str]]:
    """(path, plain name) of each file that a source stands for. A file that is not there stays, and fails later."""
    if not os.path.lexists(source) and glob.has_magic(source):
        matched = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        root = _fixed_part(source)
        files = expand(matched) if matched else []
        if not files:
            raise InputNotFound(f"Nothing matches {source}.", why="no file has such a name", fix="ls " + str(root))
        return [(path, os.path.relpath(path, root)) for path in dict.fromkeys(files)]
    if Path(source).is_dir():
        return [(path, os.path.relpath(path, source)) for path in expand([source])]
    return [(source, PurePath(source).name or source)]


def left_out_of(sources: Sequence[str]) -> tuple[str, ...]:
    """What lies in the folders that are named and is no document (pipes, links to folders), in words for a warning."""
    return look_into([source for source in sources if Path(source).is_dir()])[1]


def _fixed_part(pattern: str) -> Path:
    """`books` of `books/**/*.pdf`."""
    parts: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _named(found: Mapping[str, tuple[str, str]], known: Mapping[str, str], endings: Sequence[str]) -> list[Item]:
    """Each document with a name of its own: of an earlier run, else the plain one, else with a mark of its path.

    A plain name is not taken when its result would stand where another's folder has to be: `x`, beside `x.md/y`.
    """
    folders = {_folded(str(parent)) for _, plain in found.values() for parent in PurePath(plain).parents}
    kept = {_absolute(path): name for name, path in known.items()}
    taken = {_folded(name) for name, path in known.items() if _absolute(path) in found or Path(path).exists()}
    items = []
    for absolute, (path, plain) in found.items():
        name = kept.get(absolute)
        if name is None:
            name = fit(plain, absolute)
            if _folded(name) in taken or any(_folded(name + ending) in folders for ending in endings):
                name = _marked(name, absolute)
            taken.add(_folded(name))
        items.append(Item(name, path))
    return items


def fit(plain: str, absolute: str) -> str:
    """A name that every file system takes and no other file of the batch has; a mark of the path where it differs."""
    parts = [part for part in PurePath(plain).parts if part not in {"..", "/", "."}]
    name = "/".join(_UNFIT.sub("_", part) for part in parts)
    cut = "/".join(part.encode()[:_MAX_PART_BYTES].decode(errors="ignore") for part in name.split("/"))
    is_same = cut == "/".join(parts) and not (len(parts) == 1 and _RESERVED.fullmatch(cut))
    return cut if is_same else _marked(cut, absolute)


def _marked(name: str, absolute: str) -> str:
    """`talk-1a2b3c4d.txt`."""
    mark = hashlib.sha256(absolute.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    path = PurePath(name)
    return str(path.with_name(f"{path.stem}-{mark}{path.suffix}"))


def _absolute(path: str) -> str:
    """A path from the root, without following links."""
    return os.path.normpath(Path(path).absolute())


def _folded(name: str) -> str:
    """Alike where file systems see no difference."""
    return unicodedata.normalize("NFC", name).casefold()


def _check_targets(items: Sequence[Item], out: Path, endings: Sequence[str]) -> None:
    """Raises UsageError when a result would replace a source."""
    sources = {os.path.realpath(item.path) for item in items}
    for item in items:
        for ending in endings:
            target = out / f"{item.name}{ending}"
            if os.path.realpath(target) in sources:
                raise UsageError(
                    f"The result on {item.path} would replace {target}.",
                    why="that is a source",
                    fix="give -o another folder",
                )


def in_shard(item: Item, shard: tuple[int, int]) -> bool:
    """Whether a document belongs to shard i of n, from 1: by its name alone."""
    number, count = shard
    name = unicodedata.normalize("NFC", item.name).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % count == number - 1
