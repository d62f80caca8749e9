"""Pages and sections as they are typed, to spans of a document; times are for `choice_times`. Cuts nothing.

    pages     10-40,iv-x,A-3    as printed where pages have printed numbers and one matches, else counted from 1
              #12, p.12         counted from 1, whatever is printed
    sections  3,5-7             numbers as `longdoc plan` prints them
              Chapter 3,Intro*  titles: whole, up to the end of a word, or with * and ?; also without their number

A range without its end goes up to the end, and one without its beginning starts there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

from longdoc.core.errors import NotThere, UsageError
from longdoc.core.types import Document
from longdoc.ingest.offered import has_none, pages_option, pages_words, plan_words
from longdoc.ingest.page_names import PageNames, page_names, runs

Span = tuple[int, int]

_PHYSICAL = re.compile(r"(?:#|p\.?\s*)(\d+)", re.IGNORECASE)
_DASH = re.compile(r"\s*[-–—]\s*")
_NUMBERS = re.compile(r"(\d+)(?:\s*[-–—]\s*(\d+)?)?|[-–—]\s*(\d+)")
_NUMBERING = re.compile(
    r"(?:(?:article|chapter|clause|part|section|§)\s*)?(?:\d+(?:\.\d+)*[.):]?|[ivxlc]+[.):])\s+(?:[-–—]\s+)?"
)
_MOST_NAMED = 12
_MOST_TITLES = 4
_MOST_COMPARED = 100  # characters of a title


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
        raise has_none(document, "pages", f"the format {document.source.format} has none")
    wanted: set[int] = set()
    for item in items_of(typed, "--pages"):
        wanted |= set(_page_range(item, names, document))
    ends = [anchor.offset for anchor in document.anchors[1:]] + [len(document.text)]
    places = zip(document.anchors, ends, strict=True)
    spans = [(anchor.offset, end) for anchor, end in places if names.index_of(anchor) in wanted]
    if not any(document.text[start:end].strip() for start, end in spans):
        raise NotThere(
            f"Nothing of {document.source.name} is left to read.",
            why=f"there is no text on the pages {names.words(wanted)}",
            fix=pages_option(document, names, min(wanted)),
        )
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
                fix=_turned(left, right, names, last, first),
            )
        return range(first, last + 1)
    raise NotThere(
        f"{document.source.name} has no page {item}.",
        why=f"it has {pages_words(names)}",
        fix=pages_option(document, names, _number(item)),
    )


def _turned(left: str, right: str, names: PageNames, first: int, last: int) -> str:
    """The option with the ends of a range in the other order. first, last: their indexes."""
    if _page(right, names) == first and _page(left, names, first) == last:
        return f"--pages {shlex.quote(f'{right}-{left}')}"
    return f"--pages '#{first + 1}-#{last + 1}'"


def _number(typed: str) -> int:
    """The last number in what was typed, for pages near it; 0 without one."""
    return max((int(found) for found in re.findall(r"\d{1,9}", typed)[-1:]), default=1) - 1


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
        raise has_none(document, "sections", "no heading was found in it")
    whole = _plain(typed)  # a title may hold commas
    items = [typed] if whole in titles else items_of(typed, "--sections")
    chosen: set[int] = set()
    for item in items:
        found = _sections(item, titles)
        if not found:
            raise NotThere(
                f"{document.source.name} has no section {item}.",
                why=_those_there(document),
                fix=f"--sections {_nearest(item, titles)}; {plan_words(document)}",
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
    begins = re.compile(rf"{re.escape(plain)}(?!\w)")
    found = [n for n, title in enumerate(titles) if begins.match(title)]
    return found or [n for n, title in enumerate(titles) if begins.match(_NUMBERING.sub("", title, count=1))]


def _nearest(item: str, titles: Sequence[str]) -> int:
    """The number of the section that was perhaps meant."""
    plain = _plain(item)
    if match := _NUMBERS.fullmatch(plain):
        return min(max(1, int(match[1] or match[3])), len(titles))
    words = set(re.findall(r"\w+", plain))
    shared = [len(words & set(re.findall(r"\w+", title))) for title in titles]
    highest = max(shared)
    most = [n for n, number in enumerate(shared) if number == highest]
    return max(most, key=lambda n: SequenceMatcher(None, plain, titles[n][:_MOST_COMPARED]).ratio()) + 1


def _those_there(document: Document) -> str:
    """`1 Preface, 2 Chapter I, ... and 30 more`."""
    named = [f"{number} {section.title}" for number, section in enumerate(document.sections[:_MOST_NAMED], start=1)]
    rest = len(document.sections) - len(named)
    return f"its sections are {', '.join(named)}" + (f" and {rest} more" if rest else "")


def items_of(typed: str, option: str) -> list[str]:
    """What stands between the commas. Raises UsageError when that is nothing."""
    items = [item.strip() for item in typed.split(",") if item.strip()]
    if not items:
        raise UsageError(f"{option} names nothing.", why="it is followed by an empty text", fix=f"{option} 3,5-7")
    return items


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
