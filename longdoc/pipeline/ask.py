"""Answers: search proposes passages, the model re-ranks them and reads them again, the answer is checked.

The document is read once; each question forks the final state. Verbatim: the answer is a sentence of the document,
chosen by a ranker over lexical columns and the model's. Written: the model answers in its own words after the
passages, the strongest last, and the answer is traced to them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from longdoc.core.errors import UsageError
from longdoc.core.events import Finished, Listener, Step, Warned, Writing, ignore
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Answer, AnswerStatus, Citation, Evidence, Passage, Statement
from longdoc.engine.adapter import POINTS_AMONG
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.pipeline import citations, rereading
from longdoc.pipeline.rerank import PURPOSE, model_columns, rerank
from longdoc.pipeline.session import Reading, Session
from longdoc.pipeline.span import answer_sentence, answer_span
from longdoc.search.answers import ScoredSentence, answerability, enough, rank_sentences
from longdoc.search.passages import KEPT, find_passages
from longdoc.search.shortest import shortest_answer

NOT_IN_DOCUMENT = "NOT IN THE DOCUMENT"  # what prompts/chat/answer.md asks a writing model to say
_MIN_ANSWERABLE = 0.5


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
    return Interview(reading, options, on_event, time.perf_counter() - began)


def check_questions(questions: Iterable[str]) -> None:
    """Raises UsageError when there is nothing in one of them."""
    if any(not question.strip() for question in questions):
        raise UsageError("A question is empty.", fix='longdoc ask SOURCE -q "Who is the author?"')


@dataclass(slots=True)
class Interview:
    """Questions about a document that was read.

    seconds: spent on reading and on answering so far; waiting for the next question does not count.
    """

    reading: Reading
    options: AskOptions
    on_event: Listener
    seconds: float

    def answers(self, questions: Sequence[str]) -> Iterator[Answer]:
        """The answer to each question, as soon as there is one; the document is finished with the last."""
        for number, question in enumerate(questions):
            self.on_event(Step())
            self.on_event(Writing("answers", number, len(questions), question))
            answer = self.answer(question)
            self.on_event(Writing("answers", number + 1, len(questions)))
            if number + 1 == len(questions):
                self.on_event(Step(follows=False))
                self.on_event(Finished(answer.receipt))
            yield answer

    def answer(self, question: str) -> Answer:
        """The answer to one question."""
        check_questions([question])
        began = time.perf_counter()
        told = _answer(self.reading, question.strip(), self.options)
        self.seconds += time.perf_counter() - began
        receipt = self.reading.receipt({**asdict(self.options), "verbatim": told.verbatim, "answerable": told.likely})
        receipt = replace(receipt, seconds=self.seconds, warnings=(*receipt.warnings, *told.warnings))
        for warning in told.warnings:
            self.on_event(Warned(warning))
        complete: AnswerStatus = "answered" if told.text else "not_found"
        return Answer(
            status=complete if receipt.is_complete else "partial",
            question=question.strip(),
            text=told.text,
            citations=told.citations,
            evidence=tuple(told.evidence),
            provenance=_provenance(self.reading, told.verbatim) if told.text else (),
            receipt=receipt,
            verbatim=told.verbatim,
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """What was found. text, citations: empty when nothing answers.   likely: the probability that something does."""

    text: str
    citations: tuple[Citation, ...]
    evidence: list[Evidence]
    verbatim: bool
    likely: float
    warnings: tuple[str, ...]


def _answer(reading: Reading, question: str, options: AskOptions) -> _Told:
    """One question."""
    verbatim = reading.session.is_verbatim(options.verbatim)
    rankers = reading.session.rankers["ranker"]
    proposed = find_passages(question, reading.index, rankers, max(KEPT, options.passages))
    ranked = rank_sentences(question, reading.index, proposed, rankers)
    likely = answerability(question, reading.index, proposed, ranked, rankers)
    if verbatim and ranked and PURPOSE in rankers.rankers:
        columns = model_columns(reading.reader, reading.framing, reading.index.text, question, proposed, ranked)
        ranked = rerank(ranked, columns, rankers)
    evidence = _evidence(reading, proposed, ranked, options.passages)
    evidence, warnings = rereading.fitting(reading, question, evidence, ranked[0].start if ranked else 0)
    text, found = "", tuple[Citation, ...]()
    if likely >= _MIN_ANSWERABLE:
        if verbatim:
            text, found = _chosen(reading, question, proposed, ranked, evidence, options)
        else:
            text, found = _written(reading, question, evidence)
    checked, counts = citations.check(reading.document, [Statement(text, found)])
    answered = bool(text) and counts.statements_cited == 1
    kept = checked[0].citations if answered else ()
    return _Told(text if answered else "", kept, evidence, verbatim, round(likely, 3), warnings)


def _chosen(
    reading: Reading,
    question: str,
    proposed: Sequence[Passage],
    ranked: Sequence[ScoredSentence],
    evidence: Sequence[Evidence],
    options: AskOptions,
) -> tuple[str, tuple[Citation, ...]]:
    """One or two sentences of the document, the best first; or the part of the best that is sure to be the answer."""
    document, text = reading.document, reading.document.text
    best = ranked[0].start, ranked[0].end
    adapter = reading.session.loaded.adapter
    if (among := adapter.points_among if adapter else POINTS_AMONG) > 1:
        pool = [(s.start, s.end) for s in ranked[:among]]
        request = rereading.request(reading, question, evidence, best[0])
        best = answer_sentence(reading.reader, reading.framing, reading.state, text, request, pool) or best
    citation = document.cite(*best)
    said = enough(ranked, options.sentences)
    short = shortest_answer(question, citation.quote) if len(enough(ranked)) == 1 else None
    if short is None and adapter is not None and adapter.sure_nats is not None:
        picked = next((s for s in ranked if (s.start, s.end) == best), ranked[0])
        passage, sentence = proposed[picked.passage], Passage(*best, picked.score)
        span = answer_span(reading.reader, reading.framing, reading.state, text, question, passage, sentence)
        if span is not None and span.confidence >= adapter.sure_nats:
            short = span.start - best[0], span.end - best[0]
    if short:
        return " ".join(citation.quote[slice(*short)].split()), (citation,)
    others = [(s.start, s.end) for s in said if (s.start, s.end) != best][: options.sentences - 1]
    found = (citation, *(document.cite(*other) for other in others))
    return " ".join(" ".join(c.quote for c in found).split()), found


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


def _evidence(
    reading: Reading, proposed: Sequence[Passage], ranked: Sequence[ScoredSentence], most: int
) -> list[Evidence]:
    """The passages that hold the best sentences, best first, with the probability of theirs."""
    best = dict.fromkeys(range(len(proposed)), 0.0)
    for sentence in ranked:
        best[sentence.passage] = max(best[sentence.passage], sentence.probability)
    order = sorted(best, key=lambda p: -best[p])[:most]
    return [Evidence(reading.document.cite(proposed[p].start, proposed[p].end), round(best[p], 4)) for p in order]


def _provenance(reading: Reading, verbatim: bool) -> tuple[str, ...]:
    """Which tiers the answer came from. A verbatim answer is chosen among the passages that search proposed."""
    tiers = ["search"]
    if not verbatim:
        tiers.append("window")
        if reading.plan.tiers.highlights:
            tiers.append("highlights")
        if reading.plan.use_memory:
            tiers.append("memory")
    return tuple(tiers)
