"""Finding passages by words: SQLite FTS5 over the passages of `windows`.

The table holds no text, only the inverted index, in a temporary file that SQLite removes on closing.
What the user types never reaches FTS5's query syntax: only quoted words do. Knows nothing of models,
tokens or answers.
"""

from __future__ import annotations

import itertools
import math
import sqlite3
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from longdoc.core.errors import LongdocError
from longdoc.core.sentences import Span
from longdoc.core.types import Passage, Section
from longdoc.search import apparatus, definitions, narrator, scope
from longdoc.search.windows import PASSAGE_WORDS, STRIDE_WORDS, paragraph_starts, sentences_and_words, windows
from longdoc.search.words import content_words, is_english, other_forms, passage_share, spaced, stem, words

_USUAL = 50.0
_KNOWN_SENTENCES = 4096  # whose stems are kept


class PassageIndex:
    """Passages of one text, found by BM25.

    text, sections: what was indexed.   sentences: spans, in order, without those of tables of contents.
    passages: half-open ranges of sentence numbers, in order, a new one at the first paragraph about 100 words on.
    vectors: of sentences, by number, as far as `similarity` needed them.   readings: of passages, what `reading` keeps.
    """

    def __init__(
        self,
        text: str,
        sections: Sequence[Section] = (),
        *,
        passage_words: int = PASSAGE_WORDS,
        stride_words: int = STRIDE_WORDS,
    ) -> None:
        sentences, counts = sentences_and_words(text, apparatus.contents_spans(text, sections))
        starts = {bisect_left(sentences, section.start, key=lambda span: span[0]) for section in sections}
        passages = windows(counts, starts, paragraph_starts(text, sentences), passage_words, stride_words)
        english = is_english(text)
        self._hold(text, sections, sentences, passages, english, _open(english))
        with self._connection:
            self._connection.executemany(
                "INSERT INTO passages(rowid, body) VALUES (?, ?)",
                ((i + 1, spaced(text[slice(*self.span(i))])) for i in range(len(self.passages))),
            )

    def _hold(
        self,
        text: str,
        sections: Sequence[Section],
        sentences: list[Span],
        passages: list[Span],
        english: bool,
        connection: sqlite3.Connection,
    ) -> None:
        self.text = text
        self.sections = tuple(sections)
        self.titles = apparatus.title_keys(sections)
        self.sentences = sentences
        self._sentence_ends = [end for _, end in sentences]
        self.passages = passages
        self._middles = [sum(self.span(i)) // 2 for i in range(len(passages))]
        self.is_english = english
        self._idf: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._stems: dict[int, tuple[str, ...]] = {}
        self.vectors: dict[int, NDArray[np.float32]] = {}
        self.readings: dict[tuple[str, int, int], dict[int, float]] = {}
        self._last_scope: tuple[str, str, scope.Scope | None] | None = None
        self._connection = connection

    def packed(self) -> dict[str, Any]:
        """All that was counted in the text, as plain data, for `unpacked`."""
        return {
            "sentences": _bytes_of(self.sentences),
            "passages": _bytes_of(self.passages),
            "english": self.is_english,
            "narrator": self.narrator,
            "inverted": self._connection.serialize(),
        }

    @classmethod
    def unpacked(cls, text: str, sections: Sequence[Section], packed: Mapping[str, Any]) -> Self:
        """The index again, of the same text and sections. It is not checked: whoever kept it has a checksum."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.deserialize(packed["inverted"])
        index = cls.__new__(cls)
        spans = _spans_of(packed["sentences"]), _spans_of(packed["passages"])
        index._hold(text, sections, *spans, packed["english"], connection)
        index.narrator = packed["narrator"]
        return index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_connection"):
            self.close()

    def close(self) -> None:
        """Removes the temporary file."""
        self._connection.close()

    def span(self, passage: int) -> Span:
        """Characters of a passage: from the start of its first sentence to the end of its last."""
        first, last = self.passages[passage]
        return self.sentences[first][0], self.sentences[last - 1][1]

    def sentences_of(self, passage: Passage) -> range:
        """Numbers of the sentences that begin inside a passage."""
        first = bisect_left(self._sentence_ends, passage.start + 1)
        last = first
        while last < len(self.sentences) and self.sentences[last][0] < passage.end:
            last += 1
        return range(first, last)

    def stems_of(self, number: int) -> tuple[str, ...]:
        """The stems of all words of a sentence, in order; none before the first sentence and after the last."""
        if not 0 <= number < len(self.sentences):
            return ()
        if number not in self._stems:
            if len(self._stems) >= _KNOWN_SENTENCES:
                self._stems.clear()
            self._stems[number] = tuple(stem(word) for word in words(self.text[slice(*self.sentences[number])]))
        return self._stems[number]

    def neighbours(self, passage: Passage) -> list[int]:
        """Where the passages before and after one start; its own start at the ends of the text."""
        first = bisect_left(self._sentence_ends, passage.start + 1)
        number = bisect_left(self.passages, first, key=lambda window: window[0])
        last = len(self.passages) - 1
        return [self.span(min(last, max(0, beside)))[0] for beside in (number - 1, number + 1)]

    def search(self, question: str, k: int = 5) -> list[Passage]:
        """The k best passages by BM25, best first; those that introduce what is asked for take the last places."""
        return self.with_introductions(question, self.propose(question, k), k)

    def propose(self, question: str, k: int) -> list[Passage]:
        """The k best passages by BM25. A section named in the question is searched first, without its name."""
        question, named = self.scope_of(question)
        hits: dict[int, float] = {}
        if named is not None:
            for number, score in self._match(_query(named.rest), k, named.spans):
                hits[number] = score
        if len(hits) < k:
            for number, score in self._match(_query(question), k, ()):
                hits.setdefault(number, score)
        return [Passage(*self.span(number), score) for number, score in list(hits.items())[:k]]

    def others(self, found: Sequence[Passage], most: int) -> list[Passage]:
        """All passages that were not found, in order and with score 0; none where they are more than `most`."""
        if len(self.passages) - len(found) > most:
            return []
        known = {passage.start for passage in found}
        spans = (self.span(number) for number in range(len(self.passages)))
        return [Passage(*span, 0.0) for span in spans if span[0] not in known]

    def with_introductions(self, question: str, found: list[Passage], k: int) -> list[Passage]:
        """At most k passages; when it is asked what something is, those that introduce it take the last places."""
        known = {passage.start for passage in found}
        spans = [self.span(number) for number in self._introducing(question)]
        told = [span for span in spans if span[0] not in known]
        if not told or not found:
            return found
        score = found[-1].score
        return found[: max(1, k - len(told))] + [Passage(*span, score) for span in told[: k - 1]]

    def _introducing(self, question: str) -> list[int]:
        """The passages of the sentences that first name, and first say what is, the subject of "What is it?"."""
        first = [sentence for sentence, _ in self.passages]
        subjects = definitions.subjects_of(question)
        numbers = [n for subject in subjects for n in definitions.introductions(subject, self.text, self.sentences)]
        return list(dict.fromkeys(bisect_right(first, number) - 1 for number in numbers))

    @cached_property
    def narrator(self) -> str | None:
        """Who tells a story in the first person."""
        return narrator.narrator_of(self.text)

    def without_narrator(self, question: str) -> str:
        """The question without the name of the one who says "I", unless it asks who that is."""
        if self.narrator is None or definitions.subjects_of(question):
            return question
        rest = narrator.without(question, self.narrator)
        return rest if content_words(rest) else question

    def scope_of(self, question: str) -> tuple[str, scope.Scope | None]:
        """The question without the narrator's name, and the section that it names; the last question's is kept."""
        if self._last_scope is None or self._last_scope[0] != question:
            rest = definitions.without_asking(self.without_narrator(question))
            self._last_scope = question, rest, scope.find(rest, self.sections, self.is_concentrated)
        return self._last_scope[1:]

    def idf(self, word: str) -> float:
        """How rare a word is among the passages: low when all have it, highest for a rare word that none has.

        _USUAL passages of usual English are counted with those of an English text: a short one has few of its own.
        """
        if word not in self._idf:
            found = self._num_with(word) + self._usual * passage_share(stem(word))
            total = len(self.passages) + self._usual
            self._idf[word] = math.log(1 + (total - found + 0.5) / (found + 0.5))
        return self._idf[word]

    def is_absent(self, word: str) -> bool:
        """Whether no passage has a word."""
        return not self._num_with(word)

    @property
    def highest_idf(self) -> float:
        """The idf of a word that nobody uses."""
        return math.log(1 + (len(self.passages) + self._usual + 0.5) / 0.5)

    @property
    def _usual(self) -> float:
        return _USUAL if self.is_english else 0.0

    def _num_with(self, word: str) -> int:
        if word not in self._counts:
            sql = "SELECT count(*) FROM passages WHERE passages MATCH ?"
            (self._counts[word],) = self._connection.execute(sql, (_either(word),)).fetchone()
        return self._counts[word]

    def _match(self, query: str, k: int, spans: Sequence[Span]) -> list[tuple[int, float]]:
        if not query or not self.passages:
            return []
        ranges = [self._passages_in(span) for span in spans]
        where = "".join(" OR rowid BETWEEN ? AND ?" for _ in ranges)
        sql = "SELECT rowid, bm25(passages) FROM passages WHERE passages MATCH ?"
        sql += f" AND ({where[4:]})" if where else ""
        sql += " ORDER BY bm25(passages), rowid LIMIT ?"
        parameters = [query, *(n + 1 for pair in ranges for n in pair), k]
        return [(rowid - 1, -score) for rowid, score in self._connection.execute(sql, parameters)]

    def _passages_in(self, span: Span) -> tuple[int, int]:
        """First and last passage whose middle lies in a span."""
        return bisect_left(self._middles, span[0]), bisect_left(self._middles, span[1]) - 1

    def is_concentrated(self, phrase: str, spans: Sequence[Span]) -> bool:
        """Whether most passages with these words lie in the spans: then the words name the section."""
        query = " AND ".join(_either(word) for word in content_words(phrase))
        if not query:
            return False
        inside = len(self._match(query, len(self.passages), spans))
        return inside > 0 and inside >= 0.6 * len(self._match(query, len(self.passages), ()))


def _bytes_of(spans: Sequence[Span]) -> bytes:
    return array("q", itertools.chain.from_iterable(spans)).tobytes()


def _spans_of(packed: bytes) -> list[Span]:
    numbers = array("q", packed)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _open(english: bool) -> sqlite3.Connection:
    """A private table in a temporary file ("" to SQLite); the porter stemmer is for English only."""
    tokenizer = ("porter " if english else "") + "unicode61 remove_diacritics 2"
    connection = sqlite3.connect("", check_same_thread=False)  # the garbage collector may close it from anywhere
    try:
        connection.execute(f"CREATE VIRTUAL TABLE passages USING fts5(body, content='', tokenize='{tokenizer}')")
    except sqlite3.OperationalError as error:
        connection.close()
        raise LongdocError(
            "This Python cannot search text.",
            why=f"its SQLite {sqlite3.sqlite_version} has no FTS5 ({error})",
            fix="install a Python from python.org, conda or uv: theirs have FTS5; `longdoc doctor` checks it",
        ) from error
    return connection


def _either(word: str) -> str:
    """A query for a word or its irregular forms. Words are letters and digits, so the quotes hold."""
    forms = [word, *other_forms(word)]
    return "(" + " OR ".join(f'"{form}"' for form in forms) + ")"


def _query(question: str) -> str:
    """An FTS5 query for any of the question's content words; its function words when it has nothing else."""
    terms = content_words(question) or words(question)
    return " OR ".join(_either(term) for term in dict.fromkeys(terms))
