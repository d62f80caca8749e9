"""Markdown: headings to sections, marks removed from the text, code and tables with their lines.

A reader for books and notes, not a full CommonMark parser: what it does not know stays as it is written.
"""

from __future__ import annotations

import re

from longdoc.ingest.clean import squeeze
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import decode_source

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,4}[.)])[ \t]+\S")
_TABLE = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_MARKS = re.compile(r"(?m)^(?:#{1,6} \S|```|[-*+] \S|> \S|\|.+\|[ \t]*$)|\[[^\[\]\n]+\]\([^()\s]+\)|\*\*[^*\n]+\*\*")

_INLINE = (
    (re.compile(r"<!--.{0,5000}?-->", re.DOTALL), ""),
    (re.compile(r"!\[([^\[\]]{0,1000})\]\([^()]{0,2000}\)"), r"\1"),
    (re.compile(r"\[([^\[\]]{1,1000})\]\((?:[^()\s]|\([^()\s]{0,500}\)){0,2000}(?:\s+\"[^\"]{0,500}\")?\)"), r"\1"),
    (re.compile(r"\[([^\[\]]{1,1000})\]\[[^\[\]]{0,500}\]"), r"\1"),
    (re.compile(r"<((?:https?|mailto):[^>\s]+)>"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]*?[^\s*])\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<![\w_])(_{1,3})(?=[^\s_])([^_\n]*?[^\s_])\1(?![\w_])"), r"\2"),
    (re.compile(r"(?<!`)(`+)(?!`)(.{1,2000}?)(?<!`)\1(?!`)"), r"\2"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])"), r"\1"),
)


def sniff(raw: Raw) -> bool:
    """A heading and at least two more marks; one of them is enough when the name says so too."""
    try:
        text = decode(raw.data[:65536]).text
    except NotTextError:
        return False
    marks = len(_MARKS.findall(text))
    has_heading = bool(re.search(r"(?m)^#{1,6} \S", text) or re.search(r"(?m)^\S.*\n(?:={3,}|-{3,})[ \t]*$", text))
    if raw.suffix in ("md", "markdown", "mdown", "mkd"):
        return marks > 0 or has_heading
    if raw.suffix in ("py", "sh", "c", "h", "toml", "yaml", "yml", "ini", "rb", "pl"):
        return False
    return has_heading and marks >= 3


def read(raw: Raw) -> Parsed:
    """Markdown as paragraphs and sections."""
    decoded = decode_source(raw)
    text = decoded.text
    title = None
    front = _FRONT.match(text)
    if front:
        named = _FRONT_TITLE.search(front[1])
        title = named[1] if named else None
        text = text[front.end() :] or text
    builder = TextBuilder()
    headings: list[Heading] = []
    for level, block in _blocks(text.split("\n")):
        if level:
            headings.append(Heading(block.replace("\n", " "), builder.paragraph(block), level))
        else:
            builder.paragraph(block)
    whole = builder.text()
    if title is None:
        title = next((heading.title for heading in headings if heading.level == 1), None)
    sections = sections_from(headings, len(whole))
    return Parsed(whole, title=title, sections=sections, warnings=tuple(decoded.warnings), lost=decoded.lost)


def _blocks(lines: list[str]) -> list[tuple[int, str]]:
    """(heading level or 0, text) for each block."""
    blocks: list[tuple[int, str]] = []
    open_lines: list[str] = []

    def close(level: int = 0) -> None:
        text = _joined(open_lines)
        open_lines.clear()
        if text:
            blocks.append((level, text))

    fence: str | None = None
    for line in lines:
        if fence is not None:
            if line.strip().startswith(fence) and not line.strip(" `~"):
                if any(kept.strip() for kept in open_lines):
                    blocks.append((0, "\n".join(open_lines).strip("\n")))
                open_lines.clear()
                fence = None
            else:
                open_lines.append(line.rstrip())
            continue
        opening = _FENCE.match(line)
        heading = _ATX.match(line)
        if opening:
            close()
            fence = opening[1]
        elif heading:
            close()
            open_lines.append(heading[2] or "")
            close(len(heading[1]))
        elif _SETEXT.match(line) and len(open_lines) == 1 and not _ITEM.match(open_lines[0]):
            close(1 if "=" in line else 2)
        elif not line.strip() or _RULE.match(line):
            close()
        else:
            open_lines.append(line)
    if fence is not None and any(kept.strip() for kept in open_lines):
        blocks.append((0, "\n".join(open_lines).strip("\n")))
    else:
        close()
    return blocks


def _joined(lines: list[str]) -> str:
    """Soft line ends become spaces; items, table rows and hard line ends stay lines."""
    rows: list[str] = []
    hard = True
    for line in lines:
        quoted = re.sub(r"^(?: {0,3}> ?)+", "", line)
        if _TABLE.match(quoted) and not quoted.strip(" |:-\t"):
            continue  # the rule below a table's head
        starts_row = hard or bool(_ITEM.match(quoted)) or bool(_TABLE.match(quoted))
        hard = quoted.endswith(("  ", "\\"))
        piece = quoted.strip().removesuffix("\\") if hard else quoted.strip()
        if starts_row:
            rows.append(piece)
        elif piece:
            rows[-1] += " " + piece
    return "\n".join(clean for row in rows if (clean := squeeze(_without_marks(row))))


def _without_marks(row: str) -> str:
    if _TABLE.match(row):
        row = " | ".join(cell.strip() for cell in row.strip().strip("|").split("|"))
    row = re.sub(r"^[*+](?=[ \t])", "-", row)
    for pattern, replacement in _INLINE:
        row = pattern.sub(replacement, row)
    return row
