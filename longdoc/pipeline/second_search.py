"""One more search, with words of the model's own, when what the question's words found does not answer it.

Only a model that writes can name other words. For the embedded one, which cannot, nothing takes their place: of words
that stand near the found ones (pseudo-relevance feedback) and of neighbours in a space of words no gain was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.events import Listener
from longdoc.core.types import Evidence
from longdoc.pipeline.reading import Reading
from longdoc.pipeline.writing import write
from longdoc.search.words import content_stems

QUERY_TOKENS = 48
_MAX_WORDS = 32
_RANK_BASE = 60  # reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): the first ranks are close to each other


def other_words(reading: Reading, question: str, on_event: Listener) -> str | None:
    """What the model would search for instead: a line of words; None when that has no word that the question lacks."""
    request = reading.framing.request("query", question=question)
    asked = reading.reader.read(reading.state, request)
    _, text = write(reading.reader, reading.framing, asked, QUERY_TOKENS, on_event)
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = " ".join(line.split()[:_MAX_WORDS])
    return words if set(content_stems(words)) - set(content_stems(question)) else None


def merged(first: Sequence[Evidence], second: Sequence[Evidence], most: int) -> list[Evidence]:
    """Passages of two searches, best first, by the sum of 1 / (60 + rank); with the better of two scores."""
    worth: dict[tuple[int, int], float] = {}
    found: dict[tuple[int, int], Evidence] = {}
    for passages in (first, second):
        for rank, passage in enumerate(passages):
            span = passage.citation.start, passage.citation.end
            worth[span] = worth.get(span, 0.0) + 1 / (_RANK_BASE + rank)
            known = found.get(span, passage)
            found[span] = replace(passage, score=max(known.score, passage.score))
    return [found[span] for span in sorted(found, key=lambda span: -worth[span])[:most]]
