"""What stands before the words of a sentence and is none of them: a heading that runs into it, the mark of a list.

"LABOR AND MANAGEMENT The year just past ..." begins with "The year", "(a) the tenant pays" with "the tenant". Numbers
of clauses ("4.1") stay: they are what a clause is called by. Knows nothing of sections and formats.
"""

from __future__ import annotations

import re

# Not with \s: a heading is followed by one blank or one line end. Words in capitals have two letters or more.
_NUMBER = r"(?:(?:Article|Part|Section|Clause|Chapter|Item|ARTICLE|PART|SECTION|CLAUSE|CHAPTER|ITEM) )?"
_NUMBER += r"(?:\d{1,3}(?:\.\d{1,3})*[.):]?|[IVX]{1,5}[.):]|[A-Z][.)])[ \t]*[-–—:]?[ \t]+"
_CAPITALS = r"[^\W\d_a-zß-öø-ÿ](?:[^\W\d_a-zß-öø-ÿ]|[.'’/&-])*[^\W\d_a-zß-öø-ÿ]"
_HEAD_IN_CAPITALS = re.compile(
    rf"(?P<number>{_NUMBER})?(?P<words>{_CAPITALS}(?:(?:,? (?:&|of|and|the)|,)? {_CAPITALS}){{0,9}})"
    r"\.?(?:[ \t]+|[ \t]*\n)(?=[“\"'‘(]?(?:[A-Z][a-z]|A |I ))"
)
_TITLE_LINE = re.compile(rf"(?P<number>{_NUMBER})?(?P<words>[^\W\d_a-z][^\n.!?:;,]{{1,70}})\n(?=[“\"'‘(]?[A-Z\d])")
_LIST_MARK = re.compile(
    r"(?:[-*•‣▪◦●–—][ \t]+|\((?:\d{1,2}|[a-z]|[ivx]{1,4})\)[ \t]+|(?:\d{1,3}|[a-z])[.)][ \t]+)(?=\S)"
)
# Words that a heading does not end with, and those that make a sentence of it: chapters may begin IN CAPITALS.
_END_WORDS = "A AN AND AS AT BY FOR FROM HIS HER IN INTO IS IT ITS MY NO OF ON OR OUR THAT THE TO WAS WITH"
_UNENDED = frozenset(_END_WORDS.split())
_FINITE_WORDS = "AM ARE COULD DID HAD HAS HAVE HE I IS IT SHE THERE THEY WAS WE WERE WILL WOULD YOU"
_FINITE = frozenset(_FINITE_WORDS.split())
_OPENING_WORDS = (
    "A All An As At Both By Each Every For From If In It Many More Most No On Our Since Some The There This Those "
    "These To Under We When While With One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Fourteen Twenty"
)
_OPENING = frozenset(_OPENING_WORDS.split())
_MOST_TITLE_WORDS = 6  # of a line that has no number


def body_start(text: str, start: int, end: int) -> int:
    """Where the words of the sentence `text[start:end]` begin; `start` for one that is nothing else."""
    begin = start
    if not text[:start] or text[start - 1] == "\n":
        begin = _behind_head(text, start, end)
    mark = _LIST_MARK.match(text, begin, end)
    if mark is not None and (begin > start or _is_mark(text, begin)):
        begin = mark.end()
    return begin if text[begin:end].strip() else start


def _is_mark(text: str, start: int) -> bool:
    """Whether what looks like the mark of a list stands where one can: at the beginning of a line or of a sentence."""
    return start == 0 or text[start - 1].isspace()


def _behind_head(text: str, start: int, end: int) -> int:
    match = _HEAD_IN_CAPITALS.match(text, start, end)
    if match is not None and _is_heading_in_capitals(match):
        return match.end()
    line = _TITLE_LINE.match(text, start, end)
    if line is not None and (line["number"] or len(line["words"].split()) <= _MOST_TITLE_WORDS):
        below = text.find("\n", line.end(), end)
        if (end if below < 0 else below) - line.end() > 2 * len(line[0]):  # lines of a poem are as long as each other
            return line.end()
    return start


def _is_heading_in_capitals(match: re.Match[str]) -> bool:
    words = re.findall(r"[^\W\d_]+", match["words"])
    long = sum(len(word) > 1 for word in words)
    return (
        (long > 1 or _is_one_word_heading(match, words))
        and sum(map(len, words)) > 5
        and words[-1] not in _UNENDED
        and not _FINITE & set(words)
    )


def _is_one_word_heading(match: re.Match[str], words: list[str]) -> bool:
    """Whether one word in capitals has a number, or a word behind it that begins sentences: `HOUSING The third ...`."""
    if len(words) != 1 or len(words[0]) < 4:
        return False
    behind = re.compile(r"[^\W\d_]+").match(match.string, match.end())
    return bool(match["number"]) or (behind is not None and behind[0] in _OPENING)
