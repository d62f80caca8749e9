"""RTF: paragraphs, headings by style or outline level, table rows, footnotes; code pages of each font.

Left out, as on the printed page: hidden and deleted text, comments, codes of fields, running heads, pictures. Nothing
nests in the program when groups nest in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from longdoc.core.errors import DamagedInput
from longdoc.ingest.flow import Block, assemble, row, tidy
from longdoc.ingest.parsed import Parsed, Raw
from longdoc.ingest.rtf_words import CHARACTERS, CONTAINERS, SKIPPED, codec_of

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_HEADING = re.compile(r"heading ?(\d)", re.IGNORECASE)
_ENDS = frozenset(("par", "sect", "page", "column", "softpage"))
_OFF = 0
_BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class _State:
    """What a group changes and its end changes back.

    place: "text", "note", "box", or where text is read for another use ("font", "style", "title", "skip").
    skip_after: characters that stand in place of a `\\u` for old readers.
    """

    place: str = "text"
    codec: str = "cp1252"
    skip_after: int = 1
    is_hidden: bool = False
    level: int = 0
    style: int = 0


@dataclass(slots=True)
class _Sink:
    """Where text goes: the document's own, a note's or a text box's."""

    pieces: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    boxes: list[Block] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    level: int = 0
    may_end: bool = False  # a paragraph began that does not say that it stands in the table


def sniff(raw: Raw) -> bool:
    """The mark that every RTF begins with."""
    return raw.data[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{\\rtf")


def read(raw: Raw) -> Parsed:
    """The whole document as one text."""
    if not sniff(raw):
        raise DamagedInput(
            f"{raw.shown} is no RTF.", why="it does not begin with {\\rtf", fix=f"longdoc summarize {raw.quoted}"
        )
    reader = _Reader()
    reader.read(raw.data.decode("latin-1"))
    warnings = []
    if reader.num_comments:
        warnings.append(f"{reader.num_comments} comment{'s were' if reader.num_comments > 1 else ' was'} left out")
    if reader.num_hidden:
        warnings.append("hidden or deleted text was left out")
    lost = [f"{reader.num_lost:,} bytes could not be decoded"] if reader.num_lost else []
    if not reader.is_whole:
        lost.append("the file ends in the middle of a group")
    if reader.num_behind:
        lost.append(f"{reader.num_behind:,} bytes behind its last group were not read")
    return assemble(reader.blocks(), title=reader.title or None, warnings=[*lost, *warnings], lost=lost)


class _Reader:
    """The state of the reading: open groups, fonts and styles met so far."""

    def __init__(self) -> None:
        self.title = ""
        self.num_comments = self.num_hidden = self.num_lost = self.num_behind = 0
        self.is_whole = False
        self._state = _State()
        self._groups: list[_State] = []
        self._sinks = [_Sink()]
        self._bytes = bytearray()
        self._to_skip = 0  # of what stands in place of a `\u`
        self._is_starred = False
        self._default_codec = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0  # that is being described
        self._levels: dict[int, int] = {}  # style -> level of heading
        self._name = ""  # of the style that is being described
        self._default_font = 0
        self._num_notes = 0

    def blocks(self) -> Iterator[Block]:
        return iter(self._sinks[0].blocks)

    def read(self, text: str) -> None:
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:  # a backslash at the very end
                break
            at = match.end()
            word, number, code, sign, brace, run = match.groups()
            if word == "bin":
                at += max(int(number or 0), 0)
            elif word:
                self._word(word, int(number) if number else None)
            elif code:
                self._add(bytes([int(code, 16)]))
            elif sign:
                self._sign(sign)
            elif brace == "{":
                self._flush()
                self._groups.append(self._state)
                self._to_skip = 0
            elif brace == "}":
                self._close()
                if not self._groups:
                    self.is_whole = True
                    self.num_behind = len(text[at:].strip("\0\r\n\t }\x1a"))
                    break
            elif run:
                self._add(run.encode("latin-1"))
        self._flush()
        while len(self._sinks) > 1:
            self._leave_sink("note")
        self._end_table()
        self._end_paragraph()

    def _add(self, data: bytes) -> None:
        """Bytes of text, less those that stand in place of a `\\u`."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._bytes += data[skipped:]

    def _flush(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._state.codec, errors="replace")
            self._bytes.clear()
            self.num_lost += text.count("\ufffd") if self._state.place in ("text", "note", "box") else 0
            self._put(text)

    def _put(self, text: str) -> None:
        place = self._state.place
        if place == "title":
            self.title += text
        elif place == "style":
            self._name += text
        elif place in ("text", "note", "box", "number"):
            if self._state.is_hidden:
                self.num_hidden += bool(text.strip())
            elif place != "number" or any(character.isalnum() for character in text) or not text.strip():
                self._sinks[-1].pieces.append(text)

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._flush()
            self._is_starred = True
        elif sign in "\\{}":
            self._add(sign.encode())
        elif sign in "\r\n":
            self._word("par", None)
        elif sign in "~_":
            self._flush()
            self._put(" " if sign == "~" else "-")

    def _word(self, word: str, number: int | None) -> None:
        self._flush()
        starred, self._is_starred = self._is_starred, False
        place = self._state.place
        if word == "u" and number is not None:
            self._put(chr(number % 65536))
            self._to_skip = self._state.skip_after
            return
        self._to_skip = 0
        if place == "skip":
            return
        if word in SKIPPED or (starred and word not in CONTAINERS):
            self.num_comments += word == "annotation"
            self._state = replace(self._state, place="skip")
        elif word in CHARACTERS:
            self._put(CHARACTERS[word])
        elif word in ("fonttbl", "stylesheet", "info"):
            self._state = replace(self._state, place=word)
        elif word in ("listtext", "pntext"):
            self._state = replace(self._state, place="number")
        elif word == "title" and place == "info":
            self._state = replace(self._state, place="title")
        elif word == "footnote" or word == "shptxt":
            self._state = replace(self._state, place="note" if word == "footnote" else "box", is_hidden=False)
            self._sinks.append(_Sink())
        elif place == "fonttbl":
            self._describe_font(word, number)
        elif place in ("stylesheet", "style"):
            self._describe_style(word, number)
        elif place in ("text", "note", "box"):
            self._format(word, number)
        if word == "uc" and number is not None:
            self._state = replace(self._state, skip_after=max(number, 0))
        elif word == "ansicpg" and number:
            self._default_codec = codec_of(number) or self._default_codec
            self._state = replace(self._state, codec=self._default_codec)
        elif word in ("mac", "pc", "pca"):
            self._default_codec = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
            self._state = replace(self._state, codec=self._default_codec)
        elif word == "deff" and number is not None:
            self._default_font = number

    def _describe_font(self, word: str, number: int | None) -> None:
        if word == "f":
            self._font = number or 0
        elif word == "fcharset" and number is not None:
            codec = codec_of(number, is_charset=True)
            if codec:
                self._fonts[self._font] = codec
        elif word == "cpg" and number and (codec := codec_of(number)):
            self._fonts[self._font] = codec

    def _describe_style(self, word: str, number: int | None) -> None:
        if word == "s":
            self._state = replace(self._state, place="style", style=number or 0)
        elif word in ("cs", "ds", "ts"):
            self._state = replace(self._state, place="skip")
        elif word == "outlinelevel" and number is not None and number < _BODY_LEVEL:
            self._levels[self._state.style] = number + 1
        if self._state.place == "stylesheet":  # the style without a number is 0
            self._state = replace(self._state, place="style")

    def _format(self, word: str, number: int | None) -> None:
        sink = self._sinks[-1]
        if word in _ENDS:
            self._end_paragraph()
        elif word in ("cell", "nestcell"):
            sink.cells.append("".join(sink.pieces))
            sink.pieces.clear()
        elif word in ("row", "nestrow"):
            self._end_row()
        elif word == "pard":
            sink.level = 0
            sink.may_end = bool(sink.cells) and not sink.pieces
        elif word in ("intbl", "itap"):
            sink.may_end = False
        elif word == "s" and number is not None:
            sink.level = self._levels.get(number, 0)
        elif word == "outlinelevel" and number is not None:
            sink.level = number + 1 if number < _BODY_LEVEL else 0
        elif word == "f":
            codec = self._fonts.get(number or 0, self._default_codec)
            self._state = replace(self._state, codec=codec)
        elif word in ("v", "deleted"):
            self._state = replace(self._state, is_hidden=number != _OFF)
        elif word == "plain":
            codec = self._fonts.get(self._default_font, self._default_codec)
            self._state = replace(self._state, is_hidden=False, codec=codec)

    def _end_table(self) -> None:
        """What stands in cells when no row ends any more."""
        sink = self._sinks[-1]
        if sink.cells:
            sink.cells.append("".join(sink.pieces))
            sink.pieces.clear()
            self._end_row()

    def _end_paragraph(self) -> None:
        sink = self._sinks[-1]
        if sink.cells and sink.may_end:  # a paragraph outside of tables, and no end of the row came
            after, sink.pieces = sink.pieces, []
            self._end_row()
            sink.pieces = after
            sink.may_end = False
        if sink.cells:  # a paragraph's end within a cell
            sink.pieces.append(" ")
            return
        text = tidy(_joined(sink.pieces))
        sink.pieces.clear()
        if text or sink.notes:
            sink.blocks.append(Block(text, sink.level if text else 0, notes=sink.notes))
            sink.notes = []
        sink.blocks.extend(sink.boxes)
        sink.boxes = []

    def _end_row(self) -> None:
        sink = self._sinks[-1]
        text = row([tidy(_joined([cell])) for cell in sink.cells])
        sink.cells.clear()
        if text or sink.notes:
            sink.blocks.append(Block(text, notes=sink.notes))
            sink.notes = []

    def _close(self) -> None:
        self._flush()
        closed = self._state
        self._state = self._groups.pop() if self._groups else _State()
        self._to_skip = 0
        self._is_starred = False
        if closed.place == "style" and self._state.place == "stylesheet":
            named = _HEADING.match(self._name.strip())
            if named:
                self._levels.setdefault(closed.style, int(named[1]))
            self._name = ""
        elif closed.place in ("note", "box") and self._state.place != closed.place and len(self._sinks) > 1:
            self._leave_sink(closed.place)

    def _leave_sink(self, place: str) -> None:
        """The end of a note or a text box."""
        self._end_paragraph()
        sink = self._sinks.pop()
        if sink.cells:
            self._sinks.append(sink)
            self._end_table()
            self._sinks.pop()
        if place == "box":
            self._sinks[-1].boxes.extend(sink.blocks)
            return
        words = " ".join(block.text.replace("\n", " ") for block in sink.blocks if block.text)
        if words:
            self._num_notes += 1
            self._sinks[-1].notes.append(f"[{self._num_notes}] {words}")


def _joined(pieces: list[str]) -> str:
    """The pieces as one text; halves of a character (UTF-16) are put together."""
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
