"""Adverts and housekeeping of broadcasts, what hangs below a mail; and that other texts have none of it."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from longdoc.core.sentences import sentence_spans
from longdoc.core.types import Document, File, Source
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document
from longdoc.search import adverts
from longdoc.search.apparatus import is_furniture
from longdoc.search.asides import asides
from longdoc.search.footers import below
from longdoc.search.terms import DocumentTerms

PODCAST = """Ann Lee: Welcome back to Bees and Us. Today we talk about wax.

This episode is sponsored by Hivebox. Hivebox makes hives that last. Every hive has ten frames. Our bees love it. \
Visit hivebox.com/bees and use the code WAX for 20% off. Now, to wax.

Bo Ruiz: Thank you so much for having me. Bees make wax in their bellies. A hive needs two pounds of it a year.

Ann Lee: That is a lot. If you like this podcast, leave us a review. See you next week!"""
NOVEL = """“Welcome to my house,” said the count. She had come back to the village, and the show was over.

He thanked her for listening, and gave her a discount on the coat. They sponsored the school that year."""


def left_out(text: str) -> list[str]:
    spans = sentence_spans(text)
    return [text[slice(*spans[n])].strip() for n in sorted(adverts.asides(text, spans))]


def test_an_advert_ends_with_its_last_request_and_greetings_are_no_subject() -> None:
    found = left_out(PODCAST)
    assert found[0] == "Ann Lee: Welcome back to Bees and Us."
    assert found[1:6] == [
        "This episode is sponsored by Hivebox.",
        "Hivebox makes hives that last.",
        "Every hive has ten frames.",
        "Our bees love it.",
        "Visit hivebox.com/bees and use the code WAX for 20% off.",
    ]
    assert found[6:] == [
        "Bo Ruiz: Thank you so much for having me.",
        "If you like this podcast, leave us a review.",
        "See you next week!",
    ]


def test_without_a_request_only_the_paragraph_that_names_a_sponsor_is_an_advert() -> None:
    text = PODCAST.replace("Visit hivebox.com/bees and use the code WAX for 20% off. Now, to wax.", "They stay warm.")
    found = left_out(text)
    assert "They stay warm." in found
    assert "Bees make wax in their bellies." not in found


@pytest.mark.parametrize(
    "text",
    [
        NOVEL,
        "Thank you for joining. Welcome to the meeting of the board. We are back on item two. The roof leaks.",
        PODCAST.split("\n\n")[2],  # of one kind alone
        "Sponsored news programs were popular. In 1940 listeners were many. Radio brought shows to farms.",
    ],
)
def test_what_is_no_broadcast_has_none(text: str) -> None:
    assert left_out(text) == []


def test_of_several_files_each_is_judged_by_itself() -> None:
    text = f"{PODCAST}\n\n{NOVEL}"
    files = tuple(
        File(Source(name, "0" * 64, "text", 9), start, end)
        for name, start, end in [("a.txt", 0, len(PODCAST) + 2), ("b.txt", len(PODCAST) + 2, len(text))]
    )
    terms = DocumentTerms(text)
    found = asides(Document(text, files[0].source, files=files), terms)
    assert len(found) == len(left_out(PODCAST))
    assert max(terms.sentences[n][1] for n in found) <= len(PODCAST)


BODY = """Dear Bo,

the roofer wants 8,400 euros. He starts on 2 May.

Best wishes,
Ana

Sent from my iPhone

-- 
Ana Ruiz
Tel. +353 21 555 0101

This message is confidential and meant for you. If you have received it in error, please delete it.

On Mon, 11 Mar 2024 at 18:02, Bo Lind <bo@example.org> wrote:
> What does the roofer want? The owners meet on Friday.
>
> -- 
> Bo Lind, chairman
"""  # noqa: W291


def mail(body: str) -> Document:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ana Ruiz <ana@example.org>", "Bo <bo@example.org>", "The roof"
    made["Date"] = "Tue, 12 Mar 2024 09:14:02 +0000"
    made["Message-ID"] = "<1@example.org>"
    made.set_content(body)
    return parse_document(Raw("m.eml", bytes(made)))


def test_what_hangs_below_a_mail_is_told_from_what_it_says() -> None:
    document = mail(BODY)
    text = document.text
    hanging = below(text, 0, len(text))
    assert [text[slice(*span)] for span in hanging.signatures] == [
        "--",
        "Ana Ruiz\nTel. +353 21 555 0101",
        "> --",
        "> Bo Lind, chairman",
    ]
    assert [text[slice(*span)].split(" ")[0] for span in hanging.notices] == ["Sent", "This", "On"]
    assert [text[slice(*span)].split(" ")[1] for span in hanging.quoted] == ["What", "--", "Bo"]
    terms = DocumentTerms(text)
    left = [text[slice(*span)] for n, span in enumerate(terms.sentences) if n not in asides(document, terms)]
    said = [sentence for sentence in left if not is_furniture(sentence, frozenset({"the roof"}))]
    assert said == [
        "the roofer wants 8,400 euros.",
        "He starts on 2 May.",
        "> What does the roofer want?",
        "The owners meet on Friday.",
    ]


def test_a_notice_at_the_end_of_a_paragraph_leaves_what_stands_before_it() -> None:
    text = mail("The roof leaks. It drips. If you received this in error, tell us. Thank you.\n").text
    (span,) = below(text, 0, len(text)).notices
    assert text[slice(*span)] == "If you received this in error, tell us. Thank you."


def test_two_dashes_above_a_long_text_draw_a_line_and_sign_nothing() -> None:
    text = mail(
        "Hello there.\n\n-- \n" + "\n\n".join(f"Item {n} is long and has its words." for n in range(60)) + "\n"
    ).text
    assert below(text, 0, len(text)).signatures == ()


def test_the_name_alone_at_the_end_of_a_mail_is_a_signature() -> None:
    text = mail("Hello.\n\nThe roof leaks.\n\nAna\n").text
    assert [text[slice(*span)] for span in below(text, 0, len(text)).signatures] == ["Ana"]


def test_text_that_is_no_mail_has_nothing_below_it() -> None:
    text = "The report.\n\nThis message is confidential and privileged.\n\n> A quotation.\n\nAna"
    document = Document(text, Source("a.txt", "0" * 64, "text", 9))
    assert asides(document, DocumentTerms(text)) == frozenset()
