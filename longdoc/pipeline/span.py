"""The shortest words that answer: a span of the chosen sentence, decoded by the model under the verbatim constraint.

The passage is read again at the end of the context, then the question; what the model writes can only be whole words
of the sentence, one after the other. A model that was not trained to point decodes whole sentences instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longdoc.core.sentences import Span
from longdoc.core.types import Passage
from longdoc.engine.reader import Reader, ReadingState
from longdoc.engine.verbatim import TokenSpan, VerbatimConstraint
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.room import encode_line, piece_at, pieces, room_beside

_MAX_SPAN_TOKENS = 48


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """start, end: characters of the document.   confidence: mean log-probability per token, unconstrained, in nats."""

    start: int
    end: int
    confidence: float


def word_span(framing: Framing, text: str, start: int, end: int) -> TokenSpan:
    """The sentence `text[start:end]` as candidates: spans of whole words, at any place."""
    tokens = framing.tokens(" " + text[start:end])
    offsets = []
    for _, first, last in tokens:
        a, b = max(start, start + first - 1), start + last - 1
        while a < b and text[a].isspace():
            a += 1
        offsets.append((a, b))
    starts = {i for i, (a, b) in enumerate(offsets) if a < b and (a == start or not text[a - 1].isalnum())}
    ends = {
        i
        for i, (a, b) in enumerate(offsets)
        if a < b and (b == end or not (text[b].isalnum() and text[b - 1].isalnum()))
    }
    return TokenSpan(tuple(token for token, _, _ in tokens), tuple(offsets), frozenset(starts), frozenset(ends))


def answer_span(
    reader: Reader, framing: Framing, state: ReadingState, text: str, question: str, passage: Passage, sentence: Passage
) -> AnswerSpan | None:
    """The span of `sentence` that the model decodes after reading `passage` and the question; None if it gives none.

    Of a passage that the model cannot see whole with the question and the answer, the piece is read in which the
    sentence begins.
    """
    request = [*framing.request("question", question=question), *framing.request("answer")]
    room = room_beside(reader, state, len(request) + _MAX_SPAN_TOKENS)
    cut = pieces(framing, text, (passage.start, passage.end), room)
    body = encode_line(framing, text, cut[piece_at(cut, sentence.start)])
    asked = reader.read(state, [*body, *request])
    end_id = framing.encode("\n\n")[0]
    constraint = VerbatimConstraint([word_span(framing, text, sentence.start, sentence.end)], end_id)
    ids = list(reader.write(asked, max_tokens=_MAX_SPAN_TOKENS, constraint=constraint))
    span = constraint.span()
    if not ids or span is None:
        return None
    confidence = float(reader.score(asked, [[*ids, end_id]])[0].mean())
    return AnswerSpan(*span, confidence)


def answer_sentence(
    reader: Reader, framing: Framing, state: ReadingState, text: str, request: list[int], sentences: Sequence[Span]
) -> Span | None:
    """The one of `sentences` that the model decodes, word for word, after `request`."""
    candidates = []
    for start, end in sentences:
        tokens = framing.tokens(text[start:end])
        offsets = [(start + a, start + b) for _, a, b in tokens]
        candidates.append(TokenSpan.whole([token for token, _, _ in tokens], offsets))
    ends = sorted(framing.end_ids())
    constraint = VerbatimConstraint(candidates, ends[0] if ends else framing.encode("\n\n")[0])
    longest = max((len(c.ids) for c in candidates), default=0)
    for _ in reader.write(reader.read(state, request), max_tokens=longest, constraint=constraint):
        pass
    return constraint.span()
