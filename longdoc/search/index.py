"""Finding passages by words: SQLite FTS5 over passages of at most 200 words that keep whole sentences.

Where a text has paragraphs, passages begin and end with them: what is asked for mostly stands in one.

The table holds no text, only the inverted index, in a temporary file that SQLite removes on closing.
What the user types never reaches FTS5's query syntax: only quoted words do. Knows nothing of models,
tokens or answers.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Self

from longdoc.core.errors import LongdocError
from longdoc.core.sentences import Span, cut_long, sentence_spans
from longdoc.core.types import Passage, Section
from longdoc.search import apparatus, definitions, narrator, scope
from longdoc.search.words import content_words, is_english, num_words, other_forms, spaced, stem, words

PASSAGE_WORDS = 200
STRIDE_WORDS = 100
MAX_SENTENCE_WORDS = 120  # tables and lists without full stops are cut here
_KNOWN_SENTENCES = 4096  # whose stems are kept
_MIN_WORDS_BEFORE_BREAK = 60  # a heading, or the last paragraph that fits, ends a passage of at least this many words


class PassageIndex:
    """Passages of one text, found by BM25.

    text, sections: what was indexed.   sentences: spans, in order, without those of tables of contents.
    passages: half-open ranges of sentence numbers, in order, a new one at the first paragraph about 100 words on.
    """

    def __init__(
        self,
        text: str,
        sections: Sequence[Section] = (),
        *,
        passage_words: int = PASSAGE_WORDS,
        stride_words: int = STRIDE_WORDS,
    ) -> None:
        self.text = text
        self.sections = tuple(sections)
        self.titles = apparatus.title_keys(sections)
        self.sentences, counts = _sentences(text, apparatus.contents_spans(text, sections))
        self._sentence_ends = [end for _, end in self.sentences]
        starts = {bisect_left(self.sentences, section.start, key=lambda span: span[0]) for section in sections}
        self.passages = _windows(counts, starts, self._paragraph_starts(), passage_words, stride_words)
        self._middles = [sum(self.span(i)) // 2 for i in range(len(self.passages))]
        self.is_english = is_english(text)
        self._idf: dict[str, float] = {}
        self._stems: dict[int, tuple[str, ...]] = {}
        self._last_scope: tuple[str, str, scope.Scope | None] | None = None
        self._connection = _open(self.is_english)
        with self._connection:
            self._connection.executemany(
                "INSERT INTO passages(rowid, body) VALUES (?, ?)",
                ((i + 1, spaced(text[slice(*self.span(i))])) for i in range(len(self.passages))),
            )

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

    def _paragraph_starts(self) -> set[int]:
        """The sentences that follow a blank line."""
        pairs = enumerate(pairwise(self.sentences), 1)
        return {number for number, ((_, end), (start, _)) in pairs if "\n\n" in self.text[end:start]}

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

    def with_introductions(self, question: str, found: list[Passage], k: int) -> list[Passage]:
        """At most k passages; when it is asked what something is, those that introduce it take the last places."""
        known = {passage.start for passage in found}
        spans = [self.span(number) for number in self._introducing(self.scope_of(question)[0])]
        told = [span for span in spans if span[0] not in known]
        if not told or not found:
            return found
        score = found[-1].score
        return found[: max(1, k - len(told))] + [Passage(*span, score) for span in told[: k - 1]]

    def _introducing(self, question: str) -> list[int]:
        """The passages of the sentences that first name, and first say what is, the subject of "What is it?"."""
        subject = definitions.subject_of(question)
        if subject is None:
            return []
        first = [sentence for sentence, _ in self.passages]
        numbers = definitions.introductions(subject, self.text, self.sentences)
        return list(dict.fromkeys(bisect_right(first, number) - 1 for number in numbers))

    @cached_property
    def narrator(self) -> str | None:
        """Who tells a story in the first person."""
        return narrator.narrator_of(self.text)

    def without_narrator(self, question: str) -> str:
        """The question without the name of the one who says "I", unless it asks who that is."""
        if self.narrator is None or definitions.subject_of(question):
            return question
        rest = narrator.without(question, self.narrator)
        return rest if content_words(rest) else question

    def scope_of(self, question: str) -> tuple[str, scope.Scope | None]:
        """The question without the narrator's name, and the section that it names; the last question's is kept."""
        if self._last_scope is None or self._last_scope[0] != question:
            rest = self.without_narrator(question)
            self._last_scope = question, rest, scope.find(rest, self.sections, self.is_concentrated)
        return self._last_scope[1:]

    def idf(self, word: str) -> float:
        """How rare a word is among the passages: 0 when all have it, highest when none has."""
        if word not in self._idf:
            sql = "SELECT count(*) FROM passages WHERE passages MATCH ?"
            (found,) = self._connection.execute(sql, (_either(word),)).fetchone()
            total = len(self.passages)
            self._idf[word] = math.log(1 + (total - found + 0.5) / (found + 0.5))
        return self._idf[word]

    @property
    def idf_of_absent(self) -> float:
        """The idf of a word that no passage has."""
        return math.log(1 + (len(self.passages) + 0.5) / 0.5)

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


def _sentences(text: str, left_out: Sequence[Span]) -> tuple[list[Span], list[int]]:
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


def _windows(
    counts: Sequence[int], section_starts: set[int], paragraph_starts: set[int], most_words: int, stride_words: int
) -> list[Span]:
    """Ranges of sentences of `most_words` at most, or of one sentence that is longer.

    One ends with a section or the last paragraph that fits, the next begins with a paragraph at least `stride_words`
    on. Where neither is there, ranges of full length overlap.
    """
    before = [0, *accumulate(counts)]  # words before each sentence
    breaks = sorted(section_starts | paragraph_starts)
    windows: list[Span] = []
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
        windows.append((first, last))
        if last >= total:
            break
        first = following
    return windows
