"""Mail, mailboxes and saved pages: the best body, who wrote it, and what hangs on it by name."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage

import pytest

from longdoc.core.errors import EmptyInput, EncryptedInput
from longdoc.core.events import Event, Opening
from longdoc.core.types import Document
from longdoc.ingest.formats import detect
from longdoc.ingest.parsed import Raw
from longdoc.ingest.read import parse_document

BODY = "Dear Bob,\n\nthe ship sails\nat noon on the 5th.\n\n> When does it\n> sail?\n>> Who asks?\n\nYours\n-- \nAnn\n"


def message(subject: str = "Café at noon", body: str = BODY, **headers: str) -> EmailMessage:
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = headers.get("From", "Ann Lée <ann@example.org>")
    made["To"] = "Bob <bob@example.org>"
    made["Subject"] = subject
    made["Date"] = "Sat, 21 Nov 2026 10:00:00 +0000"
    made["Message-ID"] = "<1@example.org>"
    made.set_content(body)
    return made


def read(data: bytes, name: str = "made") -> Document:
    return parse_document(Raw(name, data))


def test_a_message_is_its_subject_its_people_and_its_paragraphs() -> None:
    document = read(bytes(message()))
    assert document.source.format == "eml"
    assert document.title == "Café at noon"
    assert document.text.split("\n\n") == [
        "Café at noon",
        "From: Ann Lée <ann@example.org>\nTo: Bob <bob@example.org>\nDate: Sat, 21 Nov 2026 10:00:00 +0000",
        "Dear Bob,",
        "the ship sails at noon on the 5th.",
        "> When does it sail?",
        ">> Who asks?",
        "Yours",
        "--",
        "Ann",
    ]
    assert document.cite(document.text.index("ship"), document.text.index("noon on")).section == (
        "Café at noon (Ann Lée, 21 Nov 2026)"
    )


def test_the_plain_text_is_read_once_and_not_its_html() -> None:
    made = message()
    made.add_alternative("<p>Dear Bob, <b>the ship</b> sails at noon.</p>", subtype="html")
    assert read(bytes(made)).text.count("sails") == 1
    stub = message(body="Your program shows no HTML.")
    stub.add_alternative(f"<h2>Ships</h2><p>{'She sails at noon. ' * 20}</p>", subtype="html")
    document = read(bytes(stub))
    assert "no HTML" not in document.text
    assert [section.title for section in document.sections] == ["Café at noon (Ann Lée, 21 Nov 2026)", "Ships"]


def test_attachments_are_named_and_make_the_reading_partial() -> None:
    made = message()
    made.add_attachment(b"%PDF-1.4 PK" * 10, maintype="application", subtype="pdf", filename="réport.pdf")
    document = read(bytes(made))
    assert document.source.lost == ("the attachment réport.pdf (application/pdf, 110 bytes) was not read",)
    assert document.source.lost[0] in document.warnings


def test_pictures_in_the_text_lose_no_words() -> None:
    made = message(body="short")
    made.add_alternative(f"<p>{'word ' * 40}<img src='cid:1'></p>", subtype="html")
    made.get_payload()[1].add_related(b"GIF89a", maintype="image", subtype="gif", cid="1")
    document = read(bytes(made))
    assert document.source.lost == ()
    assert document.warnings == ("1 picture was left out",)


def test_a_message_in_a_message_is_a_section_below_it() -> None:
    made = message()
    made.add_attachment(message("Inner", "Words of Zoe.", From="Zoe <zoe@example.org>"))
    document = read(bytes(made))
    inner = next(section for section in document.sections if section.title.startswith("Inner"))
    assert (inner.title, inner.level) == ("Inner (Zoe, 21 Nov 2026)", 2)
    assert document.text[inner.start : inner.end].endswith("Words of Zoe.")


def test_a_mailbox_has_a_section_for_each_message() -> None:
    bodies = ["First words.\n\n>From here on it is different.\n", "Second words.", "Third words."]
    data = b"".join(
        b"From ann@example.org Sat Nov 21 10:00:00 2026\n"
        + message(f"Subject {n}", body).as_bytes(policy=email.policy.default)
        + b"\n"
        for n, body in enumerate(bodies)
    )
    document = read(data)
    assert document.source.format == "mbox"
    assert [s.title for s in document.sections] == [f"Subject {n} (Ann Lée, 21 Nov 2026)" for n in range(3)]
    assert [s.level for s in document.sections] == [1, 1, 1]
    assert "From here on it is different." in document.text
    assert ">From" not in document.text


def test_a_page_that_a_browser_saved_is_read_without_its_navigation() -> None:
    page = "<nav><a href='/'>Home</a></nav><h1>The h=C3=A9ad</h1><p>Words of the =\r\npage, and more of them.</p>"
    data = (
        "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\n"
        "Subject: =?utf-8?Q?A=20page?=\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="--b--"\r\n\r\n'
        "----b--\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        f'<html><head><meta charset=3D"utf-8"></head><body>{page}</body></html>\r\n'
        "----b--\r\nContent-Type: text/css\r\n\r\nbody { color: red }\r\n"
        "----b--\r\nContent-Type: text/html\r\n\r\n<p>An advertisement.</p>\r\n----b----\r\n"
    )
    document = read(data.encode("ascii"))
    assert document.text == "The héad\n\nWords of the page, and more of them."
    assert document.title == "A page"
    assert document.warnings == ("4 characters of navigation were left out", "1 frame was left out of the page")


def test_an_encoding_that_the_message_does_not_name_or_names_wrongly_is_looked_at() -> None:
    head = b"From: Ann <a@example.org>\nSubject: x\nMessage-ID: <1@b>\nContent-Type: text/plain%s\n\n"
    for charset in (b"", b"; charset=us-ascii", b"; charset=x-unheard-of"):
        assert "naïve — 42 €" in read(head % charset + "A naïve — 42 € text.\n".encode()).text
    document = read(head % b"; charset=utf-8" + "A naïve text about a café and a résumé.\n".encode("cp1252"))
    assert "naïve text about a café" in document.text
    assert "guessed" in document.warnings[0]


def test_encrypted_and_empty_messages_are_errors() -> None:
    head = b"From: Ann <a@example.org>\nSubject: x\nMessage-ID: <1@b>\nMIME-Version: 1.0\n"
    with pytest.raises(EncryptedInput, match="is encrypted"):
        read(head + b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\n\nMIAG\n')
    with pytest.raises(EmptyInput, match="has no text"):
        read(head + b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n")


def test_broken_headers_and_parts_within_parts_are_read_as_far_as_they_go() -> None:
    head = b"From: =?utf-8?B?####?= <a\nTo: \xff\xfe\nSubject: =?x-none?Q?a?=\nDate: no day\nMessage-ID: <1@b>\n"
    assert read(head + b"\nWords that stay.\n").text.endswith("Words that stay.")
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(40))
    with pytest.raises(EmptyInput, match="has no text"):
        read(b"From: a@b\nMessage-ID: <1@b>\n" + deep + b"\nWords too deep.\n")


@pytest.mark.parametrize(
    "text",
    [
        b"From: the palace\nTo: the people\nSubject: bread\n\nThere is none.",
        b"Note: this is a text.\n\nMessage-ID: is a word in it.",
        b"From here on it is 10:00 o'clock.\nAnd so on.",
    ],
)
def test_what_only_looks_like_mail_is_none(text: bytes) -> None:
    assert detect(Raw("made", text)).name not in ("eml", "mbox")


def test_a_line_that_begins_with_from_and_has_a_time_is_text_unless_headers_follow() -> None:
    body = "Dear Bob,\n\nFrom Monday on we meet at 10:30 in the hall.\nBring the keys.\n"
    envelope = b"From ann@example.org Sat Nov 21 10:00:00 2026\n"
    letters = [envelope + bytes(message(subject, body)).replace(b"\r\n", b"\n") for subject in ("One", "Two")]
    document = read(b"\n".join(letters), "made.mbox")
    assert [section.title[:3] for section in document.sections] == ["One", "Two"]
    assert document.text.count("From Monday on we meet at 10:30 in the hall. Bring the keys.") == 2


def test_a_message_without_a_subject_is_a_section_of_its_own() -> None:
    letters = (
        f"From {name} Sat Nov 21 10:00:00 2026\nFrom: {name} <{name}@example.org>\n{subject}\nWords of {name}.\n"
        for name, subject in (("Ann", "Subject: Plan\n"), ("Bob", ""), ("Eve", "Subject: Third\n"))
    )
    document = read("\n".join(letters).encode(), "made.mbox")
    at = document.text.index("Words of Bob")
    assert document.cite(at, at + 5).section == "No subject (Bob)"
    assert "No subject" not in document.text


def test_files_that_hang_on_the_form_that_is_not_read_are_named() -> None:
    made = b"""From: ann@example.org\nReceived: x\nContent-Type: multipart/alternative; boundary=A

--A\nContent-Type: text/plain; format=flowed; delsp=yes\n\nThe con \ntract is here.
--A\nContent-Type: multipart/mixed; boundary=B
\n--B\nContent-Type: text/html\n\n<p>The contract is here.</p>
--B\nContent-Type: application/pdf; name=contract.pdf\n\n%PDF-1.4\n--B--\n--A--\n"""
    document = read(made)
    assert document.text.endswith("The contract is here.")
    assert document.text.count("is here") == 1
    assert [said.split(" (")[0] for said in document.source.lost] == ["the attachment contract.pdf"]
    assert not any("cut off" in said for said in document.warnings)
    cut = read(made[: made.index(b"</p>")])
    assert "1 message was cut off: the mark behind the last part is missing" in cut.warnings


@pytest.mark.parametrize(
    ("before", "subject", "charset", "expected"),
    [
        (b"", b"=?iso-8859-1?Q?Gr=FC=DFe?= aus\n =?utf-8?B?TcO8bmNoZW4=?=", b"utf-8", "Grüße aus München"),
        (b"\xef\xbb\xbf\n", b"Plain", b'"ut\0f-8"', "Plain"),
        (b"", b"Plain", b"hex", "Plain"),
    ],
)
def test_odd_headers_harm_nothing(before: bytes, subject: bytes, charset: bytes, expected: str) -> None:
    made = b"%sReceived: x\nFrom: a@x\nSubject: %s\nContent-Type: text/plain; charset=%s\n\nThe words.\n"
    document = read(made % (before, subject, charset))
    assert (document.source.format, document.title) == ("eml", expected)
    assert document.text.endswith("The words.")


def test_a_large_mailbox_tells_how_far_it_is_read() -> None:
    letter = b"From a@x Sat Nov 21 10:00:00 2026\nFrom: a@x\nSubject: One\n\nWords.\n\n"
    heard: list[Event] = []
    parse_document(Raw("made.mbox", letter * 201, on_event=heard.append))
    assert heard == [Opening("made.mbox", number, 201) for number in (0, 100, 200)]


@pytest.mark.parametrize("charset", ["punycode", "undefined", "unicode_escape"])
def test_a_charset_that_no_letter_is_written_in_is_not_believed(charset: str) -> None:
    body = "the ship sails at noon \\x41 " + "a" * 20_000 + "-zzzzzzzz" * 3000
    head = f"From: Ann <ann@example.org>\nSubject: =?{charset}?q?noon-?=\nContent-Type: text/plain; charset={charset}"
    document = read(f"{head}\n\n{body}".encode())
    assert "the ship sails at noon \\x41 aaaa" in document.text
