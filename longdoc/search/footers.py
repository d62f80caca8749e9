"""What hangs below a mail: the signature, "Sent from my phone", the disclaimer; and what is quoted of another mail.

None of it is what the mail itself says, and it has many words. Knows nothing of questions and of summaries.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from longdoc.core.sentences import Span
from longdoc.core.types import Document

MAIL_FORMATS = frozenset({"eml", "mbox"})

_QUOTED = re.compile(r"(?:> ?)+")
_SIGNATURE = re.compile(r"--")  # the mark that mail programs put above one (RFC 3676), as a paragraph of its own
_MESSAGE = r"(?:e-?mail|message|communication|transmission|correspondence)"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


_SENT_FROM = _any_of(  # as a paragraph
    r"sent from (?:my|a|an|the) [\w .'’-]{2,40}\.?",
    r"sent (?:from|with|via) (?:outlook|yahoo|proton|gmail|mail|samsung|blackberry)\b.{0,60}",
    r"get outlook for \w+.{0,60}",
    r"von meinem \w+ gesendet\.?",
    r"envoyé de mon \w+\.?",
    r"enviado desde mi \w+\.?",
)
_DISCLAIMER = _any_of(
    rf"\b(?:this|the|information in the|contents? of the) {_MESSAGE}\b[^.]{{0,120}}\b(?:confidential|privileged)\b",
    rf"\bthis {_MESSAGE}\b[^.]{{0,120}}\b(?:intended (?:only|solely|exclusively)|legally protected)\b",
    r"\bif you (?:are not|have received|received)\b[^.]{0,60}\b(?:intended recipient|addressee|in error|by mistake)\b",
    r"\bnot the (?:intended recipient|(?:named )?addressee)\b",
    r"\bconsider the environment before printing\b",
    r"\bthink before you print\b",
    r"\b(?:views|opinions)\b[^.]{0,60}\b(?:of the (?:author|sender)|do not (?:necessarily )?(?:represent|reflect))\b",
    r"\b(?:free of|free from|scanned for|checked for|contains? no) (?:any )?(?:viruses|malware)\b",
    r"\bconfidentiality (?:notice|note)\b",
    r"\b(?:registered (?:office|in england)|company (?:no|number|registration))\b[^.]{0,20}\d",
    r"\bto unsubscribe\b",
    r"\bunsubscribe (?:from|here)\b",
    r"\bmanage your (?:preferences|subscriptions?)\b",
)
_WROTE = _any_of(  # as a paragraph
    r"(?:on|am|le|el)\b.{5,200}\b(?:wrote|schrieb|a écrit|escribió)\b.{0,60}:",
    r"-{2,} ?(?:original message|forwarded message).*",
)
_PARAGRAPH = re.compile(r"\S(?:(?!\n\s*\n).)*", re.DOTALL)
_NAME = re.compile(r"[^\W\d_a-z][\w.’'-]*(?: [^\W\d_a-z][\w.’'-]*){0,2}")  # alone at the end of a mail
_LONGEST_SIGNATURE = 800  # characters


@dataclass(frozen=True, slots=True)
class Below:
    """Spans of a text, in order. signatures: with names and numbers that may be asked for.   quoted: of other mails.

    notices: disclaimers, what mail programs add, the line that says who wrote what is quoted.
    """

    signatures: tuple[Span, ...]
    notices: tuple[Span, ...]
    quoted: tuple[Span, ...]

    def holds(self, offset: int) -> bool:
        """Whether a character stands in any of them."""
        return any(within(spans, offset) for spans in (self.signatures, self.notices, self.quoted))


def is_mail(document: Document, offset: int) -> bool:
    """Whether the character at `offset` stands in a mail."""
    files = document.files
    index = bisect_right(files, offset, key=lambda file: file.start) - 1
    source = files[index].source if index >= 0 else document.source
    return source.format in MAIL_FORMATS


def below(text: str, start: int, end: int) -> Below:
    """What hangs below the mail, or the part of one, that is `text[start:end]`."""
    signatures: list[Span] = []
    notices: list[Span] = []
    quoted: list[Span] = []
    last_own: re.Match[str] | None = None
    signed: tuple[str, list[Span]] | None = None  # marks of quotation before a signature that has begun, what it has
    for match in _PARAGRAPH.finditer(text, start, end):
        first, last = match.span()
        marks = "".join(re.findall(">", mark[0])) if (mark := _QUOTED.match(match[0])) else ""
        words = " ".join(_QUOTED.sub("", line, count=1) if marks else line for line in match[0].split("\n")).strip()
        is_wrote = _WROTE.fullmatch(words) is not None
        if signed is not None and (is_wrote or signed[0] != marks):
            signatures += _signature(signed[1])
            signed = None
        if marks:
            quoted.append((first, last))
        if _SIGNATURE.fullmatch(words):
            signed = marks, []
        if _SENT_FROM.fullmatch(words) or is_wrote:
            notices.append((first, last))
        elif found := _DISCLAIMER.search(words):
            notices.append((_sentence_start(text, first, found.start()), last))
        elif signed is not None:
            signed[1].append((first, last))
        elif not marks:
            last_own = match
    if signed is not None:
        signatures += _signature(signed[1])
    if last_own is not None and _NAME.fullmatch(last_own[0]) and not last_own[0].endswith("."):
        signatures.append(last_own.span())
    return Below(tuple(sorted(signatures)), tuple(notices), tuple(quoted))


def _signature(paragraphs: list[Span]) -> list[Span]:
    """The paragraphs behind the mark of a signature, unless they are too many for one: some draw lines with it."""
    return paragraphs if sum(last - first for first, last in paragraphs) <= _LONGEST_SIGNATURE else []


def _sentence_start(text: str, first: int, before: int) -> int:
    """Where the sentence begins that has the cue of a disclaimer, about so many characters into its paragraph."""
    stop = max(text.rfind(end, first, first + before) for end in (". ", ".\n", "! ", "!\n"))
    return first if stop < 0 else stop + 2


def within(spans: tuple[Span, ...], offset: int) -> bool:
    """Whether a character stands in one of the spans."""
    index = bisect_right(spans, offset, key=lambda span: span[0]) - 1
    return index >= 0 and offset < spans[index][1]
