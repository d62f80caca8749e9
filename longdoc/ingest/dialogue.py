"""Transcripts and chats in plain text: each turn a paragraph, with its speaker and time in the anchors.

The days of a chat are its sections, and each of its lines is a paragraph. Knows nothing of how turns are told from
prose (turns, chats) or lines made into paragraphs (text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.types import Anchor
from longdoc.ingest.chats import find_chat
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.headings import find_headings
from longdoc.ingest.line_numbers import line_anchors, numbered
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import decode_text, said_of_gutenberg, text_paragraphs, without_gutenberg
from longdoc.ingest.turns import Turn, find_turns

_SAMPLE_BYTES = 200_000


def sniff(raw: Raw) -> bool:
    """Turns of speakers, words below growing times, or the messages of a chat."""
    try:
        text = decode(raw.data[:_SAMPLE_BYTES]).text
    except NotTextError:
        return False
    lines = without_gutenberg(numbered(text)[0])[0].split("\n")
    return bool(find_chat(lines)[0] or find_turns(lines))


def read(raw: Raw) -> Parsed:
    """A transcript; without turns it is plain text."""
    decoded = decode_text(raw)
    whole, numbers = numbered(decoded.text)
    text, title, begin = without_gutenberg(whole)
    numbers = numbers[whole.count("\n", 0, begin) :]
    lines = text.split("\n")
    chat, num_media = find_chat(lines)
    turns = chat or find_turns(lines)
    parted, places = _parted(lines, turns, keep_lines=bool(chat))
    builder = TextBuilder()
    found = [(paragraph, builder.paragraph(paragraph)) for paragraph in text_paragraphs("\n".join(parted))]
    made = builder.text()
    anchors = line_anchors(made, parted, places)
    warnings = [*decoded.warnings, *said_of_gutenberg(len(whole) - len(text))]
    if num_media:
        messages = "1 message" if num_media == 1 else f"{num_media:,} messages"
        warnings.append(f"{messages} with a picture or file that is not part of the text")
    return Parsed(
        made,
        title=title,
        anchors=spoken(anchors, turns, numbers),
        sections=sections_from(_days(anchors, turns) if chat else find_headings(found), len(made)),
        warnings=tuple(warnings),
        lost=decoded.lost,
    )


def _parted(lines: Sequence[str], turns: Sequence[Turn], *, keep_lines: bool) -> tuple[list[str], list[int]]:
    """The lines with an empty one above each turn, and without their times; the index that each line had.

    A name that stands alone goes before the words below it. A new day has a line of its own.
    keep_lines: an empty line above each of them.
    """
    starts = {turn.line: turn for turn in turns}
    day = None
    parted: list[str] = []
    places: list[int] = []
    name = ""
    for index, line in enumerate(lines):
        turn = starts.get(index)
        if turn is not None:
            if name:
                parted[-1] = name  # nobody's words
            new_day = [turn.day] if turn.day and turn.day != day else []
            day = turn.day or day
            for above in ("", *new_day, *([""] if new_day else [])):
                parted.append(above)
                places.append(index)
            name = turn.words if turn.words.endswith(":") else ""
            line = "" if name else turn.words
        elif name and line.strip():
            line, name = f"{name} {line.strip()}", ""
        elif name:
            continue
        elif keep_lines:
            parted.append("")
            places.append(index)
        parted.append(line)
        places.append(index)
    if name:
        parted[-1] = name
    return parted, places


def _days(anchors: Sequence[Anchor], turns: Sequence[Turn]) -> list[Heading]:
    """Where each day of a chat begins. anchors: of lines, by index."""
    headings: list[Heading] = []
    day = None
    offsets = iter(anchors)
    anchor = next(offsets, None)
    for turn in turns:
        if not turn.day or turn.day == day:
            continue
        day = turn.day
        while anchor is not None and (anchor.line or 0) < turn.line:
            anchor = next(offsets, None)
        if anchor is None:
            break
        headings.append(Heading(day, anchor.offset))
    return headings


def spoken(anchors: Sequence[Anchor], turns: Sequence[Turn], numbers: Sequence[int]) -> tuple[Anchor, ...]:
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
