"""The package of an EPUB: the zip under guard, the OPF (metadata, reading order), nav and NCX, DRM.

Knows nothing of paragraphs or offsets. Whatever an archive claims about its sizes is not believed.
"""

from __future__ import annotations

import html
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from longdoc.core.errors import DamagedInput, EncryptedInput
from longdoc.ingest.clean import normalise, squeeze
from longdoc.ingest.encoding import NotTextError, decode
from longdoc.ingest.parsed import Raw

_MAX_MEMBER_BYTES = 64 << 20
_MAX_TOTAL_BYTES = 512 << 20
_MAX_RATIO = 200
_RATIO_FROM_BYTES = 4 << 20  # small files may compress as well as they like
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_OWN = ("amp", "lt", "gt", "quot", "apos")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_MEDIA_TEXT = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")


class ZipBomb(DamagedInput):
    """Exit code 65. A member, or all of them together, unpacks to more than any book: nothing of it is read."""


@dataclass(frozen=True, slots=True)
class NavPoint:
    """An entry of the table of contents: target is "path" or "path#id" inside the archive. level from 1."""

    title: str
    target: str
    level: int


@dataclass(frozen=True, slots=True)
class Package:
    """What the OPF says. spine: paths of the text documents in reading order.   lost: tables that are damaged."""

    title: str | None
    spine: tuple[str, ...]
    contents: tuple[NavPoint, ...]
    page_list: tuple[NavPoint, ...] = ()
    nonlinear: int = 0
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Archive:
    """A zip that gives members up to a size, and all of them together up to a total."""

    raw: Raw
    zip: zipfile.ZipFile
    read_bytes: int = 0
    losses: dict[str, str] = field(default_factory=dict)  # path -> what could not be decoded in it
    _folded: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, raw: Raw) -> Archive:
        try:
            archive = cls(raw, zipfile.ZipFile(io.BytesIO(raw.data)))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise damaged(raw, str(error)) from error
        archive._folded = {name.lower(): name for name in archive.zip.namelist()}
        return archive

    def has(self, path: str) -> bool:
        return path.lower() in self._folded

    def names(self) -> list[str]:
        return self.zip.namelist()

    def read(self, path: str) -> bytes:
        """The bytes of a member. Paths are only looked up, never opened on disk, so "../" leads nowhere."""
        try:
            info = self.zip.getinfo(self._folded[path.lower()])
        except KeyError as error:
            raise damaged(self.raw, f"{path} is missing") from error
        if info.flag_bits & 1:
            raise EncryptedInput(
                f"{self.raw.shown} is encrypted.",
                why="the archive has a password",
                fix=f"unzip {self.raw.quoted} -d book",
            )
        try:
            with self.zip.open(info) as member:
                data = member.read(_MAX_MEMBER_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError) as error:
            self.read_bytes += min(info.file_size, _MAX_MEMBER_BYTES)  # it was unpacked all the same
            raise damaged(self.raw, f"{path}: {error}") from error
        self.read_bytes += len(data)
        bomb = len(data) > _RATIO_FROM_BYTES and len(data) > _MAX_RATIO * max(info.compress_size, 1)
        if bomb or len(data) > _MAX_MEMBER_BYTES or self.read_bytes > _MAX_TOTAL_BYTES:
            raise ZipBomb(
                f"{self.raw.shown} is a damaged EPUB.",
                why=f"{path} unpacks to far more than a book holds (a zip bomb?)",
            )
        return data


def damaged(raw: Raw, why: str) -> DamagedInput:
    fix = f"ebook-convert {raw.quoted} repaired.epub && longdoc summarize repaired.epub"
    return DamagedInput(f"{raw.shown} is a damaged EPUB.", why=why, fix=fix)


def read_package(archive: Archive) -> Package:
    """The package that META-INF/container.xml names first, or the first .opf in the archive."""
    _refuse_drm(archive)
    opf_path = _opf_path(archive)
    root = _xml(archive, opf_path)
    items = {item.get("id", ""): item for item in _all(root, "item") if item.get("id") and item.get("href")}
    paths = {identifier: resolve(opf_path, item.get("href", "")) for identifier, item in items.items()}
    nav_path = next((paths[i] for i, item in items.items() if "nav" in (item.get("properties") or "").split()), None)
    spine, nonlinear = _spine(root, items, paths, nav_path, archive)
    lost: list[str] = []
    contents, page_list = _contents(archive, root, items, paths, nav_path, lost)
    return Package(_title(root), spine, contents, page_list, nonlinear, tuple(lost))


def resolve(base: str, href: str) -> str:
    """The archive path, with its "#id", of a link that stands in the member `base`."""
    parts = urlsplit(href.strip())
    if parts.scheme or parts.netloc:
        return ""
    path = unquote(parts.path)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)).lstrip("/") if path else base
    while joined.startswith("../"):
        joined = joined[3:]
    return f"{joined}#{unquote(parts.fragment)}" if parts.fragment else joined


def _opf_path(archive: Archive) -> str:
    if archive.has("META-INF/container.xml"):
        for rootfile in _all(_xml(archive, "META-INF/container.xml"), "rootfile"):
            path = resolve("", rootfile.get("full-path") or "")
            if path and archive.has(path):
                return path
    found = next((name for name in archive.names() if name.lower().endswith(".opf")), None)
    if found is None:
        raise damaged(archive.raw, "it has no package document (.opf)")
    return found


def _spine(
    root: ElementTree.Element,
    items: dict[str, ElementTree.Element],
    paths: dict[str, str],
    nav_path: str | None,
    archive: Archive,
) -> tuple[tuple[str, ...], int]:
    """Paths in reading order, and how many non-linear documents were left out."""
    linear: list[str] = []
    nonlinear: list[str] = []
    for reference in _all(root, "itemref"):
        path = _readable(reference.get("idref") or "", items, paths)
        if path is None or path == nav_path or not archive.has(path) or path in linear:
            continue
        (nonlinear if reference.get("linear") == "no" else linear).append(path)
    if not linear:
        linear, nonlinear = nonlinear, []
    if not linear and nav_path and archive.has(nav_path):
        linear = [nav_path]  # a book that is nothing but its table of contents
    return tuple(linear), len(nonlinear)


def _readable(identifier: str, items: dict[str, ElementTree.Element], paths: dict[str, str]) -> str | None:
    """The item's path, following fallbacks until a text document comes."""
    seen: set[str] = set()
    while identifier in items and identifier not in seen:
        seen.add(identifier)
        media = (items[identifier].get("media-type") or "").lower()
        if media in _MEDIA_TEXT or paths[identifier].lower().endswith((".xhtml", ".html", ".htm")):
            return paths[identifier]
        identifier = items[identifier].get("fallback") or ""
    return None


def _title(root: ElementTree.Element) -> str | None:
    for element in _all(root, "title"):
        title = _text(element)
        if title:
            return title
    return None


def _contents(
    archive: Archive,
    root: ElementTree.Element,
    items: dict[str, ElementTree.Element],
    paths: dict[str, str],
    nav_path: str | None,
    lost: list[str],
) -> tuple[tuple[NavPoint, ...], tuple[NavPoint, ...]]:
    """The nav document's lists, or the NCX's when it has none. A damaged one is added to `lost`."""
    contents: list[NavPoint] = []
    pages: list[NavPoint] = []
    if nav_path and archive.has(nav_path):
        try:
            lists = list(_nav_lists(archive, nav_path))
        except ZipBomb:
            raise
        except DamagedInput:
            lists = []
            lost.append(nav_path)
        for kind, points in lists:
            if kind == "page-list":
                pages.extend(points)
            elif kind == "toc" and not contents:
                contents.extend(points)
    if contents:
        return tuple(contents), tuple(pages)
    ncx_id = next((spine.get("toc") or "" for spine in _all(root, "spine")), "")
    ncx_path = paths.get(ncx_id) or next(
        (paths[i] for i, item in items.items() if item.get("media-type") == "application/x-dtbncx+xml"), None
    )
    if ncx_path and archive.has(ncx_path):
        try:
            ncx = _xml(archive, ncx_path)
        except ZipBomb:
            raise
        except DamagedInput:
            lost.append(ncx_path)
            return (), tuple(pages)
        contents = list(_ncx_points(ncx, ncx_path))
        pages = pages or [
            NavPoint(_label(target), resolve(ncx_path, _source(target)), 1) for target in _all(ncx, "pageTarget")
        ]
    return tuple(contents), tuple(pages)


def _nav_lists(archive: Archive, path: str) -> Iterator[tuple[str, list[NavPoint]]]:
    from longdoc.ingest.html import parse

    for nav in parse(text_of(archive, path)).css("nav"):
        kinds = f"{nav.attributes.get('epub:type') or ''} {nav.attributes.get('role') or ''}"
        kind = next(
            (kind for kind in ("toc", "page-list", "landmarks") if kind in kinds or f"doc-{kind}" in kinds), "toc"
        )
        points = []
        for link in nav.css("a"):
            level = 0
            above = link.parent
            while above is not None and above.tag != "nav":
                level += above.tag in ("ol", "ul")
                above = above.parent
            title = squeeze(normalise(link.text(deep=True))).replace("\n", " ")
            target = resolve(path, link.attributes.get("href") or "")
            if title and target:
                points.append(NavPoint(" ".join(title.split()), target, max(level, 1)))
        yield kind, points


def _ncx_points(root: ElementTree.Element, path: str) -> Iterator[NavPoint]:
    stack = [(point, 1) for nav_map in _all(root, "navMap") for point in reversed(_children(nav_map, "navPoint"))]
    while stack:
        point, level = stack.pop()
        title, target = _label(point), resolve(path, _source(point))
        if title and target:
            yield NavPoint(title, target, level)
        stack.extend((child, level + 1) for child in reversed(_children(point, "navPoint")))


def _label(point: ElementTree.Element) -> str:
    return " ".join(_text(label) for label in _children(point, "navLabel")).strip()


def _source(point: ElementTree.Element) -> str:
    return next((content.get("src") or "" for content in _children(point, "content")), "")


def _refuse_drm(archive: Archive) -> None:
    """Fonts may be scrambled (that is no DRM); encrypted text needs the shop's own reader."""
    if archive.has("META-INF/encryption.xml"):
        for data in _all(_xml(archive, "META-INF/encryption.xml"), "EncryptedData"):
            method = next((m.get("Algorithm") or "" for m in _children(data, "EncryptionMethod")), "")
            target = next((c.get("URI") or "" for c in _all(data, "CipherReference")), "")
            is_font = method in _FONT_OBFUSCATION or target.lower().endswith((".otf", ".ttf", ".woff", ".woff2"))
            if not is_font and not target.lower().endswith((".jpg", ".jpeg", ".png", ".mp3", ".mp4", ".css")):
                kind = "Adobe or Apple DRM" if archive.has("META-INF/rights.xml") else "DRM"
                if archive.has("META-INF/license.lcpl"):
                    kind = "Readium LCP"
                raise EncryptedInput(
                    f"{archive.raw.shown} is copy-protected.",
                    why=f"its text is encrypted ({kind}: META-INF/encryption.xml)",
                    fix="get a copy without DRM from the publisher or the library, then run the same command on it",
                )


def text_of(archive: Archive, path: str) -> str:
    """A text member, decoded as it declares."""
    try:
        decoded = decode(archive.read(path), declared=True)
    except NotTextError as error:
        raise damaged(archive.raw, f"{path} is not text ({error})") from error
    if decoded.loss:
        archive.losses[path] = decoded.loss
    return decoded.text


def _xml(archive: Archive, path: str) -> ElementTree.Element:
    """An XML member. Its DOCTYPE goes first, and with it all entities that it may define."""
    text = _DOCTYPE.sub("", text_of(archive, path), count=1)
    text = _ENTITY.sub(lambda m: m[0] if m[1] in _XML_OWN else html.unescape(m[0]), text)
    text = re.sub(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)", "&amp;", text).lstrip("\ufeff \r\n\t")
    try:
        return ElementTree.fromstring(re.sub(r"\A<\?xml[^>]*\?>", "", text))
    except (ElementTree.ParseError, ValueError) as error:
        raise damaged(archive.raw, f"{path}: {error}") from error


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _all(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if _local(element) == name]


def _children(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element if _local(child) == name]


def _text(element: ElementTree.Element) -> str:
    return " ".join(normalise("".join(element.itertext())).split())
