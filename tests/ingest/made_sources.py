"""Small documents made on the spot: PDF pages with reportlab, EPUB packages with zipfile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)


def pdf(
    path: Path,
    pages: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    labels: Sequence[tuple[int, str, int]] = (),
    outline: Sequence[tuple[str, int, int]] = (),
    heads: Sequence[str] = (),
    feet: Sequence[str] = (),
) -> Path:
    """A page is a list of lines; one that begins with a space is indented, one with "#" is a heading.

    labels: (page index, style, first number).   outline: (title, page index, level).
    """
    canvas = Canvas(str(path), pagesize=(420, 595), invariant=1)
    if title:
        canvas.setTitle(title)
    for index, style, first in labels:
        canvas.addPageLabel(index, style, first)
    for index, lines in enumerate(pages):
        for number, (entry, page, level) in enumerate(outline):
            if page == index:
                canvas.bookmarkPage(f"mark-{number}")
                canvas.addOutlineEntry(entry, f"mark-{number}", level=level)
        canvas.setFont("Times-Roman", 9)
        if heads:
            canvas.drawString(50, 565, heads[index])
        if feet:
            canvas.drawString(205, 25, feet[index])
        height = 530
        for line in lines:
            is_heading = line.startswith("#")
            canvas.setFont("Times-Roman", 16 if is_heading else 10)
            text = line.strip("# ")
            canvas.drawString(50 + (14 if line.startswith(" ") else 0), height, text)
            height -= 26 if is_heading else 13
        canvas.showPage()
    canvas.save()
    return path


def scanned_pdf(path: Path, num_pages: int = 2) -> Path:
    """Pages that hold a picture and nothing else."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas = Canvas(str(path), pagesize=(200, 200), invariant=1)
    for _ in range(num_pages):
        canvas.drawImage(ImageReader(Image.new("L", (40, 40), 128)), 10, 10, 180, 180)
        canvas.showPage()
    canvas.save()
    return path


def page_html(body: str, title: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body>{body}</body></html>'
    )


def epub(
    path: Path,
    documents: dict[str, str],
    *,
    spine: Sequence[str] | None = None,
    nonlinear: Sequence[str] = (),
    nav: str | None = None,
    ncx: str | None = None,
    title: str = "A Book",
    more: dict[str, str | bytes] | None = None,
) -> Path:
    """documents: name -> XHTML.   spine: names in reading order, or all.   more: members of the archive."""
    items = [f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in documents]
    if nav is not None:
        items.append('<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>')
    if ncx is not None:
        items.append('<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>')
    references = "".join(
        f'<itemref idref="{name}"{" linear=" + chr(34) + "no" + chr(34) if name in nonlinear else ""}/>'
        for name in (documents if spine is None else spine)
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>'
        f'<manifest>{"".join(items)}</manifest><spine toc="ncx">{references}</spine></package>'
    )
    members: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package,
        **{f"OPS/{name}.xhtml": text for name, text in documents.items()},
    }
    if nav is not None:
        members["OPS/nav.xhtml"] = nav
    if ncx is not None:
        members["OPS/toc.ncx"] = ncx
    members.update(more or {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, content in members.items():
            archive.writestr(name, content)
    path.write_bytes(buffer.getvalue())
    return path
