"""The package of an EPUB: the OPF (metadata, reading order), nav and NCX, DRM.

Knows nothing of paragraphs or offsets, and of zip files only what `Archive` gives.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from longdoc.core.errors import DamagedInput, EncryptedInput
from longdoc.ingest.archive import Archive, ZipBomb, all_named, children_named, words_of
from longdoc.ingest.clean import normalise, squeeze

_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_MEDIA_TEXT = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_MEDIA_SVG = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class NavPoint:
    """An entry of the table of contents: target is "path" or "path#id" inside the archive. level from 1."""

    title: str
    target: str
    level: int


@dataclass(frozen=True, slots=True)
class Package:
    """What the OPF says. spine: paths of the text documents in reading order.   lost: tables that are damaged.

    missing: documents of the reading order that the archive does not have.
    unread: those that are no text, pictures above all.
    """

    title: str | None
    spine: tuple[str, ...]
    contents: tuple[NavPoint, ...]
    page_list: tuple[NavPoint, ...] = ()
    nonlinear: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read_package(archive: Archive) -> Package:
    """The package that META-INF/container.xml names first, or the first .opf in the archive."""
    _refuse_drm(archive)
    opf_path = _opf_path(archive)
    root = archive.xml(opf_path)
    items = {item.get("id", ""): item for item in all_named(root, "item") if item.get("id") and item.get("href")}
    paths = {identifier: resolve(opf_path, item.get("href", "")) for identifier, item in items.items()}
    nav_path = next((paths[i] for i, item in items.items() if "nav" in (item.get("properties") or "").split()), None)
    linear, nonlinear, unread = _spine(root, items, paths, nav_path)
    spine, outside, missing = _there(archive, linear, nonlinear, nav_path)
    lost: list[str] = []
    contents, page_list = _contents(archive, root, items, paths, nav_path, lost)
    return Package(_title(root), spine, contents, page_list, outside, tuple(lost), missing, tuple(unread))


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
        for rootfile in all_named(archive.xml("META-INF/container.xml"), "rootfile"):
            path = resolve("", rootfile.get("full-path") or "")
            if path and archive.has(path):
                return path
    found = next((name for name in archive.names() if name.lower().endswith(".opf")), None)
    if found is None:
        raise archive.damaged("it has no package document (.opf)")
    return found


def _spine(
    root: ElementTree.Element,
    items: dict[str, ElementTree.Element],
    paths: dict[str, str],
    nav_path: str | None,
) -> tuple[list[str], list[str], list[str]]:
    """Paths in reading order, those of the documents outside of it, and of what in it cannot be read; each once."""
    linear: dict[str, None] = {}
    nonlinear: dict[str, None] = {}
    unread: dict[str, None] = {}
    for reference in all_named(root, "itemref"):
        identifier = reference.get("idref") or ""
        path = _readable(identifier, items, paths)
        if path is not None and path != nav_path:
            (nonlinear if reference.get("linear") == "no" else linear)[path] = None
        elif path is None and identifier in items:
            unread[paths[identifier]] = None
    return list(linear), [path for path in nonlinear if path not in linear], list(unread)


def _there(
    archive: Archive, linear: list[str], nonlinear: list[str], nav_path: str | None
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The documents that the archive has: in reading order, outside of it; and those in it that are missing."""
    missing = tuple(path for path in linear if not archive.has(path))
    linear = [path for path in linear if archive.has(path)]
    nonlinear = [path for path in nonlinear if archive.has(path)]
    if not linear:
        linear, nonlinear = nonlinear, []
    if not linear and nav_path and archive.has(nav_path):
        linear = [nav_path]  # a book that is nothing but its table of contents
    return tuple(linear), tuple(nonlinear), missing


def _readable(identifier: str, items: dict[str, ElementTree.Element], paths: dict[str, str]) -> str | None:
    """The item's path, following fallbacks until a text document comes; else a drawing, which may hold words."""
    seen: set[str] = set()
    drawing = None
    while identifier in items and identifier not in seen:
        seen.add(identifier)
        media = (items[identifier].get("media-type") or "").lower()
        if media in _MEDIA_TEXT or paths[identifier].lower().endswith((".xhtml", ".html", ".htm")):
            return paths[identifier]
        if media == _MEDIA_SVG:
            drawing = paths[identifier]
        identifier = items[identifier].get("fallback") or ""
    return drawing


def _title(root: ElementTree.Element) -> str | None:
    for element in all_named(root, "title"):
        title = words_of(element)
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
    ncx_id = next((spine.get("toc") or "" for spine in all_named(root, "spine")), "")
    ncx_path = paths.get(ncx_id) or next(
        (paths[i] for i, item in items.items() if item.get("media-type") == "application/x-dtbncx+xml"), None
    )
    if ncx_path and archive.has(ncx_path):
        try:
            ncx = archive.xml(ncx_path)
        except ZipBomb:
            raise
        except DamagedInput:
            lost.append(ncx_path)
            return (), tuple(pages)
        contents = list(_ncx_points(ncx, ncx_path))
        pages = pages or [
            NavPoint(_label(target), resolve(ncx_path, _source(target)), 1) for target in all_named(ncx, "pageTarget")
        ]
    return tuple(contents), tuple(pages)


def _nav_lists(archive: Archive, path: str) -> Iterator[tuple[str, list[NavPoint]]]:
    from longdoc.ingest.html import parse

    for nav in parse(archive.text(path)).css("nav"):
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
    stack = [
        (point, 1) for nav_map in all_named(root, "navMap") for point in reversed(children_named(nav_map, "navPoint"))
    ]
    while stack:
        point, level = stack.pop()
        title, target = _label(point), resolve(path, _source(point))
        if title and target:
            yield NavPoint(title, target, level)
        stack.extend((child, level + 1) for child in reversed(children_named(point, "navPoint")))


def _label(point: ElementTree.Element) -> str:
    return " ".join(words_of(label) for label in children_named(point, "navLabel")).strip()


def _source(point: ElementTree.Element) -> str:
    return next((content.get("src") or "" for content in children_named(point, "content")), "")


def _refuse_drm(archive: Archive) -> None:
    """Fonts may be scrambled (that is no DRM); encrypted text needs the shop's own reader."""
    if archive.has("META-INF/encryption.xml"):
        for data in all_named(archive.xml("META-INF/encryption.xml"), "EncryptedData"):
            method = next((m.get("Algorithm") or "" for m in children_named(data, "EncryptionMethod")), "")
            target = next((c.get("URI") or "" for c in all_named(data, "CipherReference")), "")
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
