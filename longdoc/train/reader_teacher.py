"""A large encoder taught to find answers in passages, which the small reader then learns from.

Devlin et al. (2019), "BERT", section 4.3: question and passage in one row, two linear heads for the begin and the end,
and for "not here" a score of the first token. We give every place where an answer stands the same right (the logarithm
of their summed probability), as Clark and Gardner (2018), eq. 1. Without dropout.

Shape letters: N examples, L tokens of the teacher, the T of a passage that the reader knows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longdoc.core.errors import ModelUnavailable
from longdoc.search.reader import Token
from longdoc.train.encoder import Report
from longdoc.train.reader_rows import Asked, Example

_BATCH, _TOKENS = 32, 288
_RATE, _WARM_UP = 1.5e-4, 40
_REPORTED = 50  # steps
_OUT = -1e4


class Teacher(nn.Module):
    """An encoder of BERT's kind from the hub or a folder, with two heads for begin and end and one for "not here"."""

    def __init__(self, name: str) -> None:
        super().__init__()
        from transformers import AutoModel, AutoTokenizer

        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name)
            self.model = AutoModel.from_pretrained(name, attn_implementation="eager")
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"The teacher {name} cannot be loaded.",
                why=str(error).partition("\n")[0],
                fix="name an encoder of BERT's kind of the hub that is there (longdoc models pull ID), or its folder",
            ) from error
        self.heads = nn.Linear(self.model.config.hidden_size, 2)
        self.none = nn.Linear(self.model.config.hidden_size, 1)
        for head in (self.heads, self.none):
            nn.init.normal_(head.weight, std=0.02)

    def forward(self, encoded: Any) -> Tensor:
        """(N, 1 + L, 2): of "not here", then of each token."""
        inputs = {name: encoded[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
        hidden = self.model(**inputs).last_hidden_state
        none = self.none(hidden[:, :1]).expand(-1, -1, 2)
        return torch.cat([none, self.heads(hidden)], 1).float()

    def encoded(self, examples: Sequence[Example]) -> Any:
        """Rows of the tokenizer, with the offsets of each token."""
        return self.tokenizer(
            [e.question for e in examples],
            [e.passage for e in examples],
            truncation="only_second",
            max_length=_TOKENS,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )


def teach(teacher: Teacher, asked: Sequence[Asked], num_epochs: float, seed: int, report: Report) -> None:
    """Fine-tunes the teacher on the questions: each epoch one passage that answers and one that does not."""
    rng = random.Random(seed)
    batches = [b for _ in range(int(np.ceil(num_epochs))) for b in _batches(asked, rng)]
    batches = batches[: int(len(batches) * num_epochs / np.ceil(num_epochs))]
    optimizer = torch.optim.AdamW(teacher.parameters(), lr=_RATE, weight_decay=0.01)
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / _WARM_UP) * max(0.02, 1 - step / len(batches))
        encoded = teacher.encoded(batch)
        there, right = _targets(batch, encoded)
        with torch.autocast("cpu", torch.bfloat16):
            scores = teacher(encoded)
        scores = scores.masked_fill(~there.unsqueeze(-1), _OUT)
        loss = (scores.logsumexp(1) - scores.masked_fill(~right, _OUT).logsumexp(1)).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
        optimizer.step()
        if step % _REPORTED == _REPORTED - 1:
            report({"teacher's step": step + 1, "of": len(batches), "loss": round(float(loss.detach()), 4)})


def ask(
    teacher: Teacher, examples: Sequence[Example], tokens: Sequence[Sequence[Token]], report: Report
) -> list[np.ndarray[Any, np.dtype[np.float16]]]:
    """For each example (1 + T, 2): the teacher's probability of "not here" and of each of the reader's own tokens.

    What it gives to a piece of a word goes to the token that the piece stands in.
    """
    teacher.eval()
    found: list[Any] = [None] * len(examples)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].passage))
    for first in range(0, len(order), 2 * _BATCH):
        chosen = order[first : first + 2 * _BATCH]
        encoded = teacher.encoded([examples[i] for i in chosen])
        there, _ = _targets([examples[i] for i in chosen], encoded)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            scores = teacher(encoded)
        shares = scores.masked_fill(~there.unsqueeze(-1), _OUT).softmax(1).numpy()
        for row, i in enumerate(chosen):
            inside = there[row, 1:].numpy()
            offsets = encoded["offset_mapping"][row].numpy()[inside]
            found[i] = _onto(tokens[i], offsets, shares[row, 0], shares[row, 1:][inside])
        if first % 6400 == 0:
            report({"asked of the teacher": first, "of": len(order)})
    return found


def _onto(
    tokens: Sequence[Token], offsets: np.ndarray[Any, Any], none: np.ndarray[Any, Any], pieces: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.float16]]:
    found = np.zeros((1 + len(tokens), 2), np.float32)
    found[0] = none
    starts = np.array([token.start for token in tokens])
    for side, places in enumerate((offsets[:, 0], offsets[:, 1] - 1)):
        own = np.clip(np.searchsorted(starts, places, side="right") - 1, 0, max(0, len(tokens) - 1))
        np.add.at(found[:, side], own + 1, pieces[:, side])
    return found.astype(np.float16)


def _batches(asked: Sequence[Asked], rng: random.Random) -> Iterator[list[Example]]:
    """Of about one length each."""
    rows: list[Example] = []
    for one in asked:
        rows += [rng.choice(one.right)] if one.right else []
        own = one.wrong[:1] if not one.right else ()  # written for that paragraph, and not answered by it
        rows += [*own, *([rng.choice(one.wrong[:4])] if one.wrong and (one.right or rng.random() < 0.4) else [])]
    rows.sort(key=lambda row: len(row.passage) + 200 * rng.random())
    batches = [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]
    rng.shuffle(batches)
    yield from batches


def _targets(batch: Sequence[Example], encoded: Any) -> tuple[Tensor, Tensor]:
    """(N, 1 + L): "not here" and the tokens of the passage. (N, 1 + L, 2): those with which an answer begins, ends."""
    length = encoded["input_ids"].shape[1]
    there = np.zeros((len(batch), 1 + length), dtype=bool)
    right = np.zeros((len(batch), 1 + length, 2), dtype=bool)
    there[:, 0] = True
    for row, example in enumerate(batch):
        offsets = encoded["offset_mapping"][row].tolist()
        for place, side in enumerate(encoded.sequence_ids(row), 1):
            if side == 1:
                there[row, place] = True
                right[row, place] = begins_and_ends(offsets[place - 1], example)
        right[row, 0] = ~right[row].any(0).all()
        right[row, 1:] &= ~right[row, 0]
    return torch.from_numpy(there), torch.from_numpy(right)


def begins_and_ends(token: Sequence[int], example: Example) -> tuple[bool, bool]:
    """Whether an answer of the example begins with the token of this span, and whether one ends with it."""
    start, end = token
    if example.whole:
        inside = any(a <= start and end <= b for a, b in example.answers)
        return inside, inside
    return any(start <= a < end for a, _ in example.answers), any(start < b <= end for _, b in example.answers)
