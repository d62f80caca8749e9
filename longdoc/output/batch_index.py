"""The page that lists the documents of a batch: title, status, first sentence, a link to the result. Markdown or HTML.

It says nothing of time, so that it is the same however a batch was interrupted. Knows nothing of manifests but a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from longdoc.output.documents import FORMS
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
            "link": next(iter(links), None),
            "others": [(ending, link) for ending, link in _endings(row) if link not in links[:1]],
            "title": _text(row.get("title") or ""),
            "status": _status(row),
            "words": _text(_words(row)),
        }
        for row in rows
        for links in [_links(row, ".html")]
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
    if links := _links(row, ".md"):
        others = [f"[{ending}]({link})" for ending, link in _endings(row) if link != links[0]]
        name = f"[{name}]({links[0]})" + (f" ({', '.join(others)})" if others else "")
    return f"| {name} | {_cell(row.get('title') or '')} | {_status(row)} | {_cell(_words(row))} |"


def _links(row: Mapping[str, Any], first: str) -> list[str]:
    """To the results of the document, in the order of FORMS: that with the ending `first` before the others."""
    links = [link for _, link in _endings(row)]
    return sorted(links, key=lambda link: not link.endswith(first))


def _endings(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(`html`, a link) for each form of the result. A name with a colon is no scheme."""
    files = [str(name) for name in row.get("files") or []]
    order = {form.ending: place for place, form in enumerate(FORMS.values())}
    files.sort(key=lambda name: order.get(PurePosixPath(name).suffix, len(order)))
    return [(PurePosixPath(name).suffix.removeprefix("."), quote(name, errors="replace")) for name in files]


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
