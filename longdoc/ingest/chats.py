"""Chats that a program exported as text: WhatsApp, Telegram, Zoom, IRC. Who wrote, at what time of which day.

    [21/11/2026, 17:03:12] Ann: ...        21/11/26, 5:03 PM - Ann: ...       17:03:12 From Ann to Everyone: ...
    Ann, [21.11.26 17:03] above her words  [17:03] <ann> ...

Lines without such a stamp belong to the message above. Days stay as they are written: 5/11 is a day in May or in
November. Log files of programs are no chats. Knows nothing of paragraphs or offsets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from longdoc.ingest.turns import Turn

_MINUTE = r"(?P<hour>\d{1,2})[:.](?P<minute>[0-5]\d)"
_HALF = r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?"
_CLOCK = rf"{_MINUTE}(?:[:.](?P<second>[0-5]\d))?{_HALF}"
_NUMBERS = r"\d{1,2}(?P<dot>[./-])\d{1,2}(?P=dot)\d{2,4}\.?|\d{4}/\d{1,2}/\d{1,2}|\d{4}\. ?\d{1,2}\. ?\d{1,2}\."
_DAY = rf"(?:(?P<day>{_NUMBERS}),?(?: (?:à|um|kl\.?|klo|alle))? |(?P<iso>\d{{4}}-\d\d-\d\d), )"
_SAID = r"(?:(?P<name>[^:\n]{1,60}?) ?: ?)?(?P<words>.*)"
_STAMPS = (
    re.compile(rf"\[{_DAY}{_CLOCK}\] {_SAID}"),
    re.compile(rf"{_DAY}{_MINUTE}{_HALF} [-–—] {_SAID}"),  # with seconds it is a log
    re.compile(rf"(?P<iso>\d{{4}}-\d\d-\d\d) {_MINUTE} [-–—] {_SAID}"),
    re.compile(rf"(?P<day>\d{{4}}년 \d{{1,2}}월 \d{{1,2}}일) (?P<half>오전|오후) {_MINUTE}, {_SAID}"),
    re.compile(rf"(?P<name>[^\[\]:\n]{{1,60}}), \[{_DAY}{_CLOCK}\](?P<words>)"),
    re.compile(
        rf"{_CLOCK} From (?P<name>[^:\n]{{1,60}}?)(?: to (?P<whom>[^:\n]{{1,60}}?))?"
        r" ?(?:\((?:Privately|Direct Message)\))? ?: ?(?P<words>.*)"
    ),
    re.compile(rf"[\[(]?{_CLOCK}[\])]? (?:<[@+%~& ]?(?P<name>[^<>\s]{{1,40}})> |(?=\* ))(?P<words>.*)"),
)
_BLANKS = re.compile(r"[ \t]+")
_MEDIA = re.compile(
    r"<[^<>]{3,120}>|(?:image|video|audio|sticker|gif|document|contact card|voice message)\b.{0,60} omitted"
    r"|.{1,120} \(file attached\)",
    re.IGNORECASE,
)
_LEVEL_WORDS = "trace debug info notice warn warning error critical fatal severe fine"
_LEVELS = frozenset(_LEVEL_WORDS.split())
_MIN_TURNS = 3
_MIN_SPOKEN = 0.5  # of the stamped lines name who wrote them
_MIN_COVERED = 0.7  # of the text, from the first message on
_MAX_WORDS = 500  # of a message, on average
_LONG_NAME = 3  # words: what stands but once may be no name, as in "Ann changed the subject to Trip: Rome"


def find_chat(lines: Sequence[str]) -> tuple[list[Turn], int]:
    """The messages of a chat, and how many of them are pictures and files that are not there; [] for other texts.

    What nobody wrote, as "Ann joined", is a turn without a speaker.
    """
    lines = [_BLANKS.sub(" ", line).strip() for line in lines]
    matches = [(index, match) for index, line in enumerate(lines) if (match := _match(line)) is not None]
    counts = Counter(match["name"] for _, match in matches if match["name"])
    if not _is_chat([index for index, _ in matches], counts, lines):
        return [], 0
    stamped = {index for index, _ in matches}
    turns: list[Turn] = []
    num_media = 0
    for index, match in matches:
        found = match.groupdict()
        name, words = found["name"], found["words"]
        if name and counts[name] == 1 and (len(name.split()) > _LONG_NAME or '"' in name):
            name, words = None, f"{name}: {words}"
        if _MEDIA.fullmatch(words):
            num_media += 1
            words = ""
        day = found.get("day") or found.get("iso")
        has_words = bool(words) or (index + 1 < len(lines) and index + 1 not in stamped and bool(lines[index + 1]))
        shown = f"{_shown(name, found.get('whom'))}{words}".rstrip() if has_words else ""
        turns.append(Turn(index, name, _seconds(found), shown, day.rstrip(".") if day else None))
    return turns, num_media


def _match(line: str) -> re.Match[str] | None:
    if not line[:1].isdigit() and line[:1] not in "[(" and "[" not in line:
        return None
    return next((match for pattern in _STAMPS if (match := pattern.fullmatch(line))), None)


def _is_chat(stamped: Sequence[int], counts: Counter[str], lines: Sequence[str]) -> bool:
    if counts.total() < max(_MIN_TURNS, _MIN_SPOKEN * len(stamped)):
        return False
    if sum(times for times in counts.values() if times > 1) * 2 < counts.total():
        return False  # a list of days, with a word for each
    num_logged = sum(times for name, times in counts.items() if re.split(r"[\W_]+", name.lower())[-1] in _LEVELS)
    if num_logged * 2 > counts.total():
        return False
    lengths = [len(line.split()) for line in lines]
    covered = sum(lengths[stamped[0] :])
    return _MIN_COVERED * sum(lengths) <= covered <= _MAX_WORDS * len(stamped)


def _shown(name: str | None, whom: str | None) -> str:
    if name is None:
        return ""
    is_private = whom is not None and whom.casefold() not in ("everyone", "all")
    return f"{name} to {whom}: " if is_private else f"{name}: "


def _seconds(found: dict[str, str | None]) -> float | None:
    """Of the day."""
    hour, minute, second = (int(found.get(part) or 0) for part in ("hour", "minute", "second"))
    half = (found.get("half") or "").lower()
    if hour > 23 or (half and not 0 < hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half in ("p", "오후") else 0)
    return float(hour * 3600 + minute * 60 + second)
