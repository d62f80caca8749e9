"""Rows of training tokens, each with a loss weight per token: text, copies, questions, extracts, needles.

The prompts are the files that the pipeline uses, so the model meets at work what it was trained on.

A row is `num_tokens + 1` ids and as many weights: weight i belongs to predicting token i from those before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from longdoc.core import needles
from longdoc.pipeline.prompts import load_prompt
from longdoc.pipeline.rerank import NOT_IN_TEXT
from longdoc.train.corpus import Array, Corpus, Question

ANSWER_LOSS = 2.0
_LOSS_SHARE, _LOSS_PIECE = 0.15, 16  # of the other text in those rows: share with a loss, tokens of a piece
_ONSETS = ("b", "br", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "z")
_RIMES = ("a", "al", "an", "e", "en", "er", "i", "il", "in", "o", "on", "or", "u", "un", "ard", "esk", "ob")

Weights = np.ndarray[Any, np.dtype[np.float32]]
Row = tuple[Array, Weights]
Piece = tuple[Array, float]


def joined(pieces: list[Piece]) -> Row:
    """The ids of the pieces one after the other, and the weight of each."""
    ids = np.concatenate([ids for ids, _ in pieces])
    return ids, np.concatenate([np.full(len(ids), weight, np.float32) for ids, weight in pieces])


class RowMaker:
    """Makes rows of every kind from a corpus. text_loss: weight of plain text in rows that ask for something."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, seed: int, text_loss: float = 0.3) -> None:
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.rng = random.Random(seed)
        self.text_loss = text_loss
        before, after = load_prompt("embedded/question").render(question="\0").split("\0")
        self.before_question = self.encode(before.removesuffix(" "))
        assert not after, "the embedded model's question comes last in its prompt"
        self.before_answer = self.encode(load_prompt("embedded/answer").render())
        self.before_notes = self.encode(load_prompt("embedded/notes").render())
        self.not_in_text = self.encode(NOT_IN_TEXT)
        self.gap = self.encode("\n\n")
        self.number_heavy = 0.3  # share of the rows with codes whose other text is full of numbers
        self.gap_tokens = 160  # at least so many between a code and the question for it
        self.names = self._names()
        self.kinds: dict[str, Callable[[int], list[Piece]]] = {
            "text": self._text_pieces,
            "copy": self._copy_pieces,
            "near_questions": self._near_question_pieces,
            "far_questions": self._far_question_pieces,
            "extracts": self._extract_pieces,
            "needles": self._needle_pieces,
        }

    def encode(self, text: str) -> Array:
        """Token ids without special tokens."""
        return np.array(self.tokenizer.encode(text, add_special_tokens=False).ids, np.uint16)

    def row(self, kind: str, num_tokens: int, window: int = 64) -> Row:
        """A row of one kind, filled up with text and cut to `num_tokens + 1`. window: what the attention will see."""
        self.gap_tokens = min(max(160, window + 64), num_tokens // 3)
        pieces = self.kinds[kind](num_tokens + 1)
        ids, weights = joined(pieces)
        if (missing := num_tokens + 1 - len(ids)) > 0:
            ids = np.concatenate([ids, self.gap, self.text(missing)])
            weights = np.concatenate([weights, np.full(missing + len(self.gap), self.text_loss, np.float32)])
        return ids[: num_tokens + 1], weights[: num_tokens + 1]

    def text(self, num_tokens: int) -> Array:
        """A random stretch of a random source."""
        stream = self.rng.choices(self.corpus.texts, self.corpus.weights)[0]
        start = self.rng.randrange(max(1, len(stream) - num_tokens))
        return np.asarray(stream[start : start + num_tokens])

    def _text_pieces(self, num_tokens: int) -> list[Piece]:
        return [(self.text(num_tokens), 1.0)]

    def _copy_pieces(self, num_tokens: int) -> list[Piece]:
        """Pieces of text or of random tokens that come back: the loss is on the second copies alone."""
        pieces: list[Piece] = []
        kept: list[Array] = []
        total = 0
        vocab = self.tokenizer.get_vocab_size()
        while total < num_tokens:
            length = self.rng.randint(6, 40)
            if kept and self.rng.random() < 0.5:
                old = self.rng.choice(kept)
                piece, weight = old, 1.0
            else:
                is_random = self.rng.random() < 0.5
                piece = (
                    np.array(self.rng.choices(range(vocab), k=length), np.uint16) if is_random else self.text(length)
                )
                weight = 0.0 if is_random else self.text_loss
                kept.append(piece)
            # what starts a copy cannot be known: no loss on its first two tokens
            pieces += [(piece[:2], 0.0), (piece[2:], weight)]
            total += len(piece)
        return pieces

    def _asked(self, question: Question) -> list[Piece]:
        """The question's prompt, the question, the answer's prompt and the answer, each with its loss."""
        answer = question.answer if question.answerable else self.not_in_text
        pieces = [(self.before_question, 0.0), (question.question, 1.0), (self.before_answer, 0.0)]
        if len(answer):
            pieces += [(answer, ANSWER_LOSS), (self.gap, ANSWER_LOSS)]
        else:
            pieces += [(self.gap, 0.0)]
        return pieces

    def _cloze(self) -> Question:
        """A stretch of text and one of its sentences with a name or number left out."""
        context = self.text(self.rng.randint(60, 220))
        text = self.tokenizer.decode(context.tolist())
        words = text.split(" ")
        places = [i for i in range(8, len(words) - 8) if words[i][:1].isupper() or words[i][:1].isdigit()]
        if not places:
            return self.rng.choice(self.corpus.questions)
        place = self.rng.choice(places)
        core = words[place].strip(".,;:!?\"'“”()’")
        first, last = max(0, place - self.rng.randint(4, 10)), place + self.rng.randint(3, 8)
        asked = [*words[first:place], words[place].replace(core, "___", 1), *words[place + 1 : last]]
        return Question(context, self.encode(" " + " ".join(asked).strip()), self.encode(" " + core), True)

    def _question(self) -> Question:
        return self._cloze() if self.rng.random() < 0.25 else self.rng.choice(self.corpus.questions)

    def _near_question_pieces(self, num_tokens: int) -> list[Piece]:
        """Passage, question, answer, one after the other: what re-ranking and re-reading look like."""
        pieces: list[Piece] = []
        total = 0
        while total < num_tokens:
            question = self._question()
            new = [(question.context, self.text_loss), *self._asked(question), (self.gap, 0.0)]
            if pieces and total + sum(len(p) for p, _ in new) > num_tokens:
                break
            pieces += new
            total += sum(len(p) for p, _ in new)
        return pieces

    def _far_question_pieces(self, num_tokens: int) -> list[Piece]:
        """Several passages first, then their questions in another order: a passage may be out of the window by then."""
        questions: list[Question] = []
        total = 0
        while total < 0.8 * num_tokens:
            question = self._question()
            size = len(question.context) + sum(len(p) for p, _ in self._asked(question)) + 2 * len(self.gap)
            if questions and total + size > num_tokens:
                break
            questions.append(question)
            total += size
        pieces = [piece for q in questions for piece in ((q.context, self.text_loss), (self.gap, 0.0))]
        for question in self.rng.sample(questions, len(questions)):
            pieces += self._asked(question)
        return pieces

    def _extract_pieces(self, num_tokens: int) -> list[Piece]:
        """A stretch of text, then the sentence of it that says it in short."""
        pieces: list[Piece] = []
        total = 0
        while total < num_tokens:
            stretch, sentence = self.rng.choice(self.corpus.extracts)
            new = [(stretch, self.text_loss), (self.before_notes, 0.0), (sentence, 1.0), (self.gap, 1.0)]
            if pieces and total + sum(len(p) for p, _ in new) > num_tokens:
                break
            pieces += new
            total += sum(len(p) for p, _ in new)
        return pieces

    def _names(self, at_least: int = 3000) -> list[str]:
        """Plain words for needles, from the vocabulary: they are names of codes, nothing more."""
        words = {t[1:] for t in self.tokenizer.get_vocab() if t[:1] == "Ġ" and t[1:].isascii()}
        names = sorted(w for w in words if w.islower() and w.isalpha() and 4 <= len(w) <= 9)
        random.Random(0).shuffle(names)
        return names[:at_least]

    def number(self) -> str:
        """The digits of a code; one in four of only one to three different ones."""
        digits = "0123456789"
        if self.rng.random() < 0.25:
            digits = "".join(self.rng.sample(digits, self.rng.randint(1, 3)))
        return "".join(self.rng.choices(digits, k=needles.NUM_DIGITS))

    def name(self) -> str:
        """A word of the vocabulary, two of them, or a made-up one that takes several tokens; some with capitals."""
        kind = self.rng.random()
        if kind < 0.5:
            name = self.rng.choice(self.names)
        elif kind < 0.7:
            name = f"{self.rng.choice(self.names)} {self.rng.choice(self.names)}"
        else:
            count = self.rng.randint(2, 4)
            name = "".join(self.rng.choice(_ONSETS) + self.rng.choice(_RIMES) for _ in range(count))
        return name.title() if self.rng.random() < 0.4 else name

    def numbers(self, num_tokens: int) -> Array:
        """A text of ledgers, logs, prices and tables, as hard to tell from a code as numbers get."""
        lines: list[str] = []
        kind = self.rng.randrange(5)
        size = 0
        while size < 3 * num_tokens:
            number = [self.rng.randrange(10 ** self.rng.randint(1, 6)) for _ in range(6)]
            word = self.rng.choice(self.names)
            lines.append(
                (
                    f"{number[0]:>6}  {word:<10} {number[1]:>8}.{number[2] % 100:02} {number[3]:>6}",
                    f"19{number[0] % 100:02}-{number[1] % 12 + 1:02}-{number[2] % 28 + 1:02}T{number[3] % 24:02}:"
                    f"{number[4] % 60:02} {word} id={number[5]} port {number[0]}",
                    f"The {word} of No. {number[0]} cost {number[1]} in {number[2]}, and {number[3]} were sold.",
                    ",".join(str(n) for n in number),
                    f"| {word} | {number[0]} | {number[1]} | {number[2] % 100} % |",
                )[kind]
            )
            size += len(lines[-1])
            if self.rng.random() < 0.05:
                kind = self.rng.randrange(5)
        return self.encode("\n".join(lines))[:num_tokens]

    def _needle_pieces(self, num_tokens: int) -> list[Piece]:
        """Codes told early and asked for later, in text with look-alikes. The recipe: the README on the memory."""
        count = max(1, round(num_tokens / 64 * self.rng.random() ** 0.7))
        names: list[str | None] = [*dict.fromkeys(self.name() for _ in range(min(32, count)))]
        if self.rng.random() < 0.3:
            names.append(None)
        gap = self.gap_tokens
        events: list[tuple[float, list[Piece]]] = []
        total = 0

        def add(place: float, pieces: list[Piece]) -> bool:
            nonlocal total
            size = sum(len(p) for p, _ in pieces)
            fits = total + size < 0.9 * num_tokens
            if fits:
                events.append((place, pieces))
                total += size
            return fits

        for name in names:
            number = self.number()
            place = self.rng.random() * (num_tokens - gap) * 0.6
            if not add(place, self.told(name, number)):
                break
            for _ in range(2):
                add(place + gap + self.rng.random() * (num_tokens - place - gap), self.wanted(name, number))
        for _ in range(int(self.rng.random() ** 2 * num_tokens / 40)):
            add(self.rng.random() * num_tokens, [(self.encode(self.look_alike(names)), 0.0)])
        events.sort(key=lambda event: event[0])
        filler = self.surroundings(num_tokens)
        pieces: list[Piece] = []
        used = at = 0

        def fill(take: int) -> None:
            nonlocal pieces, used, at
            pieces += self.filler(filler[used : used + take])
            used, at = used + take, at + take

        for place, event in events:
            fill(max(0, min(int(place) - at, num_tokens - total - used)))
            pieces += event
            at += sum(len(p) for p, _ in event)
        fill(max(0, num_tokens - at))
        return pieces

    def surroundings(self, num_tokens: int) -> Array:
        """What codes are told in: text, or in some rows numbers."""
        if self.rng.random() >= self.number_heavy:
            return self.text(num_tokens)
        numbers = self.numbers(num_tokens)
        return np.concatenate([numbers, self.text(num_tokens - len(numbers))])

    def filler(self, stretch: Array) -> list[Piece]:
        """A stretch between codes, with a loss on a few short pieces of it: enough to keep the language."""
        return [
            (stretch[first : first + _LOSS_PIECE], self.text_loss if self.rng.random() < _LOSS_SHARE else 0.0)
            for first in range(0, len(stretch), _LOSS_PIECE)
        ]

    def told(self, name: str | None, number: str) -> list[Piece]:
        """The sentence that tells a code, or the pass key."""
        return [(self.encode(needles.told(name, number)), 0.0)]

    def wanted(self, name: str | None, number: str) -> list[Piece]:
        """The question for it and its answer: the loss is on the number."""
        question = needles.asked(name)
        asked = self.encode(f"{question} {number}.")
        before = self.encode(question)
        return [(asked[: len(before)], 0.0), (asked[len(before) : -1], ANSWER_LOSS), (asked[-1:], 0.0)]

    def look_alike(self, names: Sequence[str | None]) -> str:
        """Numbers that are not needles: years, lists, versions, code, and numbers with a needle's own name."""
        rng = self.rng
        own = [n for n in names if n]
        name = rng.choice(own) if own and rng.random() < 0.3 else rng.choice(self.names)

        def number(*lengths: int) -> str:
            return "".join(rng.choices("0123456789", k=rng.choice(lengths)))

        return rng.choice(
            [
                f" in the year {number(4)},",
                f" No. {number(1, 2, 3, 5)} of",
                f" about {number(2, 3, 4, 5)}",
                f" {name} {number(3, 4, 5, 5)},",
                f" {name} = {number(1, 2, 3, 5)};",
                f"\n{rng.randint(1, 99)}. {name}\t{number(2, 3)}\n",
                f" {name}-{number(1, 2)}.txt v{number(1)}.{number(1, 2)}",
                " " + ", ".join(number(1, 2, 3, 4, 5) for _ in range(rng.randint(2, 6))) + ".",
                f"\n\tlet {name} = {number(1, 3, 5)}\n\tif {rng.choice(self.names)} > {number(1, 2, 5)}\n",
            ]
        )
