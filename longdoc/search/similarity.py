"""How near sentences and passages are to a question by their meaning: columns for the rankers, beside those of words.

Only for English text, and only with an encoder beside the rankers. Knows nothing of how they are weighed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from longdoc.core.types import Passage
from longdoc.search.candidates import Candidate
from longdoc.search.encoder import SentenceEncoder, Vectors
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Array

_MOST_VECTORS = 8192  # of sentences that an index keeps


def of_sentences(
    question: str, index: PassageIndex, found: Sequence[Candidate], encoder: SentenceEncoder
) -> dict[str, Array]:
    """Columns -> (N,) each, cosines with the question: "similarity"; "similarity_wide" together with the neighbours."""
    asked = _asked(question, index, encoder)
    beside = [[n for n in range(c.number - 1, c.number + 2) if 0 <= n < len(index.sentences)] for c in found]
    _encode(index, (number for numbers in beside for number in numbers), encoder)
    own = np.array([float(index.vectors[c.number] @ asked) for c in found])
    wide = np.array([_cosine(index, numbers, asked) for numbers in beside])
    return {"similarity": own, "similarity_wide": wide}


def of_passages(question: str, index: PassageIndex, passages: Sequence[Passage], encoder: SentenceEncoder) -> Array:
    """(P,): the highest cosine of the question with a sentence of each passage."""
    asked = _asked(question, index, encoder)
    inside = [index.sentences_of(passage) for passage in passages]
    _encode(index, (number for numbers in inside for number in numbers), encoder)
    return np.array([max((float(index.vectors[n] @ asked) for n in numbers), default=0.0) for numbers in inside])


def _asked(question: str, index: PassageIndex, encoder: SentenceEncoder) -> Vectors:
    """(D,): of the question without the section that it names."""
    rest, named = index.scope_of(question)
    vectors = encoder.encode([named.rest if named else rest])
    return vectors.reshape(-1)


def _encode(index: PassageIndex, numbers: Iterable[int], encoder: SentenceEncoder) -> None:
    """See that the index has vectors of these sentences."""
    wanted = set(numbers)
    if len(index.vectors) + len(wanted) > _MOST_VECTORS:
        index.vectors.clear()
    missing = sorted(wanted - index.vectors.keys())
    texts = [index.text[slice(*index.sentences[number])] for number in missing]
    index.vectors.update(zip(missing, encoder.encode(texts), strict=True))


def _cosine(index: PassageIndex, numbers: Iterable[int], asked: Vectors) -> float:
    """Of the question with several sentences together."""
    together = sum((index.vectors[number] for number in numbers), np.zeros_like(asked))
    return float(together @ asked / max(1e-9, float(np.linalg.norm(together))))
