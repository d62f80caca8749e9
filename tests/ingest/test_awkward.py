"""Files that are a little wrong, as people have them: what can be read of them is read, and the rest is said."""

from __future__ import annotations

import json

import pytest

from longdoc.core.errors import EmptyInput
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document

WORDS = "The harbour was quiet that morning, and nobody had seen the lantern."


def read(name: str, data: str | bytes) -> Document:
    return parse_document(Raw(name, data.encode() if isinstance(data, str) else data, SourceOptions()))


def times(document: Document) -> list[tuple[float | None, float | None]]:
    return [(anchor.start_s, anchor.end_s) for anchor in document.anchors]


def test_cues_before_the_beginning_are_at_it() -> None:
    text = f"1\n-00:00:01,000 --> 00:00:02,000\n{WORDS}\n\n2\n-00:00:09,000 --> -00:00:08,000\nWho?\n\n"
    text += "3\n00:00:03,500 --> 00:00:05,000\nAfter it -5 --> all.\n"
    document = read("a.srt", text)
    assert document.source.format == "srt"
    assert times(document) == [(0.0, 2.0), (0.0, 0.0), (3.5, 5.0)]
    assert document.text.endswith("After it -5 --> all.")


def test_a_cue_that_ends_before_it_begins_ends_where_it_begins() -> None:
    document = read("a.vtt", "WEBVTT\n\n00:00:08.000 --> 00:00:07.000\nBackwards in time.\n")
    assert times(document) == [(8.0, 8.0)]


def test_nulls_in_a_transcript_are_no_reason_to_refuse_it() -> None:
    segments = [
        {"start": None, "end": 1.5, "text": "Hello there."},
        {"start": 2.0, "end": None, "text": "Goodbye.", "speaker": None},
        {"start": 3.0, "end": 4.0, "text": None},
        None,
    ]
    document = read("a.json", json.dumps({"language": None, "segments": segments}))
    assert document.text == "Hello there. Goodbye."
    assert times(document) == [(1.5, 1.5), (2.0, 2.0)]


def test_the_front_matter_of_hugo_has_the_title() -> None:
    document = read("a.md", f"+++\ndraft = false\ntitle = 'The harbour'\n+++\n\n# One\n\n{WORDS}\n")
    assert (document.title, document.text) == ("The harbour", f"One\n\n{WORDS}")
    assert document.cite(len("One\n\n"), len(document.text)).line == 8
    assert read("b.md", f"+++\n\n# One\n\n{WORDS}\n").text.startswith("+++")


def test_a_page_of_frames_shows_what_stands_in_their_place_and_names_them() -> None:
    frames = '<html><head><title>Old & new</title></head><frameset><frame src="menu.html"><frame name=x src=main.html>'
    document = read("a.html", f"{frames}<noframes><body><p>{WORDS}</p></body></noframes></frameset></html>")
    assert (document.title, document.text) == ("Old & new", WORDS)
    assert document.source.lost == ("what it frames was not read: menu.html, main.html",)
    with pytest.raises(EmptyInput) as caught:
        read("a.html", f"{frames}</frameset></html>")
    assert caught.value.why == "it only frames menu.html, main.html"


def test_a_text_that_is_filled_up_with_zeros_ends_where_they_begin() -> None:
    document = read("a.txt", WORDS.encode() + bytes(4096))
    assert (document.text, document.warnings) == (WORDS, ())


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_cyrillic_in_wide_characters_without_a_mark(codec: str) -> None:
    words = "Гавань была тиха в то утро, и никто не видел фонаря. " * 6
    document = read("a.txt", words.encode(codec))
    assert document.text == words.strip()
    assert document.warnings == (f"the encoding was guessed: {codec}",)


@pytest.mark.parametrize(
    "lines",
    [
        [f"2026-05-12 10:0{minute}:00,123 INFO started job {minute}" for minute in range(5)],
        [f"[12/05/2026 10:0{minute}] warning {minute}" for minute in range(5)],
        ["name,age,city", "Ada,36,London", "Ben,41,Bath", "Cleo,29,Bristol"],
        ["id;said", '1;"Yes; it is late"', '2;"No"', "3;nothing"],
    ],
)
def test_lines_of_logs_and_rows_of_values_stay_apart(lines: list[str]) -> None:
    assert read("a.txt", "\n".join(lines)).text == "\n\n".join(lines)


def test_prose_with_a_comma_in_each_line_and_dates_in_it_is_no_table() -> None:
    lines = [
        "When the boat came in, all the lamps",
        "were lit, and on 12/05/2026 10:00 they",
        "went out, for the oil, he said,",
    ]
    assert "\n" not in read("a.txt", "\n".join([*lines, "was all gone, and nobody had seen it coming"])).text


def test_line_ends_that_were_translated_twice_are_one() -> None:
    document = read("a.txt", "The first line of two\r\r\nand the second.\r\r\n\r\r\nAnother one.\r\r\n")
    assert document.text == "The first line of two and the second.\n\nAnother one."
    assert document.cite(len(document.text) - 5, len(document.text)).line == 4


def test_what_whisper_prints_is_a_transcript() -> None:
    said = [f"Somebody said sentence number {number}." for number in range(6)]
    lines = [f"[00:{n:02}.000 --> 00:{n + 1:02}.500]  {words}" for n, words in enumerate(said)]
    document = read("a.txt", "\n".join(lines))
    assert (document.source.format, document.text) == ("dialogue", "\n\n".join(said))
    assert [start for start, _ in times(document)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    named = [line.replace("]  ", f"] SPEAKER_0{n % 2}: ") for n, line in enumerate(lines)]
    document = read("a.txt", "\n".join(named))
    assert [anchor.speaker for anchor in document.anchors][:2] == ["SPEAKER_00", "SPEAKER_01"]
    assert document.text.startswith("SPEAKER_00: Somebody said sentence number 0.\n\nSPEAKER_01: ")
