"""Mails that a mail quotes: whose they are, however they are announced."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from longdoc.core.types import Document
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document
from longdoc.ingest.threads import once, titled, with_lines_of_their_own
from longdoc.search.asides import asides
from longdoc.search.terms import DocumentTerms

THREAD = """The keys are with the agent.

Priya

On Thu, 17 Oct 2024 at 11:05, Lena Fischer
<lena@example.org> wrote:
> The insurance covers the stock.
>
> On Wed, 16 Oct 2024 at 20:17, Bo Lind <bo@example.org> wrote:
>> The back room is small.
>>
>>> On Mon, 14 Oct 2024 at 09:30, Priya Raman <priya@example.org> wrote:
>>> The lease is signed.
>
> So much from me.
"""


def mail(body: str, subject: str = "Re: Re: Shop move", subtype: str = "plain") -> Document:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Priya Raman <priya@example.org>", "Bo <bo@example.org>", subject
    made["Date"], made["Message-ID"] = "Thu, 17 Oct 2024 16:42:10 +0100", "<a@example.org>"
    made.set_content(body, subtype=subtype)
    return parse_document(Raw("m.eml", bytes(made)))


def whose(document: Document, words: str) -> str | None:
    start = document.text.index(words)
    return document.cite(start, start + len(words)).section


def test_each_quoted_mail_is_a_section_with_its_writer_and_day() -> None:
    document = mail(THREAD)
    assert whose(document, "The keys are") == "Re: Shop move (Priya Raman, 17 Oct 2024)"
    assert whose(document, "The insurance covers") == "Shop move (Lena Fischer, 17 Oct 2024)"
    assert whose(document, "The back room") == "Shop move (Bo Lind, 16 Oct 2024)"
    assert whose(document, "The lease is signed") == "Shop move (Priya Raman, 14 Oct 2024)"
    assert whose(document, "So much from me") == "Shop move (Lena Fischer, 17 Oct 2024)"
    assert [section.level for section in document.sections] == [1, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("announced", "writer"),
    [
        ("Am 17.10.2024 um 11:05 schrieb Lena Fischer <lena@example.org>:", "Lena Fischer, 17.10.2024"),
        ("On Oct 17, 2024, at 11:05 AM, Lena Fischer <lena@example.org> wrote:", "Lena Fischer, 17 Oct 2024"),
        ("Le jeu. 17 oct. 2024 à 11:05, Lena Fischer <lena@example.org> a écrit :", "Lena Fischer, 17 Oct 2024"),
        ("On 17/10/2024 11:05, lena@example.org wrote:", "lena@example.org, 17/10/2024"),
        ("Lena Fischer <lena@example.org> wrote:", "Lena Fischer"),
    ],
)
def test_programs_announce_a_quotation_in_many_ways(announced: str, writer: str) -> None:
    document = mail(f"Thanks.\n\n{announced}\n\n> The insurance covers the stock.\n\nGood news!\n")
    assert whose(document, "The insurance") == f"Shop move ({writer})"
    assert whose(document, "Good news!") == "Re: Shop move (Priya Raman, 17 Oct 2024)"


@pytest.mark.parametrize("rule", ["", "-----Original Message-----\n", "---------- Forwarded message ---------\n"])
def test_without_marks_what_follows_the_head_of_a_mail_is_its(rule: str) -> None:
    head = "From: Lena Fischer <lena@example.org>\nSent: Thursday, 17 October 2024 11:05\nTo: Priya\nSubject: Move"
    document = mail(f"See below.\n\n{rule}{head}\n\nThe insurance covers the stock.\n\nThe sign needs no permission.\n")
    assert whose(document, "See below") == "Re: Shop move (Priya Raman, 17 Oct 2024)"
    assert whose(document, "The sign needs") == "Shop move (Lena Fischer, 17 Oct 2024)"


def test_of_html_as_well() -> None:
    quoted = "<blockquote><p>The insurance covers the stock.</p></blockquote>"
    writer = "Lena Fischer &lt;<a href='mailto:lena@example.org'>lena@example.org</a>&gt;"
    told = f"On Thu, Oct 17, 2024 at 11:05 AM {writer} wrote:"
    document = mail(f"<p>Thanks.</p><div>{told}<br></div>{quoted}", subtype="html")
    assert whose(document, "The insurance") == "Shop move (Lena Fischer, 17 Oct 2024)"


def test_a_quotation_of_nobody_is_not_the_writers() -> None:
    document = mail("Who said this?\n\n> The roof is new.\n")
    assert whose(document, "The roof") == "Shop move (quoted)"


@pytest.mark.parametrize(
    "line",
    ["On the whole she wrote:", "This is what the agent wrote:", "Yesterday Ann wrote:", "From: the sea\n\nTo: all"],
)
def test_words_that_announce_no_mail_change_nothing(line: str) -> None:
    document = mail(f"Hello.\n\n{line}\n\nThe sea is cold.\n")
    assert whose(document, "The sea is cold") == "Re: Shop move (Priya Raman, 17 Oct 2024)"


def test_the_writer_is_seen_whatever_the_subject() -> None:
    assert titled("Shop move - keys, removal firm, opening day, and a cat", ["Ann Lee", "21 Nov 2026"]) == (
        "Shop move - keys, removal firm,… (Ann Lee, 21 Nov 2026)".replace(",…", "…")
    )
    assert titled("Move", []) == "Move"
    assert (once("Re: RE: Fwd: Move"), once("Re: Move"), once("Move: now"), once("Re:")) == (
        "Re: Move",
        "Re: Move",
        "Move: now",
        "Re:",
    )


def test_what_is_quoted_counts_unless_it_stands_in_the_text_already() -> None:
    document = mail(THREAD)
    terms = DocumentTerms(document.text)
    told = {document.text[slice(*span)] for n, span in enumerate(terms.sentences) if n not in asides(document, terms)}
    assert "> The insurance covers the stock." in told
    assert not any("wrote:" in sentence for sentence in told)
    twice = mail(
        "The insurance covers the stock.\n\nOn 1 May 2024, Bo wrote:\n> The insurance covers the stock.\n> It is.\n"
    )
    terms = DocumentTerms(twice.text)
    told = {twice.text[slice(*span)] for n, span in enumerate(terms.sentences) if n not in asides(twice, terms)}
    assert "The insurance covers the stock." in told
    assert "> The insurance covers the stock." not in told


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t"])
def test_runs_of_blanks_do_not_count(blank: str) -> None:
    """With patterns that go through them this takes minutes."""
    row = f"On{blank * 50_000}17 Oct 2024, Lena Fischer wrote:"
    assert with_lines_of_their_own(["Hello.", row, "> Keys"]) == ["Hello.", "", row, "", "> Keys"]


def test_a_row_of_many_words_announces_nothing() -> None:
    rows = ["On " + "and so on, " * 5_000 + "she wrote:", "-" * 100_000 + "x"]
    assert with_lines_of_their_own(rows) == rows
    assert whose(mail("\n\n".join(rows)), "x") is not None
