"""`longdoc bench batch` on tiny documents and a random model: killed batches end as the one that was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from longdoc.bench.batch import _different, check, run
from longdoc.core.errors import LongdocError
from longdoc.core.settings import ModelOptions


@pytest.mark.slow
def test_batches_that_are_killed_are_the_same_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child_environment: dict[str, str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", child_environment["PYTHONPATH"])
    model = tiny.checkpoint(tmp_path / "model")
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(4):
        (docs / f"{number}.txt").write_text(tiny.prose(40, number))
    (docs / "bad.bin").write_bytes(b"\x00\x01" * 300)
    result = run(ModelOptions(str(model), device="cpu", threads=1), docs, kills=1, num_killed_documents=5)
    killed, cost = result["results"]
    assert (killed["documents"], killed["runs"], killed["same"], killed["differences"]) == (5, 1, 1, [])
    assert cost["documents"] == 5
    assert cost["cpu_ratio"] > 0
    check(result)


def test_every_kind_of_difference_is_named() -> None:
    found = [*_different({"a": b"1", "b": b"2", "c": b"3"}, {"a": b"1", "b": b"0", ".d.tmp": b""})]
    assert found == [".d.tmp is left over", "b differs", "c is missing"]


def test_a_difference_fails_the_bench() -> None:
    row = {"runs": 3, "same": 2, "differences": ["run 2: a.txt lost"]}
    with pytest.raises(LongdocError, match="1 of 3 killed batches differ"):
        check({"passed": False, "results": [row]})
