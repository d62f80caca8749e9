"""How the paragraphs of an OpenDocument text look: bold, their size, capitals; by their styles and spans.

Knows nothing of headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from longdoc.ingest.archive import all_named, attribute, children_named, local
from longdoc.ingest.looks import Look

_MOST_PIECES = 40  # of a paragraph that are looked at
_MOST_PARENTS = 20
_MARKS = ("font-weight", "font-size", "text-transform")
_BOLD = frozenset(["bold", "600", "700", "800", "900"])

_Marks = dict[str, str]


@dataclass(slots=True)
class Looks:
    """styles: name -> (its own marks, the name of its parent).   default: marks where nothing else says any."""

    styles: dict[str, tuple[_Marks, str]] = field(default_factory=dict)
    default: _Marks = field(default_factory=dict)

    @classmethod
    def of_roots(cls, roots: list[Element]) -> Looks:
        """By the styles in these trees, the later over the earlier."""
        looks = cls()
        for root in roots:
            for style in all_named(root, "default-style"):
                if attribute(style, "family") == "paragraph":
                    looks.default |= _marks_of(style)
            for style in all_named(root, "style"):
                looks.styles[attribute(style, "name")] = _marks_of(style), attribute(style, "parent-style-name")
        return looks

    def of(self, paragraph: Element) -> Look:
        """The look that all of its text has: bold if all is, the smallest of its sizes."""
        marks = {**self.default, **self._named(attribute(paragraph, "style-name"))}
        pieces = [found for found, _ in zip(self._pieces(paragraph, marks), range(_MOST_PIECES), strict=False)]
        if not pieces:
            return Look()
        return Look(
            all(piece.get("font-weight") in _BOLD for piece in pieces),
            min(_points(piece.get("font-size", "")) for piece in pieces),
            all(piece.get("text-transform") == "uppercase" for piece in pieces),
        )

    def _pieces(self, element: Element, marks: _Marks) -> Iterator[_Marks]:
        """The marks of each piece of text."""
        if (element.text or "").strip():
            yield marks
        for child in element:
            name = local(child)
            if name in ("span", "a"):
                yield from self._pieces(child, {**marks, **self._named(attribute(child, "style-name"))})
            if (child.tail or "").strip():
                yield marks

    def _named(self, name: str) -> _Marks:
        found: _Marks = {}
        for _ in range(_MOST_PARENTS):
            if name not in self.styles:
                break
            own, name = self.styles[name]
            found = {**own, **found}
        return found


def _marks_of(style: Element) -> _Marks:
    found: _Marks = {}
    for properties in children_named(style, "text-properties"):
        found |= {name: value for name in _MARKS if (value := attribute(properties, name))}
    return found


def _points(size: str) -> float:
    """`14pt`; 0 for shares of another size and for nothing."""
    try:
        return float(size.removesuffix("pt")) if size.endswith("pt") else 0.0
    except ValueError:
        return 0.0
