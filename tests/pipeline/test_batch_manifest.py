"""The manifest: whole lines, the last one of a document, one writer; what a kill tore is ignored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from longdoc.core.errors import OutputError
from longdoc.pipeline.batch_manifest import Row, make_folders, open_manifest, read_rows


def row(name: str, **more: Any) -> Row:
    found = {"name": name, "source": f"/docs/{name}", "key": "k", "status": "complete", "files": [], **more}
    return {"at": "2026-01-01T00:00:00+00:00", **found}


def add(out: Path, *rows: Row, shard: tuple[int, int] | None = None) -> Path:
    manifest = open_manifest(out, shard)
    for each in rows:
        manifest.add(each)
    manifest.close()
    return manifest.path


def test_rows_are_appended_and_the_last_of_a_document_counts(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    add(out, row("b", status="partial"), row("a"))
    path = add(out, row("b"))
    assert len(path.read_text().splitlines()) == 3
    assert [(each["name"], each["status"]) for each in read_rows(out)] == [("a", "complete"), ("b", "complete")]


@pytest.mark.parametrize("cut", [1, 2, 20, 60])
def test_a_torn_line_is_ignored_and_cut_off_before_the_next(tmp_path: Path, cut: int) -> None:
    path = add(tmp_path, row("a"), row("b"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert [each["name"] for each in read_rows(tmp_path)] == ["a"]
    add(tmp_path, row("c"))
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["a", "c"]


def test_a_long_torn_line_alone_is_cut_off(tmp_path: Path) -> None:
    path = add(tmp_path)
    path.write_bytes(b'{"name": "' + b"x" * 20_000)
    add(tmp_path, row("a"))
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["a"]


def test_damaged_lines_and_foreign_ones_are_ignored(tmp_path: Path) -> None:
    path = add(tmp_path, row("a"))
    path.write_bytes(b'\xff\x00garbage\n{"name": "x"}\n[1]\n' + path.read_bytes())
    assert [each["name"] for each in read_rows(tmp_path)] == ["a"]


@pytest.mark.parametrize(
    "damage", [{"files": None}, {"source": 3}, {"status": "failed"}, {"status": "failed", "error": {}}]
)
def test_a_row_that_somebody_has_edited_is_no_row(tmp_path: Path, damage: dict[str, Any]) -> None:
    add(tmp_path, row("a"), row("b", **damage))
    assert [each["name"] for each in read_rows(tmp_path)] == ["a"]


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    add(tmp_path, row("a", source=name, title="Zo\u00eb \u2028"))
    assert read_rows(tmp_path)[0]["source"] == name


def test_the_rows_of_all_shards_are_read_and_the_newest_counts(tmp_path: Path) -> None:
    add(tmp_path, row("a", at="2026-01-02T00:00:00+00:00", bytes=2), shard=(2, 3))
    add(tmp_path, row("a", bytes=1), row("b"), shard=(1, 3))
    assert [(each["name"], each.get("bytes")) for each in read_rows(tmp_path)] == [("a", 2), ("b", None)]


def test_one_process_writes_a_manifest_at_a_time(tmp_path: Path) -> None:
    manifest = open_manifest(tmp_path, None)
    with pytest.raises(OutputError, match="Another batch"):
        open_manifest(tmp_path, None)
    manifest.close()
    add(tmp_path, row("a"))
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.jsonl"]


def test_a_row_that_does_not_fit_on_the_disk_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = open_manifest(tmp_path, None)
    manifest.add(row("a"))
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:-10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="cannot be written") as caught:
        manifest.add(row("b"))
    assert caught.value.why == "No space left on device"
    monkeypatch.undo()
    manifest.add(row("c"))
    manifest.close()
    assert [each["name"] for each in read_rows(tmp_path)] == ["a", "c"]


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError):
        open_manifest(tmp_path / "out", None)
    with pytest.raises(OutputError):
        make_folders(tmp_path / "out" / "sub")
