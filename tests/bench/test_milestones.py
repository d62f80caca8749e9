"""Milestones: what is asked of the model, and what models that guess or know would get."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from longdoc.bench import milestones
from longdoc.bench.milestones import AMONG, PIECE_TOKENS, Probe
from longdoc.cli import run
from longdoc.core.errors import InputError
from longdoc.core.settings import ModelOptions
from longdoc.engine.reader import Reader
from longdoc.pipeline.session import Session, open_session

TEXTS = [f"In {1800 + seed} Mary came. " + tiny.prose(120, seed) for seed in range(3)]
PEOPLE = (
    "abbot baker clerk diver elder farmer guard hunter idler judge knight lawyer miner nurse owner painter queen rider "
    "sailor tailor usher verger widow"
)
QUESTIONS = [
    {"question": f"Who saw the {name}?", "context": f"The {name} was seen by {name.upper()}. " * 3}
    | {"answers": [name.upper()], "answerable": True, "doc_id": str(number)}
    for number, name in enumerate(PEOPLE.split())
]


@pytest.fixture
def session(options: ModelOptions) -> Session:
    return open_session(options, lambda event: None)


def scored(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The rows that the reader is given; every token of the last third of a row has a log-probability of -1."""
    rows: list[list[int]] = []

    def score(self: Reader, state: Any, continuations: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        rows.extend([list(row) for row in continuations])
        return [torch.tensor([-9.0] * (len(row) - 1) + [-1.0]) for row in continuations]

    monkeypatch.setattr(Reader, "score", score)
    return rows


def test_a_model_that_guesses_is_at_chance_everywhere(session: Session) -> None:
    session.loaded.model.get_output_embeddings().weight.zero_()
    probe = Probe(session, session.options, TEXTS, seed=0)
    guess = pytest.approx(math.log(tiny.VOCABULARY), abs=1e-4)
    assert probe.copies(3, is_random=False) == [guess] * 3
    assert probe.copies(3, is_random=True) == [guess] * 3
    assert probe.clozes(4) == [guess] * 4
    hits = probe.passages(QUESTIONS, 20)
    assert len(hits) == 20
    assert sum(hits) == 2  # equal scores: the first passage of each group


@pytest.mark.parametrize("is_random", [False, True])
def test_a_piece_comes_back_after_another_and_only_what_can_be_known_counts(
    session: Session, monkeypatch: pytest.MonkeyPatch, is_random: bool
) -> None:
    rows = scored(monkeypatch)
    values = Probe(session, session.options, TEXTS, seed=0).copies(5, is_random=is_random)
    assert len(rows) == len(values) == 5
    assert len({tuple(row) for row in rows}) == 5
    for row in rows:
        lead = len(row) - 3 * PIECE_TOKENS
        assert 0 <= lead < 2 * PIECE_TOKENS
        assert row[lead : lead + PIECE_TOKENS] == row[-PIECE_TOKENS:] != row[-2 * PIECE_TOKENS : -PIECE_TOKENS]
    assert values == [pytest.approx((9 * (PIECE_TOKENS - 3) + 1) / (PIECE_TOKENS - 2))] * 5
    text = session.loaded.tokenizer.decode(rows[0])
    assert ("lantern" in text or " the " in text) is not is_random


def test_the_word_left_out_stands_in_the_passage_and_not_in_its_question(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = scored(monkeypatch)
    probe = Probe(session, session.options, TEXTS, seed=0)
    probe.clozes(8)
    for row in rows:
        passage, _, rest = session.loaded.tokenizer.decode(row).partition("\n\nQuestion: ")
        question, _, answer = rest.partition("\nAnswer:")
        assert question.split().count("___") == 1
        assert answer.strip() in passage.split()
        before, after = (piece.split() for piece in question.split("___"))
        told = " ".join([*before, answer.strip(), *after])
        assert told in " ".join(passage.split())


def test_a_model_that_knows_the_passage_hits_and_one_that_knows_it_wrongly_misses(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = 1.0

    def overlap(self: Probe, passage: str, asked: Sequence[Sequence[int]]) -> torch.Tensor:
        words = set(passage.split())
        decoded = [self.session.loaded.tokenizer.decode(list(ids)) for ids in asked]
        return torch.tensor([sign * len(words & set(text.rstrip("?").split())) for text in decoded])

    monkeypatch.setattr(Probe, "_mean_scores", overlap)
    assert Probe(session, session.options, TEXTS, seed=0).passages(QUESTIONS, 20) == [1.0] * 20
    sign = -1.0
    assert Probe(session, session.options, TEXTS, seed=0).passages(QUESTIONS, 20) == [0.0] * 20


def test_a_questions_score_is_that_of_the_question_after_the_passage(session: Session) -> None:
    probe = Probe(session, session.options, TEXTS, seed=0)
    asked = [probe.framing.request("question", question=row["question"]) for row in QUESTIONS[:3]]
    found = probe._mean_scores("The abbot was seen.", asked)
    body = probe.framing.encode(" The abbot was seen.")
    for value, ids in zip(found, asked, strict=True):
        (whole,) = probe.reader.score(probe.start, [[*body, *ids]])
        assert float(value) == pytest.approx(float(whole[len(body) :].mean()), abs=0.02)


def test_rows_say_what_was_reached_and_a_seed_gives_them(options: ModelOptions) -> None:
    result = milestones.run(options, TEXTS, QUESTIONS, samples=10)
    names = ["copy_text_nats", "copy_random_nats", "cloze_nats", "passage_hit_at_1"]
    rows = result["results"]
    assert [(row["milestone"], row["without"]) for row in rows] == [(n, way) for way in (None, "memory") for n in names]
    assert [(row["n"], row["bar"]) for row in rows] == 2 * [(10, 1.0), (10, None), (10, 3.0), (10, 0.6)]
    assert [row["reached"] for row in rows] == 2 * [False, None, False, False]
    assert rows[1]["value"] != rows[5]["value"]
    assert milestones.run(options, TEXTS, QUESTIONS, samples=10)["results"] == result["results"]
    assert len(milestones.run(replace(options, memory=False), TEXTS, samples=2)["results"]) == 3


def test_long_contexts_are_cut_around_the_answer() -> None:
    row = {"context": "word " * 500 + "answer here " + "word " * 500, "answers": ["answer"]}
    passage = milestones._passage(row)
    assert "answer" in passage
    assert len(passage) <= 1000
    assert milestones._passage({**row, "context": "short answer"}) == "short answer"


def test_too_little_to_measure_with_is_an_error(session: Session) -> None:
    with pytest.raises(InputError, match="no text"):
        Probe(session, session.options, ["too short"], seed=0)
    with pytest.raises(InputError, match=f"and {AMONG} are needed"):
        Probe(session, session.options, TEXTS, seed=0).passages(
            [*QUESTIONS[:9], {**QUESTIONS[10], "answerable": False}], 10
        )
    with pytest.raises(InputError, match="names and numbers"):
        Probe(session, session.options, ["only small words without any " * 100], seed=0).clozes(1)


def test_the_command_measures_on_what_a_configuration_held_out(
    options: ModelOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny.write_data(tmp_path / "data")
    config = tmp_path / "train.toml"
    config.write_text(tiny.config_toml(tiny.CONFIG))
    command = ["bench", "milestones", "--config", str(config), "--data", str(data), "--model", options.model, "--quiet"]
    assert run([*command, "--samples", "10", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in result["results"]] == [10] * 6
    assert result["documents"] >= 1
    assert run([*command, "--qa", str(data / "qa" / "rows.jsonl")]) == 65
    assert "different passages with a question" in capsys.readouterr().err
