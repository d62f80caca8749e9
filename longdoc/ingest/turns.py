"""The turns of a conversation written as plain lines: "Ann: ...", "[00:01:02] Ann: ...", "Ann  1:02" above her words.

Prose with a few "Note:" lines, letters, lists and forms are no transcripts: names must come again, take turns, and say
something over most of the text. Knows nothing of paragraphs or offsets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

_TIME = r"[\[(]?(?<!\w)(?:(?:\d{1,3}:)?\d{1,3}:[0-5]\d(?:[.,]\d{1,3})?)[\])]?"
_UNTIL = rf"(?:[ \t]?(?:-{{1,2}}>|[-–—→])[ \t]?{_TIME})?"  # as Whisper prints: [00:00.000 --> 00:04.000]
NAME = r"[^\W\d_][\w.'’&/-]{0,30}(?: [\w.'’&/-]{1,30}){0,4}(?:, [A-Z][\w.]{0,9})?(?: \((?!\d)[^()\n]{1,30}\))?"
_SPOKEN = re.compile(
    rf"[ \t]*(?:(?P<before>{_TIME}){_UNTIL}[ \t]*[-–—|]?[ \t]*)?(?:\*\*|__)?(?P<name>{NAME})(?:\*\*|__)?"
    rf"[ \t]*(?:[-–—|]?[ \t]*(?P<after>{_TIME}))?[ \t]*:(?:\*\*|__)?(?:[ \t]+(?P<words>\S.*)|[ \t]*)"
)
_ABOVE = re.compile(
    rf"[ \t]*(?:\*\*)?(?:(?P<name>{NAME})(?:\*\*)?[ \t]*[-–—|,]?[ \t]*(?P<after>{_TIME})"
    rf"|(?P<before>{_TIME})[ \t]*[-–—|]?[ \t]*(?:\*\*)?(?P<other>{NAME}))(?:\*\*)?[ \t]*"
)
_LETTERED = re.compile(r"[ \t]*(?P<name>[QA])\.[ \t]+(?P<words>\S.*)")  # of a court
_STAMPED = re.compile(rf"[ \t]*(?P<before>{_TIME}){_UNTIL}(?:[ \t]+[-–—|]?[ \t]*(?P<words>\S.*)|[ \t]*)")
_ALONE = re.compile(rf"[ \t]*(?P<time>{_TIME})[ \t]*")
_BLANKS = re.compile(r"[ \t]+")
_VERSE = re.compile(r"\d{1,3}:\d\s")  # of scripture: "3:5 ..." is no time
_ENDS_SENTENCE = re.compile(r"[.!?…。！？][\"'”’»)\]*]*$")
_NO_SPEAKERS = """
    note notes figure fig table source sources example examples warning title author date subject from to cc bcc re
    chapter section step exercise solution release language translator illustrator editor credits copyright url http
    https email phone address tel fax location time place abstract keywords summary tip caution important sent reply-to
    definition theorem proof lemma corollary remark hint price isbn version
    added changed fixed removed deprecated pros cons advantages disadvantages todo
"""
_NEVER = frozenset(_NO_SPEAKERS.split())
_LONGEST_LINE = 200  # of a name above words
_MIN_TURNS = 4
_MIN_KNOWN = 0.7  # of the lines that look like turns have a speaker who comes again
_MIN_ALTERNATING = 0.5
_MIN_COVERED = 0.7  # of the text, from the first turn on
_MAX_WORDS = 500  # of a turn, on average
_SHORT_WORDS = 4
_MIN_SENTENCES = 0.4
_FIRST_S = 120.0  # by when a recording's first words are said; a diary of the day begins later


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody begins to speak.

    line: index of the line.   words: what of the line is left in the text, "" when its words stand below it.
    start_s: from the start of the recording; in a chat, of the day.   day: of a chat, as it is written.
    """

    line: int
    speaker: str | None
    start_s: float | None
    words: str
    day: str | None = None


def find_turns(lines: Sequence[str]) -> list[Turn]:
    """The turns of a transcript, in order; [] when the lines are something else."""
    lines = [_BLANKS.sub(" ", line) for line in lines]  # runs of blanks would make the patterns slow
    spoken = [turn for index, line in enumerate(lines) if (turn := _turn(index, line)) is not None]
    if len(spoken) >= _MIN_TURNS:
        counts = Counter(turn.speaker for turn in spoken)
        turns = [turn for turn in spoken if counts[turn.speaker] > 1 or turn.start_s is not None]
        if len(turns) >= _MIN_KNOWN * len(spoken) and _is_conversation(turns, lines):
            return _between_times(_with_guests(turns, spoken, lines), lines)
    stamped = _stamped(lines)
    return stamped if _is_recording(stamped, lines) else []


def _turn(index: int, line: str) -> Turn | None:
    match = _SPOKEN.fullmatch(line)
    if match and is_name(match["name"]):
        time = match["before"] or match["after"]
        words = match["words"] or ""
        return Turn(index, match["name"], _seconds(time), f"{match['name']}: {words}".rstrip())
    match = _LETTERED.fullmatch(line)
    if match:
        return Turn(index, match["name"], None, f"{match['name']}: {match['words']}")
    match = _ABOVE.fullmatch(line) if len(line) < _LONGEST_LINE else None
    name = (match["name"] or match["other"]) if match else ""
    if match and is_name(name):
        return Turn(index, name, _seconds(match["after"] or match["before"]), f"{name}:")
    return None


def is_name(name: str) -> bool:
    """Words that begin with capitals (all but a few), or of a script that has none; no label of a form."""
    words = re.sub(r"\(.*", "", name).split()
    if not words or words[0].casefold().strip(".") in _NEVER or name.casefold().startswith(("http", "www")):
        return False
    capitals = sum(not word[0].islower() for word in words)
    return not words[0][0].islower() and capitals * 2 > len(words)


def _seconds(stamp: str | None) -> float | None:
    if not stamp:
        return None
    total = 0.0
    for part in stamp.strip("[]()").replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return round(total, 3)


def _is_conversation(turns: list[Turn], lines: Sequence[str]) -> bool:
    """Two or more who take turns, in sentences, over most of the text."""
    if len(turns) < _MIN_TURNS or len({turn.speaker for turn in turns}) < 2:
        return False
    alternating = sum(above.speaker != below.speaker for above, below in pairwise(turns))
    timed = sum(turn.start_s is not None for turn in turns)
    if alternating < _MIN_ALTERNATING * (len(turns) - 1) and timed * 2 < len(turns):
        return False
    lengths = [len(line.split()) for line in lines]
    covered = sum(lengths[turns[0].line :])
    if covered < _MIN_COVERED * sum(lengths) or covered > _MAX_WORDS * len(turns):
        return False
    said = [
        _said(turn, below.line if below else len(lines), lines)
        for turn, below in zip(turns, [*turns[1:], None], strict=True)
    ]
    sentences = sum(bool(_ENDS_SENTENCE.search(words)) for words in said)
    return sentences >= _MIN_SENTENCES * len(said) or median(len(words.split()) for words in said) > _SHORT_WORDS * 2


def _with_guests(turns: list[Turn], spoken: list[Turn], lines: Sequence[str]) -> list[Turn]:
    """Also who speaks but once, where the words above are at an end: these are not the words of the one before.

    Where most turns have a time, what has none is no turn; and what stands above them all is a heading.
    """
    if sum(turn.start_s is not None for turn in turns) * 2 > len(turns):
        return turns
    known = {turn.line for turn in turns}
    later = (turn for turn in spoken if turn.line >= turns[0].line)
    return [
        turn
        for turn in later
        if turn.line in known or not (above := lines[turn.line - 1].strip()) or _ENDS_SENTENCE.search(above)
    ]


def _between_times(turns: list[Turn], lines: Sequence[str]) -> list[Turn]:
    """The turns with the times that stand alone above some of them, when those grow and no turn has its own."""
    marks = [
        Turn(index, None, _seconds(match["time"]), "")
        for index, line in enumerate(lines)
        if (match := _ALONE.fullmatch(line)) is not None
    ]
    times = [mark.start_s or 0.0 for mark in marks]
    if len(marks) < 2 or any(turn.start_s is not None for turn in turns) or times != sorted(times):
        return turns
    timed: list[Turn] = []
    for turn in sorted([*marks, *turns], key=lambda turn: turn.line):
        start_s = timed[-1].start_s if timed and turn.start_s is None else turn.start_s
        timed.append(replace(turn, start_s=start_s))
    return timed


def _said(turn: Turn, end: int, lines: Sequence[str]) -> str:
    """The words of a turn, as far as the first line that has some."""
    own = turn.words.partition(": ")[2]
    return own or next((line.strip() for line in lines[turn.line + 1 : min(end, turn.line + 4)] if line.strip()), "")


def _stamped(lines: Sequence[str]) -> list[Turn]:
    """Lines that begin with a time, and nobody's name; [] where verses of scripture are numbered like times."""
    turns = []
    for index, line in enumerate(lines):
        if _VERSE.match(line):
            return []
        match = _STAMPED.fullmatch(line)
        if match:
            turns.append(Turn(index, None, _seconds(match["before"]), match["words"] or ""))
    return turns


def _is_recording(turns: list[Turn], lines: Sequence[str]) -> bool:
    """Times that begin near zero and grow, over most of the text."""
    times = [turn.start_s or 0.0 for turn in turns]
    if len(turns) < _MIN_TURNS or times[0] > _FIRST_S or any(above > below for above, below in pairwise(times)):
        return False
    lengths = [len(line.split()) for line in lines]
    covered = sum(lengths[turns[0].line :])
    return covered >= _MIN_COVERED * sum(lengths) and covered <= _MAX_WORDS * len(turns)
