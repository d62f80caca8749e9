"""Running heads, running feet and page numbers: lines at the edge of a page that neighbouring pages repeat.

Books print the title on even pages and the chapter on odd ones, so a line is compared with the pages
one and two away. Digits are masked; masked numbers must count up with the pages, so that "Chapter I" and
"Chapter II" on two neighbouring pages stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from longdoc.ingest.lines import Line

_EDGE_LINES = 2
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_NUMBER = re.compile(r"(?<![^\W_])(?:\d{1,5}|[ivxlcdm]{1,8})(?![^\W_])", re.IGNORECASE)
_CHAPTER = re.compile(r"(?:chapter|part|book|act|scene|section|letter|lecture|canto)\s+\w+\.?", re.IGNORECASE)
_PAGE_OF = re.compile(r"(?:of|/|von|de|sur)\s*\d+", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def drop_running_lines(pages: Sequence[Sequence[Line]], titles: Mapping[str, set[int]]) -> list[list[Line]]:
    """The pages without their running heads, feet and page numbers.

    titles: title of the book and of its sections -> the indices of the pages where that section begins:
    a line at the edge of any other page that says nothing but this title is a running head.
    """
    by_letters = {letters(title): starts for title, starts in titles.items() if letters(title)}
    edges = [_edges(lines) for lines in pages]
    kept = []
    for index, lines in enumerate(pages):
        dropped = set()
        lists_titles = sum(letters(line.text) in by_letters for line in lines) > 2  # a table of contents
        for side in (0, 1):
            for line in edges[index][side]:
                near = [
                    other
                    for away in (-2, -1, 1, 2)
                    if 0 <= index + away < len(pages)
                    for other in edges[index + away][side]
                ]
                starts = by_letters.get(letters(line.text))
                if starts is not None and (index in starts or lists_titles):
                    continue  # here the title is a title
                if starts is not None or any(_same(line, other) for other in near):
                    dropped.add(line)
        kept.append([line for line in lines if line not in dropped])
    emptied = sum(bool(before) and not after for before, after in zip(pages, kept, strict=True))
    if emptied * 2 > sum(map(bool, pages)):
        return [list(lines) for lines in pages]  # cards, slides, labels: what repeats is all there is
    return kept


def letters(text: str) -> str:
    """Nothing but the letters, for comparing titles; page numbers in either script do not count."""
    return "".join(_LETTERS.findall(_NUMBER.sub(_keep_words, text))).casefold()


def _keep_words(match: re.Match[str]) -> str:
    return "" if roman_value(match[0]) is not None or match[0].isdigit() else match[0]


def roman_value(text: str) -> int | None:
    """12 for "xii"; None when it is no Roman numeral."""
    lower = text.lower()
    if not lower or not _ROMAN.fullmatch(lower):
        return None
    values = [_VALUES[character] for character in lower]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _edges(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The topmost and the bottommost lines, wherever they stand in the reading order."""
    by_height = sorted(lines, key=lambda line: -line.bottom)
    return _outermost(by_height), _outermost(by_height[::-1])


def _outermost(lines: list[Line]) -> list[Line]:
    """The first lines up to the second distinct height: a number and a title may share one height."""
    taken: list[Line] = []
    heights: list[float] = []
    for line in lines[: 2 * _EDGE_LINES]:
        if all(abs(line.bottom - height) > 0.3 * line.height for height in heights):
            heights.append(line.bottom)
        if len(heights) > _EDGE_LINES:
            break
        taken.append(line)
    return taken


def _folios(text: str) -> list[int]:
    """Numbers that may be the page's: at an end of the line, or "7 of 90"."""
    found = []
    for match in _NUMBER.finditer(text):
        around = text[: match.start()].strip(" -–—|[("), text[match.end() :].strip(" -–—|])")
        if all(around) and not _PAGE_OF.fullmatch(around[1]):
            continue
        value = int(match[0]) if match[0].isdigit() else roman_value(match[0])
        if value is not None:
            found.append(value)
    return found


def _mask(text: str) -> str:
    return _NUMBER.sub(lambda m: "#" if m[0].isdigit() or roman_value(m[0]) is not None else m[0], text).casefold()


def _same(line: Line, other: Line) -> bool:
    if line.text == other.text:
        return not line.text.isdigit() or len(line.text) > 2
    if _mask(line.text) != _mask(other.text) or _CHAPTER.fullmatch(line.text):
        return False
    away = other.page - line.page
    pairs = zip(_folios(line.text), _folios(other.text), strict=False)
    return any(theirs - ours == away for ours, theirs in pairs)
