"""The page that lists the documents of a batch: title, status, first sentence, a link to the result. In Markdown.

It says nothing of time, so that it is the same however a batch was interrupted. Knows nothing of manifests but a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from longdoc.output.markdown import escape
from longdoc.output.wording import count, one_line

INDEX = "index.md"
_STATUSES = ("complete", "partial", "failed")


def index_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """rows: of the manifest, in the order in which they are shown."""
    counts = [f"{number:,} {status}" for status in _STATUSES if (number := _number(rows, status))]
    lines = [
        "# Documents",
        "",
        f"{count(len(rows), 'document')}" + (f": {', '.join(counts)}." if counts else "."),
        "",
        "| document | title | status | |",
        "|---|---|---|---|",
        *(_row(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _number(rows: Sequence[Mapping[str, Any]], status: str) -> int:
    return sum(row["status"] == status for row in rows)


def _row(row: Mapping[str, Any]) -> str:
    name = _cell(row["name"])
    files = row.get("files") or []
    if files:
        name = f"[{name}]({quote(files[0], errors='replace')})"
    words = row.get("first") or ""
    if row["status"] == "failed" and row.get("error"):
        words = row["error"]["what"] + (f" ({row['error']['why']})" if row["error"].get("why") else "")
    elif row["status"] == "partial" and row.get("lost"):
        words = f"{words} ({row['lost']})"
    return f"| {name} | {_cell(row.get('title') or '')} | {row['status']} | {_cell(words)} |"


def _cell(text: str) -> str:
    """Text of a document in a cell: it opens nothing, and a file's name may be no UTF-8."""
    return escape(one_line(text).encode("utf-8", "replace").decode())
