"""How a text is cut into passages: at most 200 words, whole sentences, and whole paragraphs where there are any.

What is asked for mostly stands in one paragraph. Knows nothing of searching.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from longdoc.core.sentences import Span, cut_long, sentence_spans
from longdoc.search.words import num_words

PASSAGE_WORDS = 200
STRIDE_WORDS = 100
MAX_SENTENCE_WORDS = 120  # tables and lists without full stops are cut here
_MIN_WORDS_BEFORE_BREAK = 60  # a heading, or the last paragraph that fits, ends a passage of at least this many words


def sentences_and_words(text: str, left_out: Sequence[Span]) -> tuple[list[Span], list[int]]:
    """Sentence spans, none over MAX_SENTENCE_WORDS, and their number of words; none that begins in `left_out`."""
    spans: list[Span] = []
    counts: list[int] = []
    for start, end in sentence_spans(text):
        if any(a <= start < b for a, b in left_out):
            continue
        for a, b in cut_long(text, start, end, 6 * MAX_SENTENCE_WORDS):
            spans.append((a, b))
            counts.append(num_words(text[a:b]))
    return spans, counts


def paragraph_starts(text: str, sentences: Sequence[Span]) -> set[int]:
    """The numbers of the sentences that follow a blank line."""
    pairs = enumerate(pairwise(sentences), 1)
    return {number for number, ((_, end), (start, _)) in pairs if "\n\n" in text[end:start]}


def windows(
    counts: Sequence[int],
    section_starts: set[int],
    paragraphs: Iterable[int],
    most_words: int = PASSAGE_WORDS,
    stride_words: int = STRIDE_WORDS,
) -> list[Span]:
    """Ranges of sentence numbers: `most_words` at most, or of one sentence that is longer.

    One ends with a section or the last paragraph that fits, the next begins with a paragraph at least `stride_words`
    on. Where neither is there, ranges of full length overlap.
    """
    before = [0, *accumulate(counts)]  # words before each sentence
    breaks = sorted(section_starts.union(paragraphs))
    found: list[Span] = []
    first, total = 0, len(counts)
    while first < total:
        fitting = max(first + 1, bisect_right(before, before[first] + most_words) - 1)
        inside = breaks[bisect_right(breaks, first) : bisect_right(breaks, fitting)]
        ends = [at for at in inside if before[at] - before[first] >= _MIN_WORDS_BEFORE_BREAK]
        section_end = next((at for at in ends if at in section_starts), None)
        if section_end is not None:
            last = following = section_end
        else:
            last = ends[-1] if ends and fitting < total else fitting
            strode = max(first + 1, bisect_left(before, before[first] + stride_words))
            following = next((at for at in inside if strode <= at <= last), min(strode, last))
        found.append((first, last))
        if last >= total:
            break
        first = following
    return found
