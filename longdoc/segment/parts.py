"""Which parts of a document notes are taken on: its chapters, or even pieces when it has none.

Knows nothing of tokens. The parts follow each other without gaps and cover the whole text.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from longdoc.core.types import Document, File, Section

MAX_PARTS = 48
# Up to so many chapters each is a part of its own, whatever MAX_PARTS says; more than that are joined to MAX_PARTS.
MAX_CHAPTERS = 150
# Shorter ones (a title page, a dedication, a table of contents) are joined with a neighbour.
MIN_CHARACTERS = 1_200
# Longer ones are divided, by their own sub-sections if they have any.
MAX_CHARACTERS = 60_000
# The size of a part when nothing in the document says where parts begin.
EVEN_CHARACTERS = 20_000

# A piece of a joined part is named unless it is less than this share of the longest one: a dedication is a sliver.
SLIVER = 0.05

FRONT_MATTER = "Front matter"


def parts(
    document: Document, *, min_characters: int = MIN_CHARACTERS, max_characters: int = MAX_CHARACTERS
) -> tuple[Section, ...]:
    """Sections that tile the whole text in reading order, level 1."""
    text_length = len(document.text)
    if not text_length:
        return ()
    if not document.sections:
        return _even(document)
    max_characters = max(max_characters, 2 * text_length // MAX_PARTS)  # a library of novels has long parts
    pieces = _divide(document, Section(document.title or FRONT_MATTER, 0, text_length, 0), max_characters)
    groups = _join_small([[piece] for piece in pieces], max(min_characters, 0))
    if len(groups) > MAX_PARTS and len(pieces) > MAX_CHAPTERS:
        groups = _join_small(groups, text_length // MAX_PARTS)
    chosen = [Section(_name(document, group), group[0].start, group[-1].end, 1) for group in groups]
    if len(chosen) == 1 and text_length > 2 * EVEN_CHARACTERS:
        return _even(document)
    return tuple(piece for section in chosen for piece in _split_long(document, section, max_characters))


def file_tiles(document: Document) -> tuple[Section, ...]:
    """The files of a document, or all of it as one: sections that tile its text, with nothing behind the last.

    A file begins where the text of the one before it ends, so that one more file changes no tile before it.
    """
    files = document.files or (File(document.source, 0, len(document.text), document.title),)
    starts = [0, *(file.end for file in files[:-1])]
    return tuple(
        Section(file.title or (file.source.name if document.files else ""), start, file.end, 1)
        for file, start in zip(files, starts, strict=True)
    )


def _divide(document: Document, parent: Section, max_characters: int) -> list[Section]:
    """The outermost sections inside `parent`, each divided again while it is too long, and the text between them."""
    children = _children(document, parent)
    if not children:
        return [replace(parent, level=1)]
    pieces: list[Section] = []
    position = parent.start
    for child in children:
        if child.start > position:
            title = FRONT_MATTER if parent.level == 0 and not pieces else parent.title
            pieces.append(Section(title, position, child.start, 1))
        # A single child (the book's own title) is no division.
        if child.end - child.start > max_characters or len(children) == 1:
            pieces.extend(_divide(document, child, max_characters))
        else:
            pieces.append(replace(child, level=1))
        position = child.end
    if position < parent.end:
        pieces.append(Section(parent.title, position, parent.end, 1))
    return pieces


def _children(document: Document, parent: Section) -> list[Section]:
    """The sections of the next level that lie in `parent`; those that overlap a neighbour are shortened."""
    inside = [
        s for s in document.sections if parent.start <= s.start and s.end <= parent.end and s.level > parent.level
    ]
    if not inside:
        return []
    children: list[Section] = []
    for section in inside:
        if not children or section.start >= children[-1].end:
            children.append(section)
        elif section.level <= children[-1].level and section.start > children[-1].start:
            children[-1] = replace(children[-1], end=section.start)
            children.append(section)
    return children


def _join_small(groups: list[list[Section]], min_characters: int) -> list[list[Section]]:
    """Join what is too short: at the front with what follows, elsewhere with what follows or stands before."""
    joined: list[list[Section]] = []
    waiting: list[Section] = []  # too short so far: the next one is joined to it
    for group in groups:
        waiting = waiting + group
        if waiting[-1].end - waiting[0].start >= min_characters:
            joined.append(waiting)
            waiting = []
    if waiting and joined:
        joined[-1] = joined[-1] + waiting
    elif waiting:
        joined.append(waiting)
    return joined


def _name(document: Document, group: list[Section]) -> str:
    """What a part is called: the title of its only section that matters, or the first and the last of several.

    Text before the first heading matters only when nothing is longer; when files are joined, every piece of them does.
    """
    if len(group) == 1:
        return group[0].title
    bodies = [_body_characters(document, section) for section in group]
    several_files = sum(file.start < group[-1].end and group[0].start < file.end for file in document.files) > 1
    longest = max(bodies)
    named = [
        section.title
        for section, body in zip(group, bodies, strict=True)
        if body > 0 and (several_files or body >= longest * (1 if section.title == FRONT_MATTER else SLIVER))
    ]
    if not named:
        return max(group, key=lambda section: section.end - section.start).title
    return named[0] if named[0] == named[-1] else f"{named[0]} – {named[-1]}"


def _body_characters(document: Document, section: Section) -> int:
    """Characters of a section beside its heading: 0 for one that is only a heading."""
    text = document.text[section.start : section.end].strip()
    return len(text.removeprefix(section.title).strip())


def _split_long(document: Document, section: Section, max_characters: int) -> list[Section]:
    """A chapter of more than `max_characters` without sub-sections, in equal pieces."""
    length = section.end - section.start
    if length <= max_characters:
        return [section]
    count = -(-length // max_characters)
    spans = _even_spans(document.text, section.start, section.end, count)
    return [
        Section(f"{section.title} ({number} of {len(spans)})", start, end, 1)
        for number, (start, end) in enumerate(spans, start=1)
    ]


def _even(document: Document) -> tuple[Section, ...]:
    length = len(document.text)
    count = min(MAX_PARTS // 2, max(1, round(length / EVEN_CHARACTERS)))
    spans = _even_spans(document.text, 0, length, count)
    if len(spans) == 1:
        return (Section(document.title or "The whole text", 0, length, 1),)
    return tuple(
        Section(f"Part {number} of {len(spans)}{_where(document, start, end)}", start, end, 1)
        for number, (start, end) in enumerate(spans, start=1)
    )


def _even_spans(text: str, start: int, end: int, count: int) -> list[tuple[int, int]]:
    """About equal spans; each ends after a paragraph, else after a line, a sentence's space, or where it must."""
    cuts = [start]
    for number in range(1, count):
        target = start + (end - start) * number // count
        slack = (end - start) // count // 3
        cuts.append(_boundary(text, max(target, cuts[-1]), max(target - slack, cuts[-1]), min(target + slack, end)))
    cuts.append(end)
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _boundary(text: str, target: int, low: int, high: int) -> int:
    for mark in ("\n\n", "\n", ". ", " "):
        after = text.find(mark, target, high)
        before = text.rfind(mark, low, target)
        places = [place + len(mark) for place in (before, after) if place >= 0]
        if places:
            return min(places, key=lambda place: abs(place - target))
    return target


def _where(document: Document, start: int, end: int) -> str:
    """The pages or the times of a span, in words."""
    first, last = document.anchor_at(start), document.anchor_at(max(start, end - 1))
    if first is None or last is None:
        return ""
    if first.page is not None and last.page is not None:
        a, b = first.label or str(first.page), last.label or str(last.page)
        return f" (page {a})" if a == b else f" (pages {a}-{b})"
    if first.start_s is not None and last.end_s is not None:
        return f" ({_clock(first.start_s)}-{_clock(last.end_s)})"
    if first.label and last.label:
        return f" (pages {first.label}-{last.label})"
    return ""


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
