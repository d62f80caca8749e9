"""Normalising characters, and putting back together words that a line end cut. Done before any offset is taken.

Knows nothing of pages or formats.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

# A change of this file that changes texts changes offsets: saved states carry the number.
NORMALISER_VERSION = 1

SOFT_HYPHEN = "\xad"
PDFIUM_HYPHEN = "\ufffe"  # pdfium's mark for a hyphen at a line end

_LIGATURES = {
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "st",
    "ﬆ": "st",
}
_SPACES = dict.fromkeys(
    "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
)
# Zero-width joiners stay: Persian and Indic spelling needs them.
_NOTHING = dict.fromkeys(
    [*"\u200b\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", SOFT_HYPHEN], ""
)
_CONTROL = {chr(code): "" for code in [*range(0x09), *range(0x0E, 0x20), 0x7F, *range(0x80, 0x85), *range(0x86, 0xA0)]}
_LINE_ENDS = {"\x0b": "\n", "\x0c": "\n\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n\n"}
_TABLE = str.maketrans(_LIGATURES | _SPACES | _NOTHING | _CONTROL | _LINE_ENDS | {"\ufffe": "-", "\uffff": ""})
_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_LAST_WORD = re.compile(r"([^\W\d_]+(?:[-'’][^\W\d_]+)*)[-‐]$")
_FIRST_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_HYPHEN = ("-", "‐")
_LINE_DASH = re.compile(r"(?:--|[—–])$")


def normalise(text: str) -> str:
    """Composed characters, plain spaces, no ligatures, no invisible characters; line ends are "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATES.sub("\ufffd", text.translate(_TABLE))
    return unicodedata.normalize("NFC", text)


def squeeze(text: str) -> str:
    """One space for each run of blanks, none at the ends; line ends stay."""
    return _BLANKS.sub(" ", text).strip()


@dataclass(slots=True)
class Vocabulary:
    """How often each word, in lower case and with its inner hyphens, occurs in the document."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, line: str) -> None:
        """Count the words of a line; the fragments that a line end cuts off are no words."""
        words = _WORD.findall(line)
        if words and line.endswith(_HYPHEN):
            words.pop()
        for word in words:
            self.counts[word.lower()] += 1
            if "-" in word:
                self.counts.update(part for part in word.lower().split("-") if part)

    @classmethod
    def of(cls, lines: Iterable[str]) -> Vocabulary:
        vocabulary = cls()
        for line in lines:
            vocabulary.add(line)
        return vocabulary

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Whether `left-` at a line end and `right` on the next line are a compound, by vote of the document."""
        if not right[:1].islower() or not left[-1:].isalpha():
            return True  # Anglo-/Saxon
        if left.isupper() and len(left) > 1:
            return True
        joined = self.counts[(left + right).lower()]
        compound = self.counts[f"{left}-{right}".lower()]
        if joined != compound:
            return compound > joined
        # Never seen either way: two words of the document make a compound, fragments make a word.
        return "-" in left or (
            len(left) > 2 and len(right) > 2 and self.counts[left.lower()] > 0 and self.counts[right.lower()] > 0
        )


def joint(left: str, right: str, vocabulary: Vocabulary) -> tuple[str, str]:
    """How two lines of a paragraph meet: the left line as it should end, and what stands between the two."""
    if left.endswith(_HYPHEN):
        last = _LAST_WORD.search(left)
        first = _FIRST_WORD.match(right)
        if last and first:
            return (left if vocabulary.keeps_hyphen(last[1], first[0]) else left[:-1]), ""
        if len(left) > 1 and left[-2].isalnum() and right[:1].isalnum():
            return left, ""  # 1914-/1918
    if _LINE_DASH.search(left) and not left.endswith((" —", " –", " --")):
        return left, ""
    if _is_dense(left[-1:]) and _is_dense(right[:1]):
        return left, ""
    return left, " "


def _is_dense(character: str) -> bool:
    """Scripts written without spaces between words: Chinese, Japanese, their full-width marks."""
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or "\uff00" <= character <= "\uffef"


def join_lines(lines: list[str], vocabulary: Vocabulary) -> str:
    """The lines of one paragraph as one line."""
    return "".join(join_with_starts(lines, vocabulary)[0])


def join_with_starts(lines: list[str], vocabulary: Vocabulary) -> tuple[list[str], list[int]]:
    """Pieces whose concatenation is the paragraph, and the offset at which each line begins in it."""
    pieces: list[str] = []
    starts: list[int] = []
    length = 0
    for index, line in enumerate(lines):
        starts.append(length)
        between = ""
        if index + 1 < len(lines):
            line, between = joint(line, lines[index + 1], vocabulary)
        pieces.append(line + between)
        length += len(line) + len(between)
    return pieces, starts
