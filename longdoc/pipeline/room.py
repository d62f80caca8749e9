"""How much text a model sees at once beside a request, and longer text in pieces that fit.

What is read again for a question or a merge must be seen whole while the model writes: what slides out of the window
before that was read in vain. Knows nothing of what the text is read for.
"""

from __future__ import annotations

from longdoc.core.sentences import Span, cut_long, sentence_spans
from longdoc.engine.cache import KEEP_ALL
from longdoc.engine.reader import Reader, ReadingState
from longdoc.pipeline.framing import Framing

LEAST_TOKENS = 64  # of a text that are read again, however long the request is


def visible_tokens(reader: Reader, state: ReadingState) -> int:
    """How many tokens after `state` the model can read until the first of them is out of its sight."""
    tiers, native = reader.plan.tiers, reader.loaded.native_tokens
    if tiers.window == KEEP_ALL:
        return max(0, native - state.num_tokens)
    return min(tiers.window, native - tiers.sinks)


def room_beside(reader: Reader, state: ReadingState, num_tokens: int) -> int:
    """How many tokens of text can be read before `num_tokens` others so that all are seen; LEAST_TOKENS at least."""
    return max(LEAST_TOKENS, visible_tokens(reader, state) - num_tokens)


def encode_line(framing: Framing, text: str, span: Span) -> list[int]:
    """The tokens of a span, on one line, as it is read again after other text."""
    return framing.encode(" " + " ".join(text[slice(*span)].split()))


def pieces(framing: Framing, text: str, span: Span, room: int) -> list[Span]:
    """The span whole if its tokens fit into `room`, else in pieces of whole sentences that do, in order.

    A sentence that does not fit is cut at white space, or anywhere in scripts without it.
    """
    if len(encode_line(framing, text, span)) <= room:
        return [span]
    sentences = [s for sentence in sentence_spans(text, *span) for s in _halved(framing, text, sentence, room)]
    found: list[Span] = []
    for start, end in sentences:
        if found and len(encode_line(framing, text, (found[-1][0], end))) <= room:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _halved(framing: Framing, text: str, span: Span, room: int) -> list[Span]:
    start, end = span
    if end - start <= 1 or len(encode_line(framing, text, span)) <= room:
        return [span]
    halves = cut_long(text, start, end, (end - start + 1) // 2)
    return [piece for half in halves for piece in _halved(framing, text, half, room)]


def piece_at(spans: list[Span], offset: int) -> int:
    """Which of the pieces, in order, holds the character at `offset`; the last that begins before it between two."""
    return max(0, sum(start <= offset for start, _ in spans) - 1)
