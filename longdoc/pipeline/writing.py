"""What a model writes, told piece by piece while it comes."""

from __future__ import annotations

from longdoc.core.events import Listener, Token, ignore
from longdoc.engine.reader import Reader, ReadingState
from longdoc.pipeline.framing import Framing

NOT_IN_DOCUMENT = "NOT IN THE DOCUMENT"  # what prompts/chat/answer.md and recall.md ask a writing model to say
_UNFINISHED = "\ufffd"  # a character of several tokens, of which not all are there


def write(
    reader: Reader, framing: Framing, state: ReadingState, max_tokens: int, on_event: Listener = ignore
) -> tuple[list[int], str]:
    """The tokens that the model writes after `state` until its turn ends, and their text. Greedy."""
    ids: list[int] = []
    told = ""
    for token in reader.write(state, max_tokens=max_tokens, end_ids=framing.end_ids()):
        ids.append(token)
        text = _decoded(framing, ids)
        if text.startswith(told) and len(text) > len(told) and not text.endswith(_UNFINISHED):
            on_event(Token(text[len(told) :]))
            told = text
    return ids, _decoded(framing, ids).strip()


def declines(text: str) -> bool:
    """Whether a model that writes says that the document has no answer, or nothing."""
    return not text or NOT_IN_DOCUMENT in text.upper()


def _decoded(framing: Framing, ids: list[int]) -> str:
    text: str = framing.tokenizer.decode(ids, skip_special_tokens=True)
    return text
