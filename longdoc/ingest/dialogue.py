"""Transcripts in plain text: as plain text is read, each turn a paragraph, with its speaker and time in the anchors.

Knows nothing of how turns are told from prose (turns) or lines made into paragraphs (text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.types import Anchor
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.headings import find_headings
from longdoc.ingest.line_numbers import line_anchors, numbered
from longdoc.ingest.parsed import Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import decode_text, said_of_gutenberg, text_paragraphs, without_gutenberg
from longdoc.ingest.turns import Turn, find_turns

_SAMPLE_BYTES = 200_000


def sniff(raw: Raw) -> bool:
    """Turns of speakers, or words below growing times."""
    try:
        text = decode(raw.data[:_SAMPLE_BYTES]).text
    except NotTextError:
        return False
    return bool(find_turns(without_gutenberg(numbered(text)[0])[0].split("\n")))


def read(raw: Raw) -> Parsed:
    """A transcript; without turns it is plain text."""
    decoded = decode_text(raw)
    whole, numbers = numbered(decoded.text)
    text, title, begin = without_gutenberg(whole)
    numbers = numbers[whole.count("\n", 0, begin) :]
    lines = text.split("\n")
    turns = find_turns(lines)
    parted, places = _parted(lines, turns)
    builder = TextBuilder()
    found = [(paragraph, builder.paragraph(paragraph)) for paragraph in text_paragraphs("\n".join(parted))]
    made = builder.text()
    anchors = line_anchors(made, parted, places)
    return Parsed(
        made,
        title=title,
        anchors=_spoken(anchors, turns, numbers),
        sections=sections_from(find_headings(found), len(made)),
        warnings=(*decoded.warnings, *said_of_gutenberg(len(whole) - len(text))),
        lost=decoded.lost,
    )


def _parted(lines: Sequence[str], turns: Sequence[Turn]) -> tuple[list[str], list[int]]:
    """The lines with an empty one above each turn, and without their times; the index that each line had.

    A name that stands alone goes before the words below it.
    """
    starts = {turn.line: turn for turn in turns}
    parted: list[str] = []
    places: list[int] = []
    name = ""
    for index, line in enumerate(lines):
        turn = starts.get(index)
        if turn is not None:
            if name:
                parted[-1] = name  # nobody's words
            parted.append("")
            places.append(index)
            name = turn.words if turn.words.endswith(":") else ""
            line = "" if name else turn.words
        elif name and line.strip():
            line, name = f"{name} {line.strip()}", ""
        elif name:
            continue
        parted.append(line)
        places.append(index)
    if name:
        parted[-1] = name
    return parted, places


def _spoken(anchors: Sequence[Anchor], turns: Sequence[Turn], numbers: Sequence[int]) -> tuple[Anchor, ...]:
    """The anchors of lines (by index) with the line's number, and with the speaker and times of the turn around it."""
    said: list[Anchor] = []
    at = -1
    for anchor in anchors:
        index = anchor.line or 0
        while at + 1 < len(turns) and turns[at + 1].line <= index:
            at += 1
        anchor = replace(anchor, line=numbers[index])
        if at >= 0:
            following = turns[at + 1].start_s if at + 1 < len(turns) else None
            start_s = turns[at].start_s
            end_s = following if start_s is not None and following is not None and following >= start_s else start_s
            anchor = replace(anchor, speaker=turns[at].speaker, start_s=start_s, end_s=end_s)
        said.append(anchor)
    return tuple(said)
