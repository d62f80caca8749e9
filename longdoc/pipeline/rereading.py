"""What is read again for a question: the passages at the end of the context, as many as the model sees there at once.

Knows nothing of how passages were found or what is done with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.types import Evidence
from longdoc.pipeline.room import LEAST_TOKENS, encode_line, piece_at, pieces, room_beside, visible_tokens
from longdoc.pipeline.session import Reading

ANSWER_TOKENS = 160  # that an answer in the model's own words may take
_GAP_TOKENS = 2  # between two passages, at most


def request(reading: Reading, question: str, evidence: Sequence[Evidence], best: int) -> list[int]:
    """Tokens of the question after its passages, the strongest last.

    best: character that the embedded model must see, whose window holds one passage or a piece of it.
    """
    framing, text = reading.framing, reading.document.text
    if framing.prompt_set != "embedded":
        passages = "\n\n".join(e.citation.quote for e in reversed(evidence))
        return framing.request("answer", question=question, passages=passages)
    asked = [*framing.request("question", question=question), *framing.request("answer")]
    citation = evidence[0].citation
    room = room_beside(reading.reader, reading.state, len(asked) + ANSWER_TOKENS)
    cut = pieces(framing, text, (citation.start, citation.end), room)
    return [*encode_line(framing, text, cut[piece_at(cut, best)]), *asked]


def fitting(
    reading: Reading, question: str, evidence: list[Evidence], best: int
) -> tuple[list[Evidence], tuple[str, ...]]:
    """The passages, best first, that `request` can hold, and what to say when something does not fit.

    best: character of the first passage that is kept when not even that one fits whole.
    """
    said = long_question(reading, question)
    framing, document = reading.framing, reading.document
    if framing.prompt_set == "embedded" or not evidence:  # one passage at a time, in pieces if need be
        return evidence, said
    used = len(framing.request("answer", question=question, passages="")) + ANSWER_TOKENS
    room = room_beside(reading.reader, reading.state, used)
    first = evidence[0].citation
    cut = pieces(framing, document.text, (first.start, first.end), room - _GAP_TOKENS)
    kept: list[Evidence] = []
    for passage in [replace(evidence[0], citation=document.cite(*cut[piece_at(cut, best)])), *evidence[1:]]:
        room -= len(framing.encode(passage.citation.quote)) + _GAP_TOKENS
        if room < 0 and kept:
            break
        kept.append(passage)
    if kept == evidence:
        return evidence, said
    what = f"{len(kept)} of {len(evidence)} passages" if len(evidence) > len(kept) else "a piece of the passage"
    visible = visible_tokens(reading.reader, reading.state)
    return kept, (*said, f"only {what} fitted beside the question into the {visible:,} tokens that the model sees")


def long_question(reading: Reading, question: str) -> tuple[str, ...]:
    """What to say when the model cannot see the whole question; the search has all of its words."""
    num_tokens = len(reading.framing.encode(question))
    seen = question_tokens(reading)
    if num_tokens <= seen:
        return ()
    return (f"the question has {num_tokens:,} tokens, of which the model sees the last {seen:,} at once",)


def question_tokens(reading: Reading) -> int:
    """How many tokens of a question the model sees at once."""
    return max(0, visible_tokens(reading.reader, reading.reader.start()) - LEAST_TOKENS)
