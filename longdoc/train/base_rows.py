"""Rows in the tokens of a model that is already there: large vocabularies, and other marks of a word's beginning."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from longdoc.core.errors import UsageError
from longdoc.train.corpus import Array, Corpus, token_type
from longdoc.train.tasks import RowMaker

_WORD_MARKS = ("Ġ", "▁")  # byte-level BPE; SentencePiece


class BaseRows(RowMaker):
    """As `RowMaker`. Raises UsageError where the tokenizer knows no plain words, which codes are named after."""

    def encode(self, text: str) -> Array:
        """Token ids without special tokens."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        encoded: Array = np.array(ids, token_type(self.tokenizer))
        return encoded

    def _copy_pieces(self, num_tokens: int) -> list[tuple[Array, float]]:
        if token_type(self.tokenizer) != np.uint16:
            raise UsageError(
                "Rows of the kind 'copy' cannot be made for this model.",
                why=f"its vocabulary has {self.tokenizer.get_vocab_size()} tokens, more than 65536",
                fix="leave them out of [[stages.mixes]]",
            )
        return super()._copy_pieces(num_tokens)

    def _names(self, at_least: int = 3000) -> list[str]:
        words = {t[1:] for t in self.tokenizer.get_vocab() if t[:1] in _WORD_MARKS and t[1:].isascii()}
        names = sorted(w for w in words if w.islower() and w.isalpha() and 4 <= len(w) <= 9)
        if not names:
            raise UsageError(
                "No rows can be made in the tokens of this model.",
                why="its vocabulary has no tokens that are English words",
                fix="choose a model whose tokenizer is a byte-level BPE or SentencePiece",
            )
        random.Random(0).shuffle(names)
        return names[:at_least]


def sample_of_text(corpus: Corpus, num_rows: int = 4, num_tokens: int = 512) -> Tensor:
    """-> (num_rows, num_tokens) ids of plain text, the same for the same corpus."""
    rng = random.Random(0)
    rows = []
    for _ in range(num_rows):
        stream = rng.choices(corpus.texts, corpus.weights)[0]
        start = rng.randrange(max(1, len(stream) - num_tokens))
        rows.append(torch.from_numpy(np.resize(stream[start : start + num_tokens], num_tokens).astype(np.int64)))
    return torch.stack(rows)
