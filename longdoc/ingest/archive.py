"""Zip archives of documents (EPUB, DOCX, ODT) under guard, and the XML in them.

Whatever an archive claims about its sizes is not believed. Members are only looked up by their names and never written
to disk, so a path like "../x" leads nowhere. XML is parsed without its DOCTYPE, and so without entities of its own.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from xml.etree import ElementTree

from longdoc.core.errors import DamagedInput, EncryptedInput
from longdoc.ingest.clean import normalise
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.parsed import Raw

_MAX_MEMBER_BYTES = 64 << 20
_MAX_TOTAL_BYTES = 512 << 20
_MAX_RATIO = 200
_RATIO_FROM_BYTES = 4 << 20  # small files may compress as well as they like
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_OWN = ("amp", "lt", "gt", "quot", "apos")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[<>]*([\[>])", re.IGNORECASE)
_DOCTYPE_END = re.compile(r"\]\s*>")
_ZIP_ERRORS = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError)
_REPAIR = {
    "EPUB": "ebook-convert {file} repaired.epub && longdoc summarize repaired.epub",
    "Word document": "open {file} in a word processor, save it under another name and run the same command on that",
    "OpenDocument text": "open {file} in a word processor, save it under another name and run the same command on that",
}


class ZipBomb(DamagedInput):
    """Exit code 65. A member, or all of them together, unpacks to more than any book: nothing of it is read."""


@dataclass(slots=True)
class Archive:
    """A zip that gives members up to a size, and all of them together up to a total. kind: of document, for errors."""

    raw: Raw
    zip: zipfile.ZipFile
    kind: str = "EPUB"
    read_bytes: int = 0
    losses: dict[str, str] = field(default_factory=dict)  # path -> what could not be read of it
    _folded: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, raw: Raw, kind: str = "EPUB") -> Archive:
        """Raises DamagedInput for what is no whole zip."""
        try:
            archive = cls(raw, zipfile.ZipFile(io.BytesIO(raw.data)), kind)
        except _ZIP_ERRORS as error:
            raise damaged(raw, str(error), kind) from error
        archive._folded = {name.lower(): name for name in archive.names()} | {name: name for name in archive.names()}
        return archive

    def has(self, path: str) -> bool:
        """Whether there is such a member; its name may be written in other capitals."""
        return self._member(path) is not None

    def _member(self, path: str) -> str | None:
        return self._folded.get(path) or self._folded.get(path.lower())

    def names(self) -> list[str]:
        return self.zip.namelist()

    def damaged(self, why: str) -> DamagedInput:
        return damaged(self.raw, why, self.kind)

    def read(self, path: str) -> bytes:
        """The bytes of a member. Raises DamagedInput, ZipBomb, and EncryptedInput for a zip with a password."""
        try:
            info = self.zip.getinfo(self._member(path) or "")
        except KeyError as error:
            raise self.damaged(f"{path} is missing") from error
        if info.flag_bits & 1:
            raise EncryptedInput(
                f"{self.raw.shown} is encrypted.",
                why="the archive has a password",
                fix=f"unzip {self.raw.quoted} -d book",
            )
        try:
            with self.zip.open(info) as member:
                data = member.read(_MAX_MEMBER_BYTES + 1)
        except (*_ZIP_ERRORS, zlib.error, EOFError) as error:
            self.read_bytes += min(info.file_size, _MAX_MEMBER_BYTES)  # it was unpacked all the same
            raise self.damaged(f"{path}: {error}") from error
        self.read_bytes += len(data)
        bomb = len(data) > _RATIO_FROM_BYTES and len(data) > _MAX_RATIO * max(info.compress_size, 1)
        if bomb or len(data) > _MAX_MEMBER_BYTES or self.read_bytes > _MAX_TOTAL_BYTES:
            raise ZipBomb(
                f"{self.raw.shown} is a damaged {self.kind}.",
                why=f"{path} unpacks to far more than a book holds (a zip bomb?)",
            )
        return data

    def optional_xml(self, path: str, holds: str = "") -> ElementTree.Element | None:
        """An XML member that a document may do without; None when it is missing or damaged.

        holds: what of the document is lost with a damaged one.
        """
        try:
            return self.xml(path) if self.has(path) else None
        except ZipBomb:
            raise
        except DamagedInput:
            if holds:
                self.losses[path] = f"{holds} could not be read"
            return None

    def text(self, path: str) -> str:
        """A text member, decoded as it declares."""
        try:
            decoded = decode(self.read(path), declared=True)
        except NotTextError as error:
            raise self.damaged(f"{path} is not text ({error})") from error
        if decoded.loss:
            self.losses[path] = decoded.loss
        return decoded.text

    def xml(self, path: str) -> ElementTree.Element:
        """An XML member. Its DOCTYPE goes first, and with it all entities that it may define."""
        try:
            return parse_xml(self.text(path))
        except (ElementTree.ParseError, ValueError) as error:
            raise self.damaged(f"{path}: {error}") from error


def parse_xml(text: str) -> ElementTree.Element:
    """The tree of an XML text without its DOCTYPE; names of HTML's entities are known.

    Raises ElementTree.ParseError and ValueError.
    """
    text = _without_doctype(text)
    text = _ENTITY.sub(lambda m: m[0] if m[1] in _XML_OWN else html.escape(html.unescape(m[0])), text)
    text = re.sub(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)", "&amp;", text).lstrip("\ufeff \r\n\t")
    return ElementTree.fromstring(re.sub(r"\A<\?xml[^>]*\?>", "", text))


def _without_doctype(text: str) -> str:
    """XML without the first `<!DOCTYPE ...>` and what it declares."""
    found = _DOCTYPE.search(text)
    end = _DOCTYPE_END.search(text, found.end()) if found and found[1] == "[" else found
    return text[: found.start()] + text[end.end() :] if found and end else text


def damaged(raw: Raw, why: str, kind: str = "EPUB") -> DamagedInput:
    """The error for an archive that breaks the rules of its kind."""
    return DamagedInput(f"{raw.shown} is a damaged {kind}.", why=why, fix=_REPAIR[kind].format(file=raw.quoted))


def member_names(raw: Raw) -> list[str]:
    """The names in a zip; [] when it is none, or a damaged one."""
    if not raw.data.startswith(b"PK"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
            return archive.namelist()
    except _ZIP_ERRORS:
        return []


def local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace; "" for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: ElementTree.Element, name: str) -> str:
    """The attribute of that name in whatever namespace; "" when there is none."""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), "")


def all_named(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The elements of that name below `root`, in document order."""
    return [element for element in root.iter() if local(element) == name]


def children_named(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element if local(child) == name]


def words_of(element: ElementTree.Element) -> str:
    """All text below an element, normalised, in one line."""
    return " ".join(normalise("".join(element.itertext())).split())
