"""Gates: what is counted is what the memories did, and looking changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from longdoc.bench import gates
from longdoc.bench.pictures import picture
from longdoc.bench.recall import hay_tokens
from longdoc.core.errors import UsageError
from longdoc.core.settings import ModelOptions
from longdoc.engine.adapter import load_adapter, save_adapter
from longdoc.engine.attention import attach_memory, install
from longdoc.engine.reader import Reader, plan_reading
from longdoc.pipeline.session import Session, open_session

(LAYER,) = tiny.MEMORY.layers


@pytest.fixture
def session(options: ModelOptions) -> Session:
    return open_session(options, lambda event: None)


def observed(session: Session, num_tokens: int) -> tuple[list[dict[str, Any]], Any, list[int]]:
    reader = Reader(session.loaded, plan_reading(session.loaded, session.options, num_tokens))
    ids = list(hay_tokens(session, None, num_tokens))[:num_tokens]
    memories = gates.memories_of(session.loaded.model)
    with gates.tallied(memories) as tallies:
        state = reader.read(reader.start(), ids)
    return gates.layer_rows(num_tokens, memories, tallies, state.cache), state, ids


def test_rows_for_each_length_layer_and_head(options: ModelOptions) -> None:
    result = gates.run(options, lengths=[200, 100])
    rows = result["results"]
    assert [(row["length"], row["layer"], row["head"]) for row in rows] == [
        (length, LAYER, head) for length in (100, 200) for head in range(tiny.MEMORY.heads)
    ]
    assert all(0 <= row["share_written"] <= 1 and 0 < row["read_gate"] < 1 and row["norm"] >= 0 for row in rows)
    assert any(row["norm"] > 0 for row in rows)
    assert gates.run(options, lengths=[200, 100])["results"] == rows


def test_means_and_norms_are_those_of_a_reading_in_one_piece(session: Session) -> None:
    (first, second), state, ids = observed(session, 150)
    memory: Any = gates.memories_of(session.loaded.model)[LAYER]
    seen: list[torch.Tensor] = []
    hook = memory.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    reader = Reader(session.loaded, replace(plan_reading(session.loaded, session.options, 150), segment_tokens=150))
    reader.read(reader.start(), ids)
    hook.remove()
    hidden = torch.cat(seen, 1)
    assert hidden.shape[1] == 150
    gate = torch.sigmoid(memory.read_gate(hidden).double())[0].mean(0)
    assert [first["read_gate"], second["read_gate"]] == pytest.approx(gate.tolist(), abs=2e-3)
    matrix = state.cache.layers[LAYER].memory.matrix[0].double()
    norms = [float((head**2).sum() ** 0.5) for head in matrix]
    assert [first["norm"], second["norm"]] == pytest.approx(norms, abs=1e-3)


def test_what_a_state_counts_by_itself_is_the_same(session: Session) -> None:
    rows, state, _ = observed(session, 150)
    (use,) = state.cache.memory_use()
    assert (use.layer, use.num_tokens) == (LAYER, 150)
    assert [row["share_written"] for row in rows] == pytest.approx([count / 150 for count in use.written], abs=1e-5)
    assert [row["read_gate"] for row in rows] == pytest.approx(use.gate, abs=1e-4)


def test_a_closed_write_gate_writes_nothing_and_an_open_one_everything(session: Session) -> None:
    memory: Any = gates.memories_of(session.loaded.model)[LAYER]
    with torch.no_grad():
        memory.write_gate.weight.zero_()
        memory.write_gate.bias.copy_(torch.tensor([-20.0, 20.0]))
    closed, opened = observed(session, 100)[0]
    assert (closed["write_strength"], closed["share_written"], closed["norm"]) == (0, 0, 0)
    assert (opened["write_strength"], opened["share_written"]) == (1, 1)
    assert opened["norm"] > 0


def test_a_strength_below_the_threshold_does_not_count(session: Session) -> None:
    memory: Any = gates.memories_of(session.loaded.model)[LAYER]
    with torch.no_grad():
        memory.write_gate.weight.zero_()
        memory.write_gate.bias.copy_(torch.tensor([-1.5, 0.0]))  # strengths of .119 and .5
    below, above = observed(session, 100)[0]
    assert (below["write_strength"], below["share_written"]) == (0, 0)
    assert above["write_strength"] == pytest.approx(0.5, abs=1e-3)


def test_looking_changes_no_logit_and_leaves_no_hook(session: Session) -> None:
    _, watched, ids = observed(session, 120)
    reader = Reader(session.loaded, plan_reading(session.loaded, session.options, 120))
    assert torch.equal(reader.read(reader.start(), ids).logits, watched.logits)  # type: ignore[arg-type]
    assert not any(memory._forward_hooks for memory in gates.memories_of(session.loaded.model).values())


def test_the_papers_form_has_a_gate_per_query_head_and_writes_everything(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path / "model", memory=False)
    config = replace(tiny.MEMORY, form="paper-linear")
    session = open_session(ModelOptions(model=str(folder), attention="stream", device="cpu"), lambda event: None)
    install(session.loaded.model)
    memories = attach_memory(session.loaded.model, config)
    save_adapter(folder, replace(load_adapter(folder), memory=config), memories)
    result = gates.run(ModelOptions(model=str(folder), attention="stream", device="cpu"), lengths=[80, 160])
    rows = [row for row in result["results"] if row["length"] == 160]
    assert [row["head"] for row in rows] == list(range(tiny.CONFIG.model.num_heads))
    assert all(row["share_written"] == row["write_strength"] == 1 for row in rows)
    assert all(row["read_gate"] == pytest.approx(0.018, abs=1e-3) for row in rows)  # sigmoid(-4)
    assert rows[0]["norm"] == rows[1]["norm"] != rows[2]["norm"]


def test_without_a_memory_there_is_nothing_to_see(options: ModelOptions) -> None:
    with pytest.raises(UsageError, match="without a memory"):
        gates.run(replace(options, memory=False), lengths=[100])


def test_the_picture_has_heads_by_layer_and_norms_by_length(options: ModelOptions) -> None:
    made = picture(gates.run(options, lengths=[100, 200, 400]))
    assert made.count("<polyline") == tiny.MEMORY.heads
    assert made.count("<g ") == 4
    assert "Mean read gate, 400 tokens" in made
