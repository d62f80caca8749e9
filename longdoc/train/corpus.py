"""The training data as token arrays: read once, tokenised once, kept in the run's folder.

Text files hold documents that begin with a line `<<<DOC id=... | title=...>>>`; questions and summaries are JSONL.
`.xz` is read directly. A document is held out when its id is named or its hash says so, the same in every run.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from longdoc.core.errors import InputNotFound
from longdoc.core.sentences import sentence_spans
from longdoc.train.config import DataConfig

Array = np.ndarray[Any, np.dtype[np.uint16]]  # uint32 where the vocabulary is larger
_WORD = re.compile(r"[^\W_]{3,}")
_HEAD = re.compile(r"^<<<DOC id=(.*?) \|.*>>>\n", re.M)


@dataclass(frozen=True, slots=True)
class Question:
    """One question with the piece of its context that holds the answer. answer is empty when there is none."""

    context: Array
    question: Array
    answer: Array
    answerable: bool


@dataclass(frozen=True, slots=True)
class Corpus:
    """texts: one token stream per text source.   extracts: sections with a sentence that says them in short."""

    texts: tuple[Array, ...]
    weights: tuple[float, ...]
    questions: tuple[Question, ...]
    extracts: tuple[tuple[Array, Array], ...]


def is_held_out(document_id: str, config: DataConfig) -> bool:
    """Whether a document is kept for measuring."""
    digest = int(hashlib.sha256(document_id.encode()).hexdigest(), 16)
    return document_id in config.held_out or digest % config.hold_out_one_in == 0


def _open(path: Path) -> str:
    raw = path.read_bytes()
    return (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode()


def _paths(root: Path, glob: str) -> list[Path]:
    found = sorted(root.glob(glob))
    if not found:
        raise InputNotFound(f"No file matches {glob} below {root}.", fix="name the folder of the data with --data")
    return found


def documents(root: Path, glob: str) -> Iterator[tuple[str, str]]:
    """(id, text) of every document of the text files that match."""
    for path in _paths(root, glob):
        text = _open(path)
        heads = list(_HEAD.finditer(text))
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            yield head[1], text[head.end() : following.start() if following else len(text)].strip()


def rows(root: Path, glob: str) -> Iterator[dict[str, Any]]:
    """The rows of the JSONL files that match. Split on line feeds only: texts hold other line separators."""
    for path in _paths(root, glob):
        for line in _open(path).split("\n"):
            if line.strip():
                yield json.loads(line)


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[Array]:
    """Token ids without special tokens, also where a text spells one: "<|end|>" in a book is plain words."""
    tokenizer.encode_special_tokens = True  # as `longdoc.pipeline.plain_text` encodes what is read
    kind = token_type(tokenizer)
    return [np.array(e.ids, kind) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def token_type(tokenizer: Tokenizer) -> Any:
    """The smallest type of numpy that holds every token of a vocabulary."""
    return np.uint16 if tokenizer.get_vocab_size() <= 1 << 16 else np.uint32


def build(root: Path, config: DataConfig, tokenizer: Tokenizer, cache: Path, end_of_text: int = 0) -> Corpus:
    """All training data as tokens; what `cache` already holds is not made again. end_of_text: between documents."""
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / "tasks.npz"
    texts = []
    for index, source in enumerate(config.text):
        path = cache / f"text{index}.npy"
        if not path.exists():
            np.save(path, _stream(root, source.glob, config, tokenizer, end_of_text))
        texts.append(np.load(path, mmap_mode="r"))
    if kept.exists():
        with np.load(kept) as arrays:
            questions, extracts = _unpack({name: arrays[name] for name in arrays.files})
    else:
        questions, extracts = _questions(root, config, tokenizer), _extracts(root, config, tokenizer)
        np.savez(kept, allow_pickle=False, **_pack(questions, extracts))
    return Corpus(tuple(texts), tuple(s.weight for s in config.text), tuple(questions), tuple(extracts))


def _pack(questions: list[Question], extracts: list[tuple[Array, Array]]) -> dict[str, np.ndarray[Any, Any]]:
    """Ragged columns as one array of tokens and one of lengths each; no pickle."""
    columns = {
        "context": [q.context for q in questions],
        "question": [q.question for q in questions],
        "answer": [q.answer for q in questions],
        "stretch": [stretch for stretch, _ in extracts],
        "sentence": [sentence for _, sentence in extracts],
    }
    packed: dict[str, np.ndarray[Any, Any]] = {"answerable": np.array([q.answerable for q in questions])}
    for name, column in columns.items():
        packed[name] = np.concatenate([*column, np.zeros(0, np.uint16)])
        packed[f"{name}_lengths"] = np.array([len(c) for c in column])
    return packed


def _unpack(packed: dict[str, np.ndarray[Any, Any]]) -> tuple[list[Question], list[tuple[Array, Array]]]:
    """The inverse of `_pack`."""

    def column(name: str) -> list[Array]:
        ends = np.cumsum(packed[f"{name}_lengths"])
        return np.split(packed[name], ends[:-1]) if len(ends) else []

    columns = (column("context"), column("question"), column("answer"), packed["answerable"].tolist())
    questions = [Question(*row) for row in zip(*columns, strict=True)]
    return questions, list(zip(column("stretch"), column("sentence"), strict=True))


def _stream(root: Path, glob: str, config: DataConfig, tokenizer: Tokenizer, end_of_text: int) -> Array:
    """All documents of a source, one after the other, an end-of-text token between them."""
    end = np.array([end_of_text], token_type(tokenizer))
    pieces: list[Array] = []
    for document_id, text in documents(root, glob):
        if not is_held_out(document_id, config):
            pieces += [*encode(tokenizer, text.split("\n\n\n")), end]
    return np.concatenate(pieces)


def _questions(root: Path, config: DataConfig, tokenizer: Tokenizer, context_characters: int = 1000) -> list[Question]:
    """Questions whose context is cut to about `context_characters` around the answer, at white space."""
    contexts, asked, answers, answerable = [], [], [], []
    for row in rows(root, config.qa):
        if is_held_out(row["doc_id"], config):
            continue
        context = row["context"]
        answer = next((a for a in row.get("answers", []) if a and a in context), "")
        if row["answerable"] and not answer and len(context) > context_characters:
            continue  # nobody knows where in the long context it stands
        centre = context.find(answer) if answer else 0
        start = max(0, centre - context_characters // 2)
        start = context.find(" ", start) + 1 if start else 0
        contexts.append(context[start : start + context_characters])
        asked.append(" " + row["question"].strip())
        answers.append(" " + answer.strip() if answer else "")
        answerable.append(bool(row["answerable"]))
    columns = (encode(tokenizer, column) for column in (contexts, asked, answers))
    return [Question(c, q, a, flag) for c, q, a, flag in zip(*columns, answerable, strict=True)]


def _extracts(root: Path, config: DataConfig, tokenizer: Tokenizer) -> list[tuple[Array, Array]]:
    """Stretches of text with the sentence that says them in short: the oracle for "In short:".

    Two sources: where a human summary is there, the sentence that shares most with it; in plain text the sentence
    that shares most with the rest of its stretch (gap sentences, PEGASUS, Zhang et al. 2020, arXiv 1912.08777,
    section 3.1; here by weighted word overlap instead of ROUGE, and the sentence stays in the text).
    """
    stretches: list[str] = []
    sentences: list[str] = []
    for row in rows(root, config.summaries):
        if not is_held_out(row["doc_id"], config):
            add_extracts(row["document"], row["summary"], 4, stretches, sentences)
    for source in config.text:
        for document_id, text in documents(root, source.glob):
            if not is_held_out(document_id, config):
                add_extracts(text, None, 12, stretches, sentences)
    return list(zip(encode(tokenizer, stretches), encode(tokenizer, [" " + s for s in sentences]), strict=True))


def add_extracts(
    text: str, summary: str | None, most: int, stretches: list[str], sentences: list[str], characters: int = 1500
) -> None:
    """Append up to `most` stretches of one document, evenly spread, and their sentence."""
    step = max(characters, len(text) // most)
    frequency: dict[str, int] = {}
    sample = text[: 40 * characters]
    for word in _WORD.findall(sample.lower()):
        frequency[word] = frequency.get(word, 0) + 1
    common = max(3, len(sample) // 2500)
    goal = set(_WORD.findall(summary.lower())) if summary else None
    for start in range(0, len(text) - characters // 2, step):
        start = text.find(" ", start) + 1 if start else 0
        stretch = text[start : start + characters]
        spans = sentence_spans(stretch)[1:-1]
        words = [{w for w in _WORD.findall(stretch[a:b].lower()) if frequency.get(w, 1) <= common} for a, b in spans]
        best, best_score = None, 0.0
        for i, own in enumerate(words):
            if not 6 <= len(stretch[spans[i][0] : spans[i][1]].split()) <= 50:
                continue
            rest = goal if goal is not None else set().union(*words[:i], *words[i + 1 :])
            score = len(own & rest) / (4 + len(own))
            if score > best_score:
                best, best_score = spans[i], score
        if best is not None and best_score >= (0.25 if goal is not None else 0.1):
            stretches.append(stretch)
            sentences.append(stretch[best[0] : best[1]])
