"""`longdoc bench ring`: what is calculated from measurements, and one small measurement with two real processes."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from longdoc.bench.report import markdown
from longdoc.bench.ring import condensed, hidden, hiding_tokens, on_paper, row, run
from longdoc.bench.ring_process import visible_pairs
from longdoc.cli import run as longdoc
from longdoc.core.errors import UsageError
from longdoc.core.settings import ModelOptions

CPU = ModelOptions(device="cpu")
KV_BYTES = 2 * 4 * 64 * 4  # of a token in a layer of the random model: keys and values, heads, dims, float32


def rank(size: int, number: int, tokens: int = 1000) -> dict[str, Any]:
    """What one of so many processes might find."""
    reading = {
        "logits": [1.0, -2.0],
        "tokens": [4, 5],
        "read_s": 2.0 / size,
        "write_s": 0.02,
        "compute_s": [1.0 / size] * size,
        "wait_s": [0.01] * size,
        "packing_s": 0.001,
        "kv_bytes": 2 * tokens * 8 // size,
        "block_bytes": tokens * 8 // size,
        "ring_bytes": 2 * (size - 1) * tokens * 8 // size,
        "reduced_bytes": 0,
    }
    return {
        "rank": number, "layers": 2, "kv_token_bytes": 8, "overlapped": reading,
        "waiting": {**reading, "wait_s": [0.05] * size}, "pairs": tokens**2 // 2 // size,
        "loaded_bytes": 100, "peak_memory_bytes": 200 + number, "peak_gpu_bytes": None,
    }  # fmt: skip


def ranks(size: int) -> list[dict[str, Any]]:
    return [rank(size, number) for number in range(size)]


@pytest.mark.parametrize(
    ("kv_heads", "heads", "element_bytes", "flops", "gigabytes", "tokens"),
    [
        (2, 8, 2, 1e12, 1.0, 500),  # 2/8 of 2 bytes at 1,000 operations a byte
        (8, 32, 2, 400e12, 25.0, 8_000),
        (8, 32, 2, 400e12, 300.0, 667),  # 666.67, and a part of a token does not hide
        (8, 8, 4, 1e12, 1.0, 4_000),
    ],
)
def test_the_length_from_which_transfers_hide_is_the_one_worked_out_by_hand(
    kv_heads: int, heads: int, element_bytes: int, flops: float, gigabytes: float, tokens: int
) -> None:
    dim = 64
    pair_s = 4 * heads * dim / flops
    kv_bytes = 2 * kv_heads * dim * element_bytes
    assert hiding_tokens(kv_bytes, pair_s, gigabytes * 1e9) == tokens
    transfer_s, attention_s = tokens * kv_bytes / (gigabytes * 1e9), tokens**2 / 2 * pair_s
    assert transfer_s <= attention_s * (1 + 1e-9)
    shorter = tokens - 1
    assert shorter * kv_bytes / (gigabytes * 1e9) > shorter**2 / 2 * pair_s


def test_on_paper_the_length_of_a_part_is_the_same_for_any_number_of_gpus() -> None:
    rows = on_paper(2 * 8 * 64 * 2, 4 * 32 * 64 / 400e12, [25.0, 300.0])
    assert [(r["gpus"], r["segment_tokens"], r["tokens"]) for r in rows] == [
        (8, 8_000, 64_000), (64, 8_000, 512_000), (8, 667, 5_336), (64, 667, 42_688),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_pairs_of_all_processes_are_those_of_a_causal_reading(size: int) -> None:
    each = [visible_pairs(1003, size, number) for number in range(size)]
    assert sum(each) == 1003 * 1004 // 2
    assert max(each) - min(each) <= 0.01 * max(each)


def test_a_row_compares_bytes_with_the_theory_and_words_with_one_process() -> None:
    found = row(ranks(4), ranks(1), 1000)
    assert (found["sent_ratio"], found["kv_share"], found["difference"], found["same_tokens"]) == (1, 0.25, 0, True)
    assert (found["hidden"], found["peak_memory_bytes"], found["write_tokens_per_s"]) == (0.8, 203, 50.0)
    assert len(found["steps"]) == 4
    alone = row(ranks(1), ranks(1), 1000)
    assert (alone["sent_bytes"], alone["sent_ratio"], alone["hidden"], alone["same_tokens"]) == (0, None, None, None)


def test_a_ring_that_sends_or_writes_something_else_is_seen() -> None:
    wrong = ranks(2)
    wrong[1]["overlapped"]["ring_bytes"] *= 2
    assert row(wrong, ranks(1), 1000)["sent_ratio"] == 2
    wrong = copy.deepcopy(ranks(2))
    wrong[0]["overlapped"] |= {"logits": [1.0, float("nan")], "tokens": [4, 6]}
    found = row(wrong, ranks(1), 1000)
    assert (found["difference"], found["same_tokens"]) == (float("inf"), False)


def test_overlap_that_costs_more_than_it_saves_is_negative() -> None:
    slow = ranks(2)
    for one in slow:
        one["overlapped"]["wait_s"] = [0.0, 0.2]
    assert hidden(slow) == pytest.approx(-1)


def test_a_text_that_is_not_shared_out_is_refused() -> None:
    with pytest.raises(UsageError, match="too few for 4 processes"):
        run(CPU, processes=[4], tokens=500)


def test_two_processes_send_hold_and_write_what_they_should(tmp_path: Path, child_environment: dict[str, str]) -> None:
    path = tmp_path / "ring.json"
    arguments = ["--processes", "2", "--tokens", "515", "--write", "3", "--device", "cpu", "--flops", "4e14"]
    command = [sys.executable, "-m", "longdoc", "bench", "ring", *arguments, "--quiet", "--json", "-o", str(path)]
    done = subprocess.run(command, env={**child_environment, "OMP_NUM_THREADS": "1"}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(path.read_text())
    assert (result["schema"], result["bench"]) == ("longdoc.bench/1", "ring")
    one, two = result["results"]
    assert (one["processes"], two["processes"]) == (1, 2)
    assert (result["sent_as_in_theory"], result["same_tokens"]) == (True, True)
    assert one["kv_bytes"] == 2 * 515 * KV_BYTES
    assert one["kv_bytes"] / 2 <= two["kv_bytes"] <= one["kv_bytes"] / 2 + 2 * KV_BYTES
    assert two["difference"] <= 1e-4
    assert all(step["compute_s"] > 0 for step in two["steps"])
    assert [r["segment_tokens"] for r in result["paper"]] == [16_000, 16_000, 1_334, 1_334]  # 4 of 8 heads, 2 bytes
    shown = markdown(condensed(result))
    assert "at 25 GB/s: transfers hide from" in shown
    assert "4e14" not in shown
    assert ("crowded" in result) == (result["machine"]["cores"] < 2 and not result["machine"]["gpus"])


@pytest.mark.parametrize(
    "arguments", [["--processes", "0"], ["--processes", "two"], ["--tokens", "10"], ["--bandwidth", "-1"]]
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert longdoc(["bench", "ring", "--quiet", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err
