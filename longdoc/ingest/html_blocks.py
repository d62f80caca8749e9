"""The elements of an HTML tree, entered and left one after the other, to blocks of text.

Knows nothing of bytes, pages of a site or EPUB packages. Calls of notes do not stand in the middle of a sentence: a
typed note (EPUB, ARIA) that does becomes a paragraph below the one that calls it, and the sign of a call is "[1]".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from longdoc.ingest.clean import normalise
from longdoc.ingest.flow import LONG_CELL, Block
from longdoc.ingest.numerals import written

_BLOCK_TAGS = """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody
    tfoot thead tr ul option select x-aside x-p
"""
_BLOCK = frozenset(_BLOCK_TAGS.split())
_HEADING = {f"h{level}": level for level in range(1, 7)}
_WHITE = re.compile(r"[^\S\xa0]+")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NOTE_TYPES = frozenset(("footnote", "endnote", "rearnote", "doc-footnote", "doc-endnote"))
_BACK_TYPES = frozenset(("backlink", "doc-backlink"))
_ARROW = re.compile("[\\[(]?[↩↑↵⤴⏎⬆\ufe0e\ufe0f]+[\\])]?")
_CALL = re.compile(r"[\[(]?(\d{1,4}|[a-z]|[ivxlc]{1,6}|[*†‡§¶]{1,4})[\])]?")
_OWN_NUMBER = re.compile(r"[\[(]?(?:\d{1,4}|[A-Za-z]|[ivxlcIVXLC]{1,6})[\]).:](?:\s|$)")
_POWERS = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_UNIT_BEFORE = re.compile(r"(?:(?<![\d.,])\d{1,2}|(?<![^\W_])[^\W\d_]{1,2})$")  # 10, x, km; not 1914
_MAX_LABEL = 12


_PASSAGES = "p, h1, h2, h3, li, td, article, main"


def is_hidden(node: Any) -> bool:
    """Whether a browser would not show it (style sheets are not asked), or shows it for its looks alone.

    What is hidden from screen readers is ornament, or is said twice; but not whole passages, as behind an open dialog.
    """
    attributes = node.attributes
    return (
        "hidden" in attributes
        or (attributes.get("aria-hidden") == "true" and node.css_first(_PASSAGES) is None)
        or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
    )


def page_label(node: Any) -> str | None:
    """The printed number that a page break carries, or None for every other element."""
    attributes = node.attributes
    if "pagebreak" not in f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}":
        return None
    text = node.text(deep=True).strip()
    label = attributes.get("title") or attributes.get("aria-label") or text
    return label.strip().removeprefix("Page ").strip() if len(text) <= _MAX_LABEL else None


def is_note(node: Any) -> bool:
    """A foot- or endnote that says so."""
    return bool(_NOTE_TYPES & _types(node))


def _types(node: Any) -> set[str]:
    attributes = node.attributes
    return {*(attributes.get("epub:type") or "").split(), *(attributes.get("role") or "").split()}


class Writer:
    """The state of the walk: the open block, what is already closed, and the notes of the open one."""

    def __init__(self, outside: Mapping[str, str]) -> None:
        self._outside = outside
        self._done: list[Block] = []
        self._block = Block()
        self._preformatted = 0
        self._level = 0
        self._cells = 0
        self._tables: list[bool] = []  # for each open table: whether its rows are rows
        self._lists: list[tuple[str, int] | None] = []  # for each open list: kind and next number, None for bullets
        self._mark = ""  # the number before the last item
        self._called: list[Block] = []  # the blocks in which typed notes interrupt a sentence

    @property
    def _in_row(self) -> bool:
        return bool(self._tables and self._tables[-1] and self._cells)

    def enter(self, node: Any, tag: str) -> None:
        attributes = node.attributes
        if is_note(node) and self._block.text.strip() and tag not in ("li", "p", "div", "section"):
            self._called.append(self._block)
            self._block = Block()
        elif tag in _BLOCK:
            self._break(tag)
        if tag in _HEADING:
            self._level = _HEADING[tag]
            self._block.level = self._level
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "br":
            self._line_end()
        elif tag == "table":
            self._tables.append(_is_data(node))
            self._cells = 0
        elif tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._cells = 0
        elif tag in ("ol", "ul", "menu", "dir"):
            self._lists.append(_numbering(node) if tag == "ol" else None)
        elif tag == "li":
            self._number(node)
        elif tag == "q":
            self.write("“")
        elif tag == "img" and not self._block.text and attributes.get("alt") and self._level:
            self.write(attributes["alt"] or "")  # a heading that is drawn
        identifier = attributes.get("id") or (attributes.get("name") if tag == "a" else None)
        if identifier:
            self._block.ids.setdefault(identifier, len(self._block.text))
        label = page_label(node)
        if label:
            self._block.pages[len(self._block.text)] = label

    def leave(self, node: Any, tag: str) -> None:
        if tag == "pre":
            self._preformatted -= 1
        elif tag == "q":
            self.write("”")
        elif tag == "table" and self._tables:
            self._tables.pop()
            self._cells = 0
        elif tag in ("ol", "ul", "menu", "dir") and self._lists:
            self._lists.pop()
        if self._called and is_note(node) and tag not in ("li", "p", "div", "section"):
            note, self._block = self._block, self._called.pop()
            words = " ".join(note.text.split())
            if words:
                self._block.notes.append(words)
        elif tag in _BLOCK:
            self._break(tag)
        if tag in _HEADING:
            self._level = 0

    def calls(self, node: Any, tag: str) -> bool:
        """Writes the sign of a note's call in place of the element; False for every other element."""
        if tag not in ("a", "sup"):
            return False
        text = node.text(deep=True).strip()
        if tag == "a" and _leads_back(node, text):
            return True
        if tag == "sup" and node.css_first("a") is None:
            return self._raised(text)
        link = node if tag == "a" else node.css_first("a")
        target = link.attributes.get("href") or ""
        if tag == "sup" and link.text(deep=True).strip() != text:
            return False
        sign = _CALL.fullmatch(text)
        typed = bool({"noteref", "doc-noteref"} & _types(link))
        if target in self._outside and (sign or typed):
            self._block.notes.append(f"[{sign[1] if sign else text}] {_unsigned(self._outside[target])}")
            self._keep_id(link)
            return True
        raised = tag == "sup" or typed or node.css_first("sup") is not None
        if not sign or "#" not in target:
            return False
        if not self._block.text.strip() and tag == "a":  # the sign before the note itself, that leads back
            self._keep_id(link)
            self.write(f"{text} ")
            return True
        if not raised or not self._block.text.strip():
            return False
        self._keep_id(link)
        self.write(f"[{sign[1]}]" if sign[1][0].isalnum() else sign[1])
        return True

    def _keep_id(self, node: Any) -> None:
        if node.attributes.get("id"):
            self._block.ids.setdefault(node.attributes["id"], len(self._block.text))

    def _raised(self, text: str) -> bool:
        """A raised number: a power beside a number, a sign or a unit, else the call of a note."""
        if not re.fullmatch(r"[-+\u2212]?\d{1,4}", text) or not self._block.text:
            return False
        if _UNIT_BEFORE.search(self._block.text) or not text.isdigit():
            self.write(text.replace("\u2212", "-").translate(_POWERS))
        elif self._block.text[-1] == " ":
            return False
        else:
            self.write(f"[{text}]")
        return True

    def drawing(self, texts: Iterable[str]) -> None:
        """What is written in a drawing, a line each."""
        self._break("svg")
        for text in texts:
            self.write(text)
            self._line_end()
        self._break("svg")

    def _break(self, tag: str) -> None:
        """A block begins or ends; inside of a table's row it is only a space."""
        if self._block.text and self._block.text == self._mark:
            return  # the paragraph of a numbered item
        if self._in_row and tag not in ("tr", "table", "tbody", "thead", "tfoot", "caption"):
            if self._block.text and not self._block.text.endswith((" ", "\n")):
                self._block.text += " "
        elif not self._called:
            self.close()
        elif self._block.text:
            self._block.text += " "

    def _cell(self) -> None:
        if not self._tables or not self._tables[-1]:
            self.close()
            return
        if self._cells:
            self._block.text = self._block.text.rstrip(" \n") + " | "
        self._cells += 1

    def _line_end(self) -> None:
        if self._in_row:
            self.write(" ")
        elif self._block.text.endswith("\n") and not self._preformatted and not self._called:
            self.close()  # two line ends make a paragraph
        else:
            self._block.text = self._block.text.rstrip(" ") + "\n"

    def _number(self, node: Any) -> None:
        """The number before an item of an ordered list, unless the author wrote one too."""
        if not self._lists or self._lists[-1] is None or self._in_row:
            return
        kind, number = self._lists[-1]
        value = node.attributes.get("value") or ""
        number = int(value) if re.fullmatch(r"-?\d{1,6}", value) else number
        self._lists[-1] = (kind, number + 1)
        text = node.text(deep=True).strip()
        if text and not _OWN_NUMBER.match(text):
            self._mark = f"{written(number, kind)}. "
            self.write(self._mark)

    def write(self, text: str) -> None:
        text = normalise(text)
        if self._preformatted:
            self._block.text += text
            return
        text = _WHITE.sub(" ", text)
        if not self._block.text or self._block.text[-1] in " \n":
            text = text.lstrip(" ")
        self._block.text += text

    def close(self) -> None:
        """End the open block; ids of an empty one go to the next."""
        block = self._block
        stripped = block.text.rstrip()
        lead = len(stripped) - len(stripped.lstrip("\n "))
        block.text = stripped[lead:]
        if block.text:
            last = len(block.text) - 1
            block.ids = {name: min(max(at - lead, 0), last) for name, at in block.ids.items()}
            block.pages = {min(max(at - lead, 0), last): label for at, label in block.pages.items()}
            self._done.append(block)
            self._block = Block(level=self._level)
        else:
            block.text = ""
            block.level = self._level
            block.ids = dict.fromkeys(block.ids, 0)
            block.pages = dict.fromkeys([0], next(reversed(block.pages.values()))) if block.pages else {}

    def finished(self) -> Iterator[Block]:
        done, self._done = self._done, []
        yield from done


def _is_data(table: Any) -> bool:
    """Whether the rows of a table are rows, and not a way to lay out a page."""
    if (table.attributes.get("role") or "") in ("presentation", "none") or table.css_first("table table") is not None:
        return False
    if len(table.css("td, th")) < 2 or table.css_first("td h1, td h2, td h3, td pre") is not None:
        return False
    return not any(len(cell.text(deep=True)) > LONG_CELL for cell in table.css("td"))


def _numbering(node: Any) -> tuple[str, int] | None:
    """How the items of an ordered list are numbered; None when they are not, or are notes."""
    style = (node.attributes.get("style") or "").replace(" ", "")
    if "list-style:none" in style or "list-style-type:none" in style or "reversed" in node.attributes:
        return None
    kind = node.attributes.get("type") or "1"
    start = node.attributes.get("start") or "1"
    return (kind if kind in ("1", "a", "A", "i", "I") else "1"), int(start) if re.fullmatch(r"-?\d{1,6}", start) else 1


def _leads_back(link: Any, text: str) -> bool:
    """Whether a link at the end of a note leads back to what calls it: no word of the note."""
    if not text or not link.attributes.get("href") or link.attributes.get("id") is not None:
        return False
    return bool(_BACK_TYPES & _types(link)) or bool(_ARROW.fullmatch(text))


def _unsigned(note: str) -> str:
    """A note without its own sign, which stands before it already."""
    return re.sub(r"^(?:[\[(]?\d{1,4}[\])]?[.:]?|[*†‡§¶]{1,4})\s+", "", note) or note
