"""Cuts the sentence that answers to the date that was asked for.

Only dates: on held-out questions a date cut out of its sentence holds the whole answer nearly as often as the
sentence, a name or a number half as often. Anything else stays the sentence. Knows nothing of where the sentence
was found.
"""

from __future__ import annotations

import re

from longdoc.core.sentences import Span
from longdoc.search.words import content_stems, fold

_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = r"(?:1\d{3}|20\d\d)"
_ORDINAL = (
    r"(?:(?:twenty|thirty)[\s-])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth"
)
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|(?i:{_ORDINAL}))"
_SEASON = r"(?:[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|[Ww]inter|Christmas|Easter)"
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_CLOCK = (
    r"(?:\d{1,2}:\d\d(?!\d)(?:\s?[ap]\.?m\b\.?)?|\d{1,2}(?:\.\d\d)?\s?(?:[ap]\.?m\b\.?|o['’]clock)|noon\b|midnight\b)"
)
_BEFORE = (
    r"(?:(?:between|from|early|late|after|before|since|around|about|the|by|until|"
    r"(?:end|beginning|start|middle|close|(?:first|second|third|fourth) (?:half|quarter)) of)\s|mid[\s-])*"
)
_ONE = (
    rf"(?:(?:{_WEEKDAY},?\s)?(?:{_DAY}\s(?:of\s)?{_MONTH}|{_MONTH}(?:\s{_DAY})?)(?:,?\s(?:of\s)?{_YEAR})?|"
    rf"(?:{_SEASON}\s(?:of\s)?)?{_YEAR}s?|{_DAY}\scentury)(?!\w)"
)
_TO = r"(?:\s?[–—-]\s?|\s(?:to|and|until)\s)"
_AT_BEFORE = rf"(?:(?:at\s)?{_CLOCK},?\s(?:on\s)?)?"
_AT = rf"(?:,?\s(?:(?:at|from)\s)?{_CLOCK}(?:{_TO}{_CLOCK})?)?"
_DATE = re.compile(rf"\b{_AT_BEFORE}{_BEFORE}{_ONE}{_AT}(?:{_TO}(?:{_BEFORE}{_ONE}{_AT}|\d\d\b))?")
_ASKS_DATE = re.compile(
    r"^(?:(?:and|so|but) )?(?:when|(?:in |on |during |since )?(?:what|which) (?:year|date|day|century)) "
)
_ASKS_YEAR = re.compile(r"\byear\b")


def shortest_answer(question: str, sentence: str) -> Span | None:
    """The span, in the sentence, of the only date it could mean; None when it is not sure or no date is asked for.

    Of several dates the one nearest to the words of the question is taken, unless that is a tie.
    """
    if not _ASKS_DATE.match(fold(question).strip()):
        return None
    asked = set(content_stems(question))
    pattern = re.compile(_YEAR) if _ASKS_YEAR.search(fold(question)) else _DATE
    dates = [match for match in pattern.finditer(sentence) if not asked & set(content_stems(match[0]))]
    if len(dates) == 1:
        return dates[0].span() if _says_enough(dates[0][0]) else None
    shared = [word.span() for word in re.finditer(r"\w+", sentence) if asked & set(content_stems(word[0]))]
    if not dates or not shared:
        return None
    distance = {match.span(): _distance(match.span(), shared) for match in dates}
    nearest = sorted(distance, key=lambda span: distance[span])
    is_sure = distance[nearest[0]] < distance[nearest[1]] and _says_enough(sentence[slice(*nearest[0])])
    return nearest[0] if is_sure else None


def _says_enough(date: str) -> bool:
    """Not a month alone, which may be a name, or what is left of a date that is written otherwise."""
    return re.fullmatch(_MONTH, date) is None


def _distance(span: Span, others: list[Span]) -> int:
    """Characters between a span and the nearest of others."""
    return min(max(start - span[1], span[0] - end, 0) for start, end in others)
