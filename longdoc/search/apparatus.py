"""What stands in a document only to find one's way in it: tables of contents and headings.

Their words are those of the questions people ask ("What is the Black Stone?"), and they answer none. Knows
nothing of questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.core.sentences import Span
from longdoc.core.types import Section
from longdoc.search.words import fold

_CONTENTS = re.compile(r"^(table of )?contents\b|^list of (chapters|illustrations|figures|tables|plates)\b")
_LEADER = re.compile(r"(\.\s?){4,}\s*[\divxlc]+\s*$|\t+\s*\d+\s*$", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_NUMBERING = re.compile(r"^(chapter|part|book|section|act|[ivxlc]+)$")
_MIN_ENTRIES = 4  # lines in a row that look like entries make a table of contents
_MAX_LINE = 160
_MAX_CONTENTS_SHARE = 0.2  # a section called "Contents" that holds the whole text is no table of contents


def contents_spans(text: str, sections: Sequence[Section]) -> list[Span]:
    """Tables of contents: sections of that name, and runs of lines that are titles or end in a page number."""
    limit = _MAX_CONTENTS_SHARE * len(text)
    spans = [(s.start, s.end) for s in sections if _CONTENTS.match(fold(s.title)) and s.end - s.start <= limit]
    titles = {key for s in sections if (key := _key(s.title))}
    run: list[Span] = []
    for match in re.finditer(r"[^\n]+|$", text):
        line = match[0].strip()
        if match[0] and not line:
            continue
        if line and len(line) <= _MAX_LINE and (_LEADER.search(line) or _key(line) in titles):
            run.append(match.span())
            continue
        if len(run) >= _MIN_ENTRIES and run[-1][1] - run[0][0] <= limit:
            spans.append((run[0][0], run[-1][1]))
        run = []
    return sorted(spans)


def is_title(sentence: str, titles: frozenset[str]) -> bool:
    """Whether a sentence is one of the `titles`, or a line of numbering such as "CHAPTER IV"."""
    if len(sentence) > _MAX_LINE or sentence[-1:] in '.!?…”"':
        return False
    return _key(sentence) in titles or (not _key(sentence) and any(c.isalpha() for c in sentence))


def title_keys(sections: Sequence[Section]) -> frozenset[str]:
    """What `is_title` compares with."""
    return frozenset(key for section in sections if (key := _key(section.title)))


def _key(line: str) -> str:
    """The words of a title without its numbering and page number."""
    found = _LETTERS.findall(fold(line))
    while found and _NUMBERING.match(found[0]):
        found = found[1:]
    return " ".join(found)
