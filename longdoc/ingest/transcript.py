"""Subtitles and captions (SRT, WebVTT, SBV, ASS) to cues: their times, their words, and who speaks.

Knows nothing of paragraphs (cues).
"""

from __future__ import annotations

import html
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from longdoc.core.errors import DamagedInput
from longdoc.ingest.clean import squeeze
from longdoc.ingest.cues import Cue, assemble, seconds
from longdoc.ingest.encoding import Decoded, NotTextError, decode
from longdoc.ingest.parsed import Parsed, Raw
from longdoc.ingest.text import decode_source
from longdoc.ingest.turns import NAME, is_name

_TIMES = re.compile(
    r"^[ \t]*-?((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})[ \t]*-->[ \t]*-?((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})",
    re.MULTILINE,
)
_BEFORE_ZERO = re.compile(r"^([ \t]*)-\d[\d:.,]*(?=[ \t]*-->)|(-->[ \t]*)-\d[\d:.,]*", re.MULTILINE)
_SRT_START = re.compile(r"\A\s*\d+[ \t]*\n\s*-?[\d:.,]+[ \t]*-->")
_SBV = re.compile(r"^(\d{1,2}:\d{2}:\d{2}\.\d{3}),(\d{1,2}:\d{2}:\d{2}\.\d{3})[ \t]*$", re.MULTILINE)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^\s<>][^<>]*)>")
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_NAMED = re.compile(rf"^(?:>>+\s*)?(?:\[([^\]]{{2,30}})\]|({NAME}))\s*:\s+(?=\S)")
_DASH = re.compile(r"^[-–—]\s*(?=\S)")


def sniff_vtt(raw: Raw) -> bool:
    return _head(raw).startswith("WEBVTT")


def sniff_srt(raw: Raw) -> bool:
    head = _head(raw)
    return bool(_SRT_START.match(head)) or (raw.suffix == "srt" and bool(_TIMES.search(head)))


def sniff_sbv(raw: Raw) -> bool:
    return bool(_SBV.match(_head(raw).lstrip()))


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
    return _of_blocks(raw, decode_source(raw))


def read_sbv(raw: Raw) -> Parsed:
    """Captions of YouTube and Google Meet: times with a comma between them above the words."""
    decoded = decode_source(raw)
    return _of_blocks(raw, replace(decoded, text=_SBV.sub(r"\1 --> \2", decoded.text)))


def _of_blocks(raw: Raw, decoded: Decoded) -> Parsed:
    timed: list[tuple[float, float, str]] = []
    num_untimed = 0
    for block in _blocks(decoded.text):
        times = _TIMES.search(block)
        if _NO_CUE.match(block.lstrip()):
            continue
        if not times:
            num_untimed += bool(block.strip()) and not block.lstrip("\ufeff").startswith("WEBVTT")
            continue
        payload = block[block.find("\n", times.end()) + 1 :] if "\n" in block[times.end() :] else ""
        timed.append((seconds(times[1]), seconds(times[2]), payload))
    names = _speakers(payload for _, _, payload in timed)
    cues = [cue for start_s, end_s, payload in timed for cue in _split_voices(start_s, end_s, payload, names)]
    return assemble(raw, cues, _with_loss(decoded, num_untimed))


def _blocks(text: str) -> Iterator[str]:
    """What blank lines divide. A line of blanks inside a cue divides nothing: captions of YouTube begin with one."""
    block, *rest = re.split(r"\n([ \t]*)\n", text)
    for blanks, piece in zip(rest[::2], rest[1::2], strict=True):
        if blanks and _TIMES.search(block) and not _TIMES.search(piece) and not _NO_CUE.match(piece.lstrip()):
            block = f"{block}\n{piece}"
        else:
            yield block
            block = piece
    yield block


def _speakers(payloads: Iterable[str]) -> frozenset[str]:
    """What stands before a colon and is a name: in capitals, or it comes again, or most cues begin with one."""
    found = Counter[str]()
    num_cues = 0
    for payload in payloads:
        num_cues += 1
        for line in payload.split("\n"):
            match = _NAMED.match(_DASH.sub("", squeeze(html.unescape(_TAG.sub("", line)))))
            if match and match[2] and is_name(match[2]):
                found[match[2]] += 1
    if found.total() * 2 > num_cues:
        return frozenset(found)
    return frozenset(name for name, times in found.items() if times > 1 or name.isupper())


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
    text = _BEFORE_ZERO.sub(r"\1\g<2>00:00:00,000", decoded.text)  # moved too far; pysubs2 does not see the sign
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # about margins and colours
            subtitles = pysubs2.SSAFile.from_string(text, format_=format_)
    except (pysubs2.Pysubs2Error, ValueError, IndexError, KeyError) as error:
        raise DamagedInput(
            f"{raw.shown} is a damaged {format_.upper()} file.",
            why=str(error),
            fix=f"longdoc summarize {raw.quoted} --format text",
        ) from error
    cues: list[Cue] = []
    events = [event for event in subtitles if not event.is_comment and not event.is_drawing]
    payloads = [event.text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ") for event in events]
    names = _speakers(payloads)
    for event, payload in zip(events, payloads, strict=True):
        start_s, end_s = max(event.start, 0) / 1000, max(event.end, 0) / 1000
        for cue in _split_voices(start_s, end_s, payload, names):
            cues.append(Cue(cue.start_s, cue.end_s, cue.text, cue.speaker or event.name or None, cue.new_voice))
    return assemble(raw, cues, decoded)


def _split_voices(start_s: float, end_s: float, payload: str, names: Collection[str]) -> Iterator[Cue]:
    """The voices of one cue: `<v Name>` spans, lines with a dash, lines with "NAME:" that is one of the names."""
    voices = _VOICE.split(payload)
    spoken = [(None, voices[0]), *zip(voices[1::2], voices[2::2], strict=True)]
    for voice, text in spoken:
        lines = [squeeze(html.unescape(_TAG.sub("", line))) for line in text.split("\n")]
        lines = [line for line in lines if line]
        dashes = sum(bool(_DASH.match(line)) for line in lines) > 1
        parts: list[Cue] = []
        for line in lines:
            new_voice = dashes and bool(_DASH.match(line))
            line = _DASH.sub("", line) if new_voice else line
            speaker = squeeze(html.unescape(voice)) if voice else None
            named = _NAMED.match(line) if not voice else None
            if named and (named[1] or named[2] in names):
                speaker, line, new_voice = named[1] or named[2], line[named.end() :], True
            elif line.startswith(">>"):
                line, new_voice = line.lstrip("> "), True
            if parts and not new_voice:
                last = parts.pop()
                parts.append(Cue(start_s, end_s, f"{last.text}\n{line}", last.speaker, last.new_voice))
            elif line:
                parts.append(Cue(start_s, end_s, line, speaker, new_voice))
        yield from parts
