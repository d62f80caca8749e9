"""What the pages of a document are called: their printed numbers, and how a set of them is said in words.

Only pages with text carry a printed number; one between two others is counted on from the page before it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from longdoc.core.types import Anchor, Document
from longdoc.ingest.numerals import roman_value, written


@dataclass(frozen=True, slots=True)
class PageNames:
    """Pages in order.

    labels: as printed, None where that is not known.   by_label: the indexes of each, in lower case.
    are_counted: whether an index is the physical page less one; an EPUB's printed pages are not.
    """

    labels: tuple[str | None, ...]
    by_label: dict[str, list[int]]
    are_counted: bool

    def index_of(self, anchor: Anchor) -> int | None:
        """The page that an anchor lies on."""
        if self.are_counted:
            return anchor.page - 1 if anchor.page is not None else None
        return self.by_label[anchor.label.casefold()][0] if anchor.label is not None else None

    def words(self, pages: Collection[int]) -> str:
        """`10-40 of 412`; where printed numbers are others: `iv-x, 10-40 (4-10, 22-52 of 412)`."""
        counted = [str(index + 1) for index in range(len(self.labels))]
        named = [label or number for label, number in zip(self.labels, counted, strict=True)]
        printed = runs([name if index in pages else None for index, name in enumerate(named)])
        if not self.are_counted or all(named[index] == counted[index] for index in pages):
            return f"{printed} of {len(counted):,}"
        return f"{printed} ({runs([n if i in pages else None for i, n in enumerate(counted)])} of {len(counted):,})"


def page_names(document: Document) -> PageNames | None:
    """The pages of a document; None when it has none."""
    labels: list[str | None]
    if document.num_pages is not None:
        labels = [None] * document.num_pages
        for anchor in document.anchors:
            if anchor.page is not None and anchor.page <= len(labels):
                labels[anchor.page - 1] = anchor.label
        labels = _counted_on(labels)
    else:
        labels = [*dict.fromkeys(anchor.label for anchor in document.anchors if anchor.label is not None)]
    by_label: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        if label is not None:
            by_label.setdefault(label.casefold(), []).append(index)
    return PageNames(tuple(labels), by_label, document.num_pages is not None) if labels else None


def runs(names: Sequence[str | None]) -> str:
    """Neighbours joined: `iv-x, 10-40`; None ends a run, and so does another kind of number, or a lower one."""
    found: list[tuple[str, str]] = []
    before: str | None = None
    for name in names:
        if name is not None and before is not None and _goes_on(before, name):
            found[-1] = found[-1][0], name
        elif name is not None:
            found.append((name, name))
        before = name
    return ", ".join(first if first == last else f"{first}-{last}" for first, last in found)


def _goes_on(before: str, name: str) -> bool:
    if before.isdecimal() and name.isdecimal():
        return int(before) < int(name)
    return not before.isdecimal() and not name.isdecimal()


def _counted_on(labels: Sequence[str | None]) -> list[str | None]:
    """The labels with those of blank pages and plates between others, which have no text to carry them."""
    known = {label.casefold() for label in labels if label is not None}
    filled = [*labels]
    for index in range(1, len(filled)):
        before = filled[index - 1]
        if filled[index] is None and before is not None:
            following = _next(before)
            filled[index] = following if following is not None and following.casefold() not in known else None
    return filled


def _next(label: str) -> str | None:
    """`13` for 12, `xiii` for xii, and nothing for what is no number."""
    if label.isdecimal():
        return str(int(label) + 1)
    value = roman_value(label)
    if value is None:
        return None
    return written(value + 1, "I" if label.isupper() else "i")
