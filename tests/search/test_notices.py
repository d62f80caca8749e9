"""What the program of a chat writes is no statement of anybody."""

from __future__ import annotations

import pytest

from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document
from longdoc.search.asides import asides
from longdoc.search.notices import is_notice
from longdoc.search.terms import DocumentTerms

CHAT = """21/11/26, 17:03 - Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read them.
21/11/26, 17:03 - Ann created group "Roof"
21/11/26, 17:04 - You added Bo
21/11/26, 17:05 - Ann: The roofer wants 8,400 euros for the north side.
21/11/26, 17:06 - Bo: <Media omitted>
21/11/26, 17:07 - Bo: This message was deleted
21/11/26, 17:08 - Bo: Ann added sugar to the tea, and then she left.
"""  # noqa: E501


def test_the_notices_of_a_chat_are_beside_its_subject() -> None:
    document = parse_document(Raw("chat.txt", CHAT.encode()))
    terms = DocumentTerms(document.text)
    aside = asides(document, terms)
    said = [document.text[slice(*span)] for n, span in enumerate(terms.sentences) if n not in aside]
    told = [sentence for sentence in said if sentence != "21/11/26"]  # the heading of a day
    assert told == [
        "Ann: The roofer wants 8,400 euros for the north side.",
        "Bo: Ann added sugar to the tea, and then she left.",
    ]


@pytest.mark.parametrize(
    "said", ["The message was deleted by the owner.", "Bo left.", "Call me.", "Signal is end-to-end encrypted."]
)
def test_what_somebody_says_is_none(said: str) -> None:
    assert not is_notice(said, "Ann")


def test_in_a_text_that_is_no_chat_nothing_is_left_out() -> None:
    document = parse_document(Raw("a.txt", b"Ann added Bo. Messages and calls are end-to-end encrypted.\n\nAnn left."))
    assert asides(document, DocumentTerms(document.text)) == frozenset()


CAPTIONS = (
    "The invention of the printing press in 1440 changed the history of Europe.",
    "Three years later the treaty of Vienna was added to the constitution of the republic.",
    "In 1973 Britain and Denmark joined.",
    "The government set a limit of five percent on the price of bread in that winter.",
)


def captions(said: tuple[str, ...], form: str) -> bytes:
    """A file of subtitles; in the form "recording" a text with a time before each line."""
    if form == "recording":
        return "\n".join(f"[00:00:{second:02}] {words}" for second, words in enumerate(said)).encode()
    if form == "ass":
        events = (f"Dialogue: 0,0:00:0{n}.00,0:00:0{n}.90,Default,,0,0,0,,{words}" for n, words in enumerate(said))
        fields = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
        return "\n".join(["[Script Info]", "", "[Events]", fields, *events]).encode()
    point, head = (",", "") if form == "srt" else (".", "WEBVTT\n\n")
    cues = (f"{n + 1}\n00:00:{n:02}{point}000 --> 00:00:{n:02}{point}900\n{words}\n" for n, words in enumerate(said))
    return (head + "\n".join(cues)).encode()


@pytest.mark.parametrize("speaker", ["", "Ann: "])
@pytest.mark.parametrize("form", ["vtt", "srt", "ass", "recording"])
def test_subtitles_and_recordings_have_no_notices(form: str, speaker: str) -> None:
    document = parse_document(Raw(f"a.{form}", captions(tuple(speaker + words for words in CAPTIONS), form)))
    assert document.anchors[0].start_s is not None
    assert all(words in document.text for words in CAPTIONS)
    assert asides(document, DocumentTerms(document.text)) == frozenset()
