"""The documents of a batch and their names: the same for every run and every shard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longdoc.core.batch import Item
from longdoc.core.errors import InputNotFound, UsageError
from longdoc.pipeline.batch_items import in_shard, items_of


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return folder


def names(*sources: str | Path, out: Path, known: dict[str, str] | None = None) -> list[str]:
    return [item.name for item in items_of([*map(str, sources)], out, [".md"], known)]


def test_names_are_paths_below_the_folder_in_natural_order(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", "chapter10.txt", "chapter2.txt", "more/x.pdf", ".hidden")
    assert names(docs, out=tmp_path / "out") == ["chapter2.txt", "chapter10.txt", "more/x.pdf"]


def test_patterns_are_opened_below_their_fixed_part(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", "a.txt", "sub/b.txt", "sub/deep/c.txt", "sub/c.pdf")
    assert names(f"{docs}/**/*.txt", out=tmp_path / "out") == ["a.txt", "sub/b.txt", "sub/deep/c.txt"]
    assert names(f"{docs}/sub", f"{docs}/a.*", out=tmp_path / "out") == ["b.txt", "c.pdf", "deep/c.txt", "a.txt"]
    with pytest.raises(InputNotFound, match="Nothing matches"):
        names(f"{docs}/*.epub", out=tmp_path / "out")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", "a[1].txt", "a1.txt")
    assert names(docs / "a[1].txt", out=tmp_path / "out") == ["a[1].txt"]


def test_a_source_that_is_given_twice_is_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = write(tmp_path / "docs", "a.txt", "b.txt")
    monkeypatch.chdir(tmp_path)
    assert names("docs", docs / "a.txt", "docs/../docs/b.txt", out=tmp_path / "out") == ["a.txt", "b.txt"]


def test_names_that_collide_are_told_apart_and_stay_the_same(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "a.txt", "index", "Manifest.jsonl")
    two = write(tmp_path / "two", "A.TXT")
    found = names(one, two, out=tmp_path / "out")
    assert found == names(one, two, out=tmp_path / "out")
    assert len({name.casefold() for name in found}) == 4
    assert found[0] == "a.txt"
    assert [name.split("-")[0] for name in found[1:]] == ["index", "Manifest", "A"]


def test_a_result_does_not_stand_where_the_folder_of_another_has_to_be(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", "x", "x.md/y.txt", "z.MD/y.txt", "Z")
    found = names(docs, out=tmp_path / "out")
    results = {f"{name}.md".casefold() for name in found}
    folders = {str(Path(name).parent).casefold() for name in found}
    assert not results & folders
    assert {"x.md/y.txt", "z.MD/y.txt"} <= {*found}


def test_a_document_keeps_the_name_of_an_earlier_run_and_nobody_takes_it(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", "a.txt"), write(tmp_path / "two", "a.txt")
    known = {"a.txt": str(two / "a.txt")}
    first, second = names(one, two, out=tmp_path / "out", known=known)
    assert second == "a.txt"
    assert first.startswith("a-")
    assert names(one, out=tmp_path / "out", known=known)[0] == first  # another run of other sources replaces nothing


def test_sources_that_were_moved_keep_their_names(tmp_path: Path) -> None:
    docs = write(tmp_path / "new", "a.txt")
    assert names(docs, out=tmp_path / "out", known={"a.txt": str(tmp_path / "old" / "a.txt")}) == ["a.txt"]


def test_names_that_file_systems_do_not_take_are_changed(tmp_path: Path) -> None:
    long, raw = "x" * 250 + ".txt", os.fsdecode(b"caf\xe9.txt")
    docs = write(tmp_path / "docs", long, raw, "new\nline.txt")
    found = names(docs, out=tmp_path / "out")
    assert all(len(f".{name}.md.1234567.tmp".encode()) <= 255 for name in found)
    assert all("\n" not in name for name in found)
    assert len({*found}) == 3


def test_standard_input_and_empty_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="standard input"):
        names("-", out=tmp_path / "out")
    with pytest.raises(InputNotFound, match="no files"):
        names(tmp_path / "empty", out=tmp_path / "out")


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_share_all_documents_without_an_overlap(count: int) -> None:
    items = [Item(f"folder/file{number}.txt", "") for number in range(200)]
    parts = [[item for item in items if in_shard(item, (number + 1, count))] for number in range(count)]
    assert sum(len(part) for part in parts) == 200
    assert {item for part in parts for item in part} == {*items}
    assert min(len(part) for part in parts) > 200 / count / 2


def test_a_shard_does_not_depend_on_the_other_documents() -> None:
    # a known answer: another hash would move documents between the parts of a job array
    assert [in_shard(Item(name, ""), (1, 4)) for name in ("a.txt", "b.txt", "c.txt", "d.txt", "é.txt")] == [
        in_shard(Item(name, "elsewhere"), (1, 4)) for name in ("a.txt", "b.txt", "c.txt", "d.txt", "e\u0301.txt")
    ]
