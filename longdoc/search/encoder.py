"""What a sentence means, as a vector: a small transformer encoder run by numpy, so that no question waits for torch.

Vectors of two sentences that mean the same point the same way; those of a question and of its answer mostly do. It
knows English only, and words of its list; others are told apart by a hash. Made by `longdoc train encoder`, which
says what it learned from. Knows nothing of documents.

Shape letters: N sentences, L words of one, D dimensions.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longdoc.core.errors import ModelUnavailable
from longdoc.search.words import fold

Vectors = NDArray[np.float32]
FORMAT = "longdoc.encoder/1"
WORD = re.compile(r"[a-z]+|\d+|\?")
MAX_WORDS = 64  # of a sentence
BUCKETS = 2048  # for words that are not in the list


@dataclass(frozen=True)
class SentenceEncoder:
    """words: the list, in the order of the table's rows behind the buckets'.   weights: by name, float32.

    table: (1 + BUCKETS + V, D) int8, row 0 for padding.   scales: (1 + BUCKETS + V,).   heads, blocks: of the
    transformer.
    """

    words: tuple[str, ...]
    weights: dict[str, Vectors]
    table: NDArray[np.int8]
    scales: Vectors
    heads: int
    blocks: int

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: 1 + BUCKETS + i for i, word in enumerate(self.words)}

    @cached_property
    def fingerprint(self) -> str:
        """Of its words and their table, which a reader shares: eight hexadecimal digits."""
        known = zlib.crc32("\n".join(self.words).encode())
        for array in (self.table, self.scales):
            known = zlib.crc32(np.ascontiguousarray(array).tobytes(), known)
        return f"{known:08x}"

    def numbers(self, text: str) -> list[int]:
        """Rows of the table for the first words of a text; one of the buckets' for a text without words."""
        return [self.row_of(word) for word in WORD.findall(fold(text))[:MAX_WORDS]] or [1]

    def row_of(self, word: str) -> int:
        """Of the table, for a folded word: its own or, for one that is not in the list, a bucket's."""
        return self._numbers.get(word) or 1 + zlib.crc32(word.encode()) % BUCKETS

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(N, D), each of length 1. Each sentence goes through alone: its vector is the same bits in any company."""
        found = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        for i, text in enumerate(texts):
            found[i] = self._forward(self.numbers(text))
        return found

    def _forward(self, numbers: Sequence[int]) -> Vectors:
        """(D,) of one sentence."""
        w = self.weights
        x = (
            self.table[numbers].astype(np.float32) * self.scales[numbers][:, None]
            + w["positions.weight"][: len(numbers)]
        )
        for block in range(self.blocks):
            x = self._block(x, f"blocks.{block}.")
        x = normalised(x, w["norm.weight"], w["norm.bias"])
        pooled = softmax((x @ w["pooling.weight"].T)[:, 0]) @ x @ w["head.weight"].T + w["head.bias"]
        vector: Vectors = pooled / np.maximum(np.linalg.norm(pooled), np.float32(1e-9))
        return vector

    def _block(self, x: Vectors, name: str) -> Vectors:
        """Pre-norm self-attention and a feed-forward layer, (L, D) -> (L, D)."""
        w, (length, dims) = self.weights, x.shape
        mixed = linear(normalised(x, w[name + "norm1.weight"], w[name + "norm1.bias"]), w, name + "qkv")
        q, k, v = mixed.reshape(length, 3, self.heads, dims // self.heads).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(dims // self.heads))
        attended = (softmax(scores) @ v).transpose(1, 0, 2).reshape(length, dims)
        x = x + linear(attended, w, name + "out")
        inner = linear(normalised(x, w[name + "norm2.weight"], w[name + "norm2.bias"]), w, name + "inner")
        return x + linear(_gelu(inner), w, name + "outer")


def load(path: Path) -> SentenceEncoder:
    """Reads an encoder; one that is damaged is a `ModelUnavailable`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise ValueError(f"its format is {about.get('format')!r}, not {FORMAT!r}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        table, scales = arrays.pop("table"), arrays.pop("scales").astype(np.float32)
        words = tuple(about["words"].split("\n"))
        if len(table) != len(scales) or len(table) != 1 + BUCKETS + len(words):
            raise ValueError("its table does not fit its words")
        weights = {name: array.astype(np.float32) for name, array in arrays.items()}
        encoder = SentenceEncoder(words, weights, table, scales, int(about["heads"]), int(about["blocks"]))
        longest = " ".join(["a"] * MAX_WORDS)
        if (
            not all(np.isfinite(array).all() for array in (scales, *weights.values()))
            or encoder.encode([longest]).ndim != 2
        ):
            raise ValueError("its weights are no numbers")
        return encoder
    except (OSError, ValueError, KeyError, IndexError, ZeroDivisionError, SafetensorError) as error:
        raise ModelUnavailable(
            f"{path} is not a sentence encoder.",
            why=str(error),
            fix="install longdoc again, or make one with `longdoc train encoder`",
        ) from error


def linear(x: Vectors, weights: dict[str, Vectors], name: str) -> Vectors:
    """A layer of that name, with its bias."""
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def normalised(x: Vectors, weight: Vectors, bias: Vectors) -> Vectors:
    """Layer normalisation with torch's epsilon."""
    centred = x - x.mean(-1, keepdims=True)
    spread: Vectors = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(1e-5))
    normal: Vectors = centred / spread
    return normal * weight + bias


def softmax(x: Vectors) -> Vectors:
    """Over the last axis."""
    exponents: Vectors = np.exp(x - x.max(-1, keepdims=True))
    exponents /= exponents.sum(-1, keepdims=True)
    return exponents


def _gelu(x: Vectors) -> Vectors:
    """By tanh (Hendrycks and Gimpel 2016)."""
    bent: Vectors = np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x))
    return np.float32(0.5) * x * (1 + bent)
