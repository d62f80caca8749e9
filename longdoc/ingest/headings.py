"""Chapter headings in a text that has no table of contents to read: by their words and by their numbering.

Knows nothing of fonts or pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.ingest.numerals import roman_value
from longdoc.ingest.parsed import Heading

Paragraph = tuple[str, int]  # text, offset

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth last"
_TENS = "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
_SPELLED = rf"(?:{'|'.join((_ONES + ' ' + _TENS).split())})(?:[- ](?:{'|'.join(_ONES.split()[:9])}))?"
_NUMERAL = rf"(?:\d{{1,3}}|[IVXLC]{{1,8}}|{_SPELLED})"
_OUTER = "BOOK|PART|VOLUME|VOL\\.|ACT|DAY"
_INNER = "CHAPTER|CHAP\\.|LETTER|CANTO|SCENE|STAVE|LECTURE|SERMON|ESSAY|ADVENTURE|SECTION|KAPITEL|CHAPITRE|CAP[IÍ]TULO"
_WORDED = re.compile(
    rf"(?:THE\s+)?(?:(?P<ordinal>{'|'.join(_ORDINALS.split())})\s+)?(?P<word>{_OUTER}|{_INNER})"
    rf"(?:\s+(?:THE\s+)?(?P<number>{_NUMERAL}|{'|'.join(_ORDINALS.split())}))?(?P<rest>\b.*)?",
    re.IGNORECASE | re.DOTALL,
)
_ALONE = re.compile(
    r"(?:PREFACE|PROLOGUE|EPILOGUE|INTRODUCTION|FOREWORD|AFTERWORD|CONCLUSION|APPENDIX(?:\s+[A-Z0-9]+)?|INDEX|GLOSSARY|"
    r"ACKNOWLEDGE?MENTS|BIBLIOGRAPHY|REFERENCES|ABSTRACT|CONTENTS|TABLE OF CONTENTS|POSTSCRIPT)\.?",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?P<number>\d{1,3}|[IVXLC]{1,8})(?P<mark>[.)]?)(?:\s+(?P<title>\S.*))?", re.DOTALL)
_CONTENTS = re.compile(r"(?:table of )?contents\.?", re.IGNORECASE)
_MAX_TITLE = 90
_MIN_BODY = 200


def find_headings(paragraphs: Sequence[Paragraph]) -> list[Heading]:
    """Headings, outer before inner; [] when there are fewer than two."""
    found = _worded(paragraphs)
    if len([heading for heading in found if heading[2]]) < 2:
        numbered = _numbered(paragraphs)
        if len(numbered) >= 3:
            found = sorted([*numbered, *(heading for heading in found if not heading[2])])
    found = _without_contents(found, paragraphs)
    if len(found) < 2:
        return []
    return _levelled(found, paragraphs)


# index of the paragraph, title, word ("chapter", "part", "" for a preface; "#" for a number)
_Found = tuple[int, str, str]


def _worded(paragraphs: Sequence[Paragraph]) -> list[_Found]:
    found: list[_Found] = []
    taken = -1
    for index, (text, _) in enumerate(paragraphs):
        if index <= taken or len(text) > _MAX_TITLE + 30:
            continue
        line = " ".join(text.split())
        if _ALONE.fullmatch(line):
            found.append((index, _tidy(line), ""))
            continue
        match = _WORDED.fullmatch(line)
        if not match or not (match["number"] or match["ordinal"]):
            continue
        rest = (match["rest"] or "").strip()
        if not _is_title_rest(match["rest"] or "", match["word"]):
            continue
        title = line.rstrip(".")
        if rest and rest[0].isalnum():  # CHAPTER IV A NEW LIFE
            title = f"{title.removesuffix(rest.rstrip('.')).rstrip()}. {rest}"
        taken = index
        if not rest.strip(".:—- ") and index + 1 < len(paragraphs):
            below = " ".join(paragraphs[index + 1][0].split())
            other = _WORDED.fullmatch(below)
            if _is_title(below) and not (other and other["number"]):
                title = f"{title}. {below.rstrip('.')}"
                taken = index + 1
        found.append((index, _tidy(title), match["word"].lower()))
    return found


def _is_title_rest(rest: str, word: str) -> bool:
    """What follows "Chapter 1" in a heading: nothing, or a mark and a title; "Part one of the plan was" is prose."""
    stripped = rest.strip()
    if not stripped:
        return True
    if len(stripped) > _MAX_TITLE:
        return False
    if stripped[0] in ".:—–-|,":
        title = stripped.lstrip(".:—–-|, ")
        return not title or (not title[0].islower() and not title.endswith((",", ";")))
    return stripped[0].isupper() and word.isupper() and not stripped.endswith((".", ",", ";"))


def _is_title(text: str) -> bool:
    return (
        0 < len(text) <= _MAX_TITLE
        and not text.endswith((",", ";", ":", "?”"))
        and (not text.endswith((".", "!", "?", "”", "’", '"')) or text.isupper() or text.istitle())
        and not text[0].islower()
        and text[0] not in "“‘\"'("
    )


def _numbered(paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """ "I", "II. Title", "3" on lines of their own: believed when they count up from one."""
    found: list[_Found] = []
    expected = 1
    for index, (text, _) in enumerate(paragraphs):
        line = " ".join(text.split())
        match = _NUMBERED.fullmatch(line) if len(line) <= _MAX_TITLE else None
        if not match:
            continue
        value = int(match["number"]) if match["number"].isdigit() else roman_value(match["number"])
        title = match["title"] or ""
        if value != expected or (title and (not match["mark"] or not _is_title(title))):
            continue
        if not title and index + 1 < len(paragraphs) and _is_title(below := " ".join(paragraphs[index + 1][0].split())):
            line = f"{line.rstrip('.)')}. {below}"
        found.append((index, _tidy(line.rstrip(".")), "#"))
        expected += 1
    return found


def _without_contents(found: list[_Found], paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """Drop the list of chapters at the front: headings with hardly any text below that come again later."""
    kept = []
    last_place = {_key(title): place for place, (_, title, _) in enumerate(found)}
    for place, (index, title, word) in enumerate(found):
        following = found[place + 1][0] if place + 1 < len(found) else len(paragraphs)
        body = sum(len(text) for text, _ in paragraphs[index + 1 : following])
        comes_again = last_place[_key(title)] > place
        if body < _MIN_BODY and comes_again and not _CONTENTS.fullmatch(title):
            continue
        kept.append((index, title, word))
    return kept


def _key(title: str) -> str:
    """ "Chapter I" and "Chapter I. The Man" are the same chapter, in the contents and above the text."""
    match = _WORDED.fullmatch(title)
    if match and match["number"]:
        return f"{match['word']} {match['number']}".casefold()
    return title.casefold()


def _levelled(found: list[_Found], paragraphs: Sequence[Paragraph]) -> list[Heading]:
    words = {word for _, _, word in found}
    has_outer = bool(words & {"book", "part", "volume", "vol.", "act", "day"}) and bool(
        words - {"book", "part", "volume", "vol.", "act", "day", ""}
    )
    headings = []
    for index, title, word in found:
        inner = has_outer and word not in {"book", "part", "volume", "vol.", "act", "day", ""}
        headings.append(Heading(title, paragraphs[index][1], 2 if inner else 1))
    return headings


def _tidy(title: str) -> str:
    return " ".join(title.split()).strip(" .:—–-_*")
