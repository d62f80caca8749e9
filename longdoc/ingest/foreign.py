"""Formats without a reader: what they are called, and the command that makes something readable of them."""

from __future__ import annotations

import io
import zipfile

from longdoc.core.errors import DamagedInput, EncryptedInput, UnknownFormat
from longdoc.ingest.no_text import FILM, HEAD_BYTES, PICTURE, SOUND, kind_without_text
from longdoc.ingest.parsed import Raw

_TO_PDF = "libreoffice --headless --convert-to pdf {file}  # and summarize the PDF that it makes"
_OCR = "img2pdf {file} | ocrmypdf - out.pdf && longdoc summarize out.pdf"
_MARKS = (
    (b"\xd0\xcf\x11\xe0", "an old office document", _TO_PDF),
    (b"\x1f\x8b", "a gzip file", "gunzip -c {file} | longdoc summarize -"),
)
_WHISPER = "whisper {file} --output_format vtt  # and summarize the transcript that it makes"
_INSTEAD = {PICTURE: _OCR, SOUND: _WHISPER, FILM: _WHISPER}
_MOBIPOCKET = (b"BOOKMOBI", "a Mobipocket book", "ebook-convert {file} out.epub && longdoc summarize out.epub")
_MOBIPOCKET_AT = 60  # bytes: the name of the book comes first
_PASSWORD_STREAM = "EncryptedPackage".encode("utf-16-le")
_OFFICE = (
    ("ppt/", "a PowerPoint presentation"),
    ("xl/", "an Excel workbook"),
    ("META-INF/manifest.xml", "an OpenDocument file"),
)


def refuse_foreign(raw: Raw) -> None:
    """Raises UnknownFormat for bytes that begin like one of these, EncryptedInput for office files with a password,
    DamagedInput for zips without their end.

    Zips that have a reader come before.
    """
    if raw.data.startswith(_MARKS[0][0]) and _PASSWORD_STREAM in raw.data:
        raise EncryptedInput(
            f"{raw.shown} is encrypted.",
            why="it is an office document with a password",
            fix="open it in a word processor, save it without a password and run the same command on that",
        )
    for mark, what, fix in _MARKS:
        if raw.data.startswith(mark):
            raise _unknown(raw, what, fix)
    if (kind := kind_without_text(raw.data[:HEAD_BYTES], raw.name)) is not None:
        raise _unknown(raw, kind, _INSTEAD.get(kind, "name a document"))
    if raw.data.startswith(_MOBIPOCKET[0], _MOBIPOCKET_AT):
        raise _unknown(raw, *_MOBIPOCKET[1:])
    if raw.data.startswith(b"PK\x03\x04"):
        raise _unknown(raw, *_zip(raw))


def _zip(raw: Raw) -> tuple[str, str]:
    """What kind of zip, by the names in it, and what to do. Raises DamagedInput for a part of one."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise DamagedInput(
            f"{raw.shown} is a damaged ZIP archive or office document.",
            why="the list of what is in it, at its end, is missing or damaged: it may be cut off",
            fix=f"copy or fetch it again; unzip -t {raw.quoted}  # says what of it is whole",
        ) from error
    for start, what in _OFFICE:
        if any(name.startswith(start) for name in names):
            return what, _TO_PDF
    return "a ZIP archive", "unzip {file} -d folder && longdoc summarize folder/*"


def _unknown(raw: Raw, what: str, fix: str) -> UnknownFormat:
    return UnknownFormat(f"{raw.shown} is {what}.", why="longdoc has no reader for it", fix=fix.format(file=raw.quoted))
