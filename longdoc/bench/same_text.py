"""Several files of one text (EPUB, PDF, plain text): how many words they share, two by two, in the same order.

Words are runs of letters and digits with the hyphens and apostrophes inside them, in lower case and with straight
apostrophes; everything else between them does not count. What a form adds (a title page, a contents with page numbers)
counts against it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core.errors import UsageError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import ModelInfo
from longdoc.ingest import read_document

MIN_AGREEMENT = 0.99
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_STRAIGHT = str.maketrans("‘’‐‑", "''--")
_SHOWN_DIFFERENCES = 4
_SHOWN_WORDS = 3


def run(paths: Sequence[Path], options: SourceOptions | None = None, on_event: Listener = ignore) -> Report:
    """One row for each two of the files. Raises UsageError for fewer than two, and what `read_document` raises."""
    if len(paths) < 2:
        raise UsageError(
            "One file has nothing to agree with.",
            why="--same compares the words of several files",
            fix="longdoc bench readers --same book.txt book.epub book.pdf",
        )
    words = [words_of(read_document(str(path), options or SourceOptions(), on_event).text) for path in paths]
    pairs = list(combinations(range(len(paths)), 2))
    rows = []
    for number, (a, b) in enumerate(pairs):
        on_event(Writing("pairs", number, len(pairs), f"{paths[a].name}, {paths[b].name}"))
        rows.append({"file": paths[a].name, "other": paths[b].name, **agreement(words[a], words[b])})
    least = min(row["agreement"] for row in rows)
    return report("readers", ModelInfo("none"), rows, least_agreement=least, passed=least >= MIN_AGREEMENT)


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).translate(_STRAIGHT).casefold())


def agreement(words: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """How many words are the same in the same order, as a share of the longer of the two, and the first differences."""
    matcher = SequenceMatcher(None, words, others)  # what it calls popular only begins no match, but is in them
    shared = sum(block.size for block in matcher.get_matching_blocks())
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    shown = [f"{_some(words[a:b])} / {_some(others[c:d])}" for _, a, b, c, d in changes[:_SHOWN_DIFFERENCES]]
    return {
        "words": len(words),
        "other_words": len(others),
        "agreement": shared / max(len(words), len(others), 1),
        "differences": len(changes),
        "first_of_them": "; ".join(shown) or None,
    }


def _some(words: Sequence[str]) -> str:
    more = "…" if len(words) > _SHOWN_WORDS else ""
    return (" ".join(words[:_SHOWN_WORDS]) + more) or "—"
