"""How the paragraphs of a Word document look: bold, their size, capitals; by their runs, styles and defaults.

Knows nothing of headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from longdoc.ingest.archive import attribute, children_named, local
from longdoc.ingest.docx_styles import Styles, is_on
from longdoc.ingest.looks import Look

_AROUND_RUNS = frozenset(["hyperlink", "ins", "moveTo", "sdt", "sdtContent", "smartTag", "fldSimple", "customXml"])
_MOST_RUNS = 40  # of a paragraph that are looked at
_HALF_POINTS = 2
_DEFAULT_SIZE = 10.0  # of Word, where nothing says it

_Marks = dict[str, str]  # "b", "caps", "sz" -> value


@dataclass(slots=True)
class Looks:
    """The looks of the paragraphs of one document."""

    styles: Styles
    defaults: _Marks = field(init=False)
    known: dict[str, _Marks] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.defaults = marks_of(self.styles.defaults) if self.styles.defaults is not None else {}

    def of(self, paragraph: Element, properties: Element | None) -> Look:
        """The look that all of its text has: bold if all is, the smallest of its sizes."""
        own = self._of_style(self.styles.style_of(properties))
        bold, caps, size = True, True, 0.0
        for number, run in enumerate(_runs(paragraph)):
            if number >= _MOST_RUNS:
                break
            marks = {**self.defaults, **own}
            for written in children_named(run, "rPr"):
                for named in children_named(written, "rStyle"):
                    marks |= self._of_style(attribute(named, "val"))
                marks |= marks_of(written)
            bold &= marks.get("b") == "on"
            caps &= marks.get("caps") == "on"
            value = marks.get("sz", "")
            points = int(value) / _HALF_POINTS if value.isdigit() and len(value) < 5 else _DEFAULT_SIZE
            size = min(size or points, points)
        return Look(bold and size > 0, size, caps and size > 0)

    def _of_style(self, identifier: str) -> _Marks:
        if identifier not in self.known:
            found: _Marks = {}
            for style in self.styles.chain(identifier):
                for written in children_named(style, "rPr"):
                    found = {**marks_of(written), **found}
            self.known[identifier] = found
        return self.known[identifier]


def marks_of(properties: Element) -> _Marks:
    """What the properties of a run say."""
    found: _Marks = {}
    for mark in properties:
        name = local(mark)
        if name in ("b", "caps"):
            found[name] = "on" if is_on(mark) else "off"
        elif name == "sz":
            found[name] = attribute(mark, "val")
    return found


def _runs(element: Element) -> Iterator[Element]:
    """The runs of a paragraph that show words."""
    for child in element:
        name = local(child)
        if name == "r":
            if any((written.text or "").strip() for written in children_named(child, "t")):
                yield child
        elif name in _AROUND_RUNS:
            yield from _runs(child)
