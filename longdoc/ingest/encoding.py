"""Bytes to text: byte order marks, UTF-8, what the document itself declares, then a guess that is admitted.

Knows nothing of lines or paragraphs.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from longdoc.ingest.encoding_guess import guess

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
# Python's own notations, which no document is in; that of domain names takes for ever on a long text.
_NO_CHARSET = frozenset("punycode idna unicode-escape raw-unicode-escape undefined mbcs oem".split())  # noqa: SIM905
_GUESS_BYTES = 200_000
# Hardly a file is in these, and short texts in other encodings pass for them: IBM mainframes, Baltic DOS and the like.
_RARE_CODECS = """
    cp037 cp273 cp424 cp500 cp875 cp1026 cp1140 cp775 cp1125 cp1006 iso8859_3 iso8859_4 iso8859_10 iso8859_13 iso8859_14
    hp_roman8 kz1048 ptcp154 mac_iceland mac_latin2 mac_turkish mac_greek mac_cyrillic
"""
_RARE = frozenset(_RARE_CODECS.split())
_COMMON = re.compile(
    "[\t\n\r -~\xa0-\u052f\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f\u2000-\u206f"
    "\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
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
    if data.endswith(b"\0") and not _wide_by_letters(data[:4096]):
        data = data.rstrip(b"\0")  # a file that was given its size before its content
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A file cut in the middle of a character is still UTF-8, if other characters say so.
        is_cut = error.start >= len(data) - 3 and error.reason == "unexpected end of data"
        if is_cut and not data[: error.start].isascii():
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
        if "\0" in text and (wide := _wide_by_letters(data[:4096])):  # of Cyrillic and Greek, both bytes pass for ASCII
            return replace(_with_losses(data, wide), guess=f"the encoding was guessed: {wide}")
        return Decoded(_checked(text))
    if declared:
        named = _declared_codec(data)
        if named:
            return _with_losses(data, named)
    return _guess(data)


def _declared_codec(data: bytes) -> str | None:
    match = _DECLARED.search(data[:1024])
    return codec_named(match[1].decode("ascii")) if match else None


def codec_named(charset: str) -> str | None:
    """The codec for what a document says that it is written in; None for what is no encoding of texts."""
    try:
        codec = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    if not codec._is_text_encoding or codec.name in _NO_CHARSET:
        return None
    return _MEANT.get(codec.name, codec.name)


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


def _wide_by_letters(sample: bytes) -> str | None:
    """UTF-16 of scripts beyond Latin: in the right order of bytes nearly all is letters of living scripts."""
    shares = {}
    for codec in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(codec, errors="replace")
        shares[codec] = len(_COMMON.findall(text)) / max(len(text), 1)
    best = max(shares, key=lambda codec: shares[codec])
    return best if shares[best] > 0.98 and min(shares.values()) < 0.9 else None


def _guess(data: bytes) -> Decoded:
    """Nearly valid UTF-8 stays UTF-8; then what makes letters of one language; the rest is charset-normalizer's."""
    if data.count(b"\0") * 100 > len(data):
        wide = _wide_by_letters(data[:4096])
        if wide:
            return replace(_with_losses(data, wide), guess=f"the encoding was guessed: {wide}")
        raise NotTextError("zero bytes")
    text = data.decode("utf-8", errors="replace")
    lost = text.count("\ufffd")
    multibyte = len(_BEYOND_ASCII.findall(text)) - lost
    if multibyte > 10 * lost:  # by accident hardly any two bytes of another encoding are a character of UTF-8
        return Decoded(_checked(text), loss=_loss(lost, "UTF-8"))

    found = guess(data)
    if found is not None:
        near = f" ({found.rival} is nearly as likely)" if found.rival else ""
        return replace(_with_losses(data, found.codec), guess=f"the encoding was guessed: {found.codec}{near}")
    codec = _normalised(data[:_GUESS_BYTES])
    if codec is None and not _looks_like_text(data):
        raise NotTextError("no encoding fits")
    said = f"the encoding was guessed, and is uncertain: {codec or 'cp1252'}"
    return replace(_with_losses(data, codec or "cp1252"), guess=said)


def _normalised(sample: bytes) -> str | None:
    """What charset-normalizer takes the bytes for, which knows more languages, and encodings."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_exclusion=list(_RARE)).best() or from_bytes(sample).best()
    return best.encoding if best is not None else None


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
