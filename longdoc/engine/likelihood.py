"""How well a long text is predicted while it is read: the log-probability of every token, in constant memory.

`Reader.score` answers for continuations of a state that stays as it is; here the state moves on, and a text is run
through the model once. Segments are scored in pieces, so that no more than `_MOST_LOGITS` logits are held.

Shapes: T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.core.errors import LongdocError
from longdoc.engine.reader import Reader, ReadingState

_MOST_LOGITS = 1 << 24  # 64 MiB in float32


def read_and_score(reader: Reader, state: ReadingState, ids: Sequence[int]) -> tuple[ReadingState, Tensor]:
    """The state after `ids`, and the log-probability of each of them after those before it: (T,) float32.

    After an empty state the first token is as likely as any other. The given state stays as it is.
    Raises LongdocError when the model's output is not finite.
    """
    if not ids:
        return state, torch.zeros(0)
    vocabulary = reader.loaded.model.get_input_embeddings().weight.shape[0]
    step = max(1, min(reader.plan.segment_tokens, _MOST_LOGITS // vocabulary))
    reader._switch(writing=False)
    cache, logits = state.cache.fork(), state.logits
    found: list[Tensor] = []
    for first in range(0, len(ids), step):
        tokens = torch.tensor([list(ids[first : first + step])], device=reader.loaded.device)
        after = reader._forward(tokens, cache, keep=0)[0]
        if logits is None:
            found.append(torch.full((1,), -math.log(vocabulary), device=after.device))
        else:
            found.append(-F.cross_entropy(logits[None].float(), tokens[0, :1], reduction="none"))
        found.append(-F.cross_entropy(after[:-1].float(), tokens[0, 1:], reduction="none"))
        logits = after[-1]
    cache.settle()
    scores = torch.cat(found).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise LongdocError(
            "The model's output is not finite any more.",
            why=f"after {state.num_tokens + len(ids):,} tokens",
            fix="measure without the memory (--no-memory) or in float32 on the CPU",
        )
    return ReadingState(cache, logits, state.num_tokens + len(ids)), scores
