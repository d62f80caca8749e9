"""The exactness bench: right engines pass, wrong ones do not, and every family is in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from longdoc.bench import exactness, reference, reference_highlights
from longdoc.bench.families import ALL
from longdoc.cli import cli
from longdoc.core.errors import LongdocError, UsageError
from longdoc.core.settings import ModelOptions

FAMILY = "qwen3"


def test_all_comparisons_of_a_family_are_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (exactness.SEGMENTS, exactness._NUM_TOKENS) == ((1, 7, 32, 150), 157)
    monkeypatch.setattr(exactness, "SEGMENTS", (1, 7, 32, 80))  # over twice what the small window and its sinks hold
    monkeypatch.setattr(exactness, "_NUM_TOKENS", 87)
    result = exactness.run(families=[FAMILY])
    rows = result["results"]
    assert {(row["segment_tokens"], row["covering"], row["highlights"], row["memory"]) for row in rows} == {
        (segment_tokens, covering, highlights, memory)
        for segment_tokens in (1, 7, 32, 80)
        for covering, highlights, memory in [
            (True, 0, "none"),
            *((False, n, m) for n in (0, 10) for m in ("none", "delta", "paper-delta", "paper-linear")),
        ]
    }
    assert all(row["family"] == FAMILY and 0 < row["max_error"] <= 1e-5 for row in rows)
    assert (result["bench"], result["limit"], result["passed"]) == ("exactness", 1e-5, True)
    exactness.check(result)


def test_a_table_has_one_row_for_each_family_with_its_worst_error() -> None:
    rows = [
        {"family": "a", "segment_tokens": s, "window": 24, "covering": c, "memory": m, "max_error": e}
        for s, c, m, e in [(1, True, "none", 1e-7), (7, True, "none", 3e-7), (1, False, "delta", 2e-7)]
    ]
    shown = exactness.condensed({"results": rows, "limit": 1e-5})
    assert shown["results"] == [{"family": "a", "covering window": 3e-7, "window of 24, delta": 2e-7}]


@pytest.mark.parametrize("broken", ["rotation", "window", "memory"])
def test_a_rule_that_is_broken_shows(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is broken instead of the engine: what differs is the same."""
    monkeypatch.setattr(exactness, "SEGMENTS", (32,))
    monkeypatch.setattr(exactness, "_FORMS", ("delta",))
    if broken == "rotation":
        table = reference.table_rotation

        def wrong(*given: Any) -> Any:
            turn = table(*given)
            return lambda vector, position: turn(vector, position + (position > 20))

        monkeypatch.setattr(reference, "table_rotation", wrong)
    elif broken == "window":
        rules = reference.family_rules
        monkeypatch.setattr(
            exactness, "family_rules", lambda *given: [replace(r, window=r.window - 1) for r in rules(*given)]
        )
    else:
        delta = reference.delta_memory
        monkeypatch.setattr(reference, "delta_memory", lambda memory, hidden: 0.99 * delta(memory, hidden))
    result = exactness.run(families=[FAMILY])
    assert not result["passed"]
    with pytest.raises(LongdocError, match="not exact") as caught:
        exactness.check(result)
    assert caught.value.exit_code == 1
    wrong = {row["memory"] for row in result["results"] if row["max_error"] > 1e-5}
    assert wrong == ({"delta"} if broken == "memory" else {"none", "delta"})


@pytest.mark.parametrize("broken", ["second chance", "reservoir", "witnesses"])
def test_a_rule_of_the_highlights_that_is_broken_shows_in_their_rows_alone(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exactness, "SEGMENTS", (32,))
    monkeypatch.setattr(exactness, "_FORMS", ("delta",))
    if broken == "second chance":  # a highlight that is not used for one turn is forgotten
        monkeypatch.setattr(reference_highlights, "FADE", 0.0)
    elif broken == "reservoir":  # all go by their mass
        monkeypatch.setattr(reference_highlights, "RESERVOIR_SHARE", 0.0)
    else:
        monkeypatch.setattr(reference_highlights, "WITNESS_EVERY", 4)
    result = exactness.run(families=[FAMILY])
    wrong = {(row["highlights"], row["memory"]) for row in result["results"] if row["max_error"] > 1e-3}
    assert wrong == {(10, "none"), (10, "delta")}
    assert all(row["max_error"] <= 1e-5 for row in result["results"] if not row["highlights"])


def test_a_real_model_is_measured_with_its_own_memory(options: ModelOptions) -> None:
    result = exactness.run(options)
    assert {row["memory"] for row in result["results"]} == {"none", "delta"}
    assert result["passed"]
    assert result["rounding"] > 0


def test_every_family_of_the_readme_is_there() -> None:
    classes = {family.name for family in ALL.values()}
    assert classes >= {
        "Llama", "Qwen2", "Qwen3", "Qwen3Moe", "Mistral", "Mixtral", "Gemma", "Gemma2", "Gemma3Text", "Phi", "Phi3",
        "SmolLM3", "Granite", "Olmo2", "Olmo3", "Glm", "Glm4", "Cohere", "Cohere2",
    }  # fmt: skip
    scalings = {family.scaling.get("rope_type") for family in ALL.values()}
    assert scalings == {None, "linear", "dynamic", "yarn", "llama3", "longrope"}


def test_a_family_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no family gpt2"):
        exactness.run(families=["gpt2", FAMILY])


def test_the_command_gives_json_and_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exactness, "SEGMENTS", (32,))
    monkeypatch.setattr(exactness, "_FORMS", ())
    result = CliRunner().invoke(cli, ["bench", "exactness", "--families", FAMILY, "--json", "--quiet"])
    assert result.exit_code == 0, result.output
    assert '"max_error"' in result.stdout
    monkeypatch.setattr(exactness, "LIMIT", 1e-12)
    monkeypatch.setattr(exactness, "_ROUNDINGS", 0)
    result = CliRunner().invoke(cli, ["bench", "exactness", "--families", FAMILY, "--quiet"])
    assert isinstance(result.exception, LongdocError)
    assert "covering window" in result.stdout


def test_random_numbers_of_others_stay_as_they_are() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    exactness.build.cache_clear()
    exactness.build(FAMILY)
    assert torch.equal(torch.rand(1), expected)
