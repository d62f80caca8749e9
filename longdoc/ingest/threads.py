"""The mails that a mail quotes: each is a section with its own writer and day, also those that are quoted in them.

    On Thu, 17 Oct 2024 at 11:05, Lena Fischer <lena@example.org> wrote:
    > ...                                       -----Original Message-----
    > On Wed, 16 Oct 2024, Bo Lind wrote:       From: Lena Fischer
    >> ...                                      Sent: Thursday, 17 October 2024 11:05

What is quoted without such a line is of a writer who is not known. Knows nothing of MIME.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from longdoc.ingest.flow import Block

QUOTED = re.compile(r"(?:> ?)+")
_WROTE = r"(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|skrev|schreef|napisał\(?a?\)?)"
_ENDS_WITH_WROTE = re.compile(rf"\b{_WROTE}\b[^:\n]{{0,90}} ?:\s*$", re.IGNORECASE)
_ATTRIBUTION = re.compile(
    r"(?:(?:on|am|le|el|il giorno|den|op|w dniu)\b (?P<before>[^\n]{0,200}?),?\s)?"
    rf"(?P<name>[^\n,]{{0,80}}?)\s*\b{_WROTE}\b(?P<behind>[^:\n]{{0,90}}?) ?:",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\s*[<(\[](?:mailto:)?[^<>()\[\]\s]*@[^<>()\[\]]*[>)\]]|\s*\S+@\S+")
_FIELDS = re.compile(
    r"(?:^|(?<=\s))\*?(From|Sent|Date|To|Cc|Subject|Von|Gesendet|Datum|An|Betreff|De|Envoyé|À|Objet|Enviado|Para|Asunto)"
    r" ?:\*?[ \t]"
)
_RULE = re.compile(
    r"\s*(?:[-_]{3,} ?(?:(?:original|forwarded) message|forwarded by [^\n]{0,60}?|ursprüngliche nachricht|"
    r"weitergeleitete nachricht|message d['’]origine|message transféré|mensaje original)? ?[-_]*|"
    r"begin forwarded message:)\s*",
    re.IGNORECASE,
)
_OF_WRITER = frozenset(("From", "Von", "De"))
_OF_DAY = frozenset(("Sent", "Date", "Gesendet", "Datum", "Envoyé", "Enviado"))
_LEAST_FIELDS = 3
_MOST_LINE = 400  # characters of a line that announces a quotation
_MOST_HEAD = 600  # characters of such fields
_CLOCK = re.compile(
    r"\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp]\.?[Mm]\.?)?(?:\s?\(?(?:[+-]\d{4}|[A-Z]{3,4}(?![a-z]))\)?)?"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DAYS = (
    re.compile(r"\b(?P<day>\d{1,2})(?:st|nd|rd|th|\.)? (?P<month>[^\W\d_]{3,9})\.?,? (?P<year>(?:19|20)\d\d)\b"),
    re.compile(r"\b(?P<month>[^\W\d_]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>(?:19|20)\d\d)\b"),
)
_DAY_IN_NUMBERS = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)\b")
_REPLY = re.compile(r"(?:(?:re|fwd?|aw|wg|antw|sv|vs|rv|tr|r)(?:\[\d+\])? ?: *)+", re.IGNORECASE)
_PARTICLE_WORDS = "de da di del della der den dos du van von la le el bin y"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_MOST_TITLE = 60  # characters: of what a citation shows of a section


def titled(subject: str, told: Iterable[str]) -> str:
    """`Subject (Ann Lee, 21 Nov 2026)`; a long subject is cut, so that who wrote it is always seen."""
    behind = ", ".join(filter(None, told))
    if not behind:
        return subject
    room = max(20, _MOST_TITLE - len(behind) - 3)
    if len(subject) > room:
        cut = subject[: room - 1]
        subject = (cut.rpartition(" ")[0] or cut).rstrip(" ,;:-") + "…"
    return f"{subject} ({behind})"


def once(subject: str) -> str:
    """A subject with one mark of a reply: `Re: Re: Keys` is `Re: Keys`."""
    mark = _REPLY.match(subject)
    return f"{mark[0].split(':')[0]}: {subject[mark.end() :]}" if mark and subject[mark.end() :] else subject


def with_lines_of_their_own(rows: Iterable[str]) -> list[str]:
    """The lines of a body, with an empty one behind each that says who wrote what follows."""
    kept: list[str] = []
    for row in rows:
        line = " ".join(row.split()) if row.rstrip().endswith(":") else ""  # runs of blanks make the patterns slow
        if 0 < len(line) <= _MOST_LINE and _ENDS_WITH_WROTE.search(line):
            begins = re.match(r"(?:On|Am|Le|El|Il|Den|Op) ", line) is not None and not row[:1].isspace()
            starts = begins and _ATTRIBUTION.match(line) is not None
            kept += ["", row, ""] if starts else [row, ""]
        else:
            kept.append(row)
    return kept


def mails(blocks: Iterable[Block], subject: str, own: str) -> Iterator[tuple[Block, str | None]]:
    """Each block of a body, with the title of the section that begins with it, if one does.

    own: the title of the mail that the body is of.
    """
    base = subject[mark.end() :] if (mark := _REPLY.match(subject)) and subject[mark.end() :] else subject
    titles = {0: own}  # by the number of marks of quotation
    current = own
    told: tuple[int, str] | None = None  # an announcement, with its marks, of what follows
    for block in blocks:
        marks = QUOTED.match(block.text)
        depth = marks[0].count(">") if marks else 0
        words = "\n".join(QUOTED.sub("", line, count=1) if depth else line for line in block.text.split("\n"))
        if (writer := _writer(words)) is not None:
            is_sure = bool(writer[1]) or _ADDRESS.search(words) is not None  # else marks have to follow
            told = depth if is_sure else depth + 1, titled(base, writer)
            yield block, None
            continue
        if (writer := _writer_in_fields(words)) is not None:
            told = depth, titled(base, writer)
        elif len(words) <= _MOST_LINE and _RULE.fullmatch(words):
            yield block, None
            continue
        if told is not None and depth >= told[0]:
            titles = {d: title for d, title in titles.items() if d < depth} | {depth: told[1]}
        told = None
        title = titles.get(depth) or f"{base} (quoted)"
        yield block, title if title != current else None
        current = title


def _writer(words: str) -> tuple[str, str] | None:
    """(name, day) of `On 17 Oct 2024 at 11:05, Lena Fischer <lena@example.org> wrote:`."""
    line = " ".join(words.split())
    match = _ATTRIBUTION.fullmatch(line) if len(line) <= _MOST_LINE and _ENDS_WITH_WROTE.search(line) else None
    if match is None:
        return None
    bare = _ADDRESS.sub("", line[: match.start("behind")])
    behind = _ADDRESS.sub("", match["behind"]).strip(" ,:")
    said = re.sub(rf"\s*{_WROTE}$", "", bare, flags=re.IGNORECASE)
    times = [found.end() for pattern in (_CLOCK, _YEAR, _DAY_IN_NUMBERS) for found in pattern.finditer(said)]
    dated = max(times, default=0)
    name = behind or said[dated:].strip(" ,;:-–()\"'")
    if not dated and match["before"] is not None:  # "On the whole she wrote:" names no day
        return None
    if not name:
        found = re.search(r"[\w.+-]+@[\w.-]+", line)
        name = found[0] if found else ""
    is_name = all(word[:1].isupper() or word in _PARTICLES for word in name.split()) and 0 < len(name.split()) <= 5
    return (name, _day(said)) if is_name or "@" in name else None


def _writer_in_fields(words: str) -> tuple[str, str] | None:
    """(name, day) of a block that begins with `From: ...` and has `Sent: ...`, as mail programs put it above a mail."""
    rule = _RULE.match(words)
    head = words[rule.end() if rule else 0 :].lstrip()[:_MOST_HEAD]
    found = list(_FIELDS.finditer(head))
    if len(found) < _LEAST_FIELDS or found[0].start() > 0 or found[0][1] not in _OF_WRITER:
        return None
    ends = [match.start() for match in found[1:]] + [len(head)]
    fields = {match[1]: head[match.end() : end].strip(" \n*") for match, end in zip(found, ends, strict=True)}
    day = next((value for name, value in fields.items() if name in _OF_DAY), None)
    if day is None:
        return None
    said = " ".join(fields[found[0][1]].split())
    return _ADDRESS.sub("", said).strip(" \"'") or said, _day(day)


def _day(said: str) -> str:
    """ "17 Oct 2024" for a day with the name of its month, else as it is written."""
    for pattern in _DAYS:
        if match := pattern.search(said):
            return f"{int(match['day'])} {match['month'][:3].capitalize()} {match['year']}"
    numbers = _DAY_IN_NUMBERS.search(said)
    return numbers[0] if numbers else ""
