"""Tokens of text that is data: a document, a question, a quoted passage. None of them is a control token.

A mark that steers a model, such as <|im_end|>, </s> or <think>, is plain words where a text spells it, and so are the
tags that this project's own prompts put around a document. Knows nothing of prompts and templates.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

Tokens = list[tuple[int, int, int]]

_LOOKS_LIKE_A_MARK = re.compile(r"<[|｜].*[|｜]>", re.DOTALL)
_FRAME = re.compile(r"<(?=\s*/?\s*(?:document|passages)\b)", re.IGNORECASE)
_OTHER_BRACKET = "\u2039"  # as many characters: offsets stay


def without_frame_tags(text: str) -> str:
    """The text, as long as before, with nothing in it that could end the part of a prompt that it stands in."""
    return _FRAME.sub(_OTHER_BRACKET, text)


class PlainText:
    """Encodes text for one tokenizer. control_ids: the tokens that no text gives.

    is_framed: whether prompts put tags around the text; those are written with another bracket then.
    """

    def __init__(self, tokenizer: Any, *, is_framed: bool = False) -> None:
        self.tokenizer = tokenizer
        self.is_framed = is_framed
        self.control_ids = control_ids(tokenizer)

    def tokens(self, text: str) -> Tokens:
        """(token id, start, end) of each token of a text."""
        return self._plain(without_frame_tags(text) if self.is_framed else text, 0)

    def ids(self, text: str) -> list[int]:
        """The token ids alone."""
        return [token for token, _, _ in self.tokens(text)]

    def _plain(self, text: str, first: int) -> Tokens:
        """first: offset of the text. Text that became a control token is cut behind its first character."""
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        ids, spans = encoded["input_ids"], encoded["offset_mapping"]
        if self.control_ids.isdisjoint(ids):
            return [(token, first + start, first + end) for token, (start, end) in zip(ids, spans, strict=True)]
        marks = [span for token, span in zip(ids, spans, strict=True) if token in self.control_ids]
        cuts = sorted({_behind_first(text, *mark) for mark in marks} - {len(text)})
        if not cuts:  # nothing but one character, which is a control token
            return []
        edges = [0, *cuts, len(text)]
        return [t for start, end in itertools.pairwise(edges) for t in self._plain(text[start:end], first + start)]


def _behind_first(text: str, start: int, end: int) -> int:
    """Behind the first character that is not white space: a mark may take the space before it with it."""
    mark = text[start:end]
    return start + len(mark) - len(mark.lstrip()) + 1


def control_ids(tokenizer: Any) -> frozenset[int]:
    """The tokens that steer a model: the special ones, and those of the added ones that are marks.

    Added tokens that are ordinary text, such as runs of spaces and tags of HTML, are none: models read texts with them.
    """
    template = getattr(tokenizer, "chat_template", None)
    templates = [*template.values()] if isinstance(template, dict) else [template or ""]
    found = set(getattr(tokenizer, "all_special_ids", ()))
    for token, added in getattr(tokenizer, "added_tokens_decoder", {}).items():
        content = str(added.content).strip()
        is_named = bool(re.search(r"\w", content)) and any(content in one for one in templates)
        if added.special or _LOOKS_LIKE_A_MARK.fullmatch(content) or (is_named and content[:1] in "<["):
            found.add(int(token))
    return frozenset(found - {getattr(tokenizer, "unk_token_id", None)})
