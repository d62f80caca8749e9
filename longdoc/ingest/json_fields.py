"""What programs call the beginning, the end, the words and the speaker of a piece of a transcript.

Knows nothing of lists. Times are numbers as they stand; whether they are milliseconds is told by all of them together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

_STARTS = "start start_time startTime start_s begin from ts start_ts offset startTimeSeconds"
_ENDS = "end end_time endTime end_s to end_ts endTimeSeconds"
_LENGTHS = "duration dur length"
_MS_STARTS = "tStartMs startMs start_ms startTimeMs"
_MS_ENDS = "endMs end_ms endTimeMs"
_MS_LENGTHS = "dDurationMs durationMs duration_ms"
_TEXTS = "text transcript punctuated_word content body caption sentence utterance word value display utf8"
_SPEAKERS = "speaker speaker_label speakerLabel speakerTag speaker_id speakerId speaker_name speakerName participant"
_INNER = ("words", "items", "segs", "elements", "tokens")
_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,9}(?:[.,]\d{1,9})?)s?")
_PERIOD = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,7}(?:\.\d{1,9})?)S)?")
_SLOWEST_S = 15.0  # for a word: nobody speaks slower, so larger numbers are milliseconds


class Piece(NamedTuple):
    """Words with their times. start: None for marks between words."""

    start: float | None
    end: float | None
    text: str
    speaker: str | None = None


def piece_of(member: dict[str, Any], speaker: str | None, *, needs_text: bool = True) -> Piece | None:
    """The piece that a member of a list is; None when it is none. speaker: of the members around it."""
    text = _text_of(member)
    if text is None and needs_text:
        return None
    start, end = _times_of(member)
    start = end if start is None else start  # null, of a program that was not sure
    if start is None and needs_text and member.get("type") not in ("punctuation", "punct"):
        return None
    return Piece(start, end, text or "", speaker_of(member) or speaker)


def has_words(member: dict[str, Any]) -> bool:
    """Whether somebody says something in a member of a list."""
    return any(character.isalnum() for character in _text_of(member) or "")


def speaker_of(member: dict[str, Any]) -> str | None:
    """The name of who speaks; numbers and letters become "Speaker 1"."""
    alternatives = member.get("alternatives")
    if isinstance(alternatives, list) and alternatives and isinstance(alternatives[0], dict):
        member = {**alternatives[0], **member}
    for key in _SPEAKERS.split():
        value = member.get(key)
        if isinstance(value, dict):
            value = value.get("name") or value.get("id")
        if isinstance(value, bool) or value is None or value == "":
            continue
        if isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"\d{1,3}|[A-Z]", value)):
            return f"Speaker {value}"
        if isinstance(value, str):
            numbered = re.fullmatch(r"(?:spk|SPEAKER|speaker|S)_?(\d{1,3})", value)
            return f"Speaker {int(numbered[1])}" if numbered else " ".join(value.split())
    return None


def in_milliseconds(pieces: Sequence[Piece]) -> bool:
    """Whether whole numbers are too large to be seconds for that many words."""
    starts = [piece.start for piece in pieces if piece.start is not None]
    num_words = sum(len(piece.text.split()) for piece in pieces)
    if len(starts) == 1:
        ends = [piece.end for piece in pieces if piece.end is not None]
        starts += ends
    whole = all(float(start).is_integer() for start in starts)
    return whole and max(starts) - min(starts) > _SLOWEST_S * max(num_words, 1)


def _text_of(member: dict[str, Any]) -> str | None:
    for key in _TEXTS.split():
        if isinstance(member.get(key), str):
            return str(member[key])
    for key in ("alternatives", "nBest", "nbest"):
        inner = member.get(key)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            return _text_of(inner[0])
    for key in ("segs", "elements"):  # of captions and monologues: the words with the blanks between them
        inner = member.get(key)
        if isinstance(inner, list) and inner:
            texts = [_text_of(part) for part in inner if isinstance(part, dict)]
            return "".join(text for text in texts if text) or None
    return None


def _times_of(member: dict[str, Any]) -> tuple[float | None, float | None]:
    """Beginning and end: its own, else those of the words in it."""
    for key in ("offsets", "timestamps"):  # whisper.cpp: milliseconds, and the same as a clock shows it
        inner = member.get(key)
        if isinstance(inner, dict) and (start := _number(inner.get("from"))) is not None:
            scale = 1000.0 if key == "offsets" else 1.0
            end = _number(inner.get("to"))
            return start / scale, end / scale if end is not None else None
    pair = member.get("timestamp")
    if isinstance(pair, list) and len(pair) == 2:
        return _number(pair[0]), _number(pair[1])
    start = _first(member, _MS_STARTS)
    if start is not None:
        end, length = _first(member, _MS_ENDS), _first(member, _MS_LENGTHS)
        end = end if end is not None else start + (length or 0.0)
        return start / 1000, end / 1000
    start, end = _first(member, _STARTS), _first(member, _ENDS)
    if start is None and isinstance(pair, str | int | float):
        start = _number(pair)
    if start is not None:
        length = _first(member, _LENGTHS)
        return start, end if end is not None or length is None else start + length
    inner_times = [_times_of(part) for part in _parts(member)]
    starts = [begin for begin, _ in inner_times if begin is not None]
    ends = [stop for _, stop in inner_times if stop is not None]
    return (starts[0], ends[-1] if ends else None) if starts else (None, end)


def _parts(member: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The words in a piece, those of its first alternative too."""
    for key in (*_INNER, "alternatives"):
        inner = member.get(key)
        if isinstance(inner, list):
            parts = [part for part in inner if isinstance(part, dict)]
            if key == "alternatives":
                parts = list(_parts(parts[0])) if parts else []
            yield from parts


def _first(member: dict[str, Any], keys: str) -> float | None:
    for key in keys.split():
        number = _number(member.get(key))
        if number is not None:
            return number
    return None


def _number(value: Any) -> float | None:
    """A number, "1.5", "1.5s", "00:01:02,5", "PT1M2.5S", or Google's {"seconds": "1", "nanos": 5}; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and value >= 0 else None
    if isinstance(value, dict) and ("seconds" in value or "nanos" in value):
        whole, rest = _number(value.get("seconds", 0)), _number(value.get("nanos", 0))
        return (whole or 0.0) + (rest or 0.0) / 1e9
    if not isinstance(value, str):
        return None
    match = _CLOCK.fullmatch(value.strip()) or _PERIOD.fullmatch(value.strip())
    if not match or not any(match.groups()):
        return None
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
