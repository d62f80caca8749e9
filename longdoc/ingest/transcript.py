"""Subtitles and captions (SRT, WebVTT, ASS) to flowing paragraphs with times and speakers.

Knows nothing of sound. A cue is a line on a screen, not a sentence: cues are joined, and a paragraph ends
where the speaker changes or where a sentence ends before a pause. Each cue leaves an anchor.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from longdoc.core.errors import DamagedInput, EmptyInput
from longdoc.core.types import Anchor
from longdoc.ingest.clean import squeeze
from longdoc.ingest.encoding import Decoded, NotTextError, decode
from longdoc.ingest.parsed import Parsed, Raw, TextBuilder
from longdoc.ingest.text import decode_source

_TIMES = re.compile(
    r"^[ \t]*((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})[ \t]*-->[ \t]*((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})",
    re.MULTILINE,
)
_SRT_START = re.compile(r"\A\s*\d+[ \t]*\n\s*[\d:.,]+[ \t]*-->")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_NAMED = re.compile(r"^(?:>>+\s*)?(?:\[([^\]]{2,30})\]|([A-Z][A-Za-z.'’-]*(?: [A-Z][A-Za-z.'’-]*){0,3}))\s*:\s+(?=\S)")
_DASH = re.compile(r"^[-–—]\s*(?=\S)")
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
_PAUSE_S = 2.0
_LONG_PARAGRAPH = 700  # characters: after that the next end of a sentence ends the paragraph


@dataclass(frozen=True, slots=True)
class _Cue:
    start_s: float
    end_s: float
    text: str
    speaker: str | None = None
    new_voice: bool = False


def sniff_vtt(raw: Raw) -> bool:
    return _head(raw).startswith("WEBVTT")


def sniff_srt(raw: Raw) -> bool:
    head = _head(raw)
    return bool(_SRT_START.match(head)) or (raw.suffix == "srt" and bool(_TIMES.search(head)))


def sniff_ass(raw: Raw) -> bool:
    return _head(raw).lstrip().startswith("[Script Info]")


def _head(raw: Raw) -> str:
    try:
        text = decode(raw.data[:65536]).text
    except NotTextError:
        return ""
    return text.lstrip("\ufeff")[:8192].replace("\r\n", "\n").replace("\r", "\n")


def read_vtt(raw: Raw) -> Parsed:
    """WebVTT. Parsed here: pysubs2 drops the `<v Name>` tags and takes NOTE blocks for speech."""
    decoded = decode_source(raw)
    cues: list[_Cue] = []
    num_untimed = 0
    for block in re.split(r"\n[ \t]*\n", decoded.text):
        times = _TIMES.search(block)
        if block.lstrip().startswith(("NOTE", "STYLE", "REGION")):
            continue
        if not times:
            num_untimed += bool(block.strip()) and not block.lstrip("\ufeff").startswith("WEBVTT")
            continue
        payload = block[block.find("\n", times.end()) + 1 :] if "\n" in block[times.end() :] else ""
        cues.extend(_split_voices(_seconds(times[1]), _seconds(times[2]), payload))
    return _assemble(raw, cues, _with_loss(decoded, num_untimed))


def _with_loss(decoded: Decoded, num_untimed: int) -> Decoded:
    """With the blocks that are no cues, because no times stand above their words."""
    if not num_untimed:
        return decoded
    said = "1 cue without times was" if num_untimed == 1 else f"{num_untimed:,} cues without times were"
    said += " not read"
    return replace(decoded, loss=f"{decoded.loss}; {said}" if decoded.loss else said)


def read_srt(raw: Raw) -> Parsed:
    """SubRip, as pysubs2 sees it."""
    return _with_pysubs2(raw, "srt")


def read_ass(raw: Raw) -> Parsed:
    """SubStation Alpha, as pysubs2 sees it; its name column is the speaker."""
    return _with_pysubs2(raw, "ass")


def _with_pysubs2(raw: Raw, format_: str) -> Parsed:
    import pysubs2

    decoded = decode_source(raw)
    try:
        subtitles = pysubs2.SSAFile.from_string(decoded.text, format_=format_)
    except (pysubs2.Pysubs2Error, ValueError, IndexError, KeyError) as error:
        raise DamagedInput(
            f"{raw.shown} is a damaged {format_.upper()} file.",
            why=str(error),
            fix=f"longdoc summarize {raw.quoted} --format text",
        ) from error
    cues: list[_Cue] = []
    for event in subtitles:
        if event.is_comment or event.is_drawing:
            continue
        payload = event.text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
        start_s, end_s = max(event.start, 0) / 1000, max(event.end, 0) / 1000
        for cue in _split_voices(start_s, end_s, payload):
            cues.append(_Cue(cue.start_s, cue.end_s, cue.text, cue.speaker or event.name or None, cue.new_voice))
    return _assemble(raw, cues, decoded)


def _seconds(stamp: str) -> float:
    total = 0.0
    for part in stamp.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return round(total, 3)


def _split_voices(start_s: float, end_s: float, payload: str) -> Iterator[_Cue]:
    """The voices of one cue: `<v Name>` spans, lines with a dash, lines with "NAME:"."""
    voices = _VOICE.split(payload)
    spoken = [(None, voices[0]), *zip(voices[1::2], voices[2::2], strict=True)]
    for voice, text in spoken:
        lines = [squeeze(html.unescape(_TAG.sub("", line))) for line in text.split("\n")]
        lines = [line for line in lines if line]
        dashes = sum(bool(_DASH.match(line)) for line in lines) > 1
        parts: list[_Cue] = []
        for line in lines:
            new_voice = dashes and bool(_DASH.match(line))
            line = _DASH.sub("", line) if new_voice else line
            speaker = squeeze(html.unescape(voice)) if voice else None
            named = _NAMED.match(line) if not voice else None
            if named:
                speaker, line, new_voice = named[1] or named[2], line[named.end() :], True
            elif line.startswith(">>"):
                line, new_voice = line.lstrip("> "), True
            if parts and not new_voice:
                last = parts.pop()
                parts.append(_Cue(start_s, end_s, f"{last.text}\n{line}", last.speaker, last.new_voice))
            elif line:
                parts.append(_Cue(start_s, end_s, line, speaker, new_voice))
        yield from parts


def _assemble(raw: Raw, cues: list[_Cue], decoded: Decoded) -> Parsed:
    builder = TextBuilder()
    anchors: list[Anchor] = []
    several = len({cue.speaker for cue in cues if cue.speaker}) > 1
    for paragraph in _paragraphs(_without_repeats(cues)):
        pieces: list[str] = []
        length = 0
        first = paragraph[0]
        if several and first.speaker:
            pieces.append(f"{first.speaker}: ")
            length = len(pieces[0])
        start = builder.next_offset
        for index, cue in enumerate(paragraph):
            text = cue.text.replace("\n", " ") + (" " if index + 1 < len(paragraph) else "")
            anchors.append(
                Anchor(start + (length if index else 0), start_s=cue.start_s, end_s=cue.end_s, speaker=cue.speaker)
            )
            pieces.append(text)
            length += len(text)
        builder.paragraph("".join(pieces))
    whole = builder.text()
    if not whole:
        raise EmptyInput(f"{raw.shown} has no text.", why="no cue says anything", fix=f"less {raw.quoted}")
    return Parsed(whole, anchors=tuple(anchors), warnings=tuple(decoded.warnings), lost=decoded.lost)


def _without_repeats(cues: list[_Cue]) -> list[_Cue]:
    """Rolling captions show a line again below the next one: each line is kept once. Speakers are carried on."""
    kept: list[_Cue] = []
    shown: list[str] = []
    speaker: str | None = None
    last_end_s = 0.0
    for cue in sorted(cues, key=lambda cue: cue.start_s):
        lines = cue.text.split("\n")
        rolling = cue.start_s <= last_end_s + 0.1
        fresh = lines
        if rolling:
            overlap = next((n for n in range(min(len(lines), len(shown)), 0, -1) if lines[:n] == shown[-n:]), 0)
            fresh = lines[overlap:]
        shown, last_end_s = lines, cue.end_s
        if cue.speaker or cue.new_voice:
            speaker = cue.speaker
        if fresh:
            kept.append(_Cue(cue.start_s, cue.end_s, "\n".join(fresh), speaker, cue.new_voice))
    return kept


def _paragraphs(cues: list[_Cue]) -> list[list[_Cue]]:
    groups: list[list[_Cue]] = []
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
