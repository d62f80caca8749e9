"""Hand-made results, and a pipeline that returns them without a model, for the tests of cli and output.

Run as a program it is `longdoc` with that pipeline, for what only a real process can show.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from longdoc.core.errors import InputNotFound
from longdoc.core.events import Finished, ModelLoaded, Opened, Opening, SegmentRead, Writing
from longdoc.core.types import (
    Answer,
    AttentionInfo,
    Citation,
    CitationCount,
    Evidence,
    ModelInfo,
    Receipt,
    SkippedPage,
    Source,
    Statement,
    Summary,
    SummaryPart,
)
from longdoc.ingest import Together


def make_receipt(name: str = "book.pdf", **changes: Any) -> Receipt:
    """A complete reading of a book with one page without text."""
    receipt = Receipt(
        source=Source(name=name, sha256="0123456789abcdef" * 4, format="pdf", num_bytes=123_456),
        title="A Book",
        num_pages=216,
        skipped=(SkippedPage(7, "no text layer"),),
        num_tokens=56_812,
        tokens_read=56_812,
        model=ModelInfo("embedded", adapter="memory"),
        attention=AttentionInfo("stream", sinks=4, window=512, memory=True, why="longer than the model's context"),
        prompts={"summarize/section": "ab" * 32},
        settings={"words": 250},
        seconds=12.4,
        read_tokens_per_s=9_100.4,
        write_tokens_per_s=0.0,
        peak_memory_bytes=512_000_000,
    )
    return replace(receipt, **changes)


def make_citation(quote: str = "It rained.", **changes: Any) -> Citation:
    """A verified citation of page 12."""
    return replace(
        Citation(quote=quote, start=100, end=100 + len(quote), source="book.pdf", page=12, verified=True), **changes
    )


def make_summary(name: str = "book.pdf", **changes: Any) -> Summary:
    """One sentence on the whole, one part with two."""
    whole = Statement("It rained.", (make_citation(source=name),))
    noted = Statement("The dog slept.", (make_citation("The dog slept.", source=name, page=13, label="xiii"),))
    return replace(
        Summary(
            status="complete",
            statements=(whole,),
            parts=(SummaryPart("Chapter 1", (whole, noted), start=0, end=900),),
            citations=CitationCount(total=3, verified=3, statements=3, statements_cited=3),
            receipt=make_receipt(name),
        ),
        **changes,
    )


def make_answer(question: str = "Did it rain?", name: str = "book.pdf", **changes: Any) -> Answer:
    """An answer with its citation and the passage that it was found in."""
    passage = make_citation("All day it rained. It rained.", source=name)
    return replace(
        Answer(
            status="answered",
            question=question,
            text="It rained.",
            citations=(make_citation(source=name),),
            evidence=(Evidence(passage, 0.83),),
            provenance=("search", "memory"),
            receipt=make_receipt(name),
        ),
        **changes,
    )


@dataclass
class FakePipeline:
    """Stands for `longdoc.pipeline`: emits the events of a reading and returns hand-made results.

    errors: source -> what to raise for it.   calls: the keyword arguments of each call, with its source.
    """

    errors: dict[str, BaseException] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    num_sessions: int = 0
    summary_of: Callable[[str], Summary] = make_summary
    answer_of: Callable[[str, str], Answer] = make_answer

    def open_session(self, model_options: Any, on_event: Callable[[Any], None], states: Any = None) -> str:
        self.num_sessions += 1
        on_event(ModelLoaded("embedded", 26_000_000, 0.4, "fits"))
        return "the session"

    def summarize(self, source: str | Together, **options: Any) -> Summary:
        source = source if isinstance(source, str) else source.name
        self._read(source, options)
        return self.summary_of(source)

    def begin(self, source: str | Together, **options: Any) -> FakeInterview:
        source = source if isinstance(source, str) else source.name
        self._read(source, options)
        return FakeInterview(self, source, self.calls[-1])

    def _read(self, source: str, options: dict[str, Any]) -> None:
        self.calls.append({"source": source, **options})
        on_event = options["on_event"]
        on_event(Opening(source))
        if source in self.errors:
            raise self.errors[source]
        if source.startswith("missing"):
            raise InputNotFound(f"There is no file {source}.", why="no such file", fix="check the name")
        on_event(Opened(source, "A Book", "pdf", 216, 300_000, 14))
        on_event(SegmentRead(28_406, 56_812, 9_100.0, "Chapter 1", 512_000_000))
        on_event(SegmentRead(56_812, 56_812, 9_100.0, "Chapter 14", 512_000_000))
        on_event(Writing("notes", 1, 1))
        on_event(Finished(make_receipt(source)))

    def modules(self) -> dict[str, ModuleType]:
        """What stands in `sys.modules` for the real ones, which import torch."""
        functions: dict[str, dict[str, Callable[..., Any]]] = {
            "summarize": {"summarize": self.summarize},
            "ask": {"begin": self.begin, "check_questions": lambda questions: None},
            "session": {"open_session": self.open_session},
        }
        made = {}
        for name, own in functions.items():
            module = ModuleType(f"longdoc.pipeline.{name}")
            vars(module).update(own)
            made[module.__name__] = module
        return made


@dataclass
class FakeInterview:
    """Stands for `longdoc.pipeline.ask.Interview`. call: what `FakePipeline.calls` holds of its reading."""

    pipeline: FakePipeline
    source: str
    call: dict[str, Any]

    def answers(self, questions: Sequence[str]) -> Iterator[Answer]:
        self.call["questions"] = list(questions)
        yield from map(self.answer, questions)

    def answer(self, question: str) -> Answer:
        if question in self.pipeline.errors:
            raise self.pipeline.errors[question]
        return self.pipeline.answer_of(question, self.source)


if __name__ == "__main__":
    from longdoc.cli import main

    sys.modules.update(FakePipeline().modules())
    main()
