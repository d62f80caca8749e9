"""Questions about one document, answered one after the other, each with its receipt.

Knows nothing of how an answer is found, and loads no model: a document whose reading is kept may need none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from longdoc.core.errors import UsageError
from longdoc.core.events import Finished, Listener, Step, Warned, Writing
from longdoc.core.settings import AskOptions
from longdoc.core.types import Answer, AnswerStatus, Citation, Evidence, NotFoundIn, Receipt


def check_questions(questions: Iterable[str]) -> None:
    """Raises UsageError when there is nothing in one of them."""
    if any(not question.strip() for question in questions):
        raise UsageError("A question is empty.", fix='longdoc ask SOURCE -q "Who is the author?"')


_PERHAPS = 0.08  # from this probability on that the document answers, it is not said that it does not


@dataclass(frozen=True, slots=True)
class Told:
    """What was found. text, citations: empty when nothing answers.   likely: the probability that something does.

    provenance: the tiers that the text came from.   second_query: other words of the model's that were searched for.
    not_found_in: as in `Answer`, when there is no text.   sure: as there, when there is one.
    """

    text: str
    citations: tuple[Citation, ...]
    evidence: Sequence[Evidence]
    verbatim: bool
    likely: float
    warnings: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()
    second_query: str | None = None
    not_found_in: NotFoundIn = "document"
    sure: bool = True


def _is_sure(told: Told) -> bool | None:
    """As in `Answer`: of an answer, and of that the document has none; None where nothing was looked for."""
    if told.text:
        return told.sure
    return told.likely < _PERHAPS if told.not_found_in == "document" else None


@dataclass(slots=True)
class Interview:
    """Questions about a document that was read.

    tell: what is found for one question.   receipt: of the reading, with more settings.
    seconds: spent on reading and on answering so far; waiting for the next question does not count.
    """

    tell: Callable[[str], Told]
    receipt: Callable[[dict[str, Any]], Receipt]
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
        told = self.tell(question.strip())
        self.seconds += time.perf_counter() - began
        settings = {**asdict(self.options), "verbatim": told.verbatim, "answerable": told.likely}
        receipt = self.receipt({**settings, "second_query": told.second_query})
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
            provenance=told.provenance,
            receipt=receipt,
            verbatim=told.verbatim,
            not_found_in=None if told.text else told.not_found_in,
            sure=_is_sure(told),
        )
