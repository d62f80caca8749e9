"""The sentences that the encoder learns from: of texts, of paragraphs with questions, and the questions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from longdoc.core.sentences import sentence_spans
from longdoc.ingest.encoding import decode
from longdoc.search.joined import is_held_out, read_rows

_CHARACTERS = range(16, 300)  # of a sentence
_STRETCH = 20_000  # characters that are cut into sentences at a time
_MOST_OF_PARAGRAPH = 4_000


def draw_sentences(texts: Sequence[Path], questions: Sequence[Path], most: int, seed: int = 0) -> list[str]:
    """About so many sentences: as many from each text, and all that the question sets have, without held-out documents.

    Deterministic. texts: plain text.   questions: JSONL with context, question, doc_id.
    """
    rng = random.Random(seed)
    found: dict[str, None] = {}
    contexts: set[str] = set()
    for row in read_rows(questions):
        if not is_held_out(row["doc_id"]):
            found[row["question"]] = None
            context = row["context"][:_MOST_OF_PARAGRAPH]
            if context not in contexts:
                contexts.add(context)
                found.update(dict.fromkeys(_sentences(context)))
    share = max(0, most - len(found)) // max(1, len(texts))
    for path in texts:
        text = decode(path.read_bytes()).text
        starts = [*range(0, len(text), _STRETCH)]
        rng.shuffle(starts)
        own: dict[str, None] = {}
        for start in starts:
            if len(own) >= share:
                break
            own.update(dict.fromkeys([*_sentences(text[start : start + _STRETCH])][1:-1]))
        found.update(dict.fromkeys([*own][:share]))
    return rng.sample([*found], len(found))


def _sentences(text: str) -> Iterator[str]:
    for start, end in sentence_spans(text):
        sentence = " ".join(text[start:end].split())
        if len(sentence) in _CHARACTERS and "<<<" not in sentence:  # a mark of a collection, not a sentence
            yield sentence
