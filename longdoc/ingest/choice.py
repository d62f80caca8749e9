"""Pages, sections and times as they are typed, to spans of a document. Cuts nothing.

    pages     10-40,iv-x,A-3    as printed where pages have printed numbers and one matches, else counted from 1
              #12, p.12         counted from 1, whatever is printed
    sections  3,5-7             numbers as `longdoc plan` prints them
              Chapter 3,Intro*  titles: whole, up to the end of a word, or with * and ?
    times     10:00-45:00       of a recording

A range without its end goes up to the end, and one without its beginning starts there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise

from longdoc.core.errors import NotThere, UsageError
from longdoc.core.types import Document
from longdoc.ingest.page_names import PageNames, page_names, runs

Span = tuple[int, int]

_PHYSICAL = re.compile(r"(?:#|p\.?\s*)(\d+)", re.IGNORECASE)
_DASH = re.compile(r"\s*[-–—]\s*")
_NUMBERS = re.compile(r"(\d+)(?:\s*[-–—]\s*(\d+)?)?|[-–—]\s*(\d+)")
_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")
_MOST_NAMED = 12
_MOST_TITLES = 4


@dataclass(frozen=True, slots=True)
class ChosenPages:
    """spans: of their text.   numbers: counted from 1.   words: for the receipt."""

    spans: list[Span]
    numbers: frozenset[int]
    words: str


def chosen_pages(document: Document, typed: str) -> ChosenPages:
    """The pages that are named. Raises NotThere for those that the document has not."""
    names = page_names(document)
    if names is None:
        raise NotThere(
            f"{document.source.name} has no pages.",
            why=f"the format {document.source.format} has none",
            fix="--sections, or --times for a recording",
        )
    wanted: set[int] = set()
    for item in _items(typed, "--pages"):
        wanted |= set(_page_range(item, names, document))
    ends = [anchor.offset for anchor in document.anchors[1:]] + [len(document.text)]
    places = zip(document.anchors, ends, strict=True)
    spans = [(anchor.offset, end) for anchor, end in places if names.index_of(anchor) in wanted]
    numbers = frozenset(index + 1 for index in wanted) if names.are_counted else frozenset[int]()
    return ChosenPages(spans, numbers, f"pages {names.words(wanted)}")


def _page_range(item: str, names: PageNames, document: Document) -> range:
    """Indexes of the pages of `12`, `xii`, `#12`, `A-3` or a range of them."""
    single = _page(item, names)
    if single is not None:
        return range(single, single + 1)
    for dash in _DASH.finditer(item):
        left, right = item[: dash.start()].strip(), item[dash.end() :].strip()
        first = _page(left, names) if left else 0
        last = (_page(right, names, first or 0) if right else len(names.labels) - 1) if left or right else None
        if first is None or last is None:
            continue
        if last < first:
            raise NotThere(
                f"The pages {item} end before they begin.",
                why=f"they are pages {first + 1} and {last + 1} of {len(names.labels)}, counted from 1",
                fix="--pages '#12-#40' for pages counted from 1",
            )
        return range(first, last + 1)
    raise NotThere(
        f"{document.source.name} has no page {item}.",
        why=f"its pages are {names.words(range(len(names.labels)))}",
        fix="--pages 10-40,iv-x as printed, or --pages '#12-#40' counted from 1",
    )


def _page(typed: str, names: PageNames, after: int = 0) -> int | None:
    """The index of one page: as printed, the first at or after `after`; else counted from 1."""
    labelled = names.by_label.get(typed.casefold(), ())
    if labelled:
        return next((index for index in labelled if index >= after), labelled[0])
    match = _PHYSICAL.fullmatch(typed)
    number = int(match[1]) if match else int(typed) if typed.isdecimal() else 0
    return number - 1 if names.are_counted and 0 < number <= len(names.labels) else None


def chosen_sections(document: Document, typed: str) -> tuple[list[Span], str]:
    """Spans of the sections that are named, and the words for it. Raises NotThere for those that are not there."""
    titles = [_plain(section.title) for section in document.sections]
    if not titles:
        raise NotThere(
            f"{document.source.name} has no sections.", why="no heading was found in it", fix="leave --sections away"
        )
    whole = _plain(typed)  # a title may hold commas
    items = [typed] if whole in titles else _items(typed, "--sections")
    chosen: set[int] = set()
    for item in items:
        found = _sections(item, titles)
        if not found:
            raise NotThere(
                f"{document.source.name} has no section {item}.", why=_those_there(document), fix="longdoc plan SOURCE"
            )
        chosen |= set(found)
    spans = [(document.sections[n].start, document.sections[n].end) for n in sorted(chosen)]
    words = f"sections {runs([str(n + 1) if n in chosen else None for n in range(len(titles))])} of {len(titles)}"
    named = "; ".join(document.sections[n].title for n in sorted(chosen))
    return spans, f"{words} ({named})" if len(chosen) <= _MOST_TITLES else words


def _sections(item: str, titles: Sequence[str]) -> list[int]:
    """Indexes of the sections of one item."""
    plain = _plain(item)
    if exact := [n for n, title in enumerate(titles) if title == plain]:
        return exact
    if match := _NUMBERS.fullmatch(plain):
        first = int(match[1] or 1)
        last = int(match[2] or match[3] or (first if plain.isdecimal() else len(titles)))
        return list(range(first - 1, last)) if 0 < first <= last <= len(titles) else []
    if any(mark in plain for mark in "*?["):
        return [n for n, title in enumerate(titles) if fnmatchcase(title, plain)]
    return [n for n, title in enumerate(titles) if re.match(rf"{re.escape(plain)}\b", title)]


def _those_there(document: Document) -> str:
    """`1 Preface, 2 Chapter I, ... and 30 more`."""
    named = [f"{number} {section.title}" for number, section in enumerate(document.sections[:_MOST_NAMED], start=1)]
    rest = len(document.sections) - len(named)
    return f"its sections are {', '.join(named)}" + (f" and {rest} more" if rest else "")


def chosen_times(document: Document, typed: str) -> tuple[list[Span], str]:
    """Spans of what is said in these times, and the words for it. Raises NotThere when there are no such times."""
    timed = [anchor for anchor in document.anchors if anchor.start_s is not None]
    if not timed:
        raise NotThere(
            f"{document.source.name} has no times.", why="it is no transcript of a recording", fix="--pages, --sections"
        )
    end_s = max(anchor.end_s or anchor.start_s or 0.0 for anchor in timed)
    ranges = [_times(item, end_s) for item in _items(typed, "--times")]
    edges = [*(anchor.offset for anchor in document.anchors), len(document.text)]
    spans = []
    for anchor, span in zip(document.anchors, pairwise(edges), strict=True):
        if anchor.start_s is None:
            continue
        stop_s = anchor.end_s if anchor.end_s is not None else anchor.start_s
        if any(anchor.start_s < b and (stop_s > a or anchor.start_s >= a) for a, b in ranges):
            spans.append(span)
    if not spans:
        raise NotThere(
            f"Nothing is said in {document.source.name} at {typed}.",
            why=f"it goes from {_clock(min(a.start_s or 0.0 for a in timed))} to {_clock(end_s)}",
            fix="--times 00:10:00-00:45:00",
        )
    shown = ", ".join(f"{_clock(a)}-{_clock(min(b, end_s))}" for a, b in ranges)
    return spans, f"times {shown} of {_clock(end_s)}"


def _times(item: str, end_s: float) -> tuple[float, float]:
    """Seconds of `00:10:00-00:45:00`, `10:00-`, `-45:00`."""
    left, dash, right = (piece.strip() for piece in re.sub("[–—]", "-", item).partition("-"))
    first = _seconds(left) if left else 0.0
    last = _seconds(right) if right else max(end_s, first or 0.0) + 1.0
    if not dash or first is None or last is None or not (left or right):
        raise UsageError(f"{item} is no range of times.", why="it has no such form", fix="--times 00:10:00-00:45:00")
    if last <= first:
        raise UsageError(f"The times {item} end before they begin.", fix="--times 00:10:00-00:45:00")
    return first, last


def _seconds(typed: str) -> float | None:
    match = _TIME.fullmatch(typed)
    if match is None:
        return None
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _items(typed: str, option: str) -> list[str]:
    items = [item.strip() for item in typed.split(",") if item.strip()]
    if not items:
        raise UsageError(f"{option} names nothing.", why="it is followed by an empty text", fix=f"{option} 3,5-7")
    return items


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def nothing_in_common(document: Document, said: str) -> NotThere:
    """The error for a choice that leaves nothing."""
    return NotThere(
        f"Nothing of {document.source.name} is left to read.",
        why=f"there is no text in {said}",
        fix="choose other pages, sections or times; longdoc plan SOURCE shows what there is",
    )
