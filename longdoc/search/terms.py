"""The words of a document, sentence by sentence, as numbers: what choosing summary sentences counts with.

Made once for a document of any length; everything about a part of it is then a slice of flat arrays.
Knows nothing of what makes a sentence worth choosing.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from longdoc.core.sentences import Span, sentence_spans
from longdoc.search.ranker import Array
from longdoc.search.words import content_stems, fold, stem, telling_weights, usual_share

_LOWER = re.compile(r"\b[a-zà-ÿ]+\b")
_CAPITALISED = re.compile(r"[^\W\d_a-z]\w*[a-zà-ÿ]\w*")
# A quotation, in straight, curly or angular marks, closed by its mark or by the end of the paragraph.
QUOTATION = re.compile(
    r"“(?:(?!\n\s*\n)[^”]){0,4000}”?|\"(?:(?!\n\s*\n)[^\"]){0,4000}\"?|«(?:(?!\n\s*\n)[^»]){0,4000}»?|"
    r"(?<![\w.,!?])[‘'](?=[A-Z])(?:(?!\n\s*\n)(?!['’](?!\w)).){0,4000}['’]?",
    re.DOTALL,
)
SPEAKER = re.compile(r"^[A-Z][\w .'’-]{0,40}:\s+")
_MIN_NAME_COUNT = 2
_CAPITALISED_WORDS = """
    i mr mrs miss dr sir lady lord the a an and but chapter okay yeah oh yes no well god monday tuesday wednesday
    thursday friday saturday sunday january february march april may june july august september october november
    december"""
_NOT_NAMES = frozenset(_CAPITALISED_WORDS.split())
_NUM_STRETCHES = 12  # of the document, in which a theme must come back


def without_speaker(sentence: str) -> str:
    """The sentence without the name of who says it: "Daniel: Welcome." names nobody."""
    return SPEAKER.sub("", sentence)


class DocumentTerms:
    """Sentences and the stems of their content words. What is held per word is a number, not a string: a long
    document must not take much more memory than a short one.

    sentences: spans in order.   names: folded name -> how often it occurs.   vocabulary: stem -> its number.
    flat, owner: (T,) stem numbers of all sentences in order, and the sentence of each.   idf, key: (V,), how rare
    a stem is in the document, and how much more the document uses it than English at large.
    quoted: (N,) share of each sentence that lies inside quotation marks, also those opened before it.
    theme, telling: (V,), 0 for names: how much a stem is one of the document's own subjects and comes back all
    through it, and how much more it is used by those who retell stories than in the stories.
    """

    def __init__(self, text: str, sentences: Sequence[Span] | None = None) -> None:
        self.text = text
        self.sentences = list(sentences) if sentences is not None else sentence_spans(text)
        self._starts = [start for start, _ in self.sentences]
        vocabulary: dict[str, int] = {}
        flat, owner = array("i"), array("i")
        self.frequency: Counter[str] = Counter()
        for number, (start, end) in enumerate(self.sentences):
            found = content_stems(without_speaker(text[start:end]))
            self.frequency.update(found)
            for word in sorted(set(found)):
                flat.append(vocabulary.setdefault(word, len(vocabulary)))
                owner.append(number)
        self.flat: NDArray[np.int32] = np.asarray(flat, dtype=np.int32)
        self.owner: NDArray[np.int32] = np.asarray(owner, dtype=np.int32)
        self.vocabulary = vocabulary
        self._words = list(vocabulary)
        num_sentences = max(1, len(self.sentences))
        in_sentences = np.bincount(self.flat, minlength=len(vocabulary))
        self.idf: Array = np.log(1 + num_sentences / np.maximum(1, in_sentences))
        self.weight: Array = self.idf[self.flat]
        norm = np.sqrt(np.bincount(self.owner, self.weight**2, minlength=num_sentences))
        self.weight /= np.maximum(norm, 1e-9)[self.owner]
        self.key: Array = self._key()
        self.quoted = self._quoted()
        self.names = self._names()
        self.theme, self.telling = self._theme()

    def part(self, start: int, end: int) -> range:
        """Numbers of the sentences that begin in `text[start:end]`."""
        return range(bisect_left(self._starts, start), bisect_left(self._starts, end))

    def slice_of(self, part: range) -> slice:
        """The part's piece of `flat`, `owner` and `weight`."""
        first, last = np.searchsorted(self.owner, [part.start, part.stop])
        return slice(int(first), int(last))

    def stems_in(self, number: int) -> frozenset[str]:
        """The distinct stems of a sentence."""
        return frozenset(self._words[stem] for stem in self.flat[self.slice_of(range(number, number + 1))])

    def names_in(self, number: int) -> frozenset[str]:
        """The names in a sentence, folded."""
        start, end = self.sentences[number]
        return frozenset(word for word, _ in _capitalised(self.text[start:end])) & self.names.keys()

    def _key(self) -> Array:
        """(V,): 0 for words used as often as elsewhere, towards 1 and more for the document's own subjects.

        The idea of topic signatures (Lin and Hovy 2000) with a log ratio, because it needs no corpus at hand.
        """
        total = max(1, sum(self.frequency.values()))
        ratios = (
            np.log1p(count) * np.log(count / total / usual_share(word)) if count > 1 else 0.0
            for word, count in ((word, self.frequency[word]) for word in self.vocabulary)
        )
        key = np.maximum(0.0, np.fromiter(ratios, dtype=np.float64, count=len(self.vocabulary)))
        return key / max(1e-9, float(np.quantile(key, 0.99))) if len(key) else key

    def _theme(self) -> tuple[Array, Array]:
        """(V,), (V,)."""
        named = {stem(name) for name in self.names}
        ordinary = np.asarray([found not in named for found in self.vocabulary], dtype=np.float64)
        size = max(1, len(self.vocabulary))
        stretch = self.owner * _NUM_STRETCHES // max(1, len(self.sentences))
        spread = np.bincount(np.unique(self.flat * _NUM_STRETCHES + stretch) // _NUM_STRETCHES, minlength=size)
        weights = telling_weights()
        telling = np.asarray([weights.get(found, 0.0) for found in self.vocabulary])
        theme = self.key * np.minimum(1.0, 2 * spread[: len(self.vocabulary)] / _NUM_STRETCHES)
        return theme * ordinary, telling * ordinary

    def _quoted(self) -> Array:
        """(N,): a quotation runs over sentences until it is closed or its paragraph ends."""
        shares = np.zeros(len(self.sentences))
        number = 0
        for match in QUOTATION.finditer(self.text):
            opened, closed = match.span()
            while number < len(shares) and self.sentences[number][1] <= opened:
                number += 1
            for later in range(number, len(shares)):
                start, end = self.sentences[later]
                if start >= closed:
                    break
                shares[later] += (min(end, closed) - max(start, opened)) / max(1, end - start)
        return shares

    def _names(self) -> dict[str, int]:
        """Words that are capitalised inside sentences too, and their counts."""
        inside: Counter[str] = Counter()
        capitals: Counter[str] = Counter()
        for start, end in self.sentences:
            for word, is_inside in _capitalised(self.text[start:end]):
                capitals[word] += 1
                inside[word] += is_inside
        names = {
            word: capitals[word]
            for word, count in inside.items()
            if count >= _MIN_NAME_COUNT and word not in _NOT_NAMES and len(word) > 1
        }
        lower = Counter(word for match in _LOWER.finditer(self.text) if (word := match[0]) in names)
        return {word: count for word, count in names.items() if count > 2 * lower[word]}


def _capitalised(sentence: str) -> Iterator[tuple[str, bool]]:
    """The folded capitalised words of a sentence, and whether nothing but their being names gives them the capital."""
    sentence = without_speaker(sentence)
    for match in _CAPITALISED.finditer(sentence):
        at = match.start()
        yield fold(match[0]), at > 0 and sentence[at - 2 : at - 1] not in ".!?:\"“‘'—"
