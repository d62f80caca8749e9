"""What stands around the document: the instructions before it and the request after it.

A chat model meets its own template, split where the document goes: everything before it is read first, and stays in
the sinks. A model without a template, such as the embedded one, gets the bare prompts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longdoc.pipeline.plain_text import PlainText, without_frame_tags
from longdoc.pipeline.prompts import Prompt, load_prompt

EMBEDDED = "embedded"
_HERE = "\u241ddocument\u241d"  # a mark that no template contains; it never reaches the model


def is_framed(prompt_set: str) -> bool:
    """Whether the prompts of a set put tags around the document; those of the embedded model have none."""
    return prompt_set != EMBEDDED


class Framing:
    """The prompts of one set ("embedded", "chat") for one tokenizer. `used`: their hashes, for the receipt."""

    def __init__(self, tokenizer: Any, prompt_set: str, folder: Path | None = None) -> None:
        self.tokenizer = tokenizer
        self.prompt_set = prompt_set
        self.folder = folder
        self.used: dict[str, str] = {}
        self._data = PlainText(tokenizer, is_framed=is_framed(prompt_set))
        self._prompt = PlainText(tokenizer)
        self.is_chat = is_framed(prompt_set) and bool(getattr(tokenizer, "chat_template", None))

    def render(self, name: str, **values: str) -> str:
        """A prompt of this set as text, its values without tags of the frame; its hash goes into `used`."""
        prompt: Prompt = load_prompt(f"{self.prompt_set}/{name}", self.folder)
        self.used[prompt.name] = prompt.sha256
        if is_framed(self.prompt_set):
            values = {key: without_frame_tags(value) for key, value in values.items()}
        return prompt.render(**values)

    def encode(self, text: str) -> list[int]:
        """Tokens of a text that is data: marks of the model's own and tags of the frame are plain words in it."""
        return self._data.ids(text)

    def tokens(self, text: str) -> list[tuple[int, int, int]]:
        """(token id, start, end) of each token of a text, as `encode`."""
        return self._data.tokens(text)

    def opening(self) -> list[int]:
        """What is read before the document."""
        if not is_framed(self.prompt_set):
            return []
        before, _ = self._around(self.render("read"), "")
        start = getattr(self.tokenizer, "bos_token_id", None)
        return before if self.is_chat or start is None else [start, *before]

    def request(self, name: str, **values: str) -> list[int]:
        """What is read after the document, up to where the model begins to write."""
        text = self.render(name, **values)
        return self._around("", text)[1] if self.is_chat else self._prompt.ids(text)

    def end_ids(self) -> frozenset[int]:
        """Tokens that end the model's turn."""
        ends = {getattr(self.tokenizer, "eos_token_id", None)}
        for mark in ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>"):
            token = self.tokenizer.convert_tokens_to_ids(mark)
            if token is not None and token != getattr(self.tokenizer, "unk_token_id", None):
                ends.add(token)
        return frozenset(e for e in ends if isinstance(e, int))

    def _around(self, before: str, after: str) -> tuple[list[int], list[int]]:
        """Tokens before and after the document, inside the model's chat template if it has one.

        Only the template's own marks become special tokens: what stands between them may quote the document.
        """
        if not self.is_chat:
            return self._prompt.ids(before), self._prompt.ids(after)
        whole = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": _HERE}], tokenize=False, add_generation_prompt=True
        )
        first, _, last = whole.partition(_HERE)
        return [*self._marks(first), *self._prompt.ids(before)], [*self._prompt.ids(after), *self._marks(last)]

    def _marks(self, text: str) -> list[int]:
        """A piece of the template, whose marks are control tokens."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []
