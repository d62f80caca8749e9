"""SRT, WebVTT and ASS: times, speakers, sentences that go over cues."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.core.errors import EmptyInput
from longdoc.core.sentences import sentence_spans
from longdoc.ingest import read_document

VTT = """WEBVTT - a talk

STYLE
::cue { color: red }

NOTE
this is not spoken

intro
00:01.000 --> 00:03.500 align:start position:0%
<v Ada Lovelace>Good morning, and welcome
to the <i>first</i> talk &amp; all</v>

00:03.500 --> 00:06.000
<v Ada Lovelace>that follows it.</v>

01:00:07.250 --> 01:00:09.000
<v.loud Charles>Thank <c.yellow>you</c> <00:00:08.000>very much.
"""
SRT = """1
00:00:01,000 --> 00:00:04,000
We choose to go to the moon
in this decade

2
00:00:04,000 --> 00:00:07,500
and do the other things.

3
00:00:20,000 --> 00:00:22,000
- Is it hard?
- <i>Yes.</i>
"""


def written(tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_vtt_keeps_speakers_and_times(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "talk.vtt", VTT))
    assert document.source.format == "vtt"
    assert document.text == (
        "Ada Lovelace: Good morning, and welcome to the first talk & all that follows it.\n\n"
        "Charles: Thank you very much."
    )
    assert [(a.start_s, a.end_s, a.speaker) for a in document.anchors] == [
        (1.0, 3.5, "Ada Lovelace"),
        (3.5, 6.0, "Ada Lovelace"),
        (3607.25, 3609.0, "Charles"),
    ]
    start = document.text.index("follows")
    citation = document.cite(start, start + 7)
    assert (citation.start_s, citation.speaker) == (3.5, "Ada Lovelace")


def test_a_single_speaker_is_not_named_in_the_text(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "talk.vtt", VTT.partition("01:00:07")[0]))
    assert document.text.startswith("Good morning")
    assert document.anchors[0].speaker == "Ada Lovelace"


def test_a_sentence_over_two_cues_is_one_sentence(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "talk.srt", SRT))
    first = sentence_spans(document.text)[0]
    assert document.text[slice(*first)] == "We choose to go to the moon in this decade and do the other things."
    start = document.text.index("and do")
    assert document.cite(start, start + 6).start_s == 4.0


def test_a_pause_and_a_dash_begin_a_paragraph(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "talk.srt", SRT))
    assert document.text.split("\n\n")[1:] == ["Is it hard?", "Yes."]
    assert document.anchors[-1].start_s == 20.0


def test_srt_is_known_by_its_content(tmp_path: Path) -> None:
    assert read_document(written(tmp_path, "talk.txt", SRT)).source.format == "srt"


def test_words_without_times_are_counted_as_lost(tmp_path: Path) -> None:
    text = "WEBVTT\nKind: captions\n\nNOTE none\n\n00:00.000 --> 00:02.000\nSpoken.\n\n00:04 -> 00:05\nNot read.\n"
    document = read_document(written(tmp_path, "talk.vtt", text))
    assert document.text == "Spoken."
    assert document.source.lost == ("1 cue without times was not read",)
    assert document.warnings == document.source.lost
    assert not read_document(written(tmp_path, "talk.vtt", text[: text.index("00:04")])).source.lost


def test_a_cue_that_is_called_like_a_note_is_read(tmp_path: Path) -> None:
    text = "WEBVTT\n\nNOTEBOOK-1\n00:00.000 --> 00:02.000\nSpoken.\n\nNOTE\nnot spoken\n\nSTYLE\n::cue {}\n"
    assert read_document(written(tmp_path, "talk.vtt", text)).text == "Spoken."


def test_rolling_captions_are_read_once(tmp_path: Path) -> None:
    rolling = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\nhello and\n\n00:02.000 --> 00:04.000\nhello and\nwelcome to\n\n"
        "00:04.000 --> 00:06.000\nwelcome to\nthe show\n"
    )
    assert read_document(written(tmp_path, "talk.vtt", rolling)).text == "hello and welcome to the show"


def test_the_same_words_of_another_speaker_are_no_repetition(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ann>Yes.\n\n00:02.000 --> 00:04.000\n<v Bob>Yes.\n"
    assert read_document(written(tmp_path, "talk.vtt", text)).text == "Ann: Yes.\n\nBob: Yes."


def test_names_before_a_colon_are_speakers(tmp_path: Path) -> None:
    named = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\nMARY: Come in.\n\n"
        "00:02.000 --> 00:04.000\nJOHN: I am here\n\n00:04.000 --> 00:05.000\nnow.\n"
    )
    document = read_document(written(tmp_path, "talk.vtt", named))
    assert document.text == "MARY: Come in.\n\nJOHN: I am here now."
    assert [a.speaker for a in document.anchors] == ["MARY", "JOHN", "JOHN"]


def test_ass_has_its_speakers_in_the_name_column(tmp_path: Path) -> None:
    text = (
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Ada,0,0,0,,{\\i1}Good{\\i0}\\Nmorning.\n"
    )
    document = read_document(written(tmp_path, "talk.ass", text))
    assert document.text == "Good morning."
    assert document.anchors[0].speaker == "Ada"


def test_captions_without_words_are_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        read_document(written(tmp_path, "talk.vtt", "WEBVTT\n\n00:00.000 --> 00:02.000\n\n"))


def test_names_in_any_script_are_speakers(tmp_path: Path) -> None:
    said = [("María López", "Good morning."), ("Jürgen (Legal)", "It is signed."), ("李明", "The factory is ready.")]
    cues = [f"00:00:{n:02}.000 --> 00:00:{n + 1:02}.000\n{name}: {words}" for n, (name, words) in enumerate(said)]
    document = read_document(written(tmp_path, "call.vtt", "WEBVTT\n\n" + "\n\n".join(cues)))
    assert [anchor.speaker for anchor in document.anchors] == [name for name, _ in said]
    assert "Jürgen (Legal): It is signed." in document.text


def test_a_word_before_a_colon_that_comes_once_is_no_speaker(tmp_path: Path) -> None:
    text = SRT.replace("and do the other things.", "Remember: there are other things.")
    document = read_document(written(tmp_path, "talk.srt", text))
    assert {anchor.speaker for anchor in document.anchors} == {None}
    assert "Remember: there are other things." in document.text


def test_a_line_of_blanks_inside_a_cue_loses_nothing(tmp_path: Path) -> None:
    captions = (
        "WEBVTT\nKind: captions\n\n00:00.000 --> 00:02.000\n \nhello<00:00:00.500><c> and</c><c> welcome</c>\n\n"
        "00:02.000 --> 00:02.010\nhello and welcome\n \n\n00:02.010 --> 00:04.000\nhello and welcome\nto the show\n"
    )
    document = read_document(written(tmp_path, "talk.vtt", captions))
    assert document.text == "hello and welcome to the show"
    assert document.anchors[0].start_s == 0.0
    assert not document.source.lost
