"""Answers: search proposes passages, the model re-ranks them and reads them again, the answer is checked.

The document is read once; each question forks the final state. Verbatim: the answer is a sentence of the document,
chosen by a ranker over lexical columns and the model's. Written: the model answers in its own words after the
passages, the strongest last, and the answer is traced to them; where they do not suffice it names other words, which
are searched for once. Without the search the state alone answers (`recall`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.events import Listener, ignore
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Answer, Citation, Evidence, Passage
from longdoc.engine.adapter_file import POINTS_AMONG
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.pipeline import citations, pointing, provenance, rereading
from longdoc.pipeline.interview import Interview, Told, check_questions
from longdoc.pipeline.kept_reading import keep
from longdoc.pipeline.recall import recall
from longdoc.pipeline.rerank import PURPOSE, model_columns, rerank
from longdoc.pipeline.second_search import merged, other_words
from longdoc.pipeline.session import Reading, Session
from longdoc.pipeline.span import answer_sentence, answer_span
from longdoc.pipeline.writing import declines, write
from longdoc.search.whole import asks_for_whole


def ask(
    source: str | Together | Given,
    questions: Sequence[str],
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    options: AskOptions,
    on_event: Listener = ignore,
    session: Session | None = None,
    states: StateOptions | None = None,
) -> list[Answer]:
    """Read a source, or several as one document, once and answer each question, in order.

    session: a model that is loaded already, and perhaps the document read. No questions: it is only read.
    states: that of a new session, as in `Session`.
    """
    check_questions(questions)
    interview = begin(
        source,
        source_options=source_options,
        model_options=model_options,
        options=options,
        on_event=on_event,
        session=session,
        states=states,
    )
    return list(interview.answers(questions))


def begin(
    source: str | Together | Given,
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    options: AskOptions,
    on_event: Listener = ignore,
    session: Session | None = None,
    states: StateOptions | None = None,
) -> Interview:
    """Read a source once, for questions that may come later."""
    began = time.perf_counter()
    session = session or Session(model_options, states)
    if options.verbatim is False:  # refused before the document is read
        session.load(on_event)
        session.is_verbatim(options.verbatim)
    reading = session.read(source, source_options, on_event)
    keep(reading, source_options, rereading.question_tokens(reading))
    return interview_on(reading, options, on_event, time.perf_counter() - began)


def interview_on(reading: Reading, options: AskOptions, on_event: Listener, seconds: float) -> Interview:
    """Questions about a document that was read. seconds: spent on reading."""
    return Interview(
        lambda question: _answer(reading, question, options, on_event), reading.receipt, options, on_event, seconds
    )


def _answer(reading: Reading, question: str, options: AskOptions, on_event: Listener) -> Told:
    """One question."""
    verbatim = reading.session.is_verbatim(options.verbatim)
    if not options.search:
        return recall(reading, question, verbatim, on_event)
    rankers, adapter = reading.session.rankers["ranker"], reading.session.loaded.adapter
    if verbatim and pointing.is_alone(adapter, rankers):
        told = pointing.point(reading.document, reading.index, rankers, question, options)
        return replace(told, warnings=(*told.warnings, *rereading.long_question(reading, question)))
    if verbatim and asks_for_whole(question):
        return pointing.OF_THE_WHOLE
    if verbatim and (by := pointing.author(reading.document, question)) is not None:
        return by
    found = pointing.find(reading.document, question, reading.index, rankers, options.passages)
    if verbatim:
        return _told_verbatim(reading, question, found, options)
    return _told_in_own_words(reading, question, found, options, on_event)


def _told_verbatim(reading: Reading, question: str, found: pointing.Found, options: AskOptions) -> Told:
    """Sentences of the document, in whose choice the model takes a part."""
    rankers = reading.session.rankers["ranker"]
    if found.ranked and PURPOSE in rankers.rankers:
        text = reading.index.text
        columns = model_columns(reading.reader, reading.framing, text, question, found.proposed, found.ranked)
        found = replace(found, ranked=rerank(found.ranked, columns, rankers))
    evidence, warnings = _fitting(reading, question, found, options)
    text, cited = "", tuple[Citation, ...]()
    if found.likely >= pointing.MIN_ANSWERABLE:
        text, cited = _chosen(reading, question, found, evidence, options)
    text, cited = pointing.checked(reading.document, text, cited)
    tiers = _tiers_of_chosen(reading, question, evidence, cited) if text else ()
    return Told(text, cited, evidence, True, round(found.likely, 3), warnings, tiers, sure=found.is_sure)


def _told_in_own_words(
    reading: Reading, question: str, found: pointing.Found, options: AskOptions, on_event: Listener
) -> Told:
    """The model's words after the passages; when they do not suffice, after those of one more search."""
    evidence, warnings = _fitting(reading, question, found, options)
    told = Told("", (), evidence, False, round(found.likely, 3), warnings)
    if found.likely >= pointing.MIN_ANSWERABLE:
        told = _written(reading, question, told, on_event)
    if told.text or (query := other_words(reading, question, on_event)) is None:
        return told
    again = pointing.find(reading.document, query, reading.index, reading.session.rankers["ranker"], options.passages)
    more = pointing.evidence_of(reading.document, again, options.passages)
    both = merged(evidence, more, options.passages)
    told = replace(told, second_query=query)
    if {e.citation for e in both} <= {e.citation for e in evidence}:
        return told
    best = again.ranked[0].start if again.ranked else 0
    both, warnings = rereading.fitting(reading, question, both, best)
    return _written(reading, question, replace(told, evidence=both, warnings=warnings), on_event)


def _fitting(
    reading: Reading, question: str, found: pointing.Found, options: AskOptions
) -> tuple[list[Evidence], tuple[str, ...]]:
    """The passages that the model can read again at once, best first, and what to say of those that it cannot."""
    evidence = pointing.evidence_of(reading.document, found, options.passages)
    return rereading.fitting(reading, question, evidence, found.ranked[0].start if found.ranked else 0)


def _chosen(
    reading: Reading, question: str, found: pointing.Found, evidence: Sequence[Evidence], options: AskOptions
) -> tuple[str, tuple[Citation, ...]]:
    """One or two sentences of the document, the best first; or the part of the best that is sure to be the answer."""
    document, text, ranked = reading.document, reading.document.text, found.ranked
    best = ranked[0].start, ranked[0].end
    adapter = reading.session.loaded.adapter
    if (among := adapter.points_among if adapter else POINTS_AMONG) > 1:
        pool = [(s.start, s.end) for s in ranked[:among]]
        request = rereading.request(reading, question, evidence, best[0])
        best = answer_sentence(reading.reader, reading.framing, reading.state, text, request, pool) or best
    short = pointing.short_span(question, ranked, text[slice(*best)])
    if short is None and adapter is not None and adapter.sure_nats is not None:
        picked = next((s for s in ranked if (s.start, s.end) == best), ranked[0])
        passage, sentence = found.proposed[picked.passage], Passage(*best, picked.score)
        span = answer_span(reading.reader, reading.framing, reading.state, text, question, passage, sentence)
        if span is not None and span.confidence >= adapter.sure_nats:
            short = span.start - best[0], span.end - best[0]
    if short:
        return pointing.cut_out(document, best, short)
    return pointing.sentences_said(document, ranked, best, options.sentences)


def _written(reading: Reading, question: str, told: Told, on_event: Listener) -> Told:
    """The model's words after the passages of `told` were read again at the end of the context, the strongest last.

    Without text when the model declines, and when the passages do not bear what it says.
    """
    evidence = told.evidence
    request = rereading.request(reading, question, evidence, evidence[0].citation.start)
    asked = reading.reader.read(reading.state, request)
    ids, text = write(reading.reader, reading.framing, asked, rereading.ANSWER_TOKENS, on_event)
    if declines(text):
        return told
    supporter = citations.Supporter(reading.document, reading.terms)
    cited = supporter.support(text, [(e.citation.start, e.citation.end) for e in evidence])
    text, cited = pointing.checked(reading.document, text, cited)
    if not text:
        return told
    tiers = provenance.of_written(reading, request, asked, ids, cited, evidence)
    return replace(told, text=text, citations=cited, provenance=tiers)


def _tiers_of_chosen(
    reading: Reading, question: str, evidence: Sequence[Evidence], cited: Sequence[Citation]
) -> tuple[str, ...]:
    """Of sentences that the model decoded after a passage the tiers that made it choose the first of them.

    A model that did not decode, but was asked how likely a passage makes the question, chose by search alone.
    """
    adapter = reading.session.loaded.adapter
    if (adapter.points_among if adapter else POINTS_AMONG) <= 1:
        return provenance.CHOSEN
    request = rereading.request(reading, question, evidence, cited[0].start)
    asked = reading.reader.read(reading.state, request)
    ids = reading.framing.encode(cited[0].quote)
    found = provenance.of_written(reading, request, asked, ids, cited, evidence)
    return tuple(dict.fromkeys((*provenance.CHOSEN, *found)))
