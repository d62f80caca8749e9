"""HTML and XHTML to blocks of text: paragraphs, headings, list items, table rows, preformatted lines.

Knows nothing of EPUB packages. Entities are resolved by the HTML rules, so an XML entity bomb is just text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from typing import Any

from longdoc.core.errors import EmptyInput
from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.encoding import Decoded
from longdoc.ingest.flow import Block, assemble
from longdoc.ingest.html_blocks import Writer, is_hidden, is_note, page_label
from longdoc.ingest.parsed import Parsed, Raw
from longdoc.ingest.text import decode_source

_SKIPPED_TAGS = """
    script style head template noscript iframe object audio video canvas button textarea rp rt datalist title
    -comment
"""
_SKIP = frozenset(_SKIPPED_TAGS.split())
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
# In XHTML `<title/>` and `<script src="x"/>` are whole elements; to an HTML parser they swallow the rest.
_SELF_CLOSED = re.compile(rf"<(?!(?:{_VOID})\b)([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>", re.IGNORECASE)
_NOTE_ASIDE = re.compile(
    r"<aside\b([^<>]{0,500}(?:footnote|endnote|rearnote)[^<>]{0,500})>(.{0,5000}?)</aside\s*>",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<(!doctype html|html|head|body|p|div|table|h1|title|meta|br|span|a)\b[^<>]*>", re.IGNORECASE)
_MAX_DEPTH = 400
_MOST_OPEN = 300
# Elements that hold others of their kind, and whose end is always written.
_NESTED = re.compile(r"<(/?)(?:div|span|section|article|blockquote|[uod]l|table)\b[^<>]*>", re.IGNORECASE)
_FRAMESET = re.compile(r"<frameset\b", re.IGNORECASE)
_FRAME = re.compile(r"<frame\b[^<>]{0,500}?\bsrc\s{0,4}=\s{0,4}[\"']?([^\"'\s<>]{1,200})", re.IGNORECASE)
_NO_FRAMES = re.compile(r"<noframes\b[^<>]*>(.*?)</noframes", re.DOTALL | re.IGNORECASE)
_ANY_TAG = re.compile("<[^<>]*>")
_MOST_FRAMES = 8
_NAVIGATION = "nav, [role=navigation], [role=search], [role=menu], [role=menubar], [role=banner], [role=contentinfo]"
_NOTHING: Mapping[str, str] = {}


def sniff(raw: Raw) -> bool:
    """Tags near the beginning, in whatever encoding."""
    head = raw.data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").decode("latin-1")
    if head.lstrip()[:200].lower().startswith(("<!doctype html", "<html")):
        return True
    tags = len(_TAG.findall(head))
    return tags >= 3 and (head.lstrip().startswith("<") or raw.suffix in ("html", "htm", "xhtml"))


def read(raw: Raw) -> Parsed:
    """A single HTML page as a document, without the navigation of its site."""
    decoded = decode_source(raw, declared=True)
    if _FRAMESET.search(decoded.text):
        decoded = _without_frames(raw, decoded)
    body = parse(decoded.text).body
    num_left_out = drop_navigation(body) if body is not None else 0
    warnings = decoded.warnings
    if num_left_out:
        warnings.append(f"{num_left_out:,} characters of navigation were left out")
    parsed = assemble(
        walk(body) if body is not None else (), title=title_of(decoded.text), warnings=warnings, lost=decoded.lost
    )
    if not parsed.text:
        raise EmptyInput(f"{raw.shown} has no text.", why="there are only tags in it", fix=f"less {raw.quoted}")
    return parsed


def _without_frames(raw: Raw, decoded: Decoded) -> Decoded:
    """What a page of frames shows where there are none. Raises EmptyInput when that is nothing."""
    names = ", ".join(dict.fromkeys(_FRAME.findall(decoded.text)[:_MOST_FRAMES])) or "files of its own"
    inner = _NO_FRAMES.search(decoded.text)
    if inner is None or not "".join(_ANY_TAG.sub(" ", inner[1]).split()):
        raise EmptyInput(f"{raw.shown} has no text.", why=f"it only frames {names}", fix="name those files")
    title = title_of(decoded.text)
    head = f"<title>{escape(title)}</title>" if title else ""
    return replace(decoded, text=head + inner[1], loss=f"what it frames was not read: {names}")


def drop_navigation(body: Any) -> int:
    """Takes menus, and heads and feet of the site, out of the tree; returns how many characters that were."""
    found = list(body.css(_NAVIGATION))
    for child in body.iter():
        if child.tag in ("header", "footer", "aside", "x-aside") and not child.css("h1, article, main"):
            found.append(child)
    found = _outermost(found)  # the others go with them
    whole = len(body.text(deep=True).strip())
    num_characters = sum(len(" ".join(node.text(deep=True).split())) for node in found)
    if num_characters * 2 > whole:  # then it is what there is to read
        return 0
    for node in found:
        node.decompose()
    return num_characters


def _outermost(nodes: list[Any]) -> list[Any]:
    """Those that do not lie in another of them, each once."""
    by_id = {node.mem_id: node for node in nodes}
    outermost = []
    for node in by_id.values():
        above = node.parent
        while above is not None and above.mem_id not in by_id:
            above = above.parent
        if above is None:
            outermost.append(node)
    return outermost


def parse(markup: str) -> Any:
    """The tree of an HTML or XHTML text."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(_NOTE_ASIDE.sub(_inline_aside, _SELF_CLOSED.sub(r"<\1\2></\1>", _shallow(markup))))


def _shallow(markup: str) -> str:
    """The markup without the elements that lie far too deep: the parser looks through all open ones for each."""
    if markup.count("<") < _MOST_OPEN:
        return markup
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        depth = max(depth - 1, 0) if match[1] else depth + 1
        return match[0] if depth < _MOST_OPEN else ""

    return _NESTED.sub(kept, markup)


def _inline_aside(match: re.Match[str]) -> str:
    """A note that does not end the paragraph around it, as `<aside>` and `<p>` do for an HTML parser."""
    inner = re.sub(r"<(/?)p\b", r"<\1x-p", match[2], flags=re.IGNORECASE)
    return f"<x-aside{match[1]}>{inner}</x-aside>"


def title_of(markup: str) -> str | None:
    """The text of `<title>`, or None."""
    node = parse(markup).css_first("title")
    title = squeeze(normalise(node.text(deep=True))).replace("\n", " ") if node else ""
    return title or None


def blocks(markup: str) -> Iterator[Block]:
    """The blocks of the body in document order; one without text may still carry ids."""
    body = parse(markup).body
    return walk(body) if body is not None else iter(())


def walk(body: Any, outside: Mapping[str, str] = _NOTHING) -> Iterator[Block]:
    """As `blocks`, of a tree. outside: link -> the note that stands in another document, for links that call one."""
    writer = Writer(outside)
    # An explicit stack: hostile pages nest tens of thousands of elements.
    stack: list[tuple[Any, bool, int]] = [(body, False, 0)]
    while stack:
        node, leaving, depth = stack.pop()
        tag = node.tag
        if leaving:
            writer.leave(node, tag)
        elif tag == "-text":
            writer.write(node.text_content or "")
        elif tag == "math":
            writer.write(_formula(node))
        elif tag == "svg":
            if not is_hidden(node) and (texts := _drawn(node)):
                writer.drawing(texts)
        elif tag not in _SKIP and not is_hidden(node):
            writer.enter(node, tag)
            stack.append((node, True, depth))
            if page_label(node) is not None or writer.calls(node, tag):
                continue  # what stands in it is the page's number, or the note's
            if depth < _MAX_DEPTH:
                children = list(node.iter(include_text=True))
                stack.extend((child, False, depth + 1) for child in reversed(children))
            else:
                writer.write(node.text(deep=True))
        yield from writer.finished()
    writer.close()
    yield from writer.finished()


def notes_in(markup: str) -> dict[str, str]:
    """Element id -> the words of the foot- or endnote that it is."""
    body = parse(markup).body
    notes = {}
    for node in body.css("[id]") if body is not None else ():
        if is_note(node):
            words = " ".join(block.text.replace("\n", " ") for block in walk(node) if block.text)
            if words:
                notes[node.attributes.get("id") or ""] = words
    return notes


def _drawn(node: Any) -> list[str]:
    """The words that a drawing shows; not its title, which is a label that a browser shows on demand."""
    for unseen in node.css("defs, symbol, clipPath, mask, pattern, style, script, text title, text desc"):
        unseen.decompose()
    texts = (" ".join(text.text(deep=True).split()) for text in node.css("text, foreignObject"))
    return [text for text in texts if text]


def _formula(node: Any) -> str:
    """What a formula says of itself, or its signs one after the other."""
    said = node.attributes.get("alttext")
    if said:
        return f" {said} "
    for annotation in node.css("annotation, annotation-xml"):
        annotation.decompose()
    return " ".join(node.text(deep=True, separator=" ").split())
