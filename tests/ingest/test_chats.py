"""Exported chats: who wrote at what time of which day, messages over several lines, and logs that are none."""

from __future__ import annotations

import pytest

from longdoc.core.types import Document
from longdoc.ingest.formats import detect
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document

IPHONE = (
    "[21/11/2026, 17:03:12] Ann: Are we going?\n"
    "\u200e[21/11/2026, 17:04:02] +44 7700 900123: Yes!\n\nBring:\n- bread\n"
    "[21/11/2026, 17:05:00] Ann: \u200eimage omitted\n"
    "[22/11/2026, 09:01:00] Ann: Late again. The train: gone.\n"
    "[22/11/2026, 09:02:00] Ann: <attached: 0001-PHOTO.jpg>\na caption\n"
)
ANDROID = (
    "11/21/26, 5:03\u202fPM - Messages are end-to-end encrypted.\n"
    '11/21/26, 5:03\u202fPM - Ann changed the subject to "Trip: Rome"\n'
    "11/21/26, 5:04\u202fPM - Ann: Are we going?\n"
    "11/21/26, 5:05\u202fPM - Bob Oak: <Media omitted>\n"
    "11/22/26, 12:05\u202fAM - Bob Oak: Yes, we are.\nSecond line.\n"
    "11/22/26, 12:06\u202fAM - Ann: Good.\n"
)
ZOOM = (
    "17:03:12\t From Ann Lee to Everyone:\n\tAre we going?\n"
    "17:03:40\t From Bob to Ann Lee(Privately):\n\tYes\n"
    "17:04:00\t From Ann Lee : Good\n"
)
TELEGRAM = (
    "Ann Lee, [21.11.26 17:03]\nAre we going?\n\nBob, [21.11.26 17:04]\nYes\nwe are\n\n"
    "Ann Lee, [22.11.26 08:00]\nGood\n"
)
IRC = "[17:03] <ann> Are we going?\n[17:03] <@bob> yes\n[17:04] * ann waves\n[17:05] <ann> good\n"


def read(text: str) -> Document:
    return parse_document(Raw("made", text.encode()))


def places(document: Document, *words: str) -> list[tuple[str | None, float | None, str | None, int | None]]:
    found = [document.cite(document.text.index(word), document.text.index(word) + 1) for word in words]
    return [(place.speaker, place.start_s, place.section, place.line) for place in found]


def test_messages_have_their_writer_their_time_of_day_and_their_day() -> None:
    document = read(IPHONE)
    assert document.source.format == "dialogue"
    assert document.text.split("\n\n") == [
        "21/11/2026",
        "Ann: Are we going?",
        "+44 7700 900123: Yes!",
        "Bring:",
        "- bread",
        "22/11/2026",
        "Ann: Late again. The train: gone.",
        "Ann: a caption",
    ]
    assert places(document, "Are", "bread", "Late", "caption") == [
        ("Ann", 61392.0, "21/11/2026", 1),
        ("+44 7700 900123", 61442.0, "21/11/2026", 5),
        ("Ann", 32460.0, "22/11/2026", 7),
        ("Ann", 32520.0, "22/11/2026", 9),
    ]
    assert document.warnings == ("2 messages with a picture or file that is not part of the text",)


def test_what_nobody_wrote_has_no_speaker_and_twelve_is_midnight_or_noon() -> None:
    document = read(ANDROID)
    assert document.text.split("\n\n") == [
        "11/21/26",
        "Messages are end-to-end encrypted.",
        'Ann changed the subject to "Trip: Rome"',
        "Ann: Are we going?",
        "11/22/26",
        "Bob Oak: Yes, we are.",
        "Second line.",
        "Ann: Good.",
    ]
    assert places(document, "Messages", "subject", "Are", "Second") == [
        (None, 61380.0, "11/21/26", 1),
        (None, 61380.0, "11/21/26", 2),
        ("Ann", 61440.0, "11/21/26", 3),
        ("Bob Oak", 300.0, "11/22/26", 6),
    ]


def test_chats_of_meetings_tell_who_wrote_to_whom() -> None:
    document = read(ZOOM)
    assert document.text == "Ann Lee: Are we going?\n\nBob to Ann Lee: Yes\n\nAnn Lee: Good"
    assert places(document, "Are", "Yes", "Good") == [
        ("Ann Lee", 61392.0, None, 2),
        ("Bob", 61420.0, None, 4),
        ("Ann Lee", 61440.0, None, 5),
    ]


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("21-11-2026 17:{} - {}: {}", "21-11-2026"),
        ("21/11/2026 à 17:{} - {} : {}", "21/11/2026"),
        ("21.11.26, 17:{} - {}: {}", "21.11.26"),
        ("21.11.2026 klo 17.{} - {}: {}", "21.11.2026"),
        ("21/11/26, 5:{} p. m. - {}: {}", "21/11/26"),
        ("2026-11-21 17:{} - {}: {}", "2026-11-21"),
        ("2026. 11. 21. 17:{} - {}: {}", "2026. 11. 21"),
        ("2026년 11월 21일 오후 5:{}, {} : {}", "2026년 11월 21일"),
    ],
)
def test_days_and_times_as_other_countries_write_them(stamp: str, day: str) -> None:
    said = (("03", "Ann", "Are we going?"), ("04", "Bob Oak", "Yes: at noon."), ("05", "Ann", "Good."))
    document = read("\n".join(stamp.format(*message) for message in said))
    assert document.text == f"{day}\n\nAnn: Are we going?\n\nBob Oak: Yes: at noon.\n\nAnn: Good."
    assert places(document, "noon") == [("Bob Oak", 61440.0, day, 2)]


def test_telegram_and_irc() -> None:
    document = read(TELEGRAM)
    assert "21.11.26\n\nAnn Lee: Are we going?\n\nBob: Yes\n\nwe are\n\n22.11.26" in document.text
    assert places(document, "we are")[0] == ("Bob", 61440.0, "21.11.26", 6)
    document = read(IRC)
    assert document.text.startswith("ann: Are we going?\n\nbob: yes\n\n")
    assert places(document, "* ann waves", "good") == [(None, 61440.0, None, 3), ("ann", 61500.0, None, 4)]


@pytest.mark.parametrize(
    "text",
    [
        "[2026/11/21 17:03:12] production.ERROR: it broke\n" * 5,
        "2026-11-21 17:03:12 - app - INFO: it went\n" * 5,
        "2026-11-21, 17:03:12 - app - INFO: it went\n" * 5,
        "2026/11/21 17:03:12 - server1: request 7 took 21 ms\n" * 5,
        "".join(f"21/11/2026, 7:{n} - {n * 'Tea'}: it was good.\n" for n in range(10, 20)),
        "21.11.2026 9:00 - Doors open\n21.11.2026 10:00 - The first talk\n22.11.2026 9:00 - The second talk\n",
        "On 21/11/2026, 17:03 - Ann: so it began.\n" + "And it went on for a long while after that day.\n" * 20,
    ],
)
def test_logs_and_programmes_are_no_chats(text: str) -> None:
    assert detect(Raw("made", text.encode())).name == "text"


def test_times_that_stand_alone_are_those_of_the_turns_below() -> None:
    turns = "Ann Lee: How did it begin?\nBob Oak: With a letter.\n\n"
    document = read(f"Attendees\n\nTranscript\n\n00:00:00\n\n{turns}00:05:00\n\n{turns.replace('letter', 'storm')}")
    assert "00:05" not in document.text
    assert [place[:2] for place in places(document, "letter", "storm")] == [("Bob Oak", 0.0), ("Bob Oak", 300.0)]
