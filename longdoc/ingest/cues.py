"""Cues of a transcript to flowing paragraphs with times and speakers.

Knows no format. A cue is a line on a screen, not a sentence: cues are joined, and a paragraph ends where the speaker
changes or where a sentence ends before a pause. Each cue leaves an anchor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from longdoc.core.errors import EmptyInput
from longdoc.core.types import Anchor
from longdoc.ingest.encoding import Decoded
from longdoc.ingest.parsed import Parsed, Raw, TextBuilder

_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
_PAUSE_S = 2.0
_LONG_PARAGRAPH = 700  # characters: after that the next end of a sentence ends the paragraph


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that are said between two times. new_voice: somebody else begins, named or not."""

    start_s: float
    end_s: float
    text: str
    speaker: str | None = None
    new_voice: bool = False


def seconds(stamp: str) -> float:
    """ "01:02:03,5", "2:03.5" or "3.5" in seconds."""
    total = 0.0
    for part in stamp.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return round(total, 3)


def assemble(raw: Raw, cues: list[Cue], decoded: Decoded, *, rolling: bool = True) -> Parsed:
    """The cues as a document. rolling: they may show lines again that were shown before, as captions on a screen do.

    Raises EmptyInput when none says anything.
    """
    builder = TextBuilder()
    anchors: list[Anchor] = []
    several = len({cue.speaker for cue in cues if cue.speaker}) > 1
    for paragraph in _paragraphs(_without_repeats(cues, rolling=rolling)):
        pieces: list[str] = []
        length = 0
        first = paragraph[0]
        if several and first.speaker:
            pieces.append(f"{first.speaker}: ")
            length = len(pieces[0])
        start = builder.next_offset
        for index, cue in enumerate(paragraph):
            text = cue.text.replace("\n", " ") + (" " if index + 1 < len(paragraph) else "")
            end_s = max(cue.end_s, cue.start_s)  # some files have cues that end before they begin
            anchors.append(
                Anchor(start + (length if index else 0), start_s=cue.start_s, end_s=end_s, speaker=cue.speaker)
            )
            pieces.append(text)
            length += len(text)
        builder.paragraph("".join(pieces))
    whole = builder.text()
    if not whole:
        raise EmptyInput(f"{raw.shown} has no text.", why="no cue says anything", fix=f"less {raw.quoted}")
    return Parsed(whole, anchors=tuple(anchors), warnings=tuple(decoded.warnings), lost=decoded.lost)


def _without_repeats(cues: list[Cue], *, rolling: bool) -> list[Cue]:
    """Rolling captions show a line again below the next one: each line is kept once. Speakers are carried on."""
    kept: list[Cue] = []
    shown: list[str] = []
    speaker: str | None = None
    last_end_s = 0.0
    for cue in sorted(cues, key=lambda cue: cue.start_s):
        lines = cue.text.split("\n")
        fresh = lines
        if rolling and cue.start_s <= last_end_s + 0.1 and cue.speaker in (None, speaker):
            overlap = next((n for n in range(min(len(lines), len(shown)), 0, -1) if lines[:n] == shown[-n:]), 0)
            fresh = lines[overlap:]
        shown, last_end_s = lines, cue.end_s
        if cue.speaker or cue.new_voice:
            speaker = cue.speaker
        if fresh:
            kept.append(Cue(cue.start_s, cue.end_s, "\n".join(fresh), speaker, cue.new_voice))
    return kept


def _paragraphs(cues: list[Cue]) -> list[list[Cue]]:
    groups: list[list[Cue]] = []
    length = 0
    for cue in cues:
        above = groups[-1][-1] if groups else None
        ended = above is not None and bool(_ENDS_SENTENCE.search(above.text))
        if (
            above is None
            or (cue.new_voice and (cue.speaker != above.speaker or cue.speaker is None))
            or cue.speaker != above.speaker
            or (ended and (cue.start_s - above.end_s >= _PAUSE_S or length > _LONG_PARAGRAPH))
            or cue.start_s - above.end_s >= 5 * _PAUSE_S
            or length > 5 * _LONG_PARAGRAPH  # automatic captions have no full stops
        ):
            groups.append([])
            length = 0
        groups[-1].append(cue)
        length += len(cue.text) + 1
    return groups
