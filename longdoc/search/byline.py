"""Who wrote a document, from the line under its title: "by John Buchan", "Author: Ann Lee". English only."""

from __future__ import annotations

import re

from longdoc.core.sentences import Span
from longdoc.search.whole import DOCUMENT
from longdoc.search.words import fold

_ASKS = re.compile(
    rf"^(?:who(?:'s|\s+is|\s+was|\s+are|\s+were)\s+the\s+(?:author|writer)s?(?:\s+of\s+{DOCUMENT})?|who\s+(?:wrote|has\s+written)\s+{DOCUMENT}|"
    rf"(?:by\s+whom|who)\s+(?:is|was)\s+{DOCUMENT}\s+(?:written\s+)?by)\s*\??$"
)
_NAME = r"(?:[A-Z][\w.'’-]*[ \t]+){1,4}[A-Z][\w'’-]+"
_NAMES = rf"{_NAME}(?:(?:,|[ \t]+and|,[ \t]+and|[ \t]*&)[ \t]+{_NAME}){{0,5}}"
_BYLINE = re.compile(
    r"(?:^|(?<=[:;,.—–])[ \t]+)(?:(?:[Ww]ritten[ \t]+)?(?:by|By|BY)|[Aa]uthors?)\b:?\s+"
    rf"(?P<names>{_NAMES})(?=\s*(?:$|[,.;(\[]))",
    re.MULTILINE,
)
_HEAD_CHARACTERS = 2000


def asks_author(question: str) -> bool:
    """Whether it is asked who wrote the document."""
    return _ASKS.match(fold(" ".join(question.split())).replace("’", "'")) is not None


def byline(text: str) -> tuple[Span, Span] | None:
    """The line that names who wrote a text, and the names in it, in its first 2,000 characters."""
    match = _BYLINE.search(text, 0, _HEAD_CHARACTERS)
    if match is None:
        return None
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    return (start, match.end()), match.span("names")
