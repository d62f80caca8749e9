"""Several files and folders as one document."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from made_office import docx, par

from longdoc.core.errors import InputError, InputNotFound, UsageError
from longdoc.core.events import Event, Listener, Warned
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest import Together, expand, read_document, read_source, sandboxed, together
from longdoc.ingest.join import natural_key
from longdoc.ingest.sandbox import Worker

STORY = "PREFACE\n\nIt is old.\n\nCHAPTER I\n\n{first}\n\nCHAPTER II\n\n{second}\n"


def chapters(folder: Path, *names: str) -> list[str]:
    """Files whose only sentence names them."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(f"This is {name}.\n\nIt has two paragraphs.\n")
    return [str(folder / name) for name in names]


def whole(*sources: str) -> Together:
    found = together(sources)
    assert found is not None
    return found


def test_a_folder_is_its_files_in_natural_order_without_the_hidden_ones(tmp_path: Path) -> None:
    names = ("chapter10.txt", "chapter2.txt", "Chapter1.txt", "part2/a.txt", "part10/a.txt", ".secret", ".git/config")
    chapters(tmp_path / "book", *names)
    (tmp_path / "book" / "around").symlink_to(tmp_path / "book")
    found = [str(Path(name).relative_to(tmp_path / "book")) for name in expand([str(tmp_path / "book")])]
    assert found == ["Chapter1.txt", "chapter2.txt", "chapter10.txt", "part2/a.txt", "part10/a.txt"]


def test_what_a_shell_sorted_is_put_in_natural_order_and_what_a_person_ordered_is_kept() -> None:
    assert expand(["c1.txt", "c10.txt", "c2.txt"]) == ["c1.txt", "c2.txt", "c10.txt"]
    assert expand(["c2.txt", "c10.txt", "c1.txt"]) == ["c2.txt", "c10.txt", "c1.txt"]
    assert natural_key("a/2") < natural_key("a/10") < natural_key("b/1")


def test_folders_without_files_are_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="has no files"):
        expand([str(tmp_path)])


def test_one_file_is_itself_and_one_folder_is_not(tmp_path: Path) -> None:
    (name,) = chapters(tmp_path, "a.txt")
    assert together([name]) is None
    assert together(["nowhere.txt"]) is None
    assert whole(str(tmp_path)).files == (name,)


def test_citations_name_the_file_and_the_line_in_it(tmp_path: Path) -> None:
    one, two = chapters(tmp_path, "one.txt", "two.txt")
    document = read_source(whole(one, two), SourceOptions())
    assert document.text.count("\n\n") == 3
    start = document.text.rindex("It has two")
    cited = document.cite(start, start + 6)
    assert (cited.source, cited.line, cited.section, cited.paragraph) == (two, 3, None, None)
    assert document.cite(0, 4).source == one
    assert [(s.title, s.level) for s in document.sections] == [("one.txt", 1), ("two.txt", 1)]
    assert [document.text[file.start : file.end].split(".")[0] for file in document.files] == [
        "This is one",
        "This is two",
    ]


def test_paragraphs_are_counted_within_the_file(tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        (tmp_path / name).write_text(f"<html><body><p>This is {name}.</p><p>Its second.</p></body></html>")
    document = read_source(whole(str(tmp_path)), SourceOptions())
    start = document.text.rindex("Its second")
    assert document.cite(start, start + 3).paragraph == 2
    assert document.cite(start, start + 3).source == str(tmp_path / "two.html")


def test_sections_of_a_file_lie_one_level_deeper(tmp_path: Path) -> None:
    body = STORY.format(first="Rain fell. " * 40, second="Snow fell. " * 40)
    (tmp_path / "a.txt").write_text(body)
    (tmp_path / "b.txt").write_text(body.replace("Snow", "Hail"))
    alone = read_document(str(tmp_path / "b.txt"))
    document = read_source(whole(str(tmp_path)), SourceOptions())
    second = document.files[1]
    inner = [s for s in document.sections if s.start >= second.start and s.level > 1]
    assert [replace(s, start=s.start - second.start, end=s.end - second.start, level=s.level - 1) for s in inner] == [
        *alone.sections
    ]
    at = document.text.index("Hail")
    assert document.cite(at, at + 4).section == alone.cite(alone.text.index("Hail"), alone.text.index("Hail")).section


def test_files_of_the_same_title_are_told_apart_by_their_names(tmp_path: Path) -> None:
    for name, title in (("may.md", "Minutes"), ("june.md", "Minutes"), ("plan.md", "Plan")):
        (tmp_path / name).write_text(f"# {title}\n\nWhat was said in it.\n")
    document = read_source(whole(*(str(tmp_path / name) for name in ("may.md", "june.md", "plan.md"))), SourceOptions())
    titles = [section.title for section in document.sections if section.level == 1]
    assert titles == [f"Minutes ({tmp_path / 'may.md'})", f"Minutes ({tmp_path / 'june.md'})", "Plan"]


def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    chapters(tmp_path, "a.txt", "b.txt")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing of the kind")
    (tmp_path / "empty.txt").write_bytes(b"")
    events: list[Event] = []
    document = read_source(whole(str(tmp_path)), SourceOptions(), events.append)
    (lost,) = document.source.lost
    assert "broken.pdf could not be read" in lost
    assert [w for w in document.warnings if "empty.txt" in w]  # nothing of it is lost
    assert len([event for event in events if isinstance(event, Warned)]) == 2
    assert len(document.files) == 2


def test_the_whole_is_named_by_the_files_that_were_read(tmp_path: Path) -> None:
    a, b = chapters(tmp_path, "a.txt", "b.txt")
    missing = str(tmp_path / "0.txt")
    assert read_source(whole(a, b, missing), SourceOptions()).source.name == f"{a} and 1 more"
    assert read_source(whole(missing, a), SourceOptions()).source.name == a
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing of the kind")
    assert read_source(whole(str(tmp_path)), SourceOptions()).source.name == str(tmp_path)


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 nothing")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(InputError, match="None of the 2 files") as raised:
        read_source(whole(str(tmp_path)), SourceOptions())
    assert raised.value.exit_code == 65
    with pytest.raises(InputNotFound):
        read_source(whole("nowhere.txt", "nobody.txt"), SourceOptions())


def test_a_wrong_option_is_not_the_fault_of_a_file(tmp_path: Path) -> None:
    chapters(tmp_path, "a.txt", "b.txt")
    with pytest.raises(UsageError):
        read_source(whole(str(tmp_path)), SourceOptions(format="nonsense"))


def test_the_hash_is_over_names_and_hashes_in_order(tmp_path: Path) -> None:
    one, two = chapters(tmp_path, "one.txt", "two.txt")
    first = read_source(whole(one, two), SourceOptions()).source
    again = read_source(whole(one, two), SourceOptions()).source
    turned = read_source(whole(two, one), SourceOptions()).source
    assert first == again
    assert first.sha256 != turned.sha256
    assert first.format == "text"
    assert first.num_bytes == Path(one).stat().st_size + Path(two).stat().st_size
    files = read_source(whole(one, two), SourceOptions()).files
    assert [file.source.sha256 for file in files] == [
        hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in (one, two)
    ]


def test_one_more_file_at_the_end_changes_nothing_before_it(tmp_path: Path) -> None:
    one, two, three = chapters(tmp_path, "one.txt", "two.txt", "three.txt")
    two_of_them = read_source(whole(two, one), SourceOptions())
    all_of_them = read_source(whole(two, one, three), SourceOptions())
    assert all_of_them.text.startswith(two_of_them.text)
    assert all_of_them.source.kept_as == two_of_them.source.kept_as
    assert all_of_them.anchors[: len(two_of_them.anchors)] == two_of_them.anchors


def test_one_worker_parses_the_files_of_a_folder_until_one_of_them_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a.docx", "b.docx", "c.docx", "d.docx", "e.html"]
    for name in names[:-1]:
        (tmp_path / name).write_bytes(docx(par(f"These are the words of {name}.")))
    (tmp_path / "e.html").write_text("<html><body><p>The last words.</p></body></html>")
    started = []
    start = Worker._start

    def counted(worker: Worker) -> bytes:
        started.append(worker)
        return start(worker)

    monkeypatch.setattr(Worker, "_start", counted)
    document = read_source(whole(str(tmp_path)), SourceOptions())
    assert document.text.split("\n\n") == [
        *(f"These are the words of {name}." for name in names[:-1]),
        "The last words.",
    ]
    assert len(started) == 1

    parse_next = sandboxed.parse_next

    def impatient(worker: Worker, source: str, file: BinaryIO, options: SourceOptions, on_event: Listener) -> Document:
        patience = replace(options, seconds=0.0) if source.endswith("b.docx") else options
        return parse_next(worker, source, file, patience, on_event)

    monkeypatch.setattr(sandboxed, "parse_next", impatient)
    document = read_source(whole(str(tmp_path)), SourceOptions())
    assert [Path(file.source.name).name for file in document.files] == ["a.docx", "c.docx", "d.docx", "e.html"]
    assert "b.docx could not be read" in document.source.lost[0]
    assert len(started) == 3
