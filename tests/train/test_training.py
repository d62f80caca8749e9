"""A complete training in seconds: from a folder of data to a folder that longdoc loads."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from click.testing import CliRunner
from torch import Tensor

from longdoc.cli.train import train
from longdoc.core.errors import ModelUnavailable, UsageError
from longdoc.core.settings import ModelOptions
from longdoc.engine.load import load_model
from longdoc.engine.reader import Reader, plan_reading
from longdoc.train import loop
from longdoc.train.batches import batches
from longdoc.train.config import TrainConfig
from longdoc.train.corpus import Corpus
from longdoc.train.loop import Run
from longdoc.train.model import Decoder, build_model
from longdoc.train.tasks import RowMaker

STEPS = sum(stage.steps for stage in tiny.STAGES)


def weights(run: Run) -> dict[str, Tensor]:
    """Everything that was learned, by name."""
    named = {f"model.{name}": p.detach() for name, p in run.model.named_parameters()}
    for index, memory in run.memories.items():
        named |= {f"memory.{index}.{name}": p.detach() for name, p in memory.named_parameters()}
    return named


def start(config: TrainConfig, corpus: Corpus, folder: Path) -> Run:
    """A run of the tiny model, not yet trained."""
    return Run(config, Decoder(config, tiny.tokenizer()), corpus, tiny.tokenizer(), folder)


def silent(line: dict[str, Any]) -> None:
    """A report that nobody reads."""


def test_the_command_trains_a_model_that_longdoc_loads(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "train.toml"
    config.write_text(tiny.config_toml(tiny.CONFIG))
    folder = tmp_path / "run"
    arguments = ["model", "--config", str(config), "--data", str(data), "-o", str(folder), "--threads", "1"]
    result = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "stage tasks step 3" in result.stderr
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in log] == [("primer", 3), ("tasks", 3)]
    assert all(0 < line["strength_1"] < 1 for line in log)

    loaded = load_model(ModelOptions(str(folder / "export"), offline=True, device="cpu"))
    assert loaded.has_memory
    assert loaded.adapter is not None
    assert (loaded.adapter.memory, loaded.adapter.notes["stage"]) == (tiny.MEMORY, "tasks")
    assert (loaded.adapter.verbatim, loaded.adapter.prompts) == (True, "embedded")
    reader = Reader(loaded, plan_reading(loaded, ModelOptions(), 300))
    ids = loaded.tokenizer(tiny.prose(10))["input_ids"]
    state = reader.read(reader.start(), ids)
    assert len([*reader.write(state, max_tokens=3)]) <= 3

    checkpoint = (folder / "checkpoint.pt").stat().st_mtime_ns
    again = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert again.exit_code == 0
    assert (folder / "checkpoint.pt").stat().st_mtime_ns == checkpoint  # it was complete


def test_a_file_that_is_wrong_is_an_error_of_the_user(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "train.toml"
    config.write_text("name = 3")
    with pytest.raises(UsageError):
        CliRunner().invoke(
            train, ["model", "--config", str(config), "--data", str(data), "-o", str(tmp_path / "run")],
            catch_exceptions=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def uninterrupted(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = start(tiny.CONFIG, corpus, tmp_path_factory.mktemp("whole"))
    run.train(silent)
    return run


@pytest.mark.parametrize("interrupted_at", [1, 3, 4, 6])
def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(
    corpus: Corpus, tmp_path: Path, uninterrupted: Run, interrupted_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "REPORT_STEPS", 1)
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)
    done: list[tuple[str, int]] = []

    def interrupt(line: dict[str, Any]) -> None:
        done.append((line["stage"], line["step"]))
        if len(done) == interrupted_at:
            raise KeyboardInterrupt

    def carry_on(line: dict[str, Any]) -> None:
        done.append((line["stage"], line["step"]))

    with pytest.raises(KeyboardInterrupt):
        start(tiny.CONFIG, corpus, tmp_path).train(interrupt)
    resumed = start(tiny.CONFIG, corpus, tmp_path)
    resumed.train(carry_on)
    assert {*done} == {(stage.name, step + 1) for stage in tiny.STAGES for step in range(stage.steps)}
    assert len(done) <= STEPS + 2  # no more than what lies after a checkpoint is done twice
    assert resumed.tokens_seen == uninterrupted.tokens_seen
    whole = weights(uninterrupted)
    for name, tensor in weights(resumed).items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=0, msg=name)


def test_training_changes_every_weight(uninterrupted: Run) -> None:
    torch.manual_seed(tiny.CONFIG.seed)
    model, memories = build_model(tiny.CONFIG)
    fresh = {f"model.{name}": p for name, p in model.named_parameters()}
    for index, memory in memories.items():
        fresh |= {f"memory.{index}.{name}": p for name, p in memory.named_parameters()}
    unchanged = [name for name, tensor in weights(uninterrupted).items() if torch.equal(tensor, fresh[name])]
    assert not unchanged


def test_a_stage_without_memory_is_exported_without_it(corpus: Corpus, tmp_path: Path) -> None:
    plain = replace(tiny.STAGES[0], steps=1, memory=False)
    start(tiny.with_stages(plain), corpus, tmp_path).train(silent)
    assert not load_model(ModelOptions(str(tmp_path / "export"), offline=True, device="cpu")).has_memory


def test_a_training_can_start_from_the_weights_of_a_model(
    corpus: Corpus, tmp_path: Path, uninterrupted: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tiny.CONFIG, corpus, tmp_path)
    run.start_from(uninterrupted.folder / "export", "tasks")
    assert run.stage_index == 1
    trained = weights(uninterrupted)
    for name, tensor in weights(run).items():
        torch.testing.assert_close(tensor, trained[name].bfloat16().float(), rtol=0, atol=0, msg=name)
    done: list[str] = []
    run.train(lambda line: done.append(line["stage"]))
    assert done == ["tasks"]


def test_a_training_cannot_start_from_what_does_not_fit(corpus: Corpus, tmp_path: Path, uninterrupted: Run) -> None:
    run = start(tiny.CONFIG, corpus, tmp_path)
    with pytest.raises(UsageError, match="no stage 'polish'"):
        run.start_from(uninterrupted.folder / "export", "polish")
    with pytest.raises(ModelUnavailable, match="do not fit"):
        run.start_from(tmp_path / "nowhere", "tasks")


def test_a_memory_lives_on_where_the_mix_says_so(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tiny.CONFIG, corpus, tmp_path)
    stage = tiny.STAGES[1]
    maker = RowMaker(corpus, tiny.tokenizer(), 0)
    codes = next(batches(replace(stage, mixes=stage.mixes[1:2]), (3, 1), 0, maker, 64, {}))
    given: list[Tensor | None] = []
    forward = run.memories[1].forward

    def watched(hidden: Tensor, state: Any = None) -> Any:
        given.append(None if state is None else state.matrix)
        return forward(hidden, state)

    monkeypatch.setattr(run.memories[1], "forward", watched)
    left: list[Tensor] = []
    for lives_on in (True, True, False):
        run._loss(stage, replace(codes, lives_on=lives_on), defaultdict(lambda: [0.0, 0.0]))
        left.append(run.living["codes"][1].matrix)
    assert not left[0].requires_grad
    assert bool((left[0] != 0).any())
    assert given[0] is None
    assert given[1] is left[0]
    assert given[2] is None


def test_a_life_goes_on_from_before_the_questions(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tiny.CONFIG, corpus, tmp_path)
    stage = tiny.STAGES[1]
    mix = stage.mixes[2]
    batch = next(batches(replace(stage, mixes=(mix,)), (3, 1), 0, RowMaker(corpus, tiny.tokenizer(), 0), 64, {}))
    read: list[int] = []
    after: list[Tensor] = []
    forward = run.memories[1].forward

    def watched(hidden: Tensor, state: Any = None) -> Any:
        out, state = forward(hidden, state)
        read.append(hidden.shape[1])
        after.append(state.matrix)
        return out, state

    monkeypatch.setattr(run.memories[1], "forward", watched)
    loss = run._loss(stage, batch, defaultdict(lambda: [0.0, 0.0]))
    assert read == [mix.sequence_tokens - mix.asked_tokens, mix.asked_tokens]
    assert torch.equal(run.living["facts"][1].matrix, after[0])
    assert not torch.equal(run.living["facts"][1].matrix, after[1])
    assert run.lives["facts"] == batch.lives
    loss.backward()  # type: ignore[no-untyped-call]
    gradient = run.memories[1].write_gate.weight.grad
    assert gradient is not None, "a question teaches what the text before it wrote"
    assert bool((gradient != 0).any())


def test_a_stage_can_start_a_memory_anew(corpus: Corpus, tmp_path: Path) -> None:
    first = replace(tiny.STAGES[0], steps=1, lr=0.0, muon_lr=0.0)
    found = []
    for layers in ((), (1,)):
        stages = (first, replace(first, name="again", fresh_memories=layers))
        run = start(tiny.with_stages(*stages), corpus, tmp_path / str(layers))
        before = run.memories[1].key.weight.detach().clone()
        run.train(silent)
        found.append(torch.equal(before, run.memories[1].key.weight))
    assert found == [True, False]


def test_rows_that_nobody_knows_are_an_error_of_the_user(corpus: Corpus, tmp_path: Path) -> None:
    stage = replace(tiny.STAGES[0], mixes=(replace(tiny.STAGES[0].mixes[0], rows={"verses": 1}),))
    with pytest.raises(UsageError, match="verses"):
        start(tiny.with_stages(stage), corpus, tmp_path).train(silent)
