"""What stands in a document only to find one's way in it: tables of contents, headings, the heads of letters.

Their words are those of the questions people ask ("What is the Black Stone?"), and they answer none; a summary says
nothing with them either, nor with a row of a table. Knows nothing of questions and of summaries.
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
# A line of the head of a letter or of minutes, a salutation, a row of a table.
_FIELD = re.compile(
    r"(from|to|cc|bcc|date|sent|received|subject|reply-to|(also )?present|in attendance|attendees|participants|"
    r"apologies|absent|venue|location|place|time|minutes( taken)? by)( \([^)\n]*\))?:(\s|$)",
    re.IGNORECASE,
)
_SALUTATION = re.compile(
    r"(dear|hello|hi)( [^\W\d_][\w.’'-]*){1,4}[,:!]?$|((kind|best|warm|many) )?(regards|wishes|thanks),?$",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"((with )?(kind|best|warm) (regards|wishes)|(many )?thanks|all the best|cheers|sincerely( yours)?|"
    r"yours( sincerely| faithfully| truly)?),?$",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"[^\W\d_][\w.’'-]*( [^\W\d_][\w.’'-]*){0,3}$")
_CELLS = re.compile(r"\S(\t| \| )\S")
_NUMBERED = re.compile(r"\d{1,2}(\.\d{1,2})*[.)]? [^\W\d_a-z][^\n]{1,70}")
_MAX_CAPITALS = 100  # characters: a longer line in capitals is no heading
_MIN_ENTRIES = 4  # lines in a row that look like entries make a table of contents
_MAX_LINE = 160
_ENDS = '.!?…”"'
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
    if len(sentence) > _MAX_LINE or sentence[-1:] in _ENDS:
        return False
    return _key(sentence) in titles or (not _key(sentence) and any(c.isalpha() for c in sentence))


def is_furniture(sentence: str, titles: frozenset[str]) -> bool:
    """Whether a sentence is a title, a heading in capitals, the head of a letter or of minutes, or rows of a table."""
    lines = [line.strip() for line in sentence.splitlines() if line.strip()]
    if not lines or _FIELD.match(lines[0]):
        return all(_FIELD.match(line) for line in lines)
    if is_title(" ".join(lines), titles) or all(_SALUTATION.match(line) for line in lines):
        return True
    if _CLOSING.match(lines[0]) and all(_SIGNED.match(line) for line in lines[1:3]) and len(lines) <= 3:
        return True
    if sentence.rstrip()[-1] in _ENDS:
        return False
    return (sentence.isupper() and len(sentence) <= _MAX_CAPITALS) or all(_CELLS.search(line) for line in lines)


def is_numbered_heading(before: str, sentence: str, after: str) -> bool:
    """Whether a sentence is `1. Repairs of the pier` above a text, and no item of a list."""
    numbered = [bool(_NUMBERED.fullmatch(line)) and line[-1] not in _ENDS for line in (before, sentence, after)]
    return numbered == [False, True, False] and after.endswith(tuple(_ENDS))


def title_keys(sections: Sequence[Section]) -> frozenset[str]:
    """What `is_title` compares with."""
    return frozenset(key for section in sections if (key := _key(section.title)))


def _key(line: str) -> str:
    """The words of a title without its numbering and page number."""
    found = _LETTERS.findall(fold(line))
    while found and _NUMBERING.match(found[0]):
        found = found[1:]
    return " ".join(found)
