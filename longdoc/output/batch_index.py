"""The page that lists the documents of a batch: title, status, first sentence, a link to the result. Markdown or HTML.

It says nothing of time, so that it is the same however a batch was interrupted. Knows nothing of manifests but a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from longdoc.output.html import rendered
from longdoc.output.markdown import escape
from longdoc.output.wording import count, failure_words, one_line

INDEX = "index.md"
HTML_INDEX = "index.html"
_STATUSES = ("complete", "partial", "failed")


def index_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """rows: of the manifest, in the order in which they are shown; with `is_gone` where the document is not there."""
    lines = [
        "# Documents",
        "",
        _counts(rows),
        "",
        "| document | title | status | |",
        "|---|---|---|---|",
        *(_row(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def index_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same for a browser, with links to the pages of HTML where there are some."""
    shown = [
        {
            "name": _text(row["name"]),
            "link": _link(row, ".html"),
            "title": _text(row.get("title") or ""),
            "status": _status(row),
            "words": _text(_words(row)),
        }
        for row in rows
    ]
    return rendered("index.html", title="Documents", counts=_counts(rows), rows=shown)


def _counts(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = [f"{number:,} {status}" for status in _STATUSES if (number := _number(rows, status))]
    said = f"{count(len(rows), 'document')}" + (f": {', '.join(counts)}." if counts else ".")
    gone = sum(_is_gone(row) for row in rows)
    if not gone:
        return said
    return f"{said} {gone:,} of them " + (
        "is gone: its result stays." if gone == 1 else "are gone: their results stay."
    )


def _number(rows: Sequence[Mapping[str, Any]], status: str) -> int:
    return sum(row["status"] == status for row in rows)


def _is_gone(row: Mapping[str, Any]) -> bool:
    """Whether the document is not there any more."""
    return bool(row.get("is_gone"))


def _status(row: Mapping[str, Any]) -> str:
    return f"{row['status']}, gone" if _is_gone(row) else str(row["status"])


def _row(row: Mapping[str, Any]) -> str:
    name = _cell(row["name"])
    link = _link(row)
    if link is not None:
        name = f"[{name}]({link})"
    return f"| {name} | {_cell(row.get('title') or '')} | {_status(row)} | {_cell(_words(row))} |"


def _link(row: Mapping[str, Any], ending: str = "") -> str | None:
    """To a result of the document: with that ending if there is one. A name with a colon is no scheme."""
    files = row.get("files") or []
    file = next((name for name in files if name.endswith(ending)), files[0] if files else None)
    return quote(file, errors="replace") if file is not None else None


def _words(row: Mapping[str, Any]) -> str:
    """The first sentence; what was lost, or what went wrong."""
    words = row.get("first") or ""
    if row["status"] == "failed" and row.get("error"):
        return failure_words(row["error"])
    return f"{words} ({row['lost']})" if row["status"] == "partial" and row.get("lost") else words


def _text(text: str) -> str:
    """On one line; a file's name may be no UTF-8."""
    return one_line(text).encode("utf-8", "replace").decode()


def _cell(text: str) -> str:
    """Text of a document in a cell: it opens nothing."""
    return escape(_text(text)).replace("|", "\\|")
