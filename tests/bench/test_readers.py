"""The bench of readers: a row for each file, and what makes it fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.bench.readers import check, read_one, run
from longdoc.core.errors import InputNotFound, LongdocError
from longdoc.core.settings import SourceOptions
from longdoc.ingest import sandboxed


def test_each_file_below_the_folder_has_its_row(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.txt").write_text("Words to read.")
    (tmp_path / "two.pdf").write_bytes(b"%PDF-1.7 and no more")
    result = run(tmp_path)
    one, two = result["results"]
    assert (one["file"], one["outcome"], one["characters"], one["exit_code"]) == ("deep/one.txt", "text", 14, 0)
    assert one["peak_memory_bytes"] > 10 << 20
    assert (two["file"], two["outcome"], two["characters"], two["exit_code"]) == ("two.pdf", "error", None, 65)
    assert two["reason"].startswith("DamagedInput: ")
    assert result["files"] == "2: 1 text, 1 error"
    assert result["passed"]
    check(result)


def test_a_bug_fails_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "ingest")  # where the target is
    monkeypatch.setattr(sandboxed, "TARGET", "sandbox_targets:misread")
    path = tmp_path / "raise.pdf"
    path.write_bytes(b"%PDF-1.7")
    result = run(tmp_path)
    (row,) = result["results"]
    assert (row["outcome"], row["exit_code"], row["failed"]) == ("bug", 70, "a bug")
    with pytest.raises(LongdocError, match="1 of 1 files") as caught:
        check(result)
    assert caught.value.exit_code == 1


def test_what_is_no_file_is_a_row_too(tmp_path: Path) -> None:
    row = read_one("/dev/zero", SourceOptions())
    assert (row["outcome"], row["exit_code"], row["peak_memory_bytes"]) == ("error", 66, None)
    with pytest.raises(InputNotFound, match="has no files"):
        run(tmp_path)
