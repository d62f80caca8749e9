"""Trains the small sentence encoder of `search.encoder` to give the vectors of a large one (distillation).

The teacher is any sentence encoder whose vectors are the mean of its last hidden states. Its vectors are turned to the
directions in which those of the sentences are largest (truncated SVD, not centred) and cut to the student's size; the
student learns each vector, and the cosines of each batch. Its words begin as the teacher's vectors of single words.

Reimers and Gurevych (2020), "Making monolingual sentence embeddings multilingual using knowledge distillation", eq. 1,
with one language, cosines instead of squared distances, and the cosines within a batch added.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longdoc.core.errors import ModelUnavailable, UsageError
from longdoc.search.encoder import BUCKETS, FORMAT, MAX_WORDS, WORD, SentenceEncoder
from longdoc.search.words import fold

Report = Callable[[dict[str, Any]], None]
_HELD_OUT = 1000  # sentences
_BATCH, _SORTED_TOGETHER = 512, 16  # sentences; batches
_TEACHER_BATCH, _TEACHER_TOKENS = 64, 96
_REPORTED = 16_384  # sentences
_COSINES_WEIGHT = 10.0
_WORD_RATE, _RATE = 3e-3, 1.5e-3
_WARM_UP = 100  # steps


@dataclass(frozen=True, slots=True)
class Size:
    """Of the student. words: at most so many in its list."""

    dims: int = 128
    blocks: int = 2
    heads: int = 4
    inner: int = 512
    words: int = 24_000


class Teacher:
    """A sentence encoder from the hub or a folder; its vectors are the mean of its last hidden states."""

    def __init__(self, name: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self._model = AutoModel.from_pretrained(name, dtype=torch.bfloat16).eval()
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"The teacher {name} cannot be loaded.",
                why=str(error).partition("\n")[0],
                fix="name a sentence encoder of the hub that is there (longdoc models pull ID), or its folder",
            ) from error

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, T), each of length 1."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = torch.zeros(len(texts), self._model.config.hidden_size)
        for first in range(0, len(order), _TEACHER_BATCH):
            chosen = order[first : first + _TEACHER_BATCH]
            batch = self._tokenizer(
                [texts[i] for i in chosen],
                padding=True,
                truncation=True,
                max_length=_TEACHER_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = self._model(**batch).last_hidden_state.float()
            there = batch["attention_mask"].unsqueeze(-1).float()
            found[chosen] = F.normalize((hidden * there).sum(1) / there.sum(1), dim=-1)
        return found


def distill(
    sentences: Sequence[str],
    teacher: str,
    out: Path,
    *,
    num_epochs: int,
    threads: int | None = None,
    report: Report = lambda line: None,
) -> dict[str, float]:
    """Asks the teacher, trains, and writes `out`. Returns the figures of `train_encoder`.

    Raises UsageError for fewer sentences than a training can be judged on, ModelUnavailable without the teacher.
    """
    if len(sentences) < 10 * _HELD_OUT:
        raise UsageError(
            f"{len(sentences):,} sentences are too few to learn from.",
            why=f"{_HELD_OUT:,} of them are kept to measure on",
            fix="give more text: some hundred thousand sentences",
        )
    if threads:
        torch.set_num_threads(threads)
    words = most_used_words(sentences, Size().words)
    asked = Teacher(teacher)
    targets = []
    for first in range(0, len(sentences), _REPORTED):
        targets.append(asked.encode(sentences[first : first + _REPORTED]))
        report({"asked of the teacher": min(first + _REPORTED, len(sentences))})
    about = {"teacher": teacher, "sentences": str(len(sentences)), "epochs": str(num_epochs)}
    word_targets = asked.encode(words)
    return train_encoder(
        sentences, torch.cat(targets), words, word_targets, out, num_epochs=num_epochs, about=about, report=report
    )


def most_used_words(sentences: Sequence[str], most: int) -> tuple[str, ...]:
    """Words of two letters and more that occur at least three times, the most used first."""
    counts = Counter(word for sentence in sentences for word in WORD.findall(fold(sentence)))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(word for word, count in ordered if len(word) > 1 and count >= 3)[:most]


def principal(vectors: Tensor, dims: int) -> Tensor:
    """(N, T) -> (T, dims): the directions in which they differ most from 0."""
    directions: Tensor = torch.linalg.svd(vectors.T @ vectors).Vh
    return directions[:dims].T


def train_encoder(
    sentences: Sequence[str],
    targets: Tensor,
    words: tuple[str, ...],
    word_targets: Tensor,
    out: Path,
    *,
    num_epochs: int,
    size: Size | None = None,
    about: dict[str, str] | None = None,
    seed: int = 0,
    report: Report = lambda line: None,
) -> dict[str, float]:
    """Trains, and writes `out`. Returns the mean cosine with the teacher on held-out sentences.

    targets: (N, T) of the sentences.   word_targets: (V, T) of the words.   about: what the file says of itself.
    """
    size = size or Size()
    torch.manual_seed(seed)
    turned = principal(targets[torch.randperm(len(targets))[:50_000]], size.dims)
    wanted = F.normalize(targets @ turned, dim=-1)
    kept = float((targets @ turned).norm(dim=-1).mean())
    network = Network(len(words), size, word_targets @ turned)
    numbers = _numbers(sentences, words)
    order = torch.randperm(len(sentences)).tolist()
    held_out, own = order[:_HELD_OUT], order[_HELD_OUT:]
    tables = [network.embedding.weight, network.positions.weight]
    others = [p for p in network.parameters() if not any(p is table for table in tables)]
    groups: list[dict[str, Any]] = [
        {"params": tables, "lr": _WORD_RATE, "weight_decay": 0.0},
        {"params": others, "lr": _RATE},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.01)
    figures = {"kept_by_svd": kept}
    num_steps = num_epochs * math.ceil(len(own) / _BATCH)
    for step, chosen in enumerate(islice(_batches(own, numbers, seed), num_steps)):
        done = step / num_steps
        for group, rate in zip(optimizer.param_groups, (_WORD_RATE, _RATE), strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-5
        with torch.autocast("cpu", torch.bfloat16):
            found = network(_padded([numbers[i] for i in chosen]))
        loss = _loss(found.float(), wanted[chosen])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 199:
            report({"step": step + 1, "of": num_steps, "loss": round(float(loss), 4)})
    with torch.no_grad():
        found = network(_padded([numbers[i] for i in held_out]))
    figures["cosine_held_out"] = float((found * wanted[held_out]).sum(1).mean())
    save(network, words, size, out, about or {})
    return figures


class Network(nn.Module):
    """What `SentenceEncoder` computes. Names are those of its file."""

    def __init__(self, num_words: int, size: Size, word_vectors: Tensor) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1 + BUCKETS + num_words, size.dims, padding_idx=0)
        self.positions = nn.Embedding(MAX_WORDS, size.dims)
        self.blocks = nn.ModuleList(_Block(size) for _ in range(size.blocks))
        self.norm = nn.LayerNorm(size.dims)
        self.pooling = nn.Linear(size.dims, 1, bias=False)
        self.head = nn.Linear(size.dims, size.dims)
        with torch.no_grad():
            self.embedding.weight.mul_(0.3)
            self.embedding.weight[0] = 0.0
            self.embedding.weight[1 + BUCKETS :] = 0.3 * word_vectors / word_vectors.std()
            self.positions.weight.mul_(0.05)

    def forward(self, numbers: Tensor) -> Tensor:
        """(N, L) rows, 0 for padding -> (N, D), each of length 1."""
        there = numbers > 0
        x = self.embedding(numbers) + self.positions.weight[: numbers.shape[1]]
        for block in self.blocks:
            x = block(x, there)
        x = self.norm(x)
        share = self.pooling(x).squeeze(-1).masked_fill(~there, -1e4).softmax(1)
        return F.normalize(self.head((x * share.unsqueeze(-1)).sum(1)), dim=-1)


class _Block(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.norm1, self.norm2 = nn.LayerNorm(size.dims), nn.LayerNorm(size.dims)
        self.qkv, self.out = nn.Linear(size.dims, 3 * size.dims), nn.Linear(size.dims, size.dims)
        self.inner, self.outer = nn.Linear(size.dims, size.inner), nn.Linear(size.inner, size.dims)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        num, length, dims = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(num, length, 3, self.heads, dims // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None, :])
        x = x + self.out(attended.transpose(1, 2).reshape(num, length, dims))
        mixed: Tensor = x + self.outer(F.gelu(self.inner(self.norm2(x)), approximate="tanh"))
        return mixed


def save(network: Network, words: tuple[str, ...], size: Size, out: Path, about: dict[str, str]) -> None:
    """Writes the file of `SentenceEncoder`: the table of words in 8 bits with a scale a row, the rest in float16."""
    from safetensors.numpy import save_file

    arrays = {name: tensor.detach().float().numpy() for name, tensor in network.state_dict().items()}
    table = arrays.pop("embedding.weight")
    scales = np.maximum(np.abs(table).max(1), 1e-9) / 127
    packed = {name: array.astype(np.float16) for name, array in arrays.items()}
    packed["table"] = np.rint(table / scales[:, None]).astype(np.int8)
    packed["scales"] = scales.astype(np.float32)
    layout = {"format": FORMAT, "words": "\n".join(words), "heads": str(size.heads), "blocks": str(size.blocks)}
    save_file(packed, out, {**about, **layout})


def _numbers(sentences: Sequence[str], words: tuple[str, ...]) -> list[list[int]]:
    lookup = SentenceEncoder(words, {}, np.zeros((0, 0), np.int8), np.zeros(0, np.float32), 1, 0)
    return [lookup.numbers(sentence) for sentence in sentences]


def _padded(numbers: Sequence[Sequence[int]]) -> Tensor:
    rows = torch.zeros(len(numbers), max(map(len, numbers)), dtype=torch.long)
    for i, own in enumerate(numbers):
        rows[i, : len(own)] = torch.tensor(own)
    return rows


def _batches(own: Sequence[int], numbers: Sequence[Sequence[int]], seed: int) -> Iterator[list[int]]:
    """Sentences of about one length together, without end."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(own)
        for first in range(0, len(order), _BATCH * _SORTED_TOGETHER):
            together = sorted(order[first : first + _BATCH * _SORTED_TOGETHER].tolist(), key=lambda i: len(numbers[i]))
            for start in rng.permutation(range(0, len(together), _BATCH)):
                yield together[start : start + _BATCH]


def _loss(found: Tensor, wanted: Tensor) -> Tensor:
    apart = 1 - (found * wanted).sum(1).mean()
    return apart + _COSINES_WEIGHT * F.mse_loss(found @ found.T, wanted @ wanted.T)
