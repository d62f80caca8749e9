"""Answers from the reading state alone (`--without search`): nothing is looked up, and quotes are found afterwards.

A model that writes is asked the question after the document, without passages. The embedded model's memory keeps
numbers that the text tells ("The code of Arden is 70419."): it goes on from "What is the code of Arden? The code of
Arden is", and a number that it is not sure of is no answer. What is said is then located in the text; where it does not
stand there it has no citation, and the result says so.
"""

from __future__ import annotations

import math
import re

from longdoc.core import needles
from longdoc.core.events import Listener
from longdoc.engine.reader import ReadingState
from longdoc.pipeline import provenance
from longdoc.pipeline.framing import is_framed
from longdoc.pipeline.interview import Told
from longdoc.pipeline.locating import locate
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.rereading import ANSWER_TOKENS, long_question
from longdoc.pipeline.writing import declines, write

UNCITED = "the answer does not stand in the document as it is said here: it has no citation"
NUMBERS_ONLY = (
    "without the search this model can only tell numbers that the text tells in a sentence of its own; "
    'ask "What is the ...?"'
)
_ASKS = re.compile(r"^\s*what (is|was|are|were) (.+?)\s*\?*\s*$", re.IGNORECASE | re.DOTALL)
_NUMBER_TOKENS = 2 * needles.NUM_DIGITS + 2  # a space, and digits that may be single tokens or not
_SURE = 0.95  # probability of a whole number


def recall(reading: Reading, question: str, verbatim: bool, on_event: Listener) -> Told:
    """The answer to one question from the state. verbatim: of a model that writes, only what stands in the document."""
    warnings = list(long_question(reading, question))
    is_writer = is_framed(reading.framing.prompt_set)
    request = _request(reading, question)
    if request is None:
        return Told("", (), (), verbatim, 0.0, (*warnings, NUMBERS_ONLY), not_found_in="memory")
    asked = reading.reader.read(reading.state, request)
    if is_writer:
        ids, text = write(reading.reader, reading.framing, asked, ANSWER_TOKENS, on_event)
    else:
        ids, text = _number(reading, asked)
    likely = math.exp(float(reading.reader.score(asked, [ids])[0].sum())) if ids else 0.0
    if declines(text) or (not is_writer and likely < _SURE):
        return Told("", (), (), verbatim, round(likely, 3), tuple(warnings), not_found_in="memory")
    cited = locate(reading.document, reading.terms, text, question)
    if verbatim and is_writer:
        text = " ".join(" ".join(citation.quote for citation in cited).split())
    tiers = provenance.of_written(reading, request, asked, ids, cited) if text else ()
    if text and not cited:
        warnings.append(UNCITED)
    return Told(text, cited, (), verbatim, round(likely, 3), tuple(warnings), tiers, not_found_in="memory")


def _request(reading: Reading, question: str) -> list[int] | None:
    """What is read after the document; None when the model has no way to answer such a question."""
    if is_framed(reading.framing.prompt_set):
        return reading.framing.request("recall", question=question)
    asks = _ASKS.match(question)
    if asks is None:
        return None
    subject = " ".join(asks[2].split())
    begun = f"{subject[0].upper()}{subject[1:]} {asks[1].lower()}"
    return reading.framing.request("recall", question=f"{' '.join(question.split()).rstrip(' ?')}?", begun=begun)


def _number(reading: Reading, asked: ReadingState) -> tuple[list[int], str]:
    """The tokens up to the last digit of a number, and its digits; as many as the model was trained with at most."""
    decode = reading.framing.tokenizer.decode
    ids: list[int] = []
    for token in reading.reader.write(asked, max_tokens=_NUMBER_TOKENS):
        ids.append(token)
        text = decode(ids).strip()
        if text and not text.isdecimal():
            return [], ""
        if len(text) >= needles.NUM_DIGITS:
            return ids, text[: needles.NUM_DIGITS]
    return [], ""
