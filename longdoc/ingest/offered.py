"""What a document has that can be chosen, in words, and options that work on it: for the errors of a wrong choice.

Knows nothing of what was typed, but the place near which something is offered.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from math import ceil

from longdoc.core.errors import NotThere
from longdoc.core.types import Anchor, Document
from longdoc.ingest.page_names import PageNames, page_names, runs
from longdoc.ingest.parsed import STDIN

_MOST_PAGES = 10
_MOST_SECTIONS = 3
_SECONDS_AROUND = 300.0


def clock(seconds: float) -> str:
    """`00:43:38`."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def timed(document: Document) -> list[Anchor]:
    """The anchors that have a time."""
    return [anchor for anchor in document.anchors if anchor.start_s is not None]


def end_of(spoken: Sequence[Anchor]) -> float:
    """Where a recording ends, in seconds."""
    return max(anchor.end_s or anchor.start_s or 0.0 for anchor in spoken)


def begin_of(spoken: Sequence[Anchor]) -> float:
    """Where it begins."""
    return min(anchor.start_s or 0.0 for anchor in spoken)


def pages_words(names: PageNames) -> str:
    """`pages 1-120, printed as i-iv, 1-116`."""
    counted = [str(index + 1) for index in range(len(names.labels))]
    printed = runs([label or number for label, number in zip(names.labels, counted, strict=True)])
    if not names.are_counted:
        return f"pages {printed}"
    whole = runs(counted)
    said = f"page{'s' if len(counted) > 1 else ''} {whole}"
    return said if printed == whole else f"{said}, printed as {printed}"


def pages_option(document: Document, names: PageNames, near: int = 0) -> str:
    """`--pages 1-10`: neighbours with text, at or near the page with the index `near`; as printed if that is clear."""
    there = sorted({index for anchor in document.anchors if (index := names.index_of(anchor)) is not None})
    if not there:
        return "leave --pages away"
    first = last = min(there, key=lambda index: (abs(index - near), index))
    known = set(there)
    while last + 1 in known and last - first + 1 < _MOST_PAGES and _is_same_kind(names, last, last + 1):
        last += 1
    while first - 1 in known and last - first + 1 < _MOST_PAGES and _is_same_kind(names, first, first - 1):
        first -= 1
    left, right = _page_name(names, first), _page_name(names, last)
    if left is None or right is None:
        left, right = f"#{first + 1}", f"#{last + 1}"
    return f"--pages {shlex.quote(left if left == right else f'{left}-{right}')}"


def _is_same_kind(names: PageNames, index: int, other: int) -> bool:
    """Whether two pages are called in the same way: by figures, by Roman numerals, or by nothing but their place."""
    one, two = names.labels[index], names.labels[other]
    return (one is None) == (two is None) and (one or "").isdecimal() == (two or "").isdecimal()


def _page_name(names: PageNames, index: int) -> str | None:
    """What is typed for a page; None where only its number, counted from 1, is clear."""
    label = names.labels[index]
    if not names.are_counted:
        return label
    if label is None:
        number = str(index + 1)
        return None if number in names.by_label else number
    return label if label.isalnum() and len(names.by_label[label.casefold()]) == 1 else None


def times_option(document: Document, near_s: float = 0.0) -> str:
    """`--times 00:33:38-00:43:38`: some minutes around what is said at or near a second."""
    spoken = timed(document)
    nearest = min(spoken, key=lambda anchor: abs((anchor.start_s or 0.0) - near_s)).start_s or 0.0
    first = int(max(begin_of(spoken), nearest - _SECONDS_AROUND))
    last = max(ceil(min(end_of(spoken), nearest + _SECONDS_AROUND)), int(nearest) + 1)
    return f"--times {clock(first)}-{clock(last)}"


def others_words(document: Document, *, without: str) -> str:
    """`sections 1-13`, `pages 1-120, times 00:00:00-00:43:38`; nothing when there is none of them.

    without: the option of what the document has not, `--pages`.
    """
    said = []
    if without != "--pages" and (names := page_names(document)) is not None:
        said.append(pages_words(names))
    if without != "--times" and (spoken := timed(document)):
        said.append(f"times {clock(begin_of(spoken))}-{clock(end_of(spoken))}")
    if without != "--sections" and document.sections:
        said.append(f"sections {runs([str(n + 1) for n in range(len(document.sections))])}")
    return ", ".join(said)


def others_options(document: Document, *, without: str) -> str:
    """What works in the place of an option that chooses nothing here: `--sections 1-3, or leave --pages away`."""
    ways = []
    if without != "--sections" and document.sections:
        last = min(_MOST_SECTIONS, len(document.sections))
        ways.append("--sections 1" if last == 1 else f"--sections 1-{last}")
    if without != "--times" and timed(document):
        ways.append(times_option(document))
    if without != "--pages" and (names := page_names(document)) is not None:
        ways.append(pages_option(document, names))
    return ", or ".join([*ways, f"leave {without} away"])


def plan_words(document: Document) -> str:
    """`longdoc plan book.pdf lists them all`, for a single file."""
    if document.files or document.source.name == STDIN:
        return "longdoc plan lists them all"
    return f"longdoc plan {shlex.quote(document.source.name)} lists them all"


def has_none(document: Document, what: str, why: str) -> NotThere:
    """The error for pages, sections or times of a document that has none at all. what: `pages`."""
    has = others_words(document, without=f"--{what}")
    return NotThere(
        f"{document.source.name} has no {what}.",
        why=f"{why}; it has {has}" if has else why,
        fix=others_options(document, without=f"--{what}"),
    )


def nothing_in_common(document: Document, said: str) -> NotThere:
    """The error for a choice that leaves nothing."""
    return NotThere(
        f"Nothing of {document.source.name} is left to read.",
        why=f"there is no text in {said}",
        fix="leave one of the choices out: together they leave nothing",
    )
