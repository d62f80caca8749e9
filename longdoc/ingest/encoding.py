"""Bytes to text: byte order marks, UTF-8, what the document itself declares, then a guess that is admitted.

Knows nothing of lines or paragraphs.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
# What files declare, and what they mean by it: browsers read the larger set of characters (WHATWG, Encoding Standard).
_MEANT = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ascii": "iso8859-1",  # whose control characters `normalise` takes for quotes and dashes
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
_GUESS_BYTES = 200_000
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class NotTextError(ValueError):
    """The bytes are no text in any encoding that we know."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and what there is to say of it: guess, when nothing told the encoding; loss, when bytes made no sense."""

    text: str
    guess: str | None = None
    loss: str | None = None

    @property
    def warnings(self) -> list[str]:
        """For the receipt."""
        return ["; ".join(said)] if (said := [s for s in (self.guess, self.loss) if s]) else []

    @property
    def lost(self) -> tuple[str, ...]:
        """As in `Source`."""
        return (self.loss,) if self.loss else ()


def decode(data: bytes, *, declared: bool = False) -> Decoded:
    """The text of the bytes. Bytes that make no sense become U+FFFD and are counted.

    declared: believe an `encoding=` or `charset=` in the first kilobyte (XML, HTML).
    Raises NotTextError for binary data.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _with_losses(data, name)
    wide = _wide_without_mark(data)
    if wide:
        return _with_losses(data, wide)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A file cut in the middle of a character is still UTF-8.
        if error.start >= len(data) - 3 and len(data) > 3:
            return Decoded(data[: error.start].decode("utf-8"), loss="the file ends in the middle of a character")
    else:
        if declared and "\x1b" in text:  # ISO-2022 passes for ASCII
            named = _declared_codec(data)
            if named:
                return _with_losses(data, named)
        if "\x1b$)C" in text:
            return _with_losses(data, "iso2022_kr")
        if "\x1b$" in text:
            return _with_losses(data, "iso2022_jp")
        return Decoded(_checked(text))
    if declared:
        named = _declared_codec(data)
        if named:
            return _with_losses(data, named)
    return _guess(data)


def _declared_codec(data: bytes) -> str | None:
    match = _DECLARED.search(data[:1024])
    if not match:
        return None
    try:
        name = codecs.lookup(match[1].decode("ascii")).name
        return _MEANT.get(name, name)
    except LookupError:
        return None


def _with_losses(data: bytes, codec: str) -> Decoded:
    """Decode; bytes that the codec does not know become U+FFFD and are counted."""
    try:
        text = data.decode(codec, errors="replace")
    except (UnicodeError, LookupError) as error:
        raise NotTextError(str(error)) from error
    lost = text.count("\ufffd")
    if lost * 5 > len(text):
        raise NotTextError(f"{lost} of {len(text)} characters are not {codec}")
    return Decoded(_checked(text), loss=_loss(lost, codec) if lost else None)


def _loss(lost: int, codec: str) -> str:
    return f"{lost:,} character{'s' if lost != 1 else ''} could not be decoded as {codec}"


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-16 and UTF-32 of mostly Latin text show as zero bytes at fixed places."""
    sample = data[:4096]
    sample = sample[: len(sample) // 4 * 4]
    if len(sample) < 8 or b"\0" not in sample:
        return None
    zeros = [sample[i::4].count(0) / (len(sample) // 4) for i in range(4)]
    if min(zeros[1:]) > 0.9 and zeros[0] < 0.2:
        return "utf-32-le"
    if min(zeros[:3]) > 0.9 and zeros[3] < 0.2:
        return "utf-32-be"
    if zeros[1] > 0.5 and zeros[3] > 0.5 and zeros[0] < 0.1 and zeros[2] < 0.1:
        return "utf-16-le"
    if zeros[0] > 0.5 and zeros[2] > 0.5 and zeros[1] < 0.1 and zeros[3] < 0.1:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> Decoded:
    """Nearly valid UTF-8 stays UTF-8; the rest is charset-normalizer's."""
    if data.count(b"\0") * 100 > len(data):
        raise NotTextError("zero bytes")
    text = data.decode("utf-8", errors="replace")
    lost = text.count("\ufffd")
    multibyte = sum(1 for character in text[:_GUESS_BYTES] if character > "\x7f") - lost
    if lost <= 3 and multibyte > 10 * lost:
        return Decoded(_checked(text), loss=_loss(lost, "UTF-8"))

    from charset_normalizer import from_bytes

    best = from_bytes(data[:_GUESS_BYTES]).best()
    codec = best.encoding if best else "cp1252"
    if best is None and not _looks_like_text(data):
        raise NotTextError("no encoding fits")
    return replace(_with_losses(data, codec), guess=f"the encoding was guessed: {codec}")


def _looks_like_text(data: bytes) -> bool:
    sample = data[:4096]
    printable = sum(1 for byte in sample if 32 <= byte < 127 or byte in b"\t\n\r\f")
    return printable > 0.7 * len(sample)


def _checked(text: str) -> str:
    """The text itself, unless control characters show that it is none."""
    sample = text[:65536]
    if len(_CONTROLS.findall(sample)) * 100 > len(sample) + 100:
        raise NotTextError("control characters")
    return text
