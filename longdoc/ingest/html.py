"""HTML and XHTML to blocks of text: paragraphs, headings, list items, table rows, preformatted lines.

Knows nothing of EPUB packages. Entities are resolved by the HTML rules, so an XML entity bomb is just text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from longdoc.core.errors import EmptyInput
from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import decode_source

_BLOCK_TAGS = """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody
    tfoot thead tr ul option select
"""
_SKIPPED_TAGS = """
    script style head template noscript svg math iframe object audio video canvas button textarea rp rt datalist title
    -comment
"""
_BLOCK = frozenset(_BLOCK_TAGS.split())
_SKIP = frozenset(_SKIPPED_TAGS.split())
_HEADING = {f"h{level}": level for level in range(1, 7)}
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
# In XHTML `<title/>` and `<script src="x"/>` are whole elements; to an HTML parser they swallow the rest.
_SELF_CLOSED = re.compile(rf"<(?!(?:{_VOID})\b)([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>", re.IGNORECASE)
_TAG = re.compile(r"<(!doctype html|html|head|body|p|div|table|h1|title|meta|br|span|a)\b[^<>]*>", re.IGNORECASE)
_WHITE = re.compile(r"[^\S\xa0]+")
_MAX_DEPTH = 400
_MAX_LABEL = 12


@dataclass(slots=True)
class Block:
    """A paragraph. level: of a heading, else 0. ids: element id -> offset in `text`. pages: printed page labels."""

    text: str = ""
    level: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    pages: dict[int, str] = field(default_factory=dict)


def sniff(raw: Raw) -> bool:
    """Tags near the beginning, in whatever encoding."""
    head = raw.data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").decode("latin-1")
    if head.lstrip()[:200].lower().startswith(("<!doctype html", "<html")):
        return True
    tags = len(_TAG.findall(head))
    return tags >= 3 and (head.lstrip().startswith("<") or raw.suffix in ("html", "htm", "xhtml"))


def read(raw: Raw) -> Parsed:
    """A single HTML page as a document."""
    decoded = decode_source(raw, declared=True)
    markup = decoded.text
    builder = TextBuilder()
    headings = []
    for block in blocks(markup):
        if not block.text:
            continue
        start = builder.paragraph(block.text)
        if block.level:
            headings.append(Heading(block.text.replace("\n", " "), start, block.level))
    whole = builder.text()
    if not whole:
        raise EmptyInput(f"{raw.shown} has no text.", why="there are only tags in it", fix=f"less {raw.quoted}")
    sections = sections_from(headings, len(whole))
    return Parsed(whole, title=title_of(markup), sections=sections, warnings=tuple(decoded.warnings), lost=decoded.lost)


def parse(markup: str) -> Any:
    """The tree of an HTML or XHTML text."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(_SELF_CLOSED.sub(r"<\1\2></\1>", markup))


def title_of(markup: str) -> str | None:
    """The text of `<title>`, or None."""
    node = parse(markup).css_first("title")
    title = squeeze(normalise(node.text(deep=True))).replace("\n", " ") if node else ""
    return title or None


def blocks(markup: str) -> Iterator[Block]:
    """The blocks of the body in document order; one without text may still carry ids."""
    body = parse(markup).body
    if body is None:
        return
    writer = _Writer()
    # An explicit stack: hostile pages nest tens of thousands of elements.
    stack: list[tuple[Any, bool, int]] = [(body, False, 0)]
    while stack:
        node, leaving, depth = stack.pop()
        tag = node.tag
        if leaving:
            writer.leave(tag)
        elif tag == "-text":
            writer.write(node.text_content or "")
        elif tag not in _SKIP and not _is_hidden(node):
            writer.enter(node, tag)
            stack.append((node, True, depth))
            if _page_label(node) is not None:
                continue  # what stands in it is the page's number
            if depth < _MAX_DEPTH:
                children = list(node.iter(include_text=True))
                stack.extend((child, False, depth + 1) for child in reversed(children))
            else:
                writer.write(node.text(deep=True))
        yield from writer.finished()
    writer.close()
    yield from writer.finished()


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or attributes.get("aria-hidden") == "true"


def _page_label(node: Any) -> str | None:
    """The printed number that a page break carries, or None for every other element."""
    attributes = node.attributes
    if "pagebreak" not in f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}":
        return None
    text = node.text(deep=True).strip()
    label = attributes.get("title") or attributes.get("aria-label") or text
    return label.strip().removeprefix("Page ").strip() if len(text) <= _MAX_LABEL else None


class _Writer:
    """The state of the walk: the open block and what is already closed."""

    def __init__(self) -> None:
        self._done: list[Block] = []
        self._block = Block()
        self._preformatted = 0
        self._level = 0
        self._cells = 0

    def enter(self, node: Any, tag: str) -> None:
        if tag in _BLOCK:
            self.close()
        attributes = node.attributes
        if tag in _HEADING:
            self._level = _HEADING[tag]
            self._block.level = self._level
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "br":
            self._block.text = self._block.text.rstrip(" ") + "\n"
        elif tag in ("td", "th"):
            if self._cells:
                self._block.text = self._block.text.rstrip(" \n") + " | "
            self._cells += 1
        elif tag == "tr":
            self._cells = 0
        elif tag == "img" and not self._block.text and attributes.get("alt") and self._level:
            self.write(attributes["alt"] or "")  # a heading that is drawn
        identifier = attributes.get("id") or (attributes.get("name") if tag == "a" else None)
        if identifier:
            self._block.ids.setdefault(identifier, len(self._block.text))
        label = _page_label(node)
        if label:
            self._block.pages[len(self._block.text)] = label

    def leave(self, tag: str) -> None:
        if tag == "pre":
            self._preformatted -= 1
        if tag in _BLOCK:
            self.close()
        if tag in _HEADING:
            self._level = 0

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
            block.text = re.sub(r"\n{2,}", "\n", block.text) if not block.ids and not block.pages else block.text
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
