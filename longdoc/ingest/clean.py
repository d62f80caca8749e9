"""Normalising characters, and putting back together words that a line end cut. Done before any offset is taken.

Knows nothing of pages or formats.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, islice

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
_CONTROL = {chr(code): "" for code in [*range(0x09), *range(0x0E, 0x20), 0x7F]}
# Nobody writes these control characters; they are curly quotes and dashes of a file that was taken for Latin-1.
_WINDOWS = {chr(code): bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0) if code != 0x85}
_LINE_ENDS = {"\x0b": "\n", "\x0c": "\n\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n\n"}
_TABLE = str.maketrans(
    _LIGATURES | _SPACES | _NOTHING | _CONTROL | _WINDOWS | _LINE_ENDS | {"\ufffe": "-", "\uffff": ""}
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_LAST_WORD = re.compile(r"([^\W\d_]+(?:[-'’][^\W\d_]+)*)[-‐]$")
_LONGEST_WORD = 100  # characters: the pattern of the last word would be slow on more
_FIRST_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_HYPHEN = ("-", "‐")
_PREFIX_WORDS = "be co com con de dis em en ex in mis non out per pre pro re sub un"
_PREFIXES = frozenset(_PREFIX_WORDS.split())
_SUFFIX_WORDS = "able ably ed er ers est ful ing ings ism ist less lessly lessness ly ment ments ness tion tions"
_SUFFIXES = frozenset(_SUFFIX_WORDS.split())
_LINES_AT_ONCE = 64
_DASHED = re.compile(r"\w—(?=\w)")
_MANY_CUTS = 8  # lines that end with a hyphen, from which on they are judged
_SELDOM = 0.1  # of them are a word of the document without the hyphen, in a text that breaks no words
_LINE_DASH = re.compile(r"(?:--|[—–])$")


def line_ends(text: str) -> str:
    """The text with line feeds alone; a line end that was translated twice (CR CR LF) is one."""
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def normalise(text: str) -> str:
    """Composed characters, plain spaces, no ligatures, no invisible characters; line ends are "\\n"."""
    if text.isascii() and text.isprintable():
        return text
    text = line_ends(text)
    text = _SURROGATES.sub("\ufffd", text.translate(_TABLE))
    return unicodedata.normalize("NFC", text)


def squeeze(text: str) -> str:
    """One space for each run of blanks, none at the ends; line ends stay."""
    if text.isprintable() and "  " not in text and text.isascii():
        return text.strip()
    return _BLANKS.sub(" ", text).strip()


@dataclass(slots=True)
class Vocabulary:
    """How often each word, in lower case and with its inner hyphens, occurs in the document.

    firsts, lasts: what stands before the first and after the last hyphen of a compound.
    cut: what stands before and after the hyphens at line ends.   breaks_words: whether lines end inside of words.
    num_dashes, num_spaced: words on both sides of a dash without a space, and with one before it.
    """

    counts: Counter[str] = field(default_factory=Counter)
    firsts: set[str] = field(default_factory=set)
    lasts: set[str] = field(default_factory=set)
    cut: list[tuple[str, str]] = field(default_factory=list)
    breaks_words: bool = True
    num_dashes: int = 0
    num_spaced: int = 0

    @classmethod
    def of(cls, lines: Iterable[str]) -> Vocabulary:
        vocabulary = cls()
        tokens = Counter[str]()  # what stands between spaces: far fewer are different than there are words
        halves: list[str] = []
        above = ""
        coming = iter(lines)
        while some := [*islice(coming, _LINES_AT_ONCE)]:
            text = "\n".join(some)
            tokens.update(text.lower().split())
            if "—" in text:
                vocabulary.num_dashes += len(_DASHED.findall(text))
                vocabulary.num_spaced += text.count(" —")
            for line in some:
                continues, ends = above.endswith(_HYPHEN), line.endswith(_HYPHEN)
                if continues or ends:
                    halves += _halves(line, continues=continues, ends=ends)
                if continues:
                    vocabulary.note_cut(above, line)
                above = line
        vocabulary._count(tokens, halves)
        num_joined = sum(vocabulary.counts[left + right] > 0 for left, right in vocabulary.cut)
        if len(vocabulary.cut) >= _MANY_CUTS:
            vocabulary.breaks_words = num_joined > _SELDOM * len(vocabulary.cut)
        return vocabulary

    def _count(self, tokens: Counter[str], halves: Iterable[str]) -> None:
        """Count the words in tokens; halves of words that line ends have cut do not count."""
        for token, number in tokens.items():
            for word in _WORD.findall(token):
                self.counts[word] += number
        self.counts.subtract(halves)
        for word, number in self.counts.items():
            if number > 0 and "-" in word:
                self.firsts.add(word.partition("-")[0])
                self.lasts.add(word.rpartition("-")[2])

    def note_cut(self, above: str, below: str) -> None:
        """Remember what two lines have on both sides of a hyphen, when it may be a word."""
        last, first = _LAST_WORD.search(above[-_LONGEST_WORD:]), _FIRST_WORD.match(below)
        if last and first and first[0][0].islower():
            self.cut.append((last[1].lower(), first[0].lower()))

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Whether `left-` at a line end and `right` on the next line are a compound, by vote of the document."""
        if not right[:1].islower() or not left[-1:].isalpha():
            return True  # Anglo-/Saxon
        if left.isupper() and len(left) > 1:
            return True
        left, right = left.lower(), right.lower()
        joined, compound = self.counts[left + right], self.counts[f"{left}-{right}"]
        if joined != compound:
            return compound > joined
        # Never seen either way. Two words of the document, or halves of its other compounds, make a compound.
        if "-" in left or not self.breaks_words:
            return True
        if "-" in right and self.counts[left]:
            return True  # four-/year-old
        if left in _PREFIXES or right in _SUFFIXES:
            return False
        knows_left = len(left) > 2 and (self.counts[left] > 0 or left in self.firsts)
        knows_right = len(right) > 2 and (self.counts[right] > 0 or (right in self.lasts and left in self.firsts))
        if knows_right and (knows_left or left.endswith("ing")):  # dining-/room
            return True
        return left in self.firsts and len(left) > 2 and right.endswith(("ing", "ed"))  # ill-/timed


def _halves(line: str, *, continues: bool, ends: bool) -> list[str]:
    """The first word of a line that goes on from the one above, and the last of one that ends with a hyphen."""
    words = _WORD.findall(line.lower())
    first = words[:1] if continues else []
    return first + (words[len(first) :][-1:] if ends else [])


def joint(left: str, right: str, vocabulary: Vocabulary) -> tuple[str, str]:
    """How two lines of a paragraph meet: the left line as it should end, and what stands between the two."""
    if left.endswith(_HYPHEN):
        last = _LAST_WORD.search(left[-_LONGEST_WORD:])
        first = _FIRST_WORD.match(right)
        if last and first:
            return (left if vocabulary.keeps_hyphen(last[1], first[0]) else left[:-1]), ""
        if len(left) > 1 and left[-2].isalnum() and right[:1].isalnum():
            return left, ""  # 1914-/1918
    if right.startswith("—") and right[1:2].isalnum() and left[-1:].isalnum():
        return left, "" if vocabulary.num_dashes > vocabulary.num_spaced else " "
    if _LINE_DASH.search(left) and not left.endswith((" —", " –", " --")):
        return left, ""
    if _is_dense(left[-1:]) and _is_dense(right[:1]):
        return left, ""
    return left, " "


def _is_dense(character: str) -> bool:
    """Scripts written without spaces between words: Chinese, Japanese, their full-width marks."""
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or "\uff00" <= character <= "\uffef"


def keep_lines(lines: list[str]) -> tuple[list[str], list[int]]:
    """As `join_with_starts`, for verse: every line stays a line."""
    pieces = [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    return pieces, [*accumulate(map(len, pieces), initial=0)][:-1]


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
