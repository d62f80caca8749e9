"""The table of sizes: from the configuration alone, and small enough."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from click.testing import CliRunner

from longdoc.bench import state
from longdoc.cli import cli
from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions


def test_the_state_of_an_eight_billion_shape_is_a_200th_of_the_full_cache_at_a_million_tokens() -> None:
    result = state.run()
    rows = {row["tokens"]: row for row in result["results"]}
    long = rows[1_000_000]
    assert long["full_cache_bytes"] == 2 * 32 * 8 * 128 * 2 * 1_000_000
    assert long["full_cache_bytes"] >= 200 * long["state_bytes"]
    assert result["is_small"]
    assert long["infini_memory_bytes"] == 32 * 8 * (128 * 128 + 128) * 4
    assert long["delta_memory_bytes"] < long["infini_memory_bytes"] < long["state_bytes"]


def test_the_state_does_not_grow_once_the_window_is_full() -> None:
    short, full, long = state.run(lengths=(100, 8_192, 131_072))["results"]
    assert short["state_bytes"] < full["state_bytes"] == long["state_bytes"]
    assert "is_small" not in state.run(lengths=(100,))


def test_a_models_own_configuration_counts(tmp_path: Path) -> None:
    folder = tiny.checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    (row,) = state.run(ModelOptions(str(folder), offline=True), lengths=(1_000,))["results"]
    shape = tiny.CONFIG.model
    assert row["full_cache_bytes"] == 2 * 2 * shape.num_layers * shape.num_kv_heads * shape.head_dim * 1_000


def test_a_model_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        state.run(ModelOptions(str(tmp_path), offline=True))


def test_the_state_stays_small_with_highlights() -> None:
    plain, more = (
        state.run(ModelOptions(highlights=highlights), is_named=False)["results"][-1] for highlights in (None, 512)
    )
    assert more["state_bytes"] > plain["state_bytes"] + 512 * 2 * 32 * 8 * 128 * 2
    assert more["ratio"] >= 200


def test_the_command_prints_the_table() -> None:
    result = CliRunner().invoke(cli, ["bench", "state", "--tokens", "1000000", "--quiet"])
    assert result.exit_code == 0, result.output
    assert "131.1 GB" in result.stdout
    assert "is small: yes" in result.stdout
