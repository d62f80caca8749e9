"""Answers that are sentences of the document, found by search and its rankers; no model is asked.

What the model does besides, where it was trained for it (`rerank`, `span`, words of its own), is for `ask`. Knows
nothing of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longdoc.core.sentences import Span, sentence_spans
from longdoc.core.settings import AskOptions
from longdoc.core.types import Citation, Document, Evidence, Passage, Statement
from longdoc.engine.adapter_file import AdapterInfo
from longdoc.pipeline import citations
from longdoc.pipeline.interview import Told
from longdoc.search.answers import ScoredSentence, answerability, enough, rank_sentences
from longdoc.search.byline import asks_author, byline
from longdoc.search.footers import below, is_mail, within
from longdoc.search.index import PassageIndex
from longdoc.search.passages import KEPT, find_passages
from longdoc.search.ranker import RankerFile
from longdoc.search.salience import says_nothing
from longdoc.search.shortest import shortest_answer
from longdoc.search.whole import asks_for_whole
from longdoc.search.words import content_stems

MIN_ANSWERABLE = 0.5
_SURE_LIKELY, _SURE_SHARE = 0.9, 0.5
_MOST_ANNOUNCED = 500  # characters
RERANKED = "reranked"  # the ranker that takes columns of a model


@dataclass(frozen=True, slots=True)
class Found:
    """proposed: passages, best first.   ranked: their sentences, best first.   likely: that the document answers."""

    proposed: list[Passage]
    ranked: list[ScoredSentence]
    likely: float

    @property
    def is_sure(self) -> bool:
        """Whether the document likely answers, and one sentence stands out."""
        return bool(self.ranked) and self.likely >= _SURE_LIKELY and self.ranked[0].probability >= _SURE_SHARE


# No sentence says what all of them are about.
OF_THE_WHOLE = Told("", (), (), True, 0.0, not_found_in="passage")


def author(document: Document, question: str) -> Told | None:
    """Who wrote the document, when that is asked and stands under its title. Of several files each has its own."""
    found = byline(document.text) if asks_author(question) and not document.files else None
    if found is None:
        return None
    line, names = found
    text, cited = checked(document, " ".join(document.text[slice(*names)].split()), (document.cite(*line),))
    return Told(text, cited, (), True, 1.0, provenance=provenance())


def is_alone(adapter: AdapterInfo | None, rankers: RankerFile) -> bool:
    """Whether verbatim answers come from `point` alone: the model was not trained to take a part in choosing."""
    if adapter is None or RERANKED in rankers.rankers:
        return False
    return adapter.verbatim and adapter.points_among <= 1 and adapter.sure_nats is None


def find(document: Document, question: str, index: PassageIndex, rankers: RankerFile, passages: int) -> Found:
    """What search has to say. passages: how many are wanted as evidence."""
    proposed = find_passages(question, index, rankers, max(KEPT, passages))
    ranked = without_footers(document, rank_sentences(question, index, proposed, rankers))
    ranked = without_names_of_speakers(document, question, ranked)
    return Found(proposed, ranked, answerability(question, index, proposed, ranked, rankers))


def without_footers(document: Document, ranked: list[ScoredSentence]) -> list[ScoredSentence]:
    """Without what hangs below a mail, unless that has more of the question's words than the mail itself.

    A signature need not have more of them: who somebody is and how to reach them stands there alone.
    """
    mails = {document.section_at(s.start) for s in ranked if is_mail(document, s.start)}
    spans = sorted({(m.start, m.end) if m is not None else (0, len(document.text)) for m in mails})
    hanging = [below(document.text, start, end) for start, end in spans]
    signed = tuple(span for mail in hanging for span in mail.signatures)
    noted = tuple(span for mail in hanging for span in mail.notices)

    def covered(sentences: Sequence[ScoredSentence]) -> float:
        return max((s.features["coverage"] for s in sentences), default=-1.0)

    own = [s for s in ranked if not within(signed, s.start) and not within(noted, s.start)]
    if not own:
        return ranked
    signatures = [s for s in ranked if within(signed, s.start)]
    notices = [s for s in ranked if within(noted, s.start)]
    kept = {s.start for s in own}
    kept |= {s.start for s in signatures} if covered(signatures) >= covered(own) else set()
    kept |= {s.start for s in notices} if covered(notices) > covered(own) else set()
    return [s for s in ranked if s.start in kept]


def without_names_of_speakers(document: Document, question: str, ranked: list[ScoredSentence]) -> list[ScoredSentence]:
    """When it is asked who somebody is who speaks here, only what names them: not "Jason: Yeah, it was.", nor a reply.

    None are left when nobody says anything of them.
    """
    asked = set(content_stems(question))
    said = [citations.cite_sentence(document, s.start, s.end) for s in ranked]
    told = [
        citation.quote.rstrip(": ") != citation.speaker and bool(asked & set(content_stems(citation.quote)))
        for citation in said
    ]
    only_says = [
        not tells and citation.start > sentence.start and asked <= set(content_stems(citation.speaker or ""))
        for sentence, citation, tells in zip(ranked, said, told, strict=True)
    ]
    if not asked or not any(only_says):
        return ranked
    return [sentence for sentence, tells in zip(ranked, told, strict=True) if tells]


def evidence_of(document: Document, found: Found, most: int, *, alone: bool = False) -> list[Evidence]:
    """The passages that hold the best sentences, best first, with the probability of theirs.

    Where nothing answers, those that have no word of the question, nor a related one, are left out.   alone: no model
    will read them; then only the best sentence of each is shown, with the next: it tells at once what is there.
    """
    best = dict.fromkeys(range(len(found.proposed)), 0.0)
    for sentence in found.ranked:
        best[sentence.passage] = max(best[sentence.passage], sentence.probability)
    if found.likely < MIN_ANSWERABLE:
        near = {s.passage for s in found.ranked if s.features["coverage_wide"] + s.features["related_wide"] > 0}
        best = {passage: probability for passage, probability in best.items() if passage in near}
    order = sorted(best, key=lambda p: -best[p])[:most]
    spans = [(found.proposed[p].start, found.proposed[p].end) for p in order]
    if alone and found.likely < MIN_ANSWERABLE:
        spans = [nearest_in(found, p) for p in order]
    return [Evidence(document.cite(*span), round(best[p], 4)) for span, p in zip(spans, order, strict=True)]


def nearest_in(found: Found, passage: int) -> Span:
    """Of a passage that has ranked sentences, the best one with the next."""
    own = [s for s in found.ranked if s.passage == passage]
    after = [s for s in own if s.start >= own[0].end]
    return own[0].start, min(after, key=lambda s: s.start).end if after else own[0].end


def sentences_said(
    document: Document, ranked: Sequence[ScoredSentence], best: Span, most: int
) -> tuple[str, tuple[Citation, ...]]:
    """One or two sentences of the document, `best` first; in reading order when they follow each other.

    A sentence that ends with a colon says nothing without what it announces: that is said with it.
    """
    if (listed := announced(document.text, best)) is not None:
        both = citations.cite_sentence(document, *best), document.cite(*listed)
        return " ".join(" ".join(c.quote for c in both).split()), both
    others = [
        (s.start, s.end)
        for s in enough(ranked, most)
        if (s.start, s.end) != best and not says_nothing(document.text[s.start : s.end])
    ][: most - 1]
    if len(others) == 1 and others[0][1] <= best[0] and not document.text[others[0][1] : best[0]].strip():
        best, others = others[0], [best]
    found = tuple(citations.cite_sentence(document, *span) for span in (best, *others))
    return " ".join(" ".join(c.quote for c in found).split()), found


def announced(text: str, sentence: Span) -> Span | None:
    """What stands in the paragraph behind a sentence that ends with a colon: a list, words that are quoted.

    Whole sentences, the first one at least, and no more than _MOST_ANNOUNCED characters of them.
    """
    if not text[slice(*sentence)].rstrip().endswith(":"):
        return None
    start = sentence[1] + len(text[sentence[1] :]) - len(text[sentence[1] :].lstrip())
    stop = text.find("\n\n", start)
    spans = sentence_spans(text, start, stop if stop >= 0 else len(text))
    if not spans:
        return None
    kept = [span for span in spans if span[1] - start <= _MOST_ANNOUNCED] or spans[:1]
    return kept[0][0], kept[-1][1]


def short_span(question: str, ranked: Sequence[ScoredSentence], sentence: str) -> Span | None:
    """The part of the best sentence that is sure to be the answer, if there is one."""
    return shortest_answer(question, sentence) if len(enough(ranked)) == 1 else None


def cut_out(document: Document, sentence: Span, part: Span) -> tuple[str, tuple[Citation, ...]]:
    """A part of a sentence on one line, and the sentence. part: counted from where the sentence begins."""
    start = sentence[0] + part[0]
    citation = citations.cite_sentence(document, *sentence)
    if start < citation.start:  # the part is the name of who says it
        citation = document.cite(*sentence)
    return " ".join(document.text[start : sentence[0] + part[1]].split()), (citation,)


def checked(document: Document, text: str, found: tuple[Citation, ...]) -> tuple[str, tuple[Citation, ...]]:
    """The answer with its verified citations; nothing at all without one."""
    (statement,), counts = citations.check(document, [Statement(text, found)])
    return (text, statement.citations) if text and counts.statements_cited == 1 else ("", ())


def point(document: Document, index: PassageIndex, rankers: RankerFile, question: str, options: AskOptions) -> Told:
    """The whole answer, where `is_alone`."""
    if asks_for_whole(question):
        return OF_THE_WHOLE
    if (told := author(document, question)) is not None:
        return told
    found = find(document, question, index, rankers, options.passages)
    text, cited = "", tuple[Citation, ...]()
    if found.likely >= MIN_ANSWERABLE:
        best = found.ranked[0].start, found.ranked[0].end
        short = short_span(question, found.ranked, document.text[slice(*best)])
        if short:
            text, cited = cut_out(document, best, short)
        else:
            text, cited = sentences_said(document, found.ranked, best, options.sentences)
    text, cited = checked(document, text, cited)
    evidence = evidence_of(document, found, options.passages, alone=True)
    tiers = provenance() if text else ()
    return Told(text, cited, evidence, True, round(found.likely, 3), provenance=tiers, sure=found.is_sure)


def provenance() -> tuple[str, ...]:
    """The tiers of an answer that was chosen among the passages that search proposed."""
    return ("search",)
