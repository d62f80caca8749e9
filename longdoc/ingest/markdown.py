"""Markdown: headings to sections, marks removed from the text, code and tables with their lines.

A reader for books and notes, not a full CommonMark parser: what it does not know stays as it is written. Where the text
is a transcript ("**Ann:** ...") its speakers and times are in the anchors.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from longdoc.core.types import Anchor
from longdoc.ingest.clean import squeeze
from longdoc.ingest.dialogue import spoken
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.line_numbers import line_anchors, num_letters, numbered
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import decode_text
from longdoc.ingest.turns import find_turns

_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)(.*)")
_SETEXT = re.compile(r" {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,4}[.)])[ \t]+\S")
_TABLE = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FRONT = re.compile(r"\A(?:---[ \t]*\n(.*?)\n(?:---|\.\.\.)|\+\+\+[ \t]*\n(.*?)\n\+\+\+)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title[ \t]*[:=](.*)", re.MULTILINE)
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
    decoded = decode_text(raw)
    text, numbers = numbered(decoded.text)
    title = None
    front = _FRONT.match(text)
    if front:
        named = _FRONT_TITLE.search(front[1] or front[2])
        title = _unquoted(named[1].strip()) or None if named else None
        numbers = numbers[text.count("\n", 0, front.end()) :] if text[front.end() :] else numbers
        text = text[front.end() :] or text
    builder = TextBuilder()
    headings: list[Heading] = []
    anchors: list[Anchor] = []
    lines = text.split("\n")
    turns = find_turns(lines)
    for level, block, inner in _blocks(lines, {turn.line for turn in turns}):
        start = builder.paragraph(block)
        anchors += _anchors(block, start, inner)
        if level:
            headings.append(Heading(block.replace("\n", " "), start, level))
    whole = builder.text()
    if title is None:
        title = next((heading.title for heading in headings if heading.level == 1), None)
    sections = sections_from(headings, len(whole))
    return Parsed(
        whole,
        title=title,
        anchors=spoken(anchors, turns, numbers),
        sections=sections,
        warnings=tuple(decoded.warnings),
        lost=decoded.lost,
    )


def _anchors(block: str, start: int, lines: dict[int, str]) -> list[Anchor]:
    """Where each line of a block begins, by its index; only its first where marks reach over the ends of lines."""
    first = Anchor(start, line=next(iter(lines)))
    found = line_anchors(block, list(lines.values()), list(lines))
    if sum(map(num_letters, lines.values())) != num_letters(block) or not found:
        return [first]
    return [Anchor(start, line=found[0].line), *(replace(a, offset=start + a.offset) for a in found[1:])]


def _blocks(lines: list[str], starts: Container[int]) -> list[tuple[int, str, dict[int, str]]]:
    """(heading level or 0, text, the lines that it is made of, by index and without marks) for each block.

    starts: indexes of lines that begin a block.
    """
    blocks: list[tuple[int, str, dict[int, str]]] = []
    open_lines: list[str] = []
    indexes: list[int] = []  # of the open lines

    def close(level: int = 0, *, is_code: bool = False) -> None:
        text = "\n".join(open_lines).strip("\n") if is_code else _joined(open_lines)
        if text.strip():
            plain = open_lines if is_code else [_joined([line]) for line in open_lines]
            blocks.append((level, text, dict(zip(indexes, plain, strict=True))))
        open_lines.clear()
        indexes.clear()

    def keep(index: int, line: str) -> None:
        open_lines.append(line)
        indexes.append(index)

    fence: str | None = None
    for index, line in enumerate(lines):
        if fence is not None:
            if line.strip().startswith(fence) and not line.strip(" `~"):
                close(is_code=True)
                fence = None
            else:
                keep(index, line.rstrip())
            continue
        opening = _FENCE.match(line)
        heading = _ATX.match(line)
        if opening:
            close()
            fence = opening[1]
        elif heading:
            close()
            keep(index, _without_closing(heading[2].strip(" \t")))
            close(len(heading[1]))
        elif _SETEXT.match(line) and len(open_lines) == 1 and not _ITEM.match(open_lines[0]):
            close(1 if "=" in line else 2)
        elif not line.strip() or _RULE.match(line):
            close()
        else:
            if index in starts:
                close()
            keep(index, line)
    close(is_code=fence is not None)
    return blocks


def _unquoted(value: str) -> str:
    """A value of the front matter without its quotes."""
    return value.removeprefix(value[:1]).removesuffix(value[:1]) if value[:1] in ("'", '"') else value


def _without_closing(title: str) -> str:
    """A heading without the `##` that may close it."""
    bare = title.rstrip("#")
    return title if bare and bare[-1] not in " \t" else bare.rstrip(" \t")


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
