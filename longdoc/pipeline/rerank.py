"""What the model says of the sentences that search has ranked, and the ranking of both together.

The model reads each proposed passage, then the question, and its columns join the lexical score in a small ranker
that was fitted on questions that the model had not seen; without a fitted one the lexical order stands.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from longdoc.core.types import Passage
from longdoc.engine.reader import Reader
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.pointing import RERANKED
from longdoc.pipeline.room import encode_line, piece_at, pieces, room_beside
from longdoc.search.answers import ScoredSentence
from longdoc.search.ranker import RankerFile

NOT_IN_TEXT = " not in the text."  # what the embedded model was trained to say
PURPOSE = RERANKED
COLUMNS = ("lexical", "question_gain", "declined", "answer_mass")

Columns = Mapping[str, npt.NDArray[np.float64]]


def model_columns(
    reader: Reader,
    framing: Framing,
    text: str,
    question: str,
    passages: Sequence[Passage],
    ranked: Sequence[ScoredSentence],
) -> Columns:
    """COLUMNS, one value per ranked sentence, relative to the best of the question:

    lexical: the score that it was ranked by.
    question_gain: log P(question | passage) - log P(question), per token, in nats.
    declined: log P(the first token of "not in the text" | passage, question).
    answer_mass: log P(the answer begins like a word of the sentence | passage, question).

    A passage that the model cannot see whole together with the question is read in pieces, each with the question,
    and "passage" above is the piece in which the sentence begins.
    """
    began = time.perf_counter()
    request, ask_for = framing.request("question", question=question), framing.request("answer")
    decline = framing.encode(NOT_IN_TEXT)[0]
    start = reader.start()
    room = room_beside(reader, start, len(request) + len(ask_for))
    cut = [pieces(framing, text, (p.start, p.end), room) for p in passages]
    first_row = [0, *itertools.accumulate(map(len, cut))]
    rows = [first_row[s.passage] + piece_at(cut[s.passage], s.start) for s in ranked]
    bodies = [encode_line(framing, text, piece) for spans in cut for piece in spans]
    alone = reader.score(start, [request])[0]
    results = reader.expect(start, [[*body, *request, *ask_for] for body in bodies])
    asked = slice(-len(request) - len(ask_for), -len(ask_for))
    gain = [float((taken[asked] - alone).mean()) for taken, _ in results]
    first_tokens: dict[str, int] = {}
    mass = []
    for sentence, row in zip(ranked, rows, strict=True):
        words = set(text[sentence.start : sentence.end].split())
        tokens = {first_tokens.setdefault(word, framing.encode(" " + word)[0]) for word in words}
        mass.append(float(results[row][1][sorted(tokens)].logsumexp(0)))
    reader.write_seconds += time.perf_counter() - began
    columns = {
        "lexical": np.array([sentence.score for sentence in ranked]),
        "question_gain": np.array([gain[row] for row in rows]),
        "declined": np.array([float(results[row][1][decline]) for row in rows]),
        "answer_mass": np.array(mass),
    }
    return {name: column - column.max() for name, column in columns.items()}


def rerank(ranked: Sequence[ScoredSentence], columns: Columns, rankers: RankerFile) -> list[ScoredSentence]:
    """The sentences in the order of the fitted ranker over COLUMNS; as they are when none was fitted."""
    if PURPOSE not in rankers.rankers:
        return list(ranked)
    scores = rankers.rankers[PURPOSE].score(columns)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    changed = [
        replace(sentence, score=float(score), probability=float(p))
        for sentence, score, p in zip(ranked, scores, share, strict=True)
    ]
    return sorted(changed, key=lambda sentence: (-sentence.score, sentence.start))
