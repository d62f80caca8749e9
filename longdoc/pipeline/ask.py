"""Answers: search proposes passages, the model re-ranks them and reads them again, the answer is checked.

The document is read once; each question forks the final state. Verbatim: the answer is a sentence of the document,
chosen by a ranker over lexical columns and the model's. Written: the model answers in its own words after the
passages, the strongest last, and the answer is traced to them.
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
from longdoc.pipeline import citations, pointing, rereading
from longdoc.pipeline.interview import Interview, Told, check_questions
from longdoc.pipeline.rerank import PURPOSE, model_columns, rerank
from longdoc.pipeline.session import Reading, Session
from longdoc.pipeline.span import answer_sentence, answer_span

NOT_IN_DOCUMENT = "NOT IN THE DOCUMENT"  # what prompts/chat/answer.md asks a writing model to say


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
    return interview_on(reading, options, on_event, time.perf_counter() - began)


def interview_on(reading: Reading, options: AskOptions, on_event: Listener, seconds: float) -> Interview:
    """Questions about a document that was read. seconds: spent on reading."""
    return Interview(lambda question: _answer(reading, question, options), reading.receipt, options, on_event, seconds)


def _answer(reading: Reading, question: str, options: AskOptions) -> Told:
    """One question."""
    verbatim = reading.session.is_verbatim(options.verbatim)
    rankers, adapter = reading.session.rankers["ranker"], reading.session.loaded.adapter
    if verbatim and pointing.is_alone(adapter, rankers):
        told = pointing.point(reading.document, reading.index, rankers, question, options)
        return replace(told, warnings=rereading.long_question(reading, question))
    found = pointing.find(question, reading.index, rankers, options.passages)
    if verbatim and found.ranked and PURPOSE in rankers.rankers:
        text = reading.index.text
        columns = model_columns(reading.reader, reading.framing, text, question, found.proposed, found.ranked)
        found = replace(found, ranked=rerank(found.ranked, columns, rankers))
    evidence = pointing.evidence_of(reading.document, found, options.passages)
    evidence, warnings = rereading.fitting(reading, question, evidence, found.ranked[0].start if found.ranked else 0)
    text, cited = "", tuple[Citation, ...]()
    if found.likely >= pointing.MIN_ANSWERABLE:
        if verbatim:
            text, cited = _chosen(reading, question, found, evidence, options)
        else:
            text, cited = _written(reading, question, evidence)
    text, cited = pointing.checked(reading.document, text, cited)
    provenance = _provenance(reading, verbatim) if text else ()
    return Told(text, cited, evidence, verbatim, round(found.likely, 3), warnings, provenance)


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
    citation = document.cite(*best)
    short = pointing.short_span(question, ranked, citation.quote)
    if short is None and adapter is not None and adapter.sure_nats is not None:
        picked = next((s for s in ranked if (s.start, s.end) == best), ranked[0])
        passage, sentence = found.proposed[picked.passage], Passage(*best, picked.score)
        span = answer_span(reading.reader, reading.framing, reading.state, text, question, passage, sentence)
        if span is not None and span.confidence >= adapter.sure_nats:
            short = span.start - best[0], span.end - best[0]
    if short:
        return pointing.cut_out(citation, short), (citation,)
    return pointing.sentences_said(document, ranked, best, options.sentences)


def _written(reading: Reading, question: str, evidence: Sequence[Evidence]) -> tuple[str, tuple[Citation, ...]]:
    """The model's words after the passages were read again at the end of the context, the strongest last."""
    reader, framing = reading.reader, reading.framing
    state = reader.read(reading.state, rereading.request(reading, question, evidence, evidence[0].citation.start))
    ids = list(reader.write(state, max_tokens=rereading.ANSWER_TOKENS, end_ids=framing.end_ids()))
    text = framing.tokenizer.decode(ids, skip_special_tokens=True).strip()
    if not text or NOT_IN_DOCUMENT in text.upper():
        return "", ()
    supporter = citations.Supporter(reading.document, reading.terms)
    return text, supporter.support(text, [(e.citation.start, e.citation.end) for e in evidence])


def _provenance(reading: Reading, verbatim: bool) -> tuple[str, ...]:
    """Which tiers the answer came from. A verbatim answer is chosen among the passages that search proposed."""
    tiers = [*pointing.provenance()]
    if not verbatim:
        tiers.append("window")
        if reading.plan.tiers.highlights:
            tiers.append("highlights")
        if reading.plan.use_memory:
            tiers.append("memory")
    return tuple(tiers)
