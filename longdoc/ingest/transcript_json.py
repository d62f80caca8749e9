"""Transcripts in JSON or JSON lines, of whatever program: Whisper and its kin, services, captions.

There is no common form. So the tree is searched for lists whose members have a beginning and words; the list that says
most in the longest pieces is the transcript. JSON without one is refused: read as text it would be nonsense.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from longdoc.core.errors import DamagedInput, UnknownFormat
from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.cues import Cue, assemble
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.json_fields import Piece, has_words, in_milliseconds, piece_of, speaker_of
from longdoc.ingest.parsed import Parsed, Raw
from longdoc.ingest.text import decode_source

_SUFFIXES = ("json", "jsonl", "ndjson", "json3")
_ALTERNATIVES = ("alternatives", "nBest", "nbest")  # only the first of them is the transcript
_MIN_PIECES = 0.5  # of the members of a list are pieces
_COVERS = 0.8  # of the characters that the longest list has
_PHRASE_WORDS = 1.5  # on average: shorter pieces are single words
_LONG_WORDS = 80  # on average: longer pieces hold whole conversations
_MAX_CUE_WORDS = 15
_PAUSE_S = 1.0
_MAX_DEPTH = 60


def sniff(raw: Raw) -> bool:
    """JSON from its first to its last character, or by name and first character."""
    head = raw.data[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if head[:1] not in (b"{", b"["):
        return False
    if raw.suffix in _SUFFIXES:
        return True
    try:
        return _parsed(decode(raw.data).text) is not None
    except (NotTextError, RecursionError):
        return False


def read(raw: Raw) -> Parsed:
    """The transcript in the JSON."""
    decoded = decode_source(raw)
    try:
        root = _parsed(decoded.text)
    except RecursionError:
        root = None
    if root is None:
        raise DamagedInput(
            f"{raw.shown} is damaged JSON.",
            why="it breaks off or breaks the rules of JSON",
            fix=f"python -m json.tool {raw.quoted}  # says where",
        )
    pieces, num_untimed = _transcript(root)
    if not pieces:
        raise UnknownFormat(
            f"{raw.shown} is JSON without a transcript.",
            why="no list in it has members with a beginning in time and words",
            fix=f"longdoc summarize {raw.quoted} --format text",
        )
    scale = 1000.0 if in_milliseconds(pieces) else 1.0
    cues = _cues(pieces, scale)
    if num_untimed:
        said = f"{num_untimed:,} pieces without times were" if num_untimed > 1 else "1 piece without times was"
        decoded = replace(decoded, loss="; ".join(filter(None, (decoded.loss, f"{said} not read"))))
    return assemble(raw, cues, decoded, rolling=False)


def _parsed(text: str) -> Any:
    """The value of the text, or the list of the values of its lines; None when it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        return [json.loads(line) for line in lines] if len(lines) > 1 else None
    except ValueError:
        return None


def _transcript(root: Any) -> tuple[list[Piece], int]:
    """The pieces of the best list, [] when there is none; and how many of its members have words and no times."""
    found: dict[str, list[Piece]] = {}
    speakers: dict[float, str] = {}  # of members that say who speaks from then on, and no words
    untimed: Counter[str] = Counter()
    _search(root, "", None, found, untimed, speakers, 0)
    if not found:
        return [], 0
    sizes = {path: sum(len(piece.text) for piece in pieces) for path, pieces in found.items()}
    longest = max(sizes.values())

    def rank(path: str) -> tuple[bool, bool, int]:
        pieces = found[path]
        phrases = (
            len(pieces) > 1
            and _PHRASE_WORDS < sum(len(piece.text.split()) for piece in pieces) / len(pieces) <= _LONG_WORDS
        )
        # Among lists of phrases the one that names speakers, then the finer one.
        return phrases, any(piece.speaker for piece in pieces), len(pieces)

    best = max((path for path in found if sizes[path] >= _COVERS * longest), key=rank)
    pieces = [
        piece._replace(speaker=speakers[piece.start]) if piece.speaker is None and piece.start in speakers else piece
        for piece in found[best]
    ]
    return pieces, untimed[best]


def _search(
    value: Any,
    path: str,
    speaker: str | None,
    found: dict[str, list[Piece]],
    untimed: Counter[str],
    speakers: dict[float, str],
    depth: int,
) -> None:
    """Collects the pieces of all lists below `value`; lists at the same path are one. untimed: their other members."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        speaker = speaker_of(value) or speaker
        for key, inner in value.items():
            if key in _ALTERNATIVES and isinstance(inner, list):
                inner = inner[:1]
            if isinstance(inner, dict | list):
                _search(inner, f"{path}.{key}", speaker, found, untimed, speakers, depth + 1)
    elif isinstance(value, list):
        members = [member for member in value if isinstance(member, dict)]
        pieces = [piece for member in members if (piece := piece_of(member, speaker)) is not None]
        timed = [piece for piece in pieces if piece.start is not None]
        if timed and len(pieces) >= _MIN_PIECES * sum(member is not None for member in value):
            found.setdefault(path, []).extend(pieces)
            untimed[path] += sum(piece_of(m, None) is None and has_words(m) for m in members)
        for member in members:
            name, start = speaker_of(member), piece_of(member, None, needs_text=False)
            if name and start is not None and start.start is not None and not start.text:
                speakers.setdefault(start.start, name)
        for member in value:
            if isinstance(member, dict | list):
                _search(member, f"{path}[]", speaker, found, untimed, speakers, depth + 1)


def _cues(pieces: list[Piece], scale: float) -> list[Cue]:
    """The pieces as cues; single words are put together up to a pause, another speaker or the end of a sentence."""
    are_words = sum(len(piece.text.split()) for piece in pieces) <= _PHRASE_WORDS * len(pieces)
    cues: list[Cue] = []
    for piece in pieces:
        text = squeeze(normalise(piece.text)).replace("\n", " ") if are_words else squeeze(normalise(piece.text))
        if not text:
            continue
        above = cues[-1] if cues else None
        if piece.start is None:  # a mark between two words
            if above is not None:
                cues[-1] = Cue(above.start_s, above.end_s, above.text + text, above.speaker)
            continue
        start_s = round(piece.start / scale, 3)
        end_s = round(max(piece.end if piece.end is not None else piece.start, piece.start) / scale, 3)
        joins = (
            are_words
            and above is not None
            and piece.speaker == above.speaker
            and start_s - above.end_s < _PAUSE_S
            and not above.text.endswith((".", "?", "!", "。", "？", "！"))
            and len(above.text.split()) < _MAX_CUE_WORDS
        )
        if joins and above is not None:
            between = " " if any(character.isalnum() for character in text) else ""
            cues[-1] = Cue(above.start_s, end_s, f"{above.text}{between}{text}", above.speaker)
        else:
            cues.append(Cue(start_s, end_s, text, piece.speaker))
    return cues
