"""Plain text: encodings, hard-wrapped lines to paragraphs, chapters by their headings.

Knows nothing of Markdown. Header and licence of a Project Gutenberg file are left out, and that is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.errors import EmptyInput, UnknownFormat
from longdoc.ingest.clean import Vocabulary, join_lines, normalise, squeeze
from longdoc.ingest.encoding import Decoded, NotTextError, decode
from longdoc.ingest.headings import find_headings
from longdoc.ingest.line_numbers import line_anchors, numbered
from longdoc.ingest.lines import Line, paragraphs
from longdoc.ingest.parsed import Parsed, Raw, TextBuilder, sections_from

_GUTENBERG_START = re.compile(
    r"^\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^*]{0,300}\*\*\* *$", re.M | re.I
)
_GUTENBERG_END = re.compile(
    r"^(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK|End of (?:the )?Project Gutenberg(?:'s|’s| EBook))",
    re.M | re.I,
)
_GUTENBERG_TITLE = re.compile(r"^Title:[ \t]*(\S.*(?:\n[ \t]+\S.*)*)", re.M)
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_TABLE_GAP = re.compile(r"\S(?: {3,}|\t)\S")
_ITEM = re.compile(r"\s*(?:[•◦▪*–-]|\(?[0-9]{1,3}[.)]|[a-z]\))\s+\S")
_STAMP = re.compile(
    r"[\[(<]?(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{4}|[A-Z][a-z]{2} [ \d]\d)[T, _]+\d{1,2}:\d\d(?!\d)"
)
_QUOTED = re.compile(r'"[^"]*"')
_LEAST_ROWS = 3
_NEARLY_ALL = 0.9
_MAX_WRAP = 120  # longer lines were not wrapped by hand


def sniff(raw: Raw) -> bool:
    """Whatever decodes is text; asked last."""
    try:
        decode(raw.data[:65536])
    except NotTextError:
        return False
    return True


def decode_source(raw: Raw, *, declared: bool = False) -> Decoded:
    """The normalised text of the bytes and what there is to say about it; never only white space."""
    decoded = decode_text(raw, declared=declared)
    return replace(decoded, text=normalise(decoded.text))


def decode_text(raw: Raw, *, declared: bool = False) -> Decoded:
    """The text of the bytes as it stands. Raises UnknownFormat for what is no text, EmptyInput for white space."""
    try:
        decoded = decode(raw.data, declared=declared)
    except NotTextError as error:
        raise UnknownFormat(
            f"{raw.shown} is not text.",
            why=f"no encoding fits its bytes ({error})",
            fix=f"file {raw.quoted}  # longdoc reads documents with text, not pictures or sound",
        ) from error
    if not normalise(decoded.text).strip():
        raise EmptyInput(
            f"{raw.shown} is empty.", why="there is nothing but white space in it", fix="name a file with words in it"
        )
    return decoded


def read(raw: Raw) -> Parsed:
    """Plain text as paragraphs and chapters."""
    decoded = decode_text(raw)
    warnings = decoded.warnings
    whole, numbers = numbered(decoded.text)
    text, title, begin = without_gutenberg(whole)
    warnings += said_of_gutenberg(len(whole) - len(text))
    builder = TextBuilder()
    found = [(paragraph, builder.paragraph(paragraph)) for paragraph in text_paragraphs(text)]
    headings = find_headings(found)
    title = title or _title_above(found, headings[0].start if headings else 0)
    made = builder.text()
    anchors = line_anchors(made, text.split("\n"), numbers[whole.count("\n", 0, begin) :])
    sections = sections_from(headings, len(made))
    return Parsed(made, title=title, anchors=anchors, sections=sections, warnings=tuple(warnings), lost=decoded.lost)


def without_gutenberg(text: str) -> tuple[str, str | None, int]:
    """The text between Project Gutenberg's markers, the title its header gives, and where the text began."""
    start = _GUTENBERG_START.search(text)
    end = _GUTENBERG_END.search(text, start.end() if start else 0)
    if not start and not end:
        return text, None, 0
    begin, stop = start.end() if start else 0, end.start() if end else len(text)
    if not text[begin:stop].strip():
        return text, None, 0
    title = _GUTENBERG_TITLE.search(text, 0, begin) if start else None
    return text[begin:stop], " ".join(title[1].split()) if title else None, begin


def said_of_gutenberg(num_left_out: int) -> list[str]:
    """For the receipt."""
    said = f"{num_left_out} characters of Project Gutenberg's header and licence were left out"
    return [said] if num_left_out else []


def _title_above(paragraphs: list[tuple[str, int]], body: int) -> str | None:
    """The first line, when it stands above the first heading and is in capitals or followed by "by"."""
    if not paragraphs or paragraphs[0][1] >= body:
        return None
    first, below = paragraphs[0][0], paragraphs[1][0] if len(paragraphs) > 1 else ""
    title, _, rest = first.partition("\n")
    named = re.match(r"(?:written )?by\b", rest or below, re.I)
    return title if 2 < len(title) <= 80 and (title.isupper() or named) else None


def text_paragraphs(text: str) -> list[str]:
    """Paragraphs with their hard line wraps undone; verse, tables and lists keep their lines."""
    text = text.expandtabs(8).strip("\n")
    lines = text.split("\n")
    filled = [len(line.rstrip()) for line in lines if line.strip()]
    if not filled:
        return []
    width = _wrap_width(filled)
    if width is None or are_rows(lines):  # every line is a paragraph
        return [clean for line in lines if (clean := squeeze(line))]
    vocabulary = Vocabulary.of(line.rstrip() for line in lines)
    blocks = [block.split("\n") for block in _BLANK_LINES.split(text)]
    if len(blocks) * 40 < len(filled):  # hardly any blank line: indents and short lines must do
        return _by_shape(lines, vocabulary)
    return [paragraph for block in blocks if (paragraph := _unwrapped(block, width, vocabulary))]


def are_rows(lines: Sequence[str]) -> bool:
    """Whether the lines are those of a log, which begin with a date, or rows of values between commas or the like."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < _LEAST_ROWS:
        return False
    if sum(_STAMP.match(line) is not None for line in filled) >= _NEARLY_ALL * len(filled):
        return True
    bare = [_QUOTED.sub("", line) for line in filled]
    for mark in ",;|":
        count, times = Counter(line.count(mark) for line in bare).most_common(1)[0]
        num_spaced = sum(line.count(f"{mark} ") for line in bare)
        if count and times >= _NEARLY_ALL * len(bare) and 10 * num_spaced <= count * times:
            return True
    return False


def _wrap_width(lengths: list[int]) -> int | None:
    """The width that lines were wrapped at, or None when they were not."""
    ordered = sorted(lengths)
    width = ordered[int(0.9 * (len(ordered) - 1))]
    if width <= _MAX_WRAP:
        return width
    # A few long lines (an address, a table) among wrapped ones do not unwrap the rest.
    within = [length for length in ordered if length <= _MAX_WRAP]
    crowded = [length for length in within if length > 50]
    return within[-1] if len(crowded) > 0.75 * len(ordered) else None


def _unwrapped(lines: list[str], width: int, vocabulary: Vocabulary) -> str:
    stripped = [clean for line in lines if (clean := squeeze(line))]
    if len(stripped) < 2:
        return "".join(stripped)
    if _keeps_lines(lines, width):
        return "\n".join(stripped)
    if any(_ITEM.match(line) for line in lines[1:]) and _ITEM.match(lines[0]):
        items: list[list[str]] = []
        for raw, clean in zip(lines, stripped, strict=False):
            if _ITEM.match(raw) or not items:
                items.append([])
            items[-1].append(clean)
        return "\n".join(join_lines(item, vocabulary) for item in items)
    return join_lines(stripped, vocabulary)


def _keeps_lines(lines: list[str], width: int) -> bool:
    """Verse (all lines well short of the width, most begin with a capital), tables, addresses."""
    lengths = [len(line.strip()) for line in lines]
    if sum(bool(_TABLE_GAP.search(line.strip())) for line in lines) > 0.6 * len(lines):
        return True
    capitals = sum(line.strip()[:1].isupper() or not line.strip()[:1].isalpha() for line in lines)
    indents = [len(line) - len(line.lstrip()) for line in lines]
    short = max(lengths) < 0.8 * width
    if short and capitals > 0.6 * len(lines):
        return True
    return min(indents) >= 2 and max(indents) > min(indents) and short


def _by_shape(lines: list[str], vocabulary: Vocabulary) -> list[str]:
    placed = []
    for number, line in enumerate(lines):
        if clean := squeeze(line):
            indent = len(line) - len(line.lstrip())
            placed.append(Line(clean, 0, indent, indent + len(clean), -1.0 * number, 1.0))
    shaped = []
    for paragraph in paragraphs([placed]):
        texts = [line.text for line in paragraph.lines]
        shaped.append("\n".join(texts) if paragraph.keeps_lines else join_lines(texts, vocabulary))
    return shaped
