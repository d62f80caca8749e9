"""Reads a question and a passage together and says where the answer begins and ends: a small transformer run by numpy.

What the rankers know of a sentence is counted in words; this sees what the question asks for, in what order its words
stand, and what is near them. English only. Made by `longdoc train reader`, which says what it learned from. Knows
nothing of documents.

Shape letters: L tokens (one that stands for "not here", those of the question, the T of the passage), F features,
D dimensions, H heads, S sentences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from longdoc.core.errors import ModelUnavailable
from longdoc.core.sentences import Span
from longdoc.search.encoder import SentenceEncoder, Vectors, linear, normalised, softmax
from longdoc.search.related import related
from longdoc.search.words import STOP_WORDS, fold, passage_share, stem

FORMAT = "longdoc.reader/1"
MAX_QUESTION, MAX_PASSAGE = 48, 384  # tokens
NEAR = 12  # tokens to each side whose distance matters
MARKS = ".,;:!?\"'()[]-–—$€£%/*&#“”‘’…"  # characters that have a vector of their own, in this order
FEATURES = (
    "same_stem", "rarity_of_same", "same_word", "related", "capital", "capital_inside", "number", "year", "stop_word",
    "begins_sentence", "begins_line", "first_word",
)  # fmt: skip
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_RAREST = 8.0  # nats
_LOWEST = -12.0  # log odds of a sentence that was not read


class Token(NamedTuple):
    """A word, a number or a mark.

    row: of the encoder's table, 0 for marks.   mark: 1 + its place in MARKS, 0 for words.
    """

    start: int
    end: int
    row: int
    mark: int
    word: str
    stem: str


class Reading(NamedTuple):
    """What goes into the network: (L,), (L,), (L, F) and (L,): 0 for "not here", 1 for the question, 2 for the passage.

    tokens: of the passage, the last of the L.
    """

    rows: NDArray[np.int32]
    marks: NDArray[np.int32]
    features: Vectors
    sides: NDArray[np.int8]
    tokens: list[Token]


@dataclass(frozen=True)
class Reader:
    """weights: by name, float32.   encoder: whose table of words it shares.   heads, blocks: of the transformer."""

    encoder: SentenceEncoder
    weights: dict[str, Vectors]
    heads: int
    blocks: int

    def of_sentences(self, question: str, passage: str, sentences: Sequence[Span]) -> Vectors:
        """(S,): the log odds, against "not here", that an answer stands in each sentence of the passage.

        sentences: spans in the passage. The mean of the odds that it begins there and that it ends there.
        """
        reading = prepare(question, passage, self.encoder)
        begins, ends, none = self.logits(reading)
        starts = np.array([token.start for token in reading.tokens])
        found = np.full(len(sentences), _LOWEST, dtype=np.float32)
        for i, (start, end) in enumerate(sentences):
            first, last = np.searchsorted(starts, [start, end])
            if first < last:
                own = (np.logaddexp.reduce(side[first:last]) - none[n] for n, side in enumerate((begins, ends)))
                found[i] = max(_LOWEST, sum(own) / 2)
        return found

    def logits(self, reading: Reading) -> tuple[Vectors, Vectors, Vectors]:
        """(T,) that the answer begins with each token of the passage, (T,) that it ends with it, (2,) of "not here"."""
        w = self.weights
        known = self.encoder.table[reading.rows].astype(np.float32) * self.encoder.scales[reading.rows][:, None]
        x: Vectors = np.asarray(known @ w["words.weight"].T, dtype=np.float32)
        x = x + w["marks.weight"][reading.marks] + w["sides.weight"][reading.sides]
        x = x + reading.features @ w["features.weight"].T
        places = distances(reading.sides)
        for block in range(self.blocks):
            x = self._block(x, f"blocks.{block}.", places)
        scores = linear(normalised(x, w["norm.weight"], w["norm.bias"]), w, "answer")
        own = scores[len(scores) - len(reading.tokens) :]
        return own[:, 0], own[:, 1], scores[0]

    def _block(self, x: Vectors, name: str, places: NDArray[np.int64]) -> Vectors:
        """Pre-norm self-attention with a bias for distance, and a feed-forward layer, (L, D) -> (L, D)."""
        w, (length, dims) = self.weights, x.shape
        mixed = linear(normalised(x, w[name + "norm1.weight"], w[name + "norm1.bias"]), w, name + "qkv")
        q, k, v = mixed.reshape(length, 3, self.heads, dims // self.heads).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(dims // self.heads)) + w[name + "near"][:, places]
        attended = (softmax(scores) @ v).transpose(1, 0, 2).reshape(length, dims)
        x = x + linear(attended, w, name + "out")
        inner = np.maximum(
            linear(normalised(x, w[name + "norm2.weight"], w[name + "norm2.bias"]), w, name + "inner"), 0
        )
        return x + linear(inner * inner, w, name + "outer")


def prepare(question: str, passage: str, encoder: SentenceEncoder) -> Reading:
    """Tokens of both and what is known of each, the passage cut at MAX_PASSAGE tokens."""
    asked, told = tokens_of(question, encoder)[:MAX_QUESTION], tokens_of(passage, encoder)[:MAX_PASSAGE]
    table = [[0.0] * len(FEATURES), *_features(asked, told, question), *_features(told, asked, passage)]
    both = [*asked, *told]
    return Reading(
        np.array([0, *(t.row for t in both)], dtype=np.int32),
        np.array([0, *(t.mark for t in both)], dtype=np.int32),
        np.array(table, dtype=np.float32),
        np.array([0] + [1] * len(asked) + [2] * len(told), dtype=np.int8),
        told,
    )


def tokens_of(text: str, encoder: SentenceEncoder) -> list[Token]:
    """Words, numbers and marks, in order."""
    found = []
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece[0].isalnum():
            word = fold(piece)
            found.append(Token(*match.span(), encoder.row_of(word), 0, word, stem(word)))
        else:
            found.append(Token(*match.span(), 0, 1 + MARKS.find(piece) % (len(MARKS) + 1), piece, ""))
    return found


def distances(sides: NDArray[np.int8]) -> NDArray[np.int64]:
    """(L, L): which bias each pair has: by distance within the question and within the passage, one for all others."""
    places = np.arange(len(sides))
    near = np.clip(places[None, :] - places[:, None], -NEAR, NEAR) + NEAR
    found: NDArray[np.int64] = np.where(sides[None, :] == sides[:, None], near, 2 * NEAR + 1)
    return found


def load(path: Path, encoder: SentenceEncoder) -> Reader:
    """Reads a reader; one that is damaged, or belongs to another encoder, is a `ModelUnavailable`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise ValueError(f"its format is {about.get('format')!r}, not {FORMAT!r}")
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        reader = Reader(encoder, weights, int(about["heads"]), int(about["blocks"]))
        if about["encoder"] != encoder.fingerprint:
            raise ValueError("it was trained with the words of another encoder")
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise ValueError("its weights are no numbers")
        if weights["marks.weight"].shape[0] != len(MARKS) + 2 or min(reader.heads, reader.blocks) < 1:
            raise ValueError("its shape is not that of a reader")
        reader.of_sentences("Who?", "She.", [(0, 4)])
        return reader
    except (OSError, ValueError, KeyError, IndexError, ZeroDivisionError, SafetensorError) as error:
        raise ModelUnavailable(
            f"{path} is not a reader of passages.",
            why=str(error),
            fix="install longdoc again, or make one with `longdoc train reader`",
        ) from error


def _features(own: Sequence[Token], others: Sequence[Token], text: str) -> list[list[float]]:
    """FEATURES of each token; what it shares is shared with the other side."""
    stems = {t.stem for t in others if t.stem and t.word not in STOP_WORDS}
    said = {t.word for t in others}
    near = {other for one in stems for other in related(one)}
    found = []
    begins = True
    end = 0
    for i, token in enumerate(own):
        gap = text[end : token.start]
        first = text[token.start]
        is_stop = token.word in STOP_WORDS
        same = token.stem in stems and not is_stop
        found.append(
            [
                float(same),
                min(1.0, -math.log(passage_share(token.stem)) / _RAREST) if same else 0.0,
                float(token.word in said),
                float(not same and token.stem in near),
                float(first.isupper()),
                float(first.isupper() and not begins),
                float(first.isdigit()),
                float(first.isdigit() and token.end - token.start == 4),
                float(is_stop),
                float(begins),
                float("\n" in gap),
                float(i == 0),
            ]
        )
        begins = token.word in {".", "!", "?"} or (begins and not token.stem)
        end = token.end
    return found
