"""Transcripts in JSON as programs and services write them; other JSON is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from longdoc.core.errors import DamagedInput, UnknownFormat
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Document
from longdoc.ingest import read_document


def read(tmp_path: Path, value: Any, name: str = "talk.json") -> Document:
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_document(str(path))


def words(key: str, start: str, end: str, **more: Any) -> list[dict[str, Any]]:
    said = (("How", 0.5, 0.9), ("so?", 1.0, 1.4), ("By", 3.0, 3.4), ("rain.", 3.5, 4.0))
    return [{key: word, start: begin, end: stop, **more} for word, begin, stop in said]


PHRASES = (("How so?", 0.5, 1.4), ("By rain.", 3.0, 4.0))
WHISPER = {
    "text": "How so? By rain.",
    "segments": [
        {"id": n, "start": a, "end": b, "text": f" {t}", "words": words("word", "start", "end")[2 * n : 2 * n + 2]}
        for n, (t, a, b) in enumerate(PHRASES)
    ],
    "language": "en",
}
CPP = {
    "transcription": [
        {"timestamps": {"from": "x", "to": "y"}, "offsets": {"from": int(a * 1000), "to": int(b * 1000)}, "text": t}
        for t, a, b in PHRASES
    ]
}
PIPELINE = {"text": "x", "chunks": [{"timestamp": [a, b], "text": t} for t, a, b in PHRASES]}
DEEPGRAM = {
    "results": {
        "channels": [
            {
                "alternatives": [
                    {"transcript": "How so? By rain.", "words": words("punctuated_word", "start", "end", word="x")},
                    {"transcript": "Another guess.", "words": words("word", "start", "end")},
                ]
            }
        ]
    }
}
GOOGLE = {
    "results": [
        {
            "alternatives": [{"transcript": t, "words": [{"startTime": f"{a}s", "endTime": f"{b}s", "word": "x"}]}],
            "resultEndTime": f"{b}s",
        }
        for t, a, b in PHRASES
    ]
}
AZURE = {
    "recognizedPhrases": [
        {"offset": f"PT{a}S", "duration": f"PT{b - a:.1f}S", "nBest": [{"display": t}]} for t, a, b in PHRASES
    ]
}
YOUTUBE = {
    "wireMagic": "pb3",
    "events": [
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1},
        *(
            {
                "tStartMs": int(a * 1000),
                "dDurationMs": round((b - a) * 1000),
                "segs": [{"utf8": t.split()[0]}, {"utf8": f" {t.split()[1]}", "tOffsetMs": 300}],
            }
            for t, a, b in PHRASES
        ),
    ],
}
PLAIN = [{"text": t, "start": a, "duration": b - a} for t, a, b in PHRASES]
BODY = {"version": "1.0.0", "segments": [{"startTime": a, "endTime": b, "body": t} for t, a, b in PHRASES]}


@pytest.mark.parametrize("value", [WHISPER, CPP, PIPELINE, DEEPGRAM, GOOGLE, AZURE, YOUTUBE, PLAIN, BODY])
def test_words_and_times_are_found_in_every_form(tmp_path: Path, value: Any) -> None:
    document = read(tmp_path, value)
    assert document.source.format == "json"
    assert document.text.split() == ["How", "so?", "By", "rain."]
    assert [anchor.start_s for anchor in document.anchors] == [0.5, 3.0]
    assert [anchor.end_s for anchor in document.anchors] == [1.4, 4.0]


SPOKEN = (("Ann", "How so?", 500, 1400), ("Bob", "By rain.", 3000, 4000))
AWS = {
    "results": {
        "transcripts": [{"transcript": "How so? By rain."}],
        "speaker_labels": {
            "segments": [
                {"start_time": "0.5", "end_time": "1.4", "speaker_label": "Ann", "items": []},
                {"start_time": "3.0", "end_time": "4.0", "speaker_label": "Bob", "items": []},
            ]
        },
        "items": [
            {"type": "pronunciation", "start_time": "0.5", "end_time": "0.9", "alternatives": [{"content": "How"}],
             "speaker_label": "Ann"},
            {"type": "pronunciation", "start_time": "1.0", "end_time": "1.4", "alternatives": [{"content": "so"}],
             "speaker_label": "Ann"},
            {"type": "punctuation", "alternatives": [{"content": "?"}]},
            {"type": "pronunciation", "start_time": "3.0", "end_time": "3.4", "alternatives": [{"content": "By"}],
             "speaker_label": "Bob"},
            {"type": "pronunciation", "start_time": "3.5", "end_time": "4.0", "alternatives": [{"content": "rain"}],
             "speaker_label": "Bob"},
            {"type": "punctuation", "alternatives": [{"content": "."}]},
        ],
    }
}  # fmt: skip
REV = {
    "monologues": [
        {
            "speaker": {"id": 1, "name": name},
            "elements": [
                {"type": "text", "value": text.split()[0], "ts": start / 1000, "end_ts": start / 1000},
                {"type": "punct", "value": " "},
                {"type": "text", "value": text.split()[1], "ts": end / 1000, "end_ts": end / 1000},
            ],
        }
        for name, text, start, end in SPOKEN
    ]
}
ASSEMBLY = {
    "text": "How so? By rain.",
    "utterances": [{"speaker": n, "text": t, "start": 10 * a, "end": 10 * b} for n, t, a, b in SPOKEN],
    "words": [{"speaker": n, "text": t.split()[0], "start": 10 * a, "end": 10 * b} for n, t, a, b in SPOKEN],
}
WHISPERX = {"segments": [{"speaker": n, "text": t, "start": a / 1000, "end": b / 1000} for n, t, a, b in SPOKEN]}
LINES = "\n".join(json.dumps(segment) for segment in WHISPERX["segments"])


@pytest.mark.parametrize("value", [AWS, REV, ASSEMBLY, WHISPERX, LINES])
def test_speakers_are_found_in_every_form(tmp_path: Path, value: Any) -> None:
    document = read(tmp_path, value)
    assert document.text == "Ann: How so?\n\nBob: By rain."
    scale = 10 if value is ASSEMBLY else 1  # milliseconds of a slower talk
    assert [(anchor.speaker, anchor.start_s) for anchor in document.anchors] == [
        ("Ann", 0.5 * scale),
        ("Bob", 3.0 * scale),
    ]


def test_numbers_and_letters_of_speakers_become_names(tmp_path: Path) -> None:
    value = [
        {"start": n, "end": n + 1, "text": "Word word word.", "speaker": s}
        for n, s in enumerate(("SPEAKER_01", 2, "C"))
    ]
    assert [anchor.speaker for anchor in read(tmp_path, value).anchors] == ["Speaker 1", "Speaker 2", "Speaker C"]


@pytest.mark.parametrize("value", [{"name": "x", "list": [1, 2]}, [{"id": 1, "text": "no times"}], {}, [{"start": 1}]])
def test_json_without_a_transcript_is_refused_with_a_way_out(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UnknownFormat, match="JSON without a transcript") as caught:
        read(tmp_path, value)
    assert "--format text" in str(caught.value.fix)
    path = tmp_path / "talk.json"
    assert read_document(str(path), SourceOptions(format="text")).text


def test_pieces_without_times_are_told(tmp_path: Path) -> None:
    said = [{"start": 1, "text": "One."}, {"text": "Lost."}, {"text": "..."}, {"start": 3, "text": "Two."}]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"segments": said}))
    document = read_document(str(path))
    assert document.text == "One.\n\nTwo."
    assert document.source.lost == ("1 piece without times was not read",)


def test_cut_json_is_damaged_and_json_is_known_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(DamagedInput, match="damaged JSON"):
        read(tmp_path, json.dumps(WHISPER)[:-9])
    assert read(tmp_path, WHISPER, "talk.txt").source.format == "json"
    assert read(tmp_path, "[1] is a note.\n\n{so} it is.", "notes.txt").source.format == "text"
    with pytest.raises(DamagedInput, match="damaged JSON"):
        read(tmp_path, "[" * 100_000)
