"""Sentence spans of a text. Knows nothing of tokens, sections or pages.

nupunkt finds the ends of English sentences; on top of it a blank line always ends one (headings have no
full stop), and so do the full stops of scripts that nupunkt does not know, and the full stop of a lower-case word
before a capital: nupunkt takes many words ("rest.", "toil.") for abbreviations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]
MAX_SENTENCE_CHARACTERS = 1500
RULES = 3  # grows when sentences end elsewhere: kept notes count them

# A blank line, or a full stop of Chinese/Japanese, Devanagari, Arabic, Armenian or Ethiopic with closing quotes.
_HARD_BREAK = re.compile(r"\n[^\S\n]*\n\s*|[。！？｡।॥؟۔։።]+[」』”’）)\]]*\s*")

# The full stop of a word of four lower-case letters or more, with closing quotes, before a capital letter.
_WORD_STOP = re.compile(r"(?<=[a-z]{4})\.[\"”’')\]»]*\s+(?=[\"“‘'(\[«]*[A-Z])")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_LONGEST_WORD = 30
_ABBREVIATIONS_OF_WORDS = """
    abbr anon approx appt appx assn assoc asst attn attr auth bros capt cert chap chaps circ cmdr coll comm comp conf
    corp dept depts diss dist distr elec encl engr esqr excl exec fasc figs gentl govt hist illus incl inst insts intl
    introd lett lieut maths mdse memo messrs mfgr misc mngr mssr natl obit orig paras phil pref pres prob prod prof
    profs pron propr pseud publ refs repr resp rept sched secs sect sects secy sergt subj subsp suppl supt surg temp
    tech tbsp theol trans transl treas univ vols
"""
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_OF_WORDS.split())

# Full stops that nupunkt takes for an end: "St. John", unless a new sentence seems to follow a street's; "17. Juni".
MONTHS = (
    "Jan(?:uary?|uar)?|Jänner|Feb(?:ruary?|ruar|er)?|Mar(?:ch)?|Mär(?:z)?|Apr(?:il)?|May|Mai|June?|Juni|July?|Juli|"
    "Aug(?:ust)?|Sept?(?:ember)?|O[ck]t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?"
)
_NO_STOP = re.compile(
    r"\bSt\.[^\S\n]*\n?[^\S\n]*(?=[A-Z])(?!(?:A|An|And|At|But|He|His|I|In|It|On|She|That|The|There|They|This|We|You)\b)|"
    rf"\b\d{{1,2}}\. (?=(?:{MONTHS})\b)"
)

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_BLOCK_CHARACTERS = 65_536


def tile(text: str) -> list[Span]:
    """Spans of sentences with the white space after them; joined they give the text back exactly."""
    return [(start + a, start + b) for start, end in _blocks(text) for a, b in _tile(text[start:end])]


def _blocks(text: str) -> Iterator[Span]:
    """Pieces that end at a blank line, which ends a sentence anyhow: what nupunkt needs grows with what it is given."""
    start = 0
    while len(text) - start > _BLOCK_CHARACTERS and (match := _BLANK_LINE.search(text, start + _BLOCK_CHARACTERS)):
        yield start, match.end()
        start = match.end()
    if start < len(text):
        yield start, len(text)


def _tile(text: str) -> list[Span]:
    from nupunkt import sent_spans  # loads its model (0.1 s): not for --help

    cuts = {end for _, end in sent_spans(text)}
    cuts.difference_update(match.end() for match in _NO_STOP.finditer(text))
    cuts.update(match.end() for match in _HARD_BREAK.finditer(text))
    cuts.update(_word_stops(text, cuts))
    cuts.add(len(text))
    cuts.discard(0)
    ends = sorted(cuts)
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _word_stops(text: str, known: set[int]) -> list[int]:
    """Ends beside the known ones after an ordinary word that is not one of the abbreviations."""
    stops = []
    for match in _WORD_STOP.finditer(text):
        if match.end() in known:
            continue
        word = _LAST_WORD.search(text, max(0, match.start() - _LONGEST_WORD), match.start())
        found = word[0] if word else ""
        if found.islower() and found not in _ABBREVIATIONS:
            stops.append(match.end())
    return stops


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Spans, in `text`, of the sentences of `text[start:end]` without surrounding white space; no empty ones."""
    piece = text[start:end]
    spans = []
    for a, b in tile(piece):
        sentence = piece[a:b]
        stripped = sentence.strip()
        if stripped:
            lead = len(sentence) - len(sentence.lstrip())
            first = start + a + lead
            spans += cut_long(text, first, first + len(stripped), MAX_SENTENCE_CHARACTERS)
    return spans


def cut_long(text: str, start: int, end: int, max_characters: int) -> list[Span]:
    """A sentence in pieces of at most `max_characters`, cut at white space: captions and tables have no full stops."""
    pieces = []
    while end - start > max_characters:
        limit = start + max_characters
        space = max(text.rfind("\n", start, limit), text.rfind(" ", start, limit))
        cut = space if space > start else limit
        pieces.append((start, start + len(text[start:cut].rstrip())))
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        pieces.append((start, end))
    return pieces
