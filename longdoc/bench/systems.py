"""The real pipeline as a system in the tables of `qa` and `summaries`, beside their lexical baselines.

These benches hold texts, not files. `TextSession` gives the pipeline such a text under a name, and everything else
is what `longdoc ask` and `longdoc summarize` do.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from longdoc.bench import qa, summaries
from longdoc.bench.report import Report, report
from longdoc.core.events import Event, Listener, Writing, ignore
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, SummaryOptions
from longdoc.core.types import Document, Section, Source, SummaryPart
from longdoc.ingest import Together
from longdoc.ingest.given import Given
from longdoc.pipeline.ask import ask
from longdoc.pipeline.session import OnPart, Reading, Session
from longdoc.pipeline.summarize import summarize
from longdoc.search.joined import JoinedDocument

PIPELINE = "longdoc"


class TextSession(Session):
    """A session whose sources are texts: `put` names one, and `read` finds it by that name."""

    def __init__(self, options: ModelOptions) -> None:
        super().__init__(options)
        self._document: Document | None = None
        self._reading: Reading | None = None

    def put(self, name: str, text: str, title: str | None, sections: tuple[Section, ...] = ()) -> None:
        """The text that is read next; it takes the place of the one before."""
        data = text.encode()
        source = Source(name, hashlib.sha256(data).hexdigest(), "text", len(data))
        self._document = Document(text, source, title=title, sections=sections)
        self._reading = None

    def read(
        self, source: str | Together | Given, options: SourceOptions, on_event: Listener, on_part: OnPart | None = None
    ) -> Reading:
        """Read the text, or hand out what was read of it before when nobody takes notes."""
        assert self._document is not None
        assert source == self._document.source.name
        if on_part is None and self._reading is not None:
            return self._reading
        started = time.perf_counter()
        self.load(on_event)
        reading = Reading(self, self._document, started)
        reading.read_all(on_event, on_part)
        self._reading = reading
        return reading


def asked(session: TextSession, options: AskOptions, on_event: Listener = ignore) -> qa.System:
    """`longdoc ask`. A question that is not answered has the text "", as on the command line."""

    def system(document: JoinedDocument) -> qa.Ask:
        session.put(document.name, document.text, None, document.sections)

        def reply(question: str) -> qa.Reply:
            (answer,) = ask(
                document.name,
                [question],
                source_options=SourceOptions(),
                model_options=session.options,
                options=options,
                on_event=on_event,
                session=session,
            )
            passages = tuple((e.citation.start, e.citation.end) for e in answer.evidence)
            return qa.Reply(answer.text, passages, float(answer.receipt.settings["answerable"]))

        return reply

    return system


def summarized(session: TextSession, verbatim: bool | None, on_event: Listener = ignore) -> summaries.System:
    """`longdoc summarize`: the summary of the whole, and how it is cited. Spans where it is verbatim, else its text."""

    def system(document: str, title: str, budget_words: int) -> summaries.Made:
        name = title or "document"
        session.put(name, document, title or None)
        summary = summarize(
            name,
            source_options=SourceOptions(),
            model_options=session.options,
            options=SummaryOptions(words=budget_words, verbatim=verbatim),
            on_event=on_event,
            session=session,
        )
        spans = [(c.start, c.end) for statement in summary.statements for c in statement.citations]
        told = [_is_told(part) for part in summary.parts]
        share = sum(told) / max(1, len(told))
        return summaries.Made(spans if summary.verbatim else summary.text, summary.citations, share)

    return system


def _is_told(part: SummaryPart) -> bool:
    return any(part.start <= c.start < part.end for statement in part.statements for c in statement.citations)


def run_qa(
    options: ModelOptions,
    paths: Sequence[Path],
    *,
    ask_options: AskOptions,
    num_questions: int,
    max_words: int,
    max_texts: int = 1,
    rotations: int = 1,
    held_out_only: bool = True,
    naming: bool = False,
    on_event: Listener = ignore,
) -> Report:
    """BM25, the rankers alone, and the whole pipeline. max_texts, rotations, naming: as in `qa.run`."""
    session = TextSession(options)
    session.load(on_event)
    systems: Mapping[str, qa.System] = {
        "bm25": qa.bm25,
        "lexical": qa.lexical(session.rankers["ranker"]),
        PIPELINE: asked(session, ask_options, _only_reading(on_event)),
    }
    found = qa.run(
        paths,
        {name: _told_qa(name, system, on_event) for name, system in systems.items()},
        num_questions=num_questions,
        max_words=max_words,
        max_texts=max_texts,
        rotations=rotations,
        held_out_only=held_out_only,
        naming=naming,
    )
    more = {key: value for key, value in found.items() if key not in {"schema", "bench", "results"}}
    return report("qa", session.loaded.info, found["results"], **more)


def run_summaries(
    options: ModelOptions,
    paths: Sequence[Path],
    *,
    verbatim: bool | None,
    max_documents: int,
    held_out_only: bool = True,
    on_event: Listener = ignore,
) -> Report:
    """The first sentences, the most central ones, the rankers alone, and the whole pipeline."""
    session = TextSession(options)
    session.load(on_event)
    salience = session.rankers["salience"]
    systems: Mapping[str, summaries.System] = {
        "lead": summaries.lead,
        "central": summaries.central,
        "ranked": summaries.ranked(salience),
        PIPELINE: summarized(session, verbatim, _only_reading(on_event)),
    }
    found = summaries.run(paths, systems, max_documents=max_documents, held_out_only=held_out_only)
    more = {key: value for key, value in found.items() if key not in {"schema", "bench", "results"}}
    return report("summaries", session.loaded.info, found["results"], **more)


def _told_qa(name: str, system: qa.System, on_event: Listener) -> qa.System:
    """The system, with a word to the listener for every document that it starts on."""

    def told(document: JoinedDocument) -> qa.Ask:
        on_event(Writing("answers", 0, len(document.questions), f"{name} on {document.name}"))
        return system(document)

    return told


def _only_reading(on_event: Listener) -> Listener:
    """What a bench shows of the pipeline's events: the reading. A line for every question would be too much."""
    from longdoc.core.events import SegmentRead

    def listener(event: Event) -> None:
        if isinstance(event, SegmentRead):
            on_event(event)

    return listener
