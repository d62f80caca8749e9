"""Word documents (DOCX, DOCM, DOTX): paragraphs, headings, numbers of lists, tables, notes, text boxes.

Left out, as on the printed page: deleted and hidden text, comments, codes of fields, running heads. A DOCX has no pages
of its own (they are made when it is printed): a citation carries the section or the paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from longdoc.ingest.archive import Archive, all_named, attribute, children_named, local, member_names, words_of
from longdoc.ingest.docx_looks import Looks
from longdoc.ingest.docx_styles import Styles, is_on, read_styles
from longdoc.ingest.flow import Block, assemble, table, tidy
from longdoc.ingest.parsed import Parsed, Raw

_KIND = "Word document"
_LEFT_OUT_TAGS = """
    pPr rPr tblPr tblGrid trPr tcPr sdtPr sdtEndPr sectPr del moveFrom delText instrText delInstrText rt footnoteRef
    endnoteRef Fallback commentReference pPrChange rPrChange
"""
_LEFT_OUT = frozenset(_LEFT_OUT_TAGS.split())
_CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}


def sniff(raw: Raw) -> bool:
    """A zip with a Word document in it."""
    return any(name.lower().startswith("word/document") for name in member_names(raw))


def read(raw: Raw) -> Parsed:
    """The whole document as one text."""
    archive = Archive.open(raw, _KIND)
    with archive.zip:
        main = _main_part(archive)
        folder = main.rpartition("/")[0]
        document = archive.xml(main)
        walker = _Walker(read_styles(archive, folder), _notes(archive, folder))
        body = next(iter(children_named(document, "body")), document)
        title = _title(archive)
        parsed = assemble(
            walker.document(body),
            title=title,
            lost=tuple(f"in {path} {loss}" for path, loss in archive.losses.items()),
        )
        warnings = [*parsed.lost, *_left_out(archive, folder, document, walker.num_hidden)]
    return Parsed(
        parsed.text,
        title=parsed.title or walker.title,
        sections=parsed.sections,
        warnings=tuple(warnings),
        lost=parsed.lost,
    )


def _main_part(archive: Archive) -> str:
    """What the package names as its document; word/document.xml is only the usual place."""
    if archive.has("_rels/.rels"):
        for relation in all_named(archive.xml("_rels/.rels"), "Relationship"):
            target = (relation.get("Target") or "").lstrip("/")
            if (relation.get("Type") or "").endswith("/officeDocument") and archive.has(target):
                return target
    return "word/document.xml"


def _title(archive: Archive) -> str | None:
    core = archive.optional_xml("docProps/core.xml")
    return next((words_of(element) for element in all_named(core, "title")), "") or None if core is not None else None


def _notes(archive: Archive, folder: str) -> dict[tuple[str, str], Element]:
    """("footnote", id) -> its element."""
    notes = {}
    for kind in ("footnote", "endnote"):
        root = archive.optional_xml(f"{folder}/{kind}s.xml", f"{kind}s")
        for note in all_named(root, kind) if root is not None else ():
            if attribute(note, "type") in ("", "normal"):
                notes[kind, attribute(note, "id")] = note
    return notes


def _left_out(archive: Archive, folder: str, document: Element, num_hidden: int) -> list[str]:
    """What the file holds and the text does not, in words for the receipt. num_hidden: paragraphs, by their style."""
    comments = archive.optional_xml(f"{folder}/comments.xml")
    num_comments = len(all_named(comments, "comment")) if comments is not None else 0
    num_deleted = len(all_named(document, "del")) + len(all_named(document, "moveFrom"))
    num_hidden += sum(is_on(element) for element in all_named(document, "vanish"))
    num_diagrams = sum(name.startswith(f"{folder}/diagrams/data") for name in archive.names())
    num_chunks = len(all_named(document, "altChunk"))
    said = []
    for number, one, many in (
        (num_comments, "comment was", "comments were"),
        (num_deleted, "deleted passage (tracked changes) was", "deleted passages (tracked changes) were"),
        (num_hidden, "hidden passage was", "hidden passages were"),
        (num_diagrams, "diagram was", "diagrams were"),
        (num_chunks, "embedded document was", "embedded documents were"),
    ):
        if number:
            said.append(f"{number} {one if number == 1 else many} left out")
    return said


class _Walker:
    """The walk over the body: open fields, numbers of lists and notes."""

    def __init__(self, styles: Styles, notes: dict[tuple[str, str], Element]) -> None:
        self._styles = styles
        self._looks = Looks(styles)
        self._notes = notes
        self._num_called = {"footnote": 0, "endnote": 0}
        self._fields: list[bool] = []  # for each open field: whether its result has begun
        self._carried = ""  # text of a paragraph whose end was deleted
        self.num_hidden = 0  # paragraphs that their style hides
        self.title: str | None = None  # of the paragraph in the style "Title"

    def document(self, body: Element) -> Iterator[Block]:
        """All blocks of the body."""
        yield from self.blocks(body)
        if self._carried:
            yield Block(self._carried.rstrip())

    def blocks(self, parent: Element) -> Iterator[Block]:
        """The blocks of a body, a text box or a cell."""
        for element in parent:
            name = local(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield from table([[list(self.blocks(cell)) for cell in _cells(line)] for line in _rows(element)])
            elif name not in _LEFT_OUT:
                yield from self.blocks(element)

    def _paragraph(self, element: Element) -> Iterator[Block]:
        block = Block()
        boxes: list[Element] = []
        text = tidy(self._inline(element, block, boxes))
        properties = next(iter(children_named(element, "pPr")), None)
        style = self._styles.of(properties)
        if self._carried:
            text = f"{self._carried}{text}"
            self._carried = ""
        if properties is not None and any(children_named(mark, "del") for mark in children_named(properties, "rPr")):
            self._carried = f"{text} " if text else ""
            text = ""
        is_hidden = bool(text) and style.is_hidden and not boxes
        self.num_hidden += is_hidden
        if text and not is_hidden:
            number = self._styles.next_number(properties)
            block.text = f"{number} {text}" if number and not text.startswith(number) else text
            block.level = style.level
            block.look = self._looks.of(element, properties)
            if style.is_title and self.title is None:
                self.title = " ".join(text.split())
        yield block
        for box in boxes:
            yield from self.blocks(box)

    def _inline(self, element: Element, block: Block, boxes: list[Element]) -> str:
        pieces: list[str] = []
        for child in element:
            name = local(child)
            if name in _LEFT_OUT:
                continue
            if name == "r" and self._is_hidden(child):
                continue
            if name == "fldChar":
                self._field(attribute(child, "fldCharType"))
            elif name == "txbxContent":
                boxes.append(child)
            elif name in ("footnoteReference", "endnoteReference"):
                self._call(name.removesuffix("Reference"), attribute(child, "id"), block)
            elif name in ("t", "br", "sym") or name in _CHARACTERS:
                if all(self._fields):
                    pieces.append(_written(child, name))
            else:
                pieces.append(self._inline(child, block, boxes))
                if name == "num":  # the upper half of a fraction
                    pieces.append("/")
        return "".join(pieces)

    def _is_hidden(self, run: Element) -> bool:
        return any(is_on(mark) for found in children_named(run, "rPr") for mark in children_named(found, "vanish"))

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append(False)
        elif kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _call(self, kind: str, identifier: str, block: Block) -> None:
        note = self._notes.pop((kind, identifier), None)
        if note is None:
            return
        self._num_called[kind] += 1
        number = f"{self._num_called[kind]}" if kind == "footnote" else f"note {self._num_called[kind]}"
        fields, self._fields = self._fields, []
        words = " ".join(inner.text.replace("\n", " ") for inner in self.blocks(note) if inner.text)
        self._fields = fields
        if words:
            block.notes.append(f"[{number}] {words}")


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local(child) == "tr":
            if not any(children_named(found, "del") for found in children_named(child, "trPr")):
                yield child
        elif local(child) in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _rows(child)


def _cells(line: Element) -> Iterator[Element]:
    for child in line:
        if local(child) == "tc":
            yield child
        elif local(child) in ("sdt", "sdtContent", "customXml"):
            yield from _cells(child)


def _written(element: Element, name: str) -> str:
    """What a text, a break or a sign of a run puts on the page."""
    if name == "t":
        return element.text or ""
    if name == "br":
        return " " if attribute(element, "type") in ("page", "column") else "\n"
    if name == "sym":
        code = attribute(element, "char")
        value = int(code, 16) if re.fullmatch("[0-9A-Fa-f]{1,6}", code) else 0
        return chr(value) if 0x20 <= value < 0xD800 else ""  # private use means nothing without its font
    return _CHARACTERS[name]
