"""What stands on a page of HTML, and what points at what: each statement at its quotes, each quote back at those.

Ids: d1 a document, p1 a part, q1 a question, s1 a statement, c1 a quote. Quotes that were not verified are left out.
Knows nothing of HTML but that ids are unique.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count as counting
from typing import Any

from longdoc.core.types import Answer, Citation, Receipt, Statement, Summary
from longdoc.output.markdown import heading_of
from longdoc.output.memory_map import MemoryMap, memory_map, no_memory_words
from longdoc.output.receipts import answers_receipt, skipped_pages, summary_receipt
from longdoc.output.timeline import Curve, Map, Reading, curve, document_map
from longdoc.output.wording import (
    declined_words,
    focus_words,
    is_declined,
    no_passages,
    one_line,
    place,
    reasons,
    remark,
    shown_name,
    shown_parts,
)


@dataclass(frozen=True, slots=True)
class Reported:
    """What is told of one document: a summary, answers, or both. reading: how it went, when that is to be shown."""

    summary: Summary | None
    answers: tuple[Answer, ...] = ()
    reading: Reading | None = None

    @property
    def receipt(self) -> Receipt:
        """What was read."""
        if self.answers:
            return self.answers[-1].receipt
        assert self.summary is not None, "there is a summary, or there are answers"
        return self.summary.receipt


@dataclass(slots=True)
class Quote:
    """A passage of the document. number: its id is c and this, None for one that nothing cites.

    pieces: its text, and for words that an answer is made of the number by which it cites them.
    back: the statements that cite it.   heading: of the part that begins with it.
    section: where its place is a page.   before, after: what stands beside it in the document.
    """

    place: str
    pieces: tuple[tuple[str, int | None], ...]
    number: int | None = None
    back: list[int] = field(default_factory=list)
    heading: str | None = None
    section: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A statement. cites: (number of a quote, its place)."""

    number: int
    text: str
    cites: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of a summary."""

    id: str
    title: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class SummaryView:
    """A summary: the whole, the parts, the quotes in the order of the document.

    focus: what it is to be about, in words; has_focus: whether the document has anything of that.
    by_place: whether the place of each statement of the whole comes first.
    """

    focus: str | None
    has_focus: bool
    by_place: bool
    whole: tuple[Said, ...]
    parts: tuple[PartView, ...]
    quotes: tuple[Quote, ...]
    verbatim: bool
    map: Map | None


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer. message: instead of one, or on it.   passages: best first.   no_passages: why there are none.

    tiers: what it comes from, in words.
    """

    id: str
    question: str
    said: tuple[Said, ...]
    message: str | None
    tiers: str
    verbatim: bool
    passages: tuple[Quote, ...]
    passages_title: str
    no_passages: str


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One document of the page. incomplete: what was lost, one thing each.   no_memory: why there is no `memory`."""

    id: str
    title: str
    name: str
    incomplete: tuple[str, ...]
    summary: SummaryView | None
    answers: tuple[AnswerView, ...]
    curve: Curve | None
    memory: MemoryMap | None
    no_memory: str
    receipt: tuple[str, ...]
    sha256: str
    files: tuple[Mapping[str, Any], ...]


class Views:
    """Makes the views of one page: ids are unique on it."""

    def __init__(self) -> None:
        self._documents = counting(1)
        self._parts = counting(1)
        self._questions = counting(1)
        self._statements = counting(1)
        self._quotes = counting(1)

    def document(self, reported: Reported, *, several: bool) -> DocumentView:
        """What is shown of one document."""
        receipt, summary, answers = reported.receipt, reported.summary, reported.answers
        statuses = {*(answer.status for answer in answers), *([summary.status] if summary is not None else [])}
        receipts = [summary_receipt(summary)] if summary is not None else []
        receipts += [answers_receipt(answers)] if answers else []
        return DocumentView(
            id=f"d{next(self._documents)}",
            title=one_line(heading_of(receipt, several)),
            name=shown_name(receipt.source.name),
            incomplete=tuple(_losses(receipt)) if statuses & {"partial", "failed"} else (),
            summary=self._summary(summary) if summary is not None else None,
            answers=tuple(self._answer(answer) for answer in answers),
            curve=curve(reported.reading) if reported.reading is not None else None,
            memory=memory_map(receipt.memory),
            no_memory=no_memory_words(receipt),
            receipt=tuple(dict.fromkeys(line for lines in receipts for line in lines)),
            sha256=receipt.source.sha256,
            files=tuple(
                {
                    "name": shown_name(f.source.name),
                    "title": f.title or "",
                    "pages": f.num_pages,
                    "tokens": f.num_tokens,
                }
                for f in receipt.files
            ),
        )

    def _summary(self, summary: Summary) -> SummaryView:
        name = summary.receipt.source.name
        cited = {c for s in summary.all_statements() for c in s.citations if c.verified}
        quotes: dict[Citation, Quote] = {}
        titles = sorted((part.start, one_line(part.title)) for part in summary.parts)
        around = {(beside.start, beside.end): beside for beside in summary.around}
        told = None
        for citation in sorted(cited, key=lambda c: (c.start, c.end, c.quote)):
            before = [title for start, title in titles if start <= citation.start]
            title = before[-1] if before else None
            quote = Quote(place(citation, document=name), ((citation.quote, None),), next(self._quotes))
            quote.heading = title if title != told else None
            quote.section = _section(citation, title)
            if (beside := around.get((citation.start, citation.end))) is not None:
                quote.before, quote.after = beside.before, beside.after
            quotes[citation], told = quote, title

        def said(statements: Iterable[Statement]) -> tuple[Said, ...]:
            return tuple(self._said(s, [(c, quotes[c]) for c in s.citations if c.verified]) for s in statements)

        focus = summary.focus
        return SummaryView(
            focus=focus_words(focus, verbatim=summary.verbatim) if focus is not None else None,
            has_focus=focus is not None and focus.num_sentences > 0,
            by_place=summary.style == "timeline",
            whole=said(summary.statements),
            parts=tuple(
                PartView(f"p{next(self._parts)}", one_line(part.title), said(part.statements))
                for part in shown_parts(summary)
            ),
            quotes=tuple(quotes.values()),
            verbatim=summary.verbatim,
            map=document_map(summary.parts, (citation.start for citation in quotes)),
        )

    def _said(self, statement: Statement, quotes: Iterable[tuple[Citation, Quote]]) -> Said:
        number = next(self._statements)
        cites = []
        for _, quote in quotes:
            assert quote.number is not None, "it is cited"
            cites.append((quote.number, quote.place))
            quote.back.append(number)
        return Said(number, statement.text.strip(), tuple(dict.fromkeys(cites)))

    def _answer(self, answer: Answer) -> AnswerView:
        name = answer.receipt.source.name
        said: list[Said] = []
        numbers: dict[Citation, int] = {}
        back: dict[Citation, list[int]] = {}
        for statement in answer.sayings() if answer.text and answer.status != "not_found" else []:
            verified = [c for c in dict.fromkeys(statement.citations) if c.verified]
            for citation in verified:
                if citation not in numbers:
                    numbers[citation] = next(self._quotes)
            cites = tuple((numbers[c], place(c, document=name)) for c in verified)
            said.append(Said(next(self._statements), statement.text.strip(), cites))
            for citation in verified:
                back.setdefault(citation, []).append(said[-1].number)
        passages = []
        left = dict(numbers)
        for evidence in answer.evidence:
            passage = evidence.citation
            if passage.verified:
                pieces, marked = _marked(passage, left)
                backs = [number for citation in marked for number in back[citation]]
                shown = Quote(place(passage, document=name), pieces, back=backs, section=_section(passage))
                passages.append(shown)
                left = {citation: number for citation, number in left.items() if citation not in marked}
        own = [Quote(place(c, document=name), ((c.quote, None),), n, back[c]) for c, n in left.items()]
        message = declined_words(answer) if is_declined(answer) else None
        if behind := remark(answer):
            message = f"{behind[0].upper()}{behind[1:]}."
        return AnswerView(
            id=f"q{next(self._questions)}",
            question=one_line(answer.question),
            said=tuple(said),
            message=message,
            tiers=_tiers(answer) if said and not behind else "",
            verbatim=answer.verbatim,
            passages=(*own, *passages),
            passages_title="Passages" if said else "Closest passages",
            no_passages=no_passages(answer),
        )


def _tiers(answer: Answer) -> str:
    return f"From the {' and the '.join(answer.provenance)}." if answer.provenance else ""


def _section(citation: Citation, heading: str | None = None) -> str:
    """What its place does not say, and not the heading above it."""
    has_page = citation.page is not None or citation.label is not None
    title = one_line(citation.section or "") if has_page else ""
    return "" if title == heading else title


def _marked(
    passage: Citation, numbers: Mapping[Citation, int]
) -> tuple[tuple[tuple[str, int | None], ...], list[Citation]]:
    """The text of a passage cut at the quotes that stand in it, and those quotes. Of two that overlap, the first."""
    pieces: list[tuple[str, int | None]] = []
    marked: list[Citation] = []
    done = 0
    for citation in sorted(numbers, key=lambda c: (c.start, c.end)):
        first = citation.start - passage.start
        last = first + len(citation.quote)
        if done <= first < last and passage.quote[first:last] == citation.quote:
            pieces += [(passage.quote[done:first], None), (citation.quote, numbers[citation])]
            marked.append(citation)
            done = last
    pieces.append((passage.quote[done:], None))
    return tuple(piece for piece in pieces if piece[0]), marked


def _losses(receipt: Receipt) -> Iterator[str]:
    yield from (f"{reason}." for reason in reasons(receipt))
    if receipt.skipped:
        yield f"Skipped pages: {skipped_pages(receipt.skipped)}."
