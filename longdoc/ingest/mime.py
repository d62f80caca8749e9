"""The MIME tree of a message: its headers, its best bodies, attached messages, and what else hangs on it.

Knows nothing of paragraphs. The `email` package parses; its newer header objects are not used, because broken headers
make them raise.
"""

from __future__ import annotations

import contextlib
import email
import email.errors
import email.header
import email.message
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from longdoc.ingest.encoding import NotTextError, codec_named, decode

Part = email.message.Message

_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_MAX_DEPTH = 20
_STUB = 4  # plain text with less than a quarter of the HTML's words says only that there is HTML


@dataclass(frozen=True, slots=True)
class Body:
    """A text of a message. guess: when nothing told its encoding."""

    text: str
    is_html: bool
    guess: str | None = None


@dataclass(slots=True)
class Message:
    """attachments: "report.pdf (120,000 bytes)", which are not read.   num_pictures: in the text.

    is_page: a web page that a browser saved, and nobody's message.   num_frames: in it, which are not read.
    is_cut: its parts have no end, so there may have been more.
    """

    part: Part
    bodies: list[Body] = field(default_factory=list)
    attached: list[Message] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    num_pictures: int = 0
    num_frames: int = 0
    is_encrypted: bool = False
    is_cut: bool = False
    is_page: bool = False

    def tree(self, level: int = 1) -> Iterator[tuple[Message, int]]:
        """The message and those that are attached to it, each with its level."""
        yield self, level
        for message in self.attached:
            yield from message.tree(level + 1)


def message_of(data: bytes) -> Message:
    """The message in the bytes."""
    return _message(email.message_from_bytes(data, policy=email.policy.compat32), 0)


def header(part: Part, name: str) -> str:
    """A header as text, in whatever way it is encoded; "" when it is not there."""
    value = part.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        value = _FOLD.sub("", value)  # else the words on both sides of a fold may lose the space between them
    try:
        pieces = email.header.decode_header(value)
    except (email.errors.HeaderParseError, ValueError):
        return str(value)
    said = []
    for piece, charset in pieces:
        try:
            said.append(piece if isinstance(piece, str) else _decoded(piece, charset)[0])
        except NotTextError:
            said.append(piece.decode("latin-1"))
    return " ".join("".join(said).split())


def _message(part: Part, depth: int) -> Message:
    is_page = part.get("Snapshot-Content-Location") is not None or header(part, "From").startswith("<Saved by")
    message = Message(part, is_page=is_page)
    _gather(part, message, depth)
    return message


def _gather(part: Part, message: Message, depth: int) -> None:
    """Put the bodies below a part into the message, and what hangs on it."""
    kind = part.get_content_type()
    payload = part.get_payload()
    children = [child for child in payload if isinstance(child, Part)] if isinstance(payload, list) else []
    message.is_cut |= any(isinstance(defect, email.errors.CloseBoundaryNotFoundDefect) for defect in part.defects)
    if depth > _MAX_DEPTH:
        message.attachments.append(f"inside of {_MAX_DEPTH} others ({kind})")
    elif kind in _ENCRYPTED and part.get_param("smime-type") != "signed-data":
        message.is_encrypted = True
    elif kind == "message/rfc822" and children:
        message.attached.append(_message(children[0], depth + 1))
    elif kind == "multipart/alternative":
        _gather_best(children, message, depth)
    elif kind == "multipart/related":
        is_page = message.is_page
        for number, child in enumerate(children):
            if number and child.get_content_maintype() in ("image", "font", "audio", "video"):
                message.num_pictures += child.get_content_maintype() == "image"
            elif not number or not is_page:
                _gather(child, message, depth + 1)
            else:
                message.num_frames += child.get_content_type() == "text/html"
    elif part.is_multipart():
        for child in children:
            _gather(child, message, depth + 1)
    elif kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment":
        _add_body(part, kind == "text/html", message)
    elif kind not in _SIGNATURES:
        _add_attachment(part, kind, message)


def _gather_best(children: list[Part], message: Message, depth: int) -> None:
    """Of several forms of one text the plain one, unless it says hardly anything; else the last that is text."""
    forms = []
    for child in children:
        form = Message(child, is_page=message.is_page)
        _gather(child, form, depth + 1)
        forms.append(form)
    with_text = [form for form in forms if form.bodies]
    plain = [form for form in with_text if not form.bodies[0].is_html]
    best = with_text[-1] if with_text else None
    if plain and best is not None and _num_words(plain[0]) * _STUB >= _num_words(best):
        best = plain[0]
    for form in [best] if best is not None else forms:
        message.bodies += form.bodies
        message.attached += form.attached
        message.attachments += form.attachments
        message.num_pictures += form.num_pictures
        message.is_encrypted |= form.is_encrypted
    message.is_cut |= any(form.is_cut for form in forms)
    for child, form in zip(children, forms, strict=True):
        if best is not None and form is not best and child.is_multipart():  # Apple Mail hangs files on the HTML
            message.attached += form.attached
            message.attachments += form.attachments


def _num_words(message: Message) -> int:
    from longdoc.ingest.html import blocks

    texts = [" ".join(b.text for b in blocks(body.text)) if body.is_html else body.text for body in message.bodies]
    return sum(len(text.split()) for text in texts)


def _add_body(part: Part, is_html: bool, message: Message) -> None:
    data = part.get_payload(decode=True)
    try:
        text, guess = _decoded(data if isinstance(data, bytes) else b"", part.get_content_charset(), is_html=is_html)
    except NotTextError:
        _add_attachment(part, part.get_content_type(), message)
        return
    if part.get_param("format") == "flowed":
        text = _unflowed(text, without_spaces=str(part.get_param("delsp")).lower() == "yes")
    if text.strip():
        message.bodies.append(Body(text, is_html, guess))


def _add_attachment(part: Part, kind: str, message: Message) -> None:
    """What is shown in the text is a picture, and everything else is an attachment with a name and a size."""
    data = part.get_payload(decode=True)
    num_bytes = len(data) if isinstance(data, bytes) else 0
    if part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment":
        message.num_pictures += 1
    elif num_bytes:
        name = " ".join((part.get_filename() or "without a name").split())
        message.attachments.append(f"{name} ({kind}, {num_bytes:,} bytes)")


def _decoded(data: bytes, charset: str | None, *, is_html: bool = False) -> tuple[str, str | None]:
    """The text, and what is to be said of its encoding, which is guessed where the bytes are not in the charset.

    Raises NotTextError.
    """
    if charset not in (None, "us-ascii", "unknown-8bit") and codec_named(charset) is not None:
        with contextlib.suppress(ValueError):
            return data.decode(charset), None
    decoded = decode(data, declared=is_html)
    return decoded.text, "; ".join(decoded.warnings) or None


def _unflowed(text: str, *, without_spaces: bool) -> str:
    """Lines that end with a space go on below (RFC 3676); the one above a signature does not.

    without_spaces: that space is none of the text.
    """
    lines: list[str] = []
    goes_on = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if goes_on and lines:
            lines[-1] += line
        else:
            lines.append(line)
        goes_on = line.endswith(" ") and line != "-- " and not line.startswith(">")
        if goes_on and without_spaces:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
