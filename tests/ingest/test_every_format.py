"""What holds for every reader: standard input, the same words, places that are exact, readers of other packages."""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_office import docx, odt, par
from made_sources import epub, page_html, pdf

from longdoc.core.errors import DamagedInput, UsageError
from longdoc.core.events import Event, Warned
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest import FORMATS, formats, read_document
from longdoc.ingest.parsed import Parsed, Raw

# A paragraph carries its own number, and a document its numbers in order.
Maker = Callable[[Path, Sequence[str]], bytes]


def _clock(second: int, mark: str) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{mark}000"


def _made_pdf(folder: Path, paragraphs: Sequence[str]) -> bytes:
    return pdf(folder / "made.pdf", [[paragraph] for paragraph in paragraphs]).read_bytes()


def _made_epub(folder: Path, paragraphs: Sequence[str]) -> bytes:
    documents = {f"c{n}": page_html(f"<h1>Part {n}</h1><p>{p}</p>") for n, p in enumerate(paragraphs)}
    return epub(folder / "made.epub", documents).read_bytes()


def _made_docx(_: Path, paragraphs: Sequence[str]) -> bytes:
    return docx("".join(par(f"Part {n}", "berschrift1") + par(p) for n, p in enumerate(paragraphs)))


def _made_odt(_: Path, paragraphs: Sequence[str]) -> bytes:
    inner = (f'<text:h text:outline-level="1">Part {n}</text:h><text:p>{p}</text:p>' for n, p in enumerate(paragraphs))
    return odt("".join(inner))


def _made_rtf(_: Path, paragraphs: Sequence[str]) -> bytes:
    inner = "".join(rf"\pard\s1 Part {n}\par\pard {p}\par " for n, p in enumerate(paragraphs))
    return rf"{{\rtf1\ansi{{\stylesheet{{\s1 heading 1;}}}}{inner}}}".encode("ascii")


def _made_html(_: Path, paragraphs: Sequence[str]) -> bytes:
    return page_html("".join(f"<h1>Part {n}</h1><p>{p}</p>" for n, p in enumerate(paragraphs))).encode()


def _made_eml(folder: Path, paragraphs: Sequence[str]) -> bytes:
    head = b"From: Ann <ann@example.org>\r\nSubject: All\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    return head + _made_html(folder, paragraphs)


def _made_mbox(_: Path, paragraphs: Sequence[str]) -> bytes:
    mails = (f"From a@b Sat Nov 21 10:00:00 2026\nSubject: Part {n}\n\n{p}\n" for n, p in enumerate(paragraphs))
    return "\n".join(mails).encode()


def _made_markdown(_: Path, paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join(f"# Part {n}\n\n**So:** {p}" for n, p in enumerate(paragraphs)).encode()


def _made_text(_: Path, paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join(paragraphs).encode()


def _made_dialogue(_: Path, paragraphs: Sequence[str]) -> bytes:
    return "\n".join(f"[{_clock(n, '.')}] {('Ann', 'Bob')[n % 2]}: {p}" for n, p in enumerate(paragraphs)).encode()


def _made_json(_: Path, paragraphs: Sequence[str]) -> bytes:
    return json.dumps([{"start": n, "end": n + 1, "text": p} for n, p in enumerate(paragraphs)]).encode()


def _made_srt(_: Path, paragraphs: Sequence[str]) -> bytes:
    cues = (f"{n + 1}\n{_clock(n, ',')} --> {_clock(n + 1, ',')}\n{p}\n" for n, p in enumerate(paragraphs))
    return "\n".join(cues).encode()


def _made_vtt(_: Path, paragraphs: Sequence[str]) -> bytes:
    cues = (f"{_clock(n, '.')} --> {_clock(n + 1, '.')}\n{p}\n" for n, p in enumerate(paragraphs))
    return ("WEBVTT\n\n" + "\n".join(cues)).encode()


def _made_sbv(_: Path, paragraphs: Sequence[str]) -> bytes:
    return "\n".join(f"{_clock(n, '.')},{_clock(n + 1, '.')}\n{p}\n" for n, p in enumerate(paragraphs)).encode()


def _made_ass(_: Path, paragraphs: Sequence[str]) -> bytes:
    columns = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    head = f"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: {columns}\n"
    cues = (
        f"Dialogue: 0,{_clock(n, '.')[1:-1]},{_clock(n + 1, '.')[1:-1]},Default,,0,0,0,,{p}\n"
        for n, p in enumerate(paragraphs)
    )
    return (head + "".join(cues)).encode()


MAKERS: dict[str, Maker] = {name.removeprefix("_made_"): made for name, made in globals().items() if "_made_" in name}
TIMED = ("json", "srt", "vtt", "sbv", "ass", "dialogue")
SECTIONED = ("epub", "docx", "odt", "rtf", "html", "markdown", "eml", "mbox")
SENTENCES = [f"Place {n} is where the words of number {n} stand." for n in range(6)]


def opened(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Document:
    class Stdin:
        buffer = io.BytesIO(data)

    monkeypatch.setattr(sys, "stdin", Stdin)
    return read_document("-")


def test_every_format_has_a_maker() -> None:
    assert set(MAKERS) == {reader.name for reader in FORMATS}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_format_is_known_on_standard_input(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = opened(monkeypatch, MAKERS[name](tmp_path, SENTENCES))
    assert document.source.format == name
    for sentence in SENTENCES:
        assert document.text.count(sentence) == 1


WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9)


@pytest.mark.parametrize("name", sorted(MAKERS))
@settings(
    max_examples=8, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.lists(st.lists(WORDS, min_size=3, max_size=9), min_size=6, max_size=12), data=st.data())
def test_any_span_lies_at_the_place_that_holds_it(name: str, drawn: list[list[str]], data: Any, tmp_path: Path) -> None:
    # Parsed in this process, as the worker does it: a process for each example would take minutes.
    sentences = [f"Number {n} says {' '.join(words)}." for n, words in enumerate(drawn)]
    reader = formats.format_named(name)
    raw = Raw(f"made.{name}", MAKERS[name](tmp_path, sentences))
    parsed = reader.parse(raw)
    document = _document(parsed)
    n = data.draw(st.integers(0, len(sentences) - 1))
    start = document.text.index(sentences[n])
    begin = start + data.draw(st.integers(0, len(sentences[n]) - 2))
    end = data.draw(st.integers(begin + 1, start + len(sentences[n])))
    citation = document.cite(begin, end)
    assert citation.quote in sentences[n]
    if name in TIMED:
        assert citation.start_s == n
    if name == "dialogue":
        assert citation.speaker == ("Ann", "Bob")[n % 2]
    if name in SECTIONED:
        assert citation.section == f"Part {n}"
    if name == "pdf":
        assert citation.page == n + 1
    if name == "text":
        assert citation.line == 2 * n + 1


def _document(parsed: Parsed) -> Document:
    from longdoc.core.types import Source

    source = Source("made", "0", "made", 0)
    return Document(parsed.text, source, anchors=parsed.anchors, sections=parsed.sections, num_pages=parsed.num_pages)


READER = """
from longdoc.ingest.parsed import Parsed

def sniff(raw):
    return raw.data.startswith(b"UPSIDE")

def read(raw):
    return Parsed(raw.data.decode()[7:][::-1])
"""


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **entries: str) -> None:
    """A distribution as pip leaves it: modules, and the metadata that names its readers."""
    (folder / "upside.py").write_text(READER)
    metadata = folder / "upside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: upside\nVersion: 1.0\n")
    named = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (metadata / "entry_points.txt").write_text(f"[longdoc.readers]\n{named}")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()


def test_another_package_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, upside="upside")
    path = tmp_path / "a.txt"
    path.write_text("UPSIDE .nwod era sdroW")
    document = read_document(str(path))
    assert (document.text, document.source.format) == ("Words are down.", "upside")
    assert read_document(str(path), SourceOptions(format="text")).source.format == "text"
    with pytest.raises(UsageError, match="no format 'downside'") as caught:
        read_document(str(path), SourceOptions(format="downside"))
    assert "upside" in str(caught.value.why)


def test_a_broken_reader_is_told_once_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, broken="no_such_module", upside="upside", text="no_such_module")
    path = tmp_path / "a.txt"
    path.write_text("UPSIDE .nwod era sdroW")
    heard: list[Event] = []
    assert read_document(str(path), on_event=heard.append).source.format == "upside"
    (warning,) = [event.message for event in heard if isinstance(event, Warned)]
    assert warning.startswith("the reader broken (no_such_module) does not work and was not asked: ModuleNotFoundError")
    assert read_document(str(path), SourceOptions(format="text")).text.startswith("UPSIDE")


def test_a_reader_that_gives_something_else_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, upside="upside")
    module = ModuleType("upside")
    module.__dict__.update(sniff=lambda raw: True, read=lambda raw: "text")
    monkeypatch.setitem(sys.modules, "upside", module)
    reader = formats.format_named("upside")
    with pytest.raises(TypeError, match="gave a str and no Parsed"):
        reader.parse(Raw("a", b"x"))
    (tmp_path / "upside.py").write_text(READER.replace("Parsed(", "str("))
    path = tmp_path / "a.txt"
    path.write_text("UPSIDE down")
    with pytest.raises(DamagedInput, match="cannot be read as upside"):
        read_document(str(path))
