"""The book as an EPUB 3 with a nav document and, for old readers, an NCX."""

from __future__ import annotations

import uuid
import zipfile
from html import escape
from pathlib import Path

from making.book import Book

_IDENTIFIER = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'longdoc/samples/the-thirty-nine-steps')}"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold
_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body{kind}>
{body}
</body>
</html>
"""
_STYLE = "p { margin: 0; text-indent: 1.2em; text-align: justify; }\np.verse { margin: 0.5em 2em; text-indent: 0; }\n"
_CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""


def write_epub(book: Book, path: Path) -> None:
    entries = [("title", book.title), ("dedication", "Dedication")]
    entries += [(f"chapter-{n:02}", f"Chapter {c.number}. {c.title}") for n, c in enumerate(book.chapters, start=1)]
    pages = {
        "title": f"<h1>{escape(book.title)}</h1>\n<p>by {escape(book.author)}</p>",
        "dedication": _paragraphs(book.dedication),
    }
    for number, chapter in enumerate(book.chapters, start=1):
        heading = f"<h2>{chapter.heading}<br/>{escape(chapter.title)}</h2>"
        pages[f"chapter-{number:02}"] = f"{heading}\n{_paragraphs(chapter.paragraphs)}"
    with zipfile.ZipFile(path, "w") as archive:
        _add(archive, "mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        _add(archive, "META-INF/container.xml", _CONTAINER)
        _add(archive, "OEBPS/book.opf", _package(book, entries))
        _add(archive, "OEBPS/nav.xhtml", _nav(entries))
        _add(archive, "OEBPS/toc.ncx", _ncx(book, entries))
        _add(archive, "OEBPS/style.css", _STYLE)
        for name, title in entries:
            kind = ' epub:type="bodymatter"' if name.startswith("chapter") else ' epub:type="frontmatter"'
            _add(archive, f"OEBPS/{name}.xhtml", _PAGE.format(title=escape(title), body=pages[name], kind=kind))


def _add(archive: zipfile.ZipFile, name: str, text: str, method: int = zipfile.ZIP_DEFLATED) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    archive.writestr(info, text)


def _paragraphs(paragraphs: tuple[str, ...]) -> str:
    written = []
    for paragraph in paragraphs:
        lines = escape(paragraph, quote=False).replace("\n", "<br/>\n")
        written.append(f'<p class="verse">{lines}</p>' if "\n" in paragraph else f"<p>{lines}</p>")
    return "\n".join(written)


def _package(book: Book, entries: list[tuple[str, str]]) -> str:
    items = "\n".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name, _ in entries
    )
    spine = "\n".join(f'<itemref idref="{name}"/>' for name, _ in entries)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{_IDENTIFIER}</dc:identifier>
<dc:title>{escape(book.title)}</dc:title>
<dc:creator>{escape(book.author)}</dc:creator>
<dc:language>en</dc:language>
<dc:rights>Public domain in the United States</dc:rights>
<meta property="dcterms:modified">2000-01-01T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="style" href="style.css" media-type="text/css"/>
{items}
</manifest>
<spine toc="ncx">
{spine}
</spine>
</package>
"""


def _nav(entries: list[tuple[str, str]]) -> str:
    links = "\n".join(f'<li><a href="{name}.xhtml">{escape(title)}</a></li>' for name, title in entries)
    body = f'<nav epub:type="toc">\n<h1>Contents</h1>\n<ol>\n{links}\n</ol>\n</nav>'
    return _PAGE.format(title="Contents", body=body, kind="")


def _ncx(book: Book, entries: list[tuple[str, str]]) -> str:
    points = "\n".join(
        f'<navPoint id="point-{order}" playOrder="{order}"><navLabel><text>{escape(title)}</text></navLabel>'
        f'<content src="{name}.xhtml"/></navPoint>'
        for order, (name, title) in enumerate(entries, start=1)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1" xml:lang="en">
<head><meta name="dtb:uid" content="{_IDENTIFIER}"/><meta name="dtb:depth" content="1"/></head>
<docTitle><text>{escape(book.title)}</text></docTitle>
<navMap>
{points}
</navMap>
</ncx>
"""
