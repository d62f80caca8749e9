"""OpenDocument text (ODT, OTT, and the flat FODT): paragraphs, headings, numbers of lists, tables, notes, text boxes.

Left out, as on the printed page: deleted and hidden text, comments, running heads. It has no pages of its own: a
citation carries the section or the paragraph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from longdoc.core.errors import EncryptedInput
from longdoc.ingest.archive import (
    Archive,
    all_named,
    attribute,
    children_named,
    local,
    member_names,
    parse_xml,
    words_of,
)
from longdoc.ingest.flow import Block, assemble, table, tidy
from longdoc.ingest.numerals import written
from longdoc.ingest.odt_looks import Looks
from longdoc.ingest.parsed import Parsed, Raw
from longdoc.ingest.text import decode_source

_KIND = "OpenDocument text"
_MIME = b"application/vnd.oasis.opendocument.text"
_LEFT_OUT_TAGS = """
    tracked-changes annotation annotation-end hidden-text hidden-paragraph ruby-text forms sequence-decls variable-decls
    user-field-decls table-of-content-source alphabetical-index-source illustration-index-source desc title
    note-citation table-columns table-column shapes
"""
_LEFT_OUT = frozenset(_LEFT_OUT_TAGS.split())
_MAX_BLANKS = 1000


def sniff(raw: Raw) -> bool:
    """A zip with that type in it, or XML whose root is a flat document."""
    if raw.data.startswith(b"PK"):
        return _MIME in raw.data[:200] and "content.xml" in member_names(raw)
    head = raw.data[:4096]
    return b"<office:document " in head and b"opendocument.text" in head


def read(raw: Raw) -> Parsed:
    """The whole document as one text."""
    if raw.data.startswith(b"PK"):
        archive = Archive.open(raw, _KIND)
        with archive.zip:
            _refuse_encrypted(archive)
            content = archive.xml("content.xml")
            common = archive.optional_xml("styles.xml")
            styles = [] if common is None else [common]
            meta = archive.optional_xml("meta.xml")
        lost = [f"in {path} {loss}" for path, loss in archive.losses.items()]
    else:
        decoded = decode_source(raw, declared=True)
        content, styles, lost = parse_xml(decoded.text), [], list(decoded.lost)
        meta = content
    roots = [*styles, content]
    walker = _Walker(_Styles.of(roots), Looks.of_roots(roots))
    body = next(iter(all_named(content, "body")), content)
    titles = [e for e in all_named(meta, "title") if e.tag.startswith("{http://purl")] if meta is not None else []
    title = words_of(titles[0]) if titles else ""
    num_comments = len(all_named(content, "annotation"))
    warnings = [*lost]
    if num_comments:
        warnings.append(f"{num_comments} comment{'s were' if num_comments > 1 else ' was'} left out")
    if num_deleted := len(all_named(content, "deletion")):
        said = "deleted passages (tracked changes) were" if num_deleted > 1 else "deleted passage (tracked changes) was"
        warnings.append(f"{num_deleted} {said} left out")
    blocks = list(walker.blocks(body))
    if num_hidden := walker.num_hidden:
        warnings.append(f"{num_hidden} hidden passage{'s were' if num_hidden > 1 else ' was'} left out")
    return assemble(blocks, title=title or None, warnings=warnings, lost=lost)


def _refuse_encrypted(archive: Archive) -> None:
    manifest = archive.optional_xml("META-INF/manifest.xml")
    if manifest is not None and all_named(manifest, "encryption-data"):
        raise EncryptedInput(
            f"{archive.raw.shown} is encrypted.",
            why="it needs a password",
            fix="open it in a word processor, save it without a password and run the same command on that",
        )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How one level of a list is numbered. num_levels: how many levels are shown ("2.1" has two)."""

    kind: str
    prefix: str
    suffix: str
    num_levels: int
    start: int


@dataclass(slots=True)
class _Styles:
    """hidden: names of styles that show nothing.   lists: name -> levels, from 1."""

    hidden: set[str] = field(default_factory=set)
    lists: dict[str, dict[int, _Numbers]] = field(default_factory=dict)

    @classmethod
    def of(cls, roots: list[Element]) -> _Styles:
        styles = cls()
        for root in roots:
            for style in all_named(root, "style"):
                for properties in children_named(style, "text-properties"):
                    if attribute(properties, "display") == "none":
                        styles.hidden.add(attribute(style, "name"))
            for listed in all_named(root, "list-style"):
                levels = {}
                for level in children_named(listed, "list-level-style-number"):
                    levels[_number(level, "level", 1)] = _Numbers(
                        attribute(level, "num-format"),
                        attribute(level, "num-prefix"),
                        attribute(level, "num-suffix"),
                        _number(level, "display-levels", 1),
                        _number(level, "start-value", 1),
                    )
                styles.lists[attribute(listed, "name")] = levels
        return styles


@dataclass(slots=True)
class _List:
    """An open list. number: of the item that was met last, None before the first."""

    style: str
    number: int | None = None


class _Walker:
    """The walk over the body: open lists and the number of notes."""

    def __init__(self, styles: _Styles, looks: Looks) -> None:
        self._styles = styles
        self._looks = looks
        self._open: list[_List] = []
        self._ended: dict[str, int] = {}  # list id or style -> the number that it ended with
        self._num_notes = 0
        self.num_hidden = 0
        self._number = ""  # that waits for the paragraph of its item

    def blocks(self, parent: Element) -> Iterator[Block]:
        """The blocks of a body, a section, a list item, a cell or a text box."""
        for element in parent:
            name = local(element)
            if name in _LEFT_OUT or self._is_hidden(element):
                continue
            if name in ("p", "h"):
                yield from self._paragraph(element, name)
            elif name == "list":
                yield from self._list(element)
            elif name == "table":
                yield from table(
                    [
                        [list(self.blocks(cell)) for cell in children_named(line, "table-cell")]
                        for line in _rows(element)
                    ]
                )
            else:
                yield from self.blocks(element)

    def _is_hidden(self, element: Element) -> bool:
        name = attribute(element, "style-name")
        is_hidden = attribute(element, "display") == "none" or name in self._styles.hidden
        self.num_hidden += is_hidden and any(piece.strip() for piece in element.itertext())
        return is_hidden

    def _paragraph(self, element: Element, name: str) -> Iterator[Block]:
        block = Block()
        boxes: list[Element] = []
        text = tidy(self._inline(element, block, boxes))
        if text:
            block.text = f"{self._number} {text}" if self._number else text
            block.level = _number(element, "outline-level", 1) if name == "h" else 0
            block.look = self._looks.of(element)
            self._number = ""
        yield block
        for box in boxes:
            yield from self.blocks(box)

    def _inline(self, element: Element, block: Block, boxes: list[Element]) -> str:
        pieces = [_flat(element.text)]
        for child in element:
            name = local(child)
            if name == "s":
                pieces.append(" " * min(_number(child, "c", 1), _MAX_BLANKS))
            elif name == "tab":
                pieces.append(" ")
            elif name == "line-break":
                pieces.append("\n")
            elif name == "note":
                self._note(child, block)
            elif name == "text-box":
                boxes.append(child)
            elif name and name not in _LEFT_OUT and not self._is_hidden(child):
                pieces.append(self._inline(child, block, boxes))
            pieces.append(_flat(child.tail))
        return "".join(pieces)

    def _note(self, element: Element, block: Block) -> None:
        bodies = children_named(element, "note-body")
        number, self._number = self._number, ""
        words = " ".join(b.text.replace("\n", " ") for body in bodies for b in self.blocks(body) if b.text)
        self._number = number
        if words:
            self._num_notes += 1
            citation = next((words_of(found) for found in children_named(element, "note-citation")), "")
            block.notes.append(f"[{citation or self._num_notes}] {words}")

    def _list(self, element: Element) -> Iterator[Block]:
        style = attribute(element, "style-name") or (self._open[-1].style if self._open else "")
        identifier = attribute(element, "id")
        open_list = _List(style)
        if attribute(element, "continue-numbering") == "true":
            open_list.number = self._ended.get(style)
        elif attribute(element, "continue-list"):
            open_list.number = self._ended.get(attribute(element, "continue-list"))
        self._open.append(open_list)
        for item in element:
            if local(item) == "list-item":
                levels = self._styles.lists.get(style, {})
                numbers = levels.get(len(self._open))
                start = _number(item, "start-value", 0)
                if start:
                    open_list.number = start
                elif open_list.number is None:
                    open_list.number = numbers.start if numbers else 1
                else:
                    open_list.number += 1
                self._number = self._written(levels)
            yield from self.blocks(item)
        self._number = ""
        self._open.pop()
        if open_list.number is not None:
            self._ended[style] = open_list.number
            if identifier:
                self._ended[identifier] = open_list.number

    def _written(self, levels: dict[int, _Numbers]) -> str:
        depth = len(self._open)
        numbers = levels.get(depth)
        if numbers is None or not numbers.kind:
            return ""
        shown = []
        for level in range(max(depth - numbers.num_levels, 0) + 1, depth + 1):
            kind = levels[level].kind if level in levels else "1"
            shown.append(written(self._open[level - 1].number or 1, kind or "1"))
        return f"{numbers.prefix}{'.'.join(shown)}{numbers.suffix}".strip()


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local(child) == "table-row":
            yield child
        elif local(child) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child)


def _number(element: Element, name: str, otherwise: int) -> int:
    value = attribute(element, name)
    return int(value) if value.isdigit() and len(value) < 9 else otherwise


def _flat(text: str | None) -> str:
    """Line ends in the XML are blanks."""
    return text.replace("\n", " ") if text else ""
