"""The outline of a PDF: its entries, and the place in the text where the title of each stands.

Knows nothing of how the text was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.parsed import Heading
from longdoc.ingest.running import letters

_MAX_OUTLINE = 5000

Entry = tuple[str, int, int]  # title, page index, level from 1


def outline_of(pdf: Any, num_pages: int) -> tuple[list[Entry], list[str]]:
    """Entries as (title, page index, level from 1), and what there is to say of them."""
    entries: list[Entry] = []
    try:
        for bookmark in pdf.get_toc(max_depth=6):
            destination = bookmark.get_dest()
            page = destination.get_index() if destination else None
            title = squeeze(normalise(bookmark.get_title())).replace("\n", " ")
            if title and page is not None and 0 <= page < num_pages:
                entries.append((title, page, bookmark.level + 1))
            if len(entries) >= _MAX_OUTLINE:
                return entries, [f"of the outline, the first {_MAX_OUTLINE:,} entries were used"]
    except Exception:  # what is left of a broken outline; without any, headings are looked for in the text
        return entries, ["the outline is damaged, and was used as far as it goes"]
    return entries, []


def outline_with_pypdf(reader: Any, num_pages: int) -> tuple[list[Entry], list[str]]:
    """As `outline_of`, of a `pypdf.PdfReader`."""
    entries: list[Entry] = []
    try:
        stack = [(item, 1) for item in reversed(reader.outline)]
        while stack and len(entries) < _MAX_OUTLINE:
            item, level = stack.pop()
            if isinstance(item, list):
                stack.extend((inner, level + 1) for inner in reversed(item))
                continue
            page = reader.get_destination_page_number(item)
            title = squeeze(normalise(str(item.title or ""))).replace("\n", " ")
            if title and page is not None and 0 <= page < num_pages:
                entries.append((title, page, level))
    except Exception:  # as above
        return entries, ["the outline is damaged, and was used as far as it goes"]
    return entries, []


def place_headings(
    outline: Sequence[Entry], text: str, page_starts: Mapping[int, int], paragraph_starts: Sequence[int]
) -> list[Heading]:
    """Outline entries, moved from the start of their page to where their title stands on it."""
    pages = sorted(page_starts)
    headings: list[Heading] = []
    floor = 0
    for title, page, level in outline:
        later = [other for other in pages if other >= page]
        if not later:
            continue
        start = page_starts[later[0]]
        end = page_starts[later[1]] if len(later) > 1 else len(text)
        place = _find_title(title, text, max(start, floor if floor < end else start), end)
        if place is None:
            place = _next_paragraph(start, end, paragraph_starts)
        headings.append(Heading(title, place, level))
        floor = place
    return headings


def _next_paragraph(start: int, end: int, paragraph_starts: Sequence[int]) -> int:
    return next((p for p in paragraph_starts if start <= p < end), start)


def _find_title(title: str, text: str, start: int, end: int) -> int | None:
    """Where the title's words stand between start and end, preferably at the beginning of a paragraph."""
    for wording in dict.fromkeys([title, without_number(title)]):
        words = re.findall(r"\w+", wording)
        if not words:
            continue
        pattern = re.compile(r"\W+".join(map(re.escape, words[:20])), re.IGNORECASE)
        matches = [match.start() for match in pattern.finditer(text, start, min(end, start + 20_000))]
        at_paragraph = [m for m in matches if _begins_paragraph(text, m)]
        if at_paragraph or (matches and wording == title and len(words) > 2):
            place = (at_paragraph or matches)[0]
            return _with_number_above(text, start, place) if wording != title else place
    return None


def _begins_paragraph(text: str, place: int) -> bool:
    """Nothing but a number or marks stands between the last paragraph break and the place."""
    above = text[max(0, place - 16) : place]
    return not above or ("\n" in above and not letters(above.rpartition("\n")[2]))


def _with_number_above(text: str, start: int, place: int) -> int:
    """Include a line "CHAPTER I" that stands above the title proper."""
    above = text[start:place].rstrip("\n").rpartition("\n\n")[2]
    line = above.strip()
    if 0 < len(line) <= 24 and re.match(r"(?:chapter|part|book|section|[ivxlc\d]+\.?$)", line, re.IGNORECASE):
        return text.rindex(above, start, place)
    return place


def without_number(title: str) -> str:
    """ "The Man Who Died" of "Chapter I. The Man Who Died", "1.2 The Man", "IV - The Man"."""
    shorter = re.sub(
        r"^(?:(?:chapter|part|book|section)\s+\w+|[IVXLC]+(?=[.:)\s])|\d+(?:\.\d+)*)\s*[.:)—–-]*\s*",
        "",
        title,
        flags=re.I,
    )
    return shorter or title
