"""Whether a model has learned what must be there before questions can be answered: copying, cloze, telling passages.

- `copy_text_nats`, `copy_random_nats`: the loss on the second copy of a piece of 32 tokens, another piece between the
  two, without its first two tokens, which nobody can know. Up to 63 tokens stand before the first, so that copies lie
  anywhere between two writes of the memory. Bar on text: below 1 nat. Induction (Olsson et al. 2022, arXiv
  2209.11895) is what random tokens show alone; text can be guessed in part.
- `cloze_nats`: the loss on a word of a passage, told the passage and its sentence with that word left out. Bar: 3 nats.
- `passage_hit_at_1`: of 10 passages, how often the question's own makes the question most likely, by
  log P(question | passage) alone. Bar: .6, chance .1.

All are measured once more without the memory: a memory can take over what attention should have learned, and then
nothing is found that it has not written yet. Losses are per token. The prompts are the bare ones of the embedded model,
whatever the model, so that models compare. All of it needs texts that the model was not trained on; what was held out
is the caller's to know.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from longdoc.bench.recall import opening, ways
from longdoc.bench.report import Report, report
from longdoc.core.errors import InputError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader, ReadingState, plan_reading
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.session import Session, open_session

PIECE_TOKENS = 32
AMONG = 10  # passages
_BARS = {"copy_text_nats": 1.0, "cloze_nats": 3.0, "passage_hit_at_1": 0.6}
_PASSAGE_CHARACTERS = 1000  # as in the training
_PLAN_TOKENS = 1024
_WORD = re.compile(r"[A-Z][a-z]{2,}|\d+")

Row = Mapping[str, Any]


def run(
    options: ModelOptions,
    texts: Sequence[str],
    questions: Sequence[Row] = (),
    *,
    samples: int,
    seed: int = 0,
    on_event: Listener = ignore,
) -> Report:
    """One row per milestone and way: `milestone`, `value`, `n`, `bar`, `reached`, `without`.

    texts: long enough for samples.   questions: with `question`, `context`, `answers`, `answerable`; without any the
    passages are left out.   samples: of each milestone, at most as many as there are.   n: how many there were.
    Raises InputError when there is too little text, or too few questions.
    """
    session = open_session(options, on_event)
    names = ["copy_text_nats", "copy_random_nats", "cloze_nats", *(["passage_hit_at_1"] if questions else [])]
    rows: list[dict[str, Any]] = []
    chosen_ways = ways(options, without_memory=session.loaded.has_memory and options.memory)
    for without, chosen in chosen_ways:
        probe = Probe(session, chosen, texts, seed)
        for name in names:
            on_event(Writing("milestones", len(rows), len(names) * len(chosen_ways), name))
            values = probe.values(name, questions, samples)
            value, bar = sum(values) / len(values), _BARS.get(name)
            reached = None if bar is None else value > bar if name.startswith("passage") else value < bar
            row = {"milestone": name, "value": round(value, 4), "n": len(values), "bar": bar, "reached": reached}
            rows.append({**row, "without": without})
    return report("milestones", session.loaded.info, rows, documents=len(texts))


class Probe:
    """Makes samples out of texts and scores them. A seed gives its samples."""

    def __init__(self, session: Session, options: ModelOptions, texts: Sequence[str], seed: int) -> None:
        self.session = session
        self.texts = [text for text in texts if len(text) > 2 * _PASSAGE_CHARACTERS]
        if not self.texts:
            raise InputError("There is no text to measure with.", why="no document is long enough", fix="name others")
        self.seed = seed
        self.framing = Framing(session.loaded.tokenizer, "embedded")
        self.reader = Reader(session.loaded, plan_reading(session.loaded, options, _PLAN_TOKENS))
        self.start = self.reader.read(self.reader.start(), opening(session))

    def values(self, name: str, questions: Sequence[Row], samples: int) -> list[float]:
        """The samples of one milestone."""
        if name == "cloze_nats":
            return self.clozes(samples)
        if name == "passage_hit_at_1":
            return self.passages(questions, samples)
        return self.copies(samples, is_random=name == "copy_random_nats")

    def copies(self, samples: int, *, is_random: bool) -> list[float]:
        """Nats per token of second copies: one value each."""
        rng = random.Random(self.seed)
        vocabulary = range(len(self.session.loaded.tokenizer))
        rows = []
        for _ in range(samples):
            lead = rng.randrange(2 * PIECE_TOKENS)
            count = lead + 2 * PIECE_TOKENS
            drawn = rng.choices(vocabulary, k=count) if is_random else self._stretch(rng, count)
            rows.append([*drawn, *drawn[lead : lead + PIECE_TOKENS]])
        return [-float(scores[-PIECE_TOKENS + 2 :].mean()) for scores in self.reader.score(self.start, rows)]

    def clozes(self, samples: int) -> list[float]:
        """Nats per token of left-out words: one value each."""
        rng = random.Random(self.seed)
        rows, answers = [], []
        for _ in range(samples):
            passage, sentence, word = self._cloze(rng)
            asked = [*self.framing.request("question", question=sentence), *self.framing.request("answer")]
            answers.append(self.framing.encode(" " + word))
            rows.append([*self.framing.encode(passage), *asked, *answers[-1]])
        scored = self.reader.score(self.start, rows)
        return [-float(scores[-len(answer) :].mean()) for scores, answer in zip(scored, answers, strict=True)]

    def passages(self, questions: Sequence[Row], samples: int) -> list[float]:
        """For each question 1 when its own passage makes it most likely among AMONG, else 0.

        Questions are put to groups of AMONG passages, so that a passage is read once for all of its group.
        """
        by_context = {row["context"]: row for row in questions if row["answerable"] and row.get("answers")}
        rows = [by_context[context] for context in sorted(by_context)]
        random.Random(self.seed).shuffle(rows)
        if len(rows) < AMONG:
            raise InputError(
                f"There are {len(rows)} different passages with a question, and {AMONG} are needed.",
                why="only questions on held-out documents count",
                fix="name another file with --qa",
            )
        hits: list[float] = []
        for first in range(0, max(AMONG, min(samples, len(rows)) // AMONG * AMONG), AMONG):
            group = rows[first : first + AMONG]
            asked = [self.framing.request("question", question=row["question"].strip()) for row in group]
            scores = torch.stack([self._mean_scores(_passage(row), asked) for row in group])  # (passages, questions)
            hits += (scores.argmax(0) == torch.arange(len(group))).float().tolist()
        return hits

    def _mean_scores(self, passage: str, asked: Sequence[Sequence[int]]) -> torch.Tensor:
        """log P(question | passage) per token, for each question."""
        state: ReadingState = self.reader.read(self.start, self.framing.encode(" " + passage))
        return torch.stack([scores.mean() for scores in self.reader.score(state, asked)])

    def _stretch(self, rng: random.Random, num_tokens: int) -> list[int]:
        """Tokens of a random place of a random text."""
        return self.framing.encode(self._characters(rng, 16 * num_tokens))[:num_tokens]

    def _characters(self, rng: random.Random, num_characters: int) -> str:
        text = rng.choice(self.texts)
        start = text.find(" ", rng.randrange(max(1, len(text) - num_characters))) + 1
        return text[start : start + num_characters]

    def _cloze(self, rng: random.Random) -> tuple[str, str, str]:
        """A passage of some words, some of them in a row with a name or number left out, and that name or number."""
        for _ in range(100):
            words = self._characters(rng, _PASSAGE_CHARACTERS).split()[:-1]
            places = [i for i in range(8, len(words) - 8) if _WORD.fullmatch(words[i])]
            if places:
                place = rng.choice(places)
                asked = [
                    *words[place - rng.randint(4, 8) : place],
                    "___",
                    *words[place + 1 : place + rng.randint(4, 8)],
                ]
                return " " + " ".join(words), " ".join(asked), words[place]
        raise InputError("The texts have no names and numbers to leave out.", fix="name others")


def _passage(row: Row) -> str:
    """A question's context, cut at white space to what stands around the first answer that is found in it."""
    context: str = row["context"]
    centre = next((at for answer in row["answers"] if (at := context.find(answer)) >= 0), 0)
    start = max(0, min(centre - _PASSAGE_CHARACTERS // 2, len(context) - _PASSAGE_CHARACTERS))
    start = context.find(" ", start) + 1 if start else 0
    return " ".join(context[start : start + _PASSAGE_CHARACTERS].split())
