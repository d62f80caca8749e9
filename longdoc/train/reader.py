"""Trains the small reader of `search.reader` on questions, and on what a large encoder makes of them (distillation).

First on questions made from sentences, then on real ones, then on those with the teacher: a third of the loss is that
of the answers, the rest that of the teacher's probabilities (Hinton et al. 2015, eq. 1 at temperature 1).

Shape letters: N examples, L tokens, the T of a passage among them, F features, D dimensions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longdoc.core.errors import UsageError
from longdoc.search.encoder import SentenceEncoder
from longdoc.search.reader import FEATURES, FORMAT, MARKS, NEAR, Reading, prepare
from longdoc.train.encoder import Report
from longdoc.train.reader_rows import Asked, Example
from longdoc.train.reader_teacher import Teacher, ask, begins_and_ends, teach

_BATCH = 48
_LONGEST = 225  # tokens: attention over more takes most of the time
_RATES = {"made": 2e-3, "asked": 1.5e-3}
_WARM_UP = 200  # steps
_OF_TEACHER = 0.65  # of the loss, where it was asked
_WRONG_OF_ASKED = 3  # passages that do not answer, of each question
_OF_OTHERS = 0.3  # of the questions also get a passage of another document
_MADE_AMONG_ASKED = 0.2  # of a round over the real questions, so that what was learned first is kept
_FEWEST = 100  # questions
_REPORTED = 100  # steps
_OUT = -1e4


@dataclass(frozen=True, slots=True)
class Size:
    """Of the network. inner: of the feed-forward layers."""

    dims: int = 192
    blocks: int = 4
    heads: int = 6
    inner: int = 512


@dataclass(frozen=True, slots=True)
class _Row:
    """right: (1 + T, 2), whether an answer begins and ends; row 0 for "not here".   taught: the teacher's, if asked."""

    reading: Reading
    right: np.ndarray[Any, np.dtype[np.bool_]]
    taught: np.ndarray[Any, np.dtype[np.float16]] | None = None


def train_reader(
    asked: Sequence[Asked],
    made: Sequence[Example],
    teacher: str,
    encoder: SentenceEncoder,
    out: Path,
    *,
    teacher_epochs: float = 1.2,
    made_rounds: float = 1.0,
    asked_rounds: float = 0.5,
    taught_rounds: float = 0.9,
    size: Size | None = None,
    threads: int | None = None,
    seed: int = 0,
    report: Report = lambda line: None,
) -> dict[str, float]:
    """Fine-tunes the teacher, asks it, trains the reader, writes `out`. Returns the last losses.

    Raises UsageError for fewer questions than can be learned from, ModelUnavailable without the teacher.
    """
    if len(asked) < _FEWEST:
        raise UsageError(
            f"{len(asked)} questions are too few to learn from.",
            why="the reader learns from questions with a paragraph that answers them",
            fix="give question sets with some thousand",
        )
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    large = Teacher(teacher)
    size = size or Size()
    network = Network(encoder, size)
    figures = {}
    if made and made_rounds:
        rows = _short([_row(example, encoder) for example in made])
        figures["loss_made"] = _train(network, rows, (), made_rounds, _RATES["made"], seed, report)
    else:
        rows = []
    examples = _examples(asked, seed)
    own = [_row(example, encoder) for example in examples]
    figures["loss_asked"] = _train(network, _short(own), rows, asked_rounds, _RATES["asked"], seed + 1, report)
    teach(large, asked, teacher_epochs, seed, report)
    taught = ask(large, examples, [row.reading.tokens for row in own], report)
    own = _short([_Row(row.reading, row.right, shares) for row, shares in zip(own, taught, strict=True)])
    figures["loss_taught"] = _train(network, own, rows, taught_rounds, _RATES["asked"], seed, report)
    about = {"teacher": teacher, "questions": str(len(asked)), "made": str(len(made))}
    save(network, size, out, about | {"encoder": encoder.fingerprint})
    return figures


class Network(nn.Module):
    """What `Reader` computes. Names are those of its file."""

    def __init__(self, encoder: SentenceEncoder, size: Size) -> None:
        super().__init__()
        self.table: Tensor
        table = torch.from_numpy(encoder.table.astype(np.float32) * encoder.scales[:, None])
        self.register_buffer("table", table, persistent=False)
        self.words = nn.Linear(table.shape[1], size.dims, bias=False)
        self.marks = nn.Embedding(len(MARKS) + 2, size.dims, padding_idx=0)
        self.sides = nn.Embedding(3, size.dims)
        self.features = nn.Linear(len(FEATURES), size.dims, bias=False)
        self.blocks = nn.ModuleList(_Block(size) for _ in range(size.blocks))
        self.norm = nn.LayerNorm(size.dims)
        self.answer = nn.Linear(size.dims, 2)
        with torch.no_grad():
            self.marks.weight.mul_(0.3)
            self.sides.weight.mul_(0.3)
            self.features.weight.mul_(2.0)
            self.answer.weight.mul_(0.3)

    def forward(self, rows: Tensor, marks: Tensor, features: Tensor, sides: Tensor, there: Tensor) -> Tensor:
        """(N, L), (N, L), (N, L, F), (N, L), (N, L) -> (N, L, 2)."""
        x = self.words(self.table[rows]) + self.marks(marks) + self.sides(sides) + self.features(features)
        place = torch.arange(rows.shape[1])
        near = (place[None, :] - place[:, None]).clamp(-NEAR, NEAR) + NEAR
        beside = sides[:, None, None, :] == sides[:, None, :, None]
        for block in self.blocks:
            x = block(x, near, beside, there)
        found: Tensor = self.answer(self.norm(x)).float()
        return found


class _Block(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.norm1, self.norm2 = nn.LayerNorm(size.dims), nn.LayerNorm(size.dims)
        self.qkv, self.out = nn.Linear(size.dims, 3 * size.dims), nn.Linear(size.dims, size.dims)
        self.inner, self.outer = nn.Linear(size.dims, size.inner), nn.Linear(size.inner, size.dims)
        self.near = nn.Parameter(torch.zeros(size.heads, 2 * NEAR + 2))
        with torch.no_grad():
            self.out.weight.mul_(0.5)
            self.outer.weight.mul_(0.5)
            apart = (torch.arange(2 * NEAR + 1) - NEAR).abs().float()
            for head in range(size.heads // 2):  # half of the heads begin by looking near
                self.near[head, :-1] = -apart * 0.5**head

    def forward(self, x: Tensor, near: Tensor, beside: Tensor, there: Tensor) -> Tensor:
        """(N, L, D) -> the same. near: (L, L), by distance.   beside: (N, 1, L, L), whether both are of one side."""
        num, length, dims = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(num, length, 3, self.heads, dims // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q / math.sqrt(dims // self.heads)) @ k.transpose(2, 3)
        bias = self.near.to(scores.dtype)
        outside = torch.where(there, 0.0, _OUT).to(scores.dtype)[:, None, None, :]
        scores = scores + (torch.where(beside, bias[:, near], bias[:, -1:, None]) + outside)
        share = torch.softmax(scores, -1, dtype=scores.dtype)
        x = x + self.out((share @ v).transpose(1, 2).reshape(num, length, dims))
        mixed: Tensor = x + self.outer(F.relu(self.inner(self.norm2(x))).square())
        return mixed


def save(network: Network, size: Size, out: Path, about: dict[str, str]) -> None:
    """Writes the file of `Reader`, in float16."""
    from safetensors.numpy import save_file

    arrays = {name: t.detach().float().numpy().astype(np.float16) for name, t in network.state_dict().items()}
    save_file(arrays, out, {**about, "format": FORMAT, "heads": str(size.heads), "blocks": str(size.blocks)})


def _examples(asked: Sequence[Asked], seed: int) -> list[Example]:
    rng = random.Random(seed)
    found: list[Example] = []
    answering = [example.passage for one in asked for example in one.right]
    for one in asked:
        found += [*one.right, *one.wrong[:_WRONG_OF_ASKED]]
        if rng.random() < _OF_OTHERS:
            question = (one.right or one.wrong)[0].question
            found.append(Example(question, rng.choice(answering)))
    return found


def _short(rows: Sequence[_Row]) -> list[_Row]:
    return [row for row in rows if len(row.reading.rows) <= _LONGEST]


def _row(example: Example, encoder: SentenceEncoder) -> _Row:
    reading = prepare(example.question, example.passage, encoder)
    right = np.zeros((1 + len(reading.tokens), 2), dtype=bool)
    for place, token in enumerate(reading.tokens, 1):
        right[place] = begins_and_ends((token.start, token.end), example)
    if not right.any(0).all():
        right[:] = False
        right[0] = True
    return _Row(reading, right)


def _train(
    network: Network,
    rows: Sequence[_Row],
    others: Sequence[_Row],
    rounds: float,
    rate: float,
    seed: int,
    report: Report,
) -> float:
    """Rounds over `rows`, with some of `others` in each. Returns the mean loss of the last steps."""
    rng = random.Random(seed)
    mixed = int(_MADE_AMONG_ASKED * len(rows)) if others else 0
    num_steps = max(1, int(rounds * (len(rows) + mixed) / _BATCH))
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02, betas=(0.9, 0.98))
    losses: list[float] = []
    for step, batch in zip(range(num_steps), _batches(rows, others, mixed, rng), strict=False):
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * step / num_steps)
            group["lr"] = rate * min(1.0, (step + 1) / _WARM_UP) * cosine + 1e-6
        loss = _loss(network, batch)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if step % _REPORTED == _REPORTED - 1:
            report({"step": step + 1, "of": num_steps, "loss": round(float(np.mean(losses[-_REPORTED:])), 4)})
    return round(float(np.mean(losses[-_REPORTED:])), 4)


def _batches(rows: Sequence[_Row], others: Sequence[_Row], mixed: int, rng: random.Random) -> Iterator[list[_Row]]:
    """Of about one length each, without end."""
    while True:
        drawn = [*rows, *(rng.choice(others) for _ in range(mixed))]
        drawn.sort(key=lambda row: len(row.reading.rows) + 30 * rng.random())
        batches = [drawn[i : i + _BATCH] for i in range(0, len(drawn), _BATCH)]
        rng.shuffle(batches)
        yield from batches


def _loss(network: Network, batch: Sequence[_Row]) -> Tensor:
    length = max(len(row.reading.rows) for row in batch)
    rows, marks, sides = (torch.zeros(len(batch), length, dtype=torch.long) for _ in range(3))
    features = torch.zeros(len(batch), length, len(FEATURES))
    there, told = (torch.zeros(len(batch), length, dtype=torch.bool) for _ in range(2))
    right = torch.zeros(len(batch), length, 2, dtype=torch.bool)
    taught = torch.zeros(len(batch), length, 2)
    asked = torch.tensor([row.taught is not None for row in batch])
    for i, row in enumerate(batch):
        own, reading = len(row.reading.rows), row.reading
        places = [0, *range(own - len(reading.tokens), own)]
        for into, array in ((rows, reading.rows), (marks, reading.marks), (sides, reading.sides)):
            into[i, :own] = torch.from_numpy(array.astype(np.int64))
        features[i, :own] = torch.from_numpy(reading.features)
        there[i, :own] = True
        told[i, places] = True
        right[i, places] = torch.from_numpy(row.right)
        if row.taught is not None:
            taught[i, places] = torch.from_numpy(row.taught.astype(np.float32))
    with torch.autocast("cpu", torch.bfloat16):
        scores = network(rows, marks, features, sides, there)
    logs = scores.masked_fill(~told.unsqueeze(-1), _OUT).log_softmax(1)
    answers = -logs.masked_fill(~right, _OUT).logsumexp(1).mean(1)
    shares = -(taught * logs.clamp_min(-30.0)).sum(1).mean(1)
    return torch.where(asked, (1 - _OF_TEACHER) * answers + _OF_TEACHER * shares, answers).mean()
