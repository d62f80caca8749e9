"""Mail (.eml), mailboxes (mbox) and pages that a browser saved whole (MHTML): a section for each message.

A message is its subject as a heading, a line for each of From, To, Cc and Date, and its best body: plain text, else
HTML as the HTML reader has it. What it quotes of other mails are sections of their own (threads). Knows nothing of MIME
trees (mime).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from email.utils import parseaddr, parsedate_to_datetime

from longdoc.core.errors import EmptyInput, EncryptedInput
from longdoc.core.events import Opening
from longdoc.ingest.clean import normalise
from longdoc.ingest.flow import Block, tidy, with_notes
from longdoc.ingest.headings import find_headings
from longdoc.ingest.html import drop_navigation, parse, walk
from longdoc.ingest.mime import Body, Message, header, message_of
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from
from longdoc.ingest.text import text_paragraphs
from longdoc.ingest.threads import QUOTED, mails, once, titled, with_lines_of_their_own

_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,60}):(?:[ \t]|$)")
_OF_PEOPLE = frozenset((b"from", b"to", b"subject", b"date"))
_OF_PROGRAMS = frozenset(
    b"received return-path message-id mime-version content-type delivered-to dkim-signature".split()
)
_FROM_LINE = rb"From [^\r\n]{1,300}\d\d:\d\d[^\r\n]{0,60}\r?\n"
_STARTS_MBOX = re.compile(_FROM_LINE + rb"[A-Za-z][A-Za-z0-9-]{0,60}:")
_PARTS_MBOX = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))" + _FROM_LINE + rb"(?=[A-Za-z][A-Za-z0-9-]{0,60}:)")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_SIGNATURE = re.compile(r"-- ?")
_SHOWN_HEADERS = ("From", "To", "Cc", "Date")
_HEAD_BYTES = 65536
_EVENT_EVERY = 100  # messages
_MOST_NAMED = 20  # attachments in a receipt
_NO_SUBJECT = "No subject"


def sniff(raw: Raw) -> bool:
    """Header lines up to an empty one: one of people, and one that only a program writes or a name such as x.eml."""
    names: set[bytes] = set()
    for line in _from_first_line(raw.data[:_HEAD_BYTES]).split(b"\n"):
        line = line.rstrip(b"\r")
        match = _HEADER.match(line)
        if match:
            names.add(match[1].lower())
        elif not line or not (names and line[:1] in b" \t"):
            break
    is_named = raw.suffix in ("eml", "mht", "mhtml") and len(names) > 1
    return bool(names & _OF_PEOPLE) and (is_named or bool(names & _OF_PROGRAMS))


def sniff_mbox(raw: Raw) -> bool:
    """The line that begins a message in a mailbox, and a header below it."""
    return bool(_STARTS_MBOX.match(raw.data[:1024]))


def read(raw: Raw) -> Parsed:
    """One message, or one saved page."""
    return _read(raw, [_from_first_line(raw.data)])


def read_mbox(raw: Raw) -> Parsed:
    """All messages of a mailbox, in its order."""
    return _read(raw, _pieces(raw))


def _pieces(raw: Raw) -> Iterator[bytes]:
    """The messages of a mailbox; a large one takes long, so how far it is read is told."""
    starts = [match.span() for match in _PARTS_MBOX.finditer(raw.data)]
    ends = [start for start, _ in starts[1:]] + [len(raw.data)]
    for number, ((_, begin), end) in enumerate(zip(starts, ends, strict=True)):
        if number % _EVENT_EVERY == 0:
            raw.on_event(Opening(raw.name, number, len(starts)))
        yield _ESCAPED.sub(rb"\1", raw.data[begin:end])


def _from_first_line(data: bytes) -> bytes:
    """Without what some programs put before the headers: a byte order mark, empty lines."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def _read(raw: Raw, pieces: Iterable[bytes]) -> Parsed:
    builder = TextBuilder()
    headings: list[Heading] = []
    paragraphs: list[tuple[str, int]] = []
    warnings: list[str] = []
    messages: list[Message] = []
    for whole in map(message_of, pieces):
        messages.append(whole)
        for message, level in whole.tree():
            for block, quoted in _blocks(message, level, warnings):
                start = builder.paragraph(block.text)
                paragraphs.append((block.text, start))
                if quoted is not None:
                    headings.append(Heading(quoted, start, level + 1))
                elif block.level:
                    headings.append(Heading(_title(message, block, level), start, block.level))
    every = [message for whole in messages for message, _ in whole.tree()]
    if every and all(message.is_encrypted for message in every):
        raise EncryptedInput(
            f"{raw.shown} is encrypted.",
            why="its body can be read with the receiver's key only",
            fix="open it in a mail program, save the text and run the same command on that",
        )
    if not any(message.bodies for message in every):
        raise EmptyInput(f"{raw.shown} has no text.", why="no part of it is text", fix=f"less {raw.quoted}")
    unread = _unread(every)
    text = builder.text()
    return Parsed(
        text,
        title=_subject(messages[0]) or None if len(messages) == 1 else None,
        sections=sections_from(headings or find_headings(paragraphs), len(text)),
        warnings=(*dict.fromkeys(warnings), *_left_out(every), *unread),
        lost=tuple(unread),
    )


def _unread(messages: Sequence[Message]) -> list[str]:
    """Attachments by their names, with the message's subject when there are several, and encrypted messages."""
    unread = []
    for message in messages:
        of = f' of "{_subject(message)}"' if len(messages) > 1 and _subject(message) else ""
        unread += [f"the attachment {name}{of} was not read" for name in message.attachments]
    if len(unread) > _MOST_NAMED:
        unread[_MOST_NAMED:] = [f"{len(unread) - _MOST_NAMED:,} more attachments were not read"]
    num_encrypted = sum(message.is_encrypted for message in messages)
    return unread + ([f"{_counted(num_encrypted, 'encrypted message')} not read"] if num_encrypted else [])


def _left_out(messages: Sequence[Message]) -> Iterator[str]:
    if num_pictures := sum(message.num_pictures for message in messages):
        yield f"{_counted(num_pictures, 'picture')} left out"
    if num_cut := sum(message.is_cut for message in messages):
        yield f"{_counted(num_cut, 'message')} cut off: the mark behind the last part is missing"
    if num_frames := sum(message.num_frames for message in messages):
        yield f"{_counted(num_frames, 'frame')} left out of the page"


def _counted(number: int, what: str) -> str:
    return f"1 {what} was" if number == 1 else f"{number:,} {what}s were"


def _blocks(message: Message, level: int, warnings: list[str]) -> Iterator[tuple[Block, str | None]]:
    """The blocks of a message that have words, with the title of the mail that it quotes where one begins."""
    bodies = (block for block in _bodies(message, level, warnings) if block.text)
    if message.is_page:
        yield from ((block, None) for block in bodies)
        return
    yield from ((block, None) for block in _head(message, level) if block.text)
    yield from mails(bodies, _subject(message) or _NO_SUBJECT, _own_title(message))


def _head(message: Message, level: int) -> Iterator[Block]:
    """A message's subject, who wrote it to whom and when."""
    subject = _subject(message)
    yield Block(subject, level=level)
    told = ((name, tidy(header(message.part, name))) for name in _SHOWN_HEADERS)
    yield Block("\n".join(f"{name}: {words}" for name, words in told if words), level=0 if subject else level)


def _bodies(message: Message, level: int, warnings: list[str]) -> Iterator[Block]:
    """Its bodies, whose headings are below the subject."""
    for body in message.bodies:
        warnings += [body.guess] if body.guess else []
        found = _of_html(body, message, warnings) if body.is_html else _of_text(body)
        for block in with_notes(found):
            below = 0 if message.is_page or not block.level else level
            yield replace(block, level=block.level + below)


def _of_html(body: Body, message: Message, warnings: list[str]) -> Iterator[Block]:
    tree = parse(normalise(body.text)).body
    if tree is None:
        return iter(())
    if message.is_page and (num_left_out := drop_navigation(tree)):
        warnings.append(f"{num_left_out:,} characters of navigation were left out")
    return walk(tree)


def _of_text(body: Body) -> Iterator[Block]:
    """Paragraphs; what is quoted from another message keeps its mark before each, "--" stands above a signature."""
    run: list[str] = []
    mark = ""
    for line in [*normalise(body.text).split("\n"), None]:
        quoted = QUOTED.match(line) if line is not None else None
        here = ">" * quoted[0].count(">") + " " if quoted else ""
        if line is None or here != mark:
            for paragraph in text_paragraphs("\n".join(with_lines_of_their_own(run))):
                yield Block("\n".join(mark + row for row in paragraph.split("\n")))
            run, mark = [], here
        if line is not None:
            said = line[quoted.end() :] if quoted else line
            run += ["", "--", ""] if _SIGNATURE.fullmatch(said) else [said]


def _title(message: Message, block: Block, level: int) -> str:
    """Of a section: the subject with who wrote it and when, so that answers under one subject can be told apart."""
    if block.level != level or message.is_page:
        return " ".join(block.text.split())
    return _own_title(message)


def _own_title(message: Message) -> str:
    name, address = parseaddr(header(message.part, "From"))
    return titled(once(_subject(message) or _NO_SUBJECT), [tidy(name) or address, _day(header(message.part, "Date"))])


def _subject(message: Message) -> str:
    return tidy(header(message.part, "Subject"))


def _day(date: str) -> str:
    """ "21 Nov 2026", or nothing for what is no date."""
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError):
        return ""
    return f"{moment.day} {moment:%b %Y}"
