"""What stands before the words of a sentence and is none of them: a heading that runs into it, the mark of a list.

"LABOR AND MANAGEMENT The year just past ..." begins with "The year", "(a) the tenant pays" with "the tenant". In doubt
all of it stays: a heading before a quote is a blemish, a word that is cut off makes it false. So "8. Mai 1945 ..." and
the number of a clause ("4.1", "4." without a 3. or 5. nearby) stay. Knows nothing of sections and formats.
"""

from __future__ import annotations

import re

from longdoc.core.sentences import MONTHS

# Not with \s: a heading is followed by one blank or one line end. Words in capitals have two letters or more.
_NUMBER = r"(?:(?:Article|Part|Section|Clause|Chapter|Item|ARTICLE|PART|SECTION|CLAUSE|CHAPTER|ITEM) )?"
_NUMBER += r"(?:\d{1,3}(?:\.\d{1,3})*[.):]?|[IVX]{1,5}[.):]|[A-Z][.)])[ \t]*[-–—:]?[ \t]+"
_CAPITALS = r"[^\W\d_a-zß-öø-ÿ](?:[^\W\d_a-zß-öø-ÿ]|[.'’/&-])*[^\W\d_a-zß-öø-ÿ]"
_HEAD_IN_CAPITALS = re.compile(
    rf"(?P<number>{_NUMBER})?(?P<words>{_CAPITALS}(?:(?:,? &|,)? {_CAPITALS}){{0,9}})"
    r"\.?(?P<behind>[ \t]+|[ \t]*\n)(?=[“\"'‘(]?(?:[A-Z][a-z]|A |I ))"
)
_TITLE_LINE = re.compile(rf"(?P<number>{_NUMBER})?(?P<words>[^\W\d_a-z][^\n.!?:;,]{{1,70}})\n(?=[“\"'‘(]?[A-Z\d])")
_LIST_MARK = re.compile(
    r"(?:[*•‣▪◦●][ \t]+|[-–—][ \t]+(?!\d)|\((?:\d{1,2}|[a-z]|[ivx]{1,4})\)[ \t]+|(?:\d{1,3}|[a-z])\)[ \t]+)(?=\S)"
)
# Not before a word in small letters ("17. mai"), the name of a month or one in Roman numerals ("8. V. 1945").
_NUMBERED_ITEM = re.compile(
    r"(?P<number>\d{1,3})\.[ \t]+"
    rf"(?!(?:{MONTHS})\b|[IVX]{{1,4}}\b\.? ?\d)(?=[“\"'‘(]?[^\W\d_])(?![“\"'‘(]?[a-zß-öø-ÿ])"
)
_NEARBY = 1000  # characters: where the items before and after it begin
# Words that a heading does not end with, and those that make a sentence of it: chapters may begin IN CAPITALS.
_END_WORDS = "A AN AND AS AT BY FOR FROM HIS HER IN INTO IS IT ITS MY NO OF ON OR OUR THAT THE TO WAS WITH"
_UNENDED = frozenset(_END_WORDS.split())
_FINITE_WORDS = "AM ARE COULD DID HAD HAS HAVE HE I IS IT SHE THERE THEY WAS WE WERE WILL WOULD YOU"
_FINITE = frozenset(_FINITE_WORDS.split())
# "HEPATITIS TYPE A is ...": this A is no article.
_VERBS = "is|was|are|were|has|had|can|may|will|and|or|of|in|to|for|from|with|at|by|on"
_OPENING_WORDS = (
    "An As At Each Every For From If In It Many Our Since Some The There This Those These To Under We When While With"
)
_OPENING = re.compile(rf"[“\"'‘(]?(?:(?:{'|'.join(_OPENING_WORDS.split())})\b|A (?!(?:{_VERBS})\b)[a-z])")
_MOST_TITLE_WORDS = 6  # of a line that has no number


def body_start(text: str, start: int, end: int) -> int:
    """Where the words of the sentence `text[start:end]` begin; `start` for one that is nothing else."""
    begin = start
    if _begins_line(text, start):
        begin = _behind_head(text, start, end)
    mark = _LIST_MARK.match(text, begin, end)
    if mark is not None and (begin > start or _is_mark(text, begin)):
        begin = mark.end()
    elif _begins_line(text, begin) and (item := _NUMBERED_ITEM.match(text, begin, end)) is not None:
        begin = item.end() if _is_in_list(text, item) else begin
    return begin if text[begin:end].strip() else start


def _begins_line(text: str, start: int) -> bool:
    return start == 0 or text[start - 1] == "\n"


def _begins_paragraph(text: str, start: int) -> bool:
    return start == 0 or text.endswith("\n\n", 0, start)


def _is_mark(text: str, start: int) -> bool:
    """Whether what looks like the mark of a list stands where one can: at the beginning of a line or of a sentence."""
    return start == 0 or text[start - 1].isspace()


def _is_in_list(text: str, item: re.Match[str]) -> bool:
    """Whether a line nearby begins with the number before or behind that of `item`."""
    number = int(item["number"])
    before, behind = (re.compile(rf"(?:\A|\n)[ \t]*{n}\.[ \t]+[^\W\d_]") for n in (number - 1, number + 1))
    window = text[max(0, item.start() - _NEARBY) : item.start()]
    if item.start() > _NEARBY:
        window = window.partition("\n")[2]  # its first line is cut
    return bool(before.search(window) or behind.search(text, item.end(), item.end() + _NEARBY))


def _behind_head(text: str, start: int, end: int) -> int:
    match = _HEAD_IN_CAPITALS.match(text, start, end)
    if match is not None and _begins_paragraph(text, start) and _is_heading_in_capitals(match):
        return match.end()
    line = _TITLE_LINE.match(text, start, end)
    if line is not None and (line["number"] or len(line["words"].split()) <= _MOST_TITLE_WORDS):
        below = text.find("\n", line.end(), end)
        if (end if below < 0 else below) - line.end() > 2 * len(line[0]):  # lines of a poem are as long as each other
            return line.end()
    return start


def _is_heading_in_capitals(match: re.Match[str]) -> bool:
    """Whether they are two words or more, or one with a number, and behind them a line or a sentence begins."""
    words = re.findall(r"[^\W\d_]+", match["words"])
    long = sum(len(word) > 1 for word in words)
    return (
        match["words"].isupper()
        and (long > 1 or (match["number"] is not None and len(words[0]) > 3))
        and sum(map(len, words)) > 5
        and words[-1] not in _UNENDED
        and not _FINITE & set(words)
        and (match["behind"].endswith("\n") or _OPENING.match(match.string, match.end()) is not None)
    )
