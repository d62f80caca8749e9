"""Styles and numbers of a Word document: which paragraph is a heading, and which number stands before it.

Knows nothing of text. A style has what it does not say itself from the style that it is based on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from longdoc.ingest.archive import Archive, all_named, attribute, children_named
from longdoc.ingest.numerals import written

_HEADING = re.compile(r"heading ?(\d)", re.IGNORECASE)
_KINDS = {"lowerRoman": "i", "upperRoman": "I", "lowerLetter": "a", "upperLetter": "A"}
_MAX_LEVEL = 9
_MAX_BASES = 20


@dataclass(frozen=True, slots=True)
class Style:
    """level: of a heading, else 0."""

    level: int = 0
    is_title: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a list: how its number is written, and where it starts."""

    kind: str
    pattern: str
    start: int


@dataclass(slots=True)
class Styles:
    """The style sheet and the lists, with the numbers reached so far."""

    sheet: dict[str, Element] = field(default_factory=dict)
    levels: dict[str, dict[int, _Level]] = field(default_factory=dict)  # list -> its levels
    lists: dict[str, str] = field(default_factory=dict)  # the id in a paragraph -> list
    reached: dict[str, dict[int, int]] = field(default_factory=dict)
    default: str = ""
    known: dict[str, Style] = field(default_factory=dict)
    defaults: Element | None = None  # the properties of runs that nothing else says

    def of(self, properties: Element | None) -> Style:
        """What a paragraph with these properties is."""
        identifier = self.style_of(properties)
        if identifier not in self.known:
            self.known[identifier] = self._read(identifier)
        style = self.known[identifier]
        outline = _value(properties, "outlineLvl")
        if outline.isdigit():
            return Style(_level(outline), style.is_title, style.is_hidden)
        return style

    def style_of(self, properties: Element | None) -> str:
        """The id of the style of a paragraph with these properties."""
        return _value(properties, "pStyle") or self.default

    def chain(self, identifier: str) -> Iterator[Element]:
        """The style and those that it is based on."""
        for _ in range(_MAX_BASES):
            style = self.sheet.get(identifier)
            if style is None:
                return
            yield style
            identifier = _value(style, "basedOn")

    def _read(self, identifier: str) -> Style:
        if identifier not in self.sheet:  # a file without its style sheet: the usual ids say what they are
            named = _HEADING.fullmatch(identifier)
            return Style(int(named[1]) if named else 0, identifier.casefold() == "title")
        level = 0
        is_title = is_hidden = False
        for index, style in enumerate(self.chain(identifier)):
            name = _value(style, "name")
            named = _HEADING.fullmatch(name.strip()) or _HEADING.fullmatch(identifier if not index else "")
            properties = next(iter(children_named(style, "pPr")), None)
            outline = _value(properties, "outlineLvl")
            is_title = is_title or (not index and name.casefold() == "title")
            marks = (mark for found in children_named(style, "rPr") for mark in children_named(found, "vanish"))
            is_hidden = is_hidden or any(is_on(mark) for mark in marks)
            if outline.isdigit():
                level = _level(outline)
                break
            if named:
                level = int(named[1])
                break
        return Style(level, is_title, is_hidden)

    def next_number(self, properties: Element | None) -> str:
        """The number that the list gives this paragraph ("3.2", "(b)"); "" for bullets and outside of lists."""
        place = self._place(properties)
        if place is None:
            return ""
        identifier, depth = place
        levels = self.levels.get(self.lists.get(identifier, ""), {})
        if depth not in levels:
            return ""
        counts = self.reached.setdefault(self.lists[identifier], {})
        for deeper in [level for level in counts if level > depth]:
            del counts[deeper]
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        if levels[depth].kind in ("bullet", "none"):
            return ""

        def counted(match: re.Match[str]) -> str:
            wanted = int(match[1]) - 1
            level = levels.get(wanted)
            return _written(counts.get(wanted, level.start), level.kind) if level else ""

        return " ".join(re.sub(r"%(\d)", counted, levels[depth].pattern).split())

    def _place(self, properties: Element | None) -> tuple[str, int] | None:
        """List and depth of a paragraph, its own or those of its style."""
        chain = self.chain(self.style_of(properties))
        owners = [properties, *(next(iter(children_named(style, "pPr")), None) for style in chain)]
        depth = ""
        for owner in owners:
            for found in children_named(owner, "numPr") if owner is not None else ():
                depth = depth or _value(found, "ilvl")
                identifier = _value(found, "numId")
                if identifier:
                    at = int(depth) if depth.isdigit() else 0
                    return (identifier, at) if identifier != "0" else None
        return None


def read_styles(archive: Archive, folder: str) -> Styles:
    """The styles and lists of the document in that folder of the archive; what is damaged is done without."""
    styles = Styles()
    for style in _part(archive, f"{folder}/styles.xml", "style"):
        styles.sheet[attribute(style, "styleId")] = style
        if attribute(style, "type") == "paragraph" and attribute(style, "default") in ("1", "true"):
            styles.default = attribute(style, "styleId")
    for default in _part(archive, f"{folder}/styles.xml", "rPrDefault"):
        styles.defaults = next(iter(children_named(default, "rPr")), None)
    for listed in _part(archive, f"{folder}/numbering.xml", "abstractNum"):
        styles.levels[attribute(listed, "abstractNumId")] = dict(_levels(listed))
    for number in _part(archive, f"{folder}/numbering.xml", "num"):
        identifier, base = attribute(number, "numId"), _value(number, "abstractNumId")
        overrides = {
            int(attribute(change, "ilvl")): int(start)
            for change in children_named(number, "lvlOverride")
            if (start := _value(change, "startOverride")).isdigit() and attribute(change, "ilvl").isdigit()
        }
        styles.lists[identifier] = base
        if overrides:  # a list of its own, that counts from there
            own = f"{base}/{identifier}"
            styles.levels[own] = {
                depth: _Level(level.kind, level.pattern, overrides.get(depth, level.start))
                for depth, level in styles.levels.get(base, {}).items()
            }
            styles.lists[identifier] = own
    return styles


def _part(archive: Archive, path: str, name: str) -> list[Element]:
    root = archive.optional_xml(path)
    return all_named(root, name) if root is not None else []


def _levels(listed: Element) -> Iterator[tuple[int, _Level]]:
    for level in children_named(listed, "lvl"):
        depth, start = attribute(level, "ilvl"), _value(level, "start")
        if depth.isdigit():
            kind = _value(level, "numFmt") or "decimal"
            yield int(depth), _Level(kind, _value(level, "lvlText"), int(start) if start.isdigit() else 1)


def is_on(mark: Element) -> bool:
    """Whether a switch like `<w:vanish/>` is on."""
    return attribute(mark, "val").lower() not in ("0", "false", "off")


def _value(parent: Element | None, name: str) -> str:
    """The `val` of the child of that name; "" when there is none."""
    if parent is None:
        return ""
    return next((attribute(child, "val") for child in children_named(parent, name)), "")


def _level(outline: str) -> int:
    """Outline levels count from 0; 9 is body text."""
    return int(outline) + 1 if int(outline) < _MAX_LEVEL else 0


def _written(number: int, kind: str) -> str:
    return f"{number:02d}" if kind == "decimalZero" else written(number, _KINDS.get(kind, "1"))
