"""The files of a batch: results, what they were made of, and the index; each is there whole or not at all.

`OUT/.results/NAME.json` has what a result was made of, under the key of its document: another form of it needs no
second reading, and is the same bytes as if it had been made at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from longdoc.core.errors import InputNotFound
from longdoc.core.records import from_text
from longdoc.output.batch_index import HTML_INDEX, INDEX, index_html, index_markdown
from longdoc.output.documents import FORMS, DocumentResult
from longdoc.output.write import open_sink
from longdoc.pipeline.batch_manifest import Row, make_folders, read_rows, remove_leftovers
from longdoc.pipeline.claims import claim

RESULTS = ".results"


def write(path: Path, text: str) -> None:
    """A file, on the disk when this returns. Raises OutputError."""
    make_folders(path.parent)
    remove_leftovers(path)
    with open_sink(str(path)) as sink:
        sink.write(text)
        sink.keep()


def write_pages(out: Path, name: str, pages: Mapping[str, str]) -> list[str]:
    """The results of a document, by form. -> their files, below `out`."""
    files = {form: f"{name}{FORMS[form].ending}" for form in pages}
    for form, page in pages.items():
        write(out / files[form], page)
    return [*files.values()]


def keep(out: Path, name: str, key: str | None, result: str) -> None:
    """What the results were made of. result: a `DocumentResult` as a text."""
    write(_kept(out, name), json.dumps({"key": key, "result": result}) + "\n")


def pages_again(out: Path, name: str, key: str, forms: Sequence[str], *, quote: bool) -> dict[str, str] | None:
    """Forms of the result with this key, made of what was kept. None where that is not there any more."""
    try:
        kept = json.loads(_kept(out, name).read_text(encoding="utf-8"))
        if kept["key"] != key:
            return None
        result = replace(from_text(DocumentResult, kept["result"]), quote=quote)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return {form: FORMS[form].render(result) for form in forms}


def _kept(out: Path, name: str) -> Path:
    return out / RESULTS / f"{name}.json"


def write_index(out: Path) -> None:
    """The index of all that the manifests hold, also in HTML when there are such results.

    Shards take turns, so that the last one has it all.
    """
    turn = claim(out, "index", wait=True)
    try:
        rows = [
            {**row, "is_gone": _is_gone(row), "files": [name for name in row["files"] if (out / name).is_file()]}
            for row in read_rows(out)
        ]
        write(out / INDEX, index_markdown(rows))
        if any(name.endswith(FORMS["html"].ending) for row in rows for name in row["files"]):
            write(out / HTML_INDEX, index_html(rows))
    finally:
        if turn is not None:
            turn.release()


def _is_gone(row: Row) -> bool:
    """Whether the document is not there any more; one that never was has an error that says so."""
    return row.get("exit_code") != InputNotFound.exit_code and not Path(row["source"]).exists()
