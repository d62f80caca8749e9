"""The sentences of a document that are beside its subject: adverts, what hangs below a mail, a chat's notices."""

from __future__ import annotations

import re
from itertools import pairwise

from longdoc.core.sentences import Span
from longdoc.core.types import Document
from longdoc.search import adverts
from longdoc.search.footers import below, is_mail, within
from longdoc.search.notices import is_notice
from longdoc.search.terms import DocumentTerms

_MARKS = re.compile(r"^(?:> ?)+", re.MULTILINE)
_CHAT_FORMAT = "dialogue"
_DAY_OF_CHAT = re.compile(r"[\d./ 년월일-]{6,16}")  # the title of its section


def asides(document: Document, terms: DocumentTerms) -> frozenset[int]:
    """Their numbers."""
    found: set[int] = set()
    for start, end in [(file.start, file.end) for file in document.files] or [(0, len(document.text))]:
        numbers = terms.part(start, end)
        found |= _notices(document, terms, start, end)
        if is_mail(document, start):
            found |= _below_mails(document, terms, start, end)
        else:
            said = adverts.asides(document.text[start:end], [_from(start, terms.sentences[n]) for n in numbers])
            found |= {numbers[n] for n in said}
    return frozenset(found)


def _notices(document: Document, terms: DocumentTerms, start: int, end: int) -> set[int]:
    """What the program of a chat wrote. Subtitles and recordings have times too, but no days and no such program."""
    if not _is_chat(document, start, end):
        return set()
    found: set[int] = set()
    for number in terms.part(start, end):
        begin, stop = terms.sentences[number]
        anchor, section = document.anchor_at(begin), document.section_at(begin)
        is_timed = anchor is not None and anchor.start_s is not None
        if anchor is None or not is_timed or section is None or not _DAY_OF_CHAT.fullmatch(section.title):
            continue
        if is_notice(document.text[begin:stop], anchor.speaker):
            found.add(number)
    return found


def _is_chat(document: Document, start: int, end: int) -> bool:
    """Whether the file at `start` is a conversation as plain text in which somebody is named."""
    source = next((file.source for file in document.files if file.start == start), document.source)
    if source.format != _CHAT_FORMAT:
        return False
    return any(anchor.speaker is not None for anchor in document.anchors if start <= anchor.offset < end)


def _from(start: int, span: tuple[int, int]) -> tuple[int, int]:
    return span[0] - start, span[1] - start


def _below_mails(document: Document, terms: DocumentTerms, start: int, end: int) -> set[int]:
    """What hangs below the mails, and of what they quote that which stands in the text already."""
    edges = sorted({start, end, *(section.start for section in document.sections if start <= section.start < end)})
    found: set[int] = set()
    quoted: list[int] = []
    for first, last in pairwise(edges):
        hanging = below(document.text, first, last)
        for n in terms.part(first, last):
            begin = terms.sentences[n][0]
            if within(hanging.signatures, begin) or within(hanging.notices, begin):
                found.add(n)
            elif within(hanging.quoted, begin):
                quoted.append(n)
    own = set(terms.part(start, end)) - found - set(quoted)
    seen = {_words(document.text, terms.sentences[n]) for n in own}
    for n in quoted:
        words = _words(document.text, terms.sentences[n])
        found |= {n} if words in seen else set()
        seen.add(words)
    return found


def _words(text: str, span: Span) -> str:
    """A sentence on one line, without marks of quotation."""
    return " ".join(_MARKS.sub("", text[slice(*span)]).split())
