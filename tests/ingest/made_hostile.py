"""Files that are made to harm a reader: bombs, loops, nesting, false claims, noise. All are small, and quickly made."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

DEEP = 20_000
_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book.opf"/></rootfiles></container>'
)
_OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>'
    '<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="one"/></spine></package>'
)
_PAGE = "<html><body><p>Enough words for a page of a book.</p></body></html>"
_LAUGHS = '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
_SECRET = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def epub(**changed: str | bytes) -> bytes:
    """An EPUB of one page. changed: "container", "opf", "page" and what else is in it."""
    own = {"META-INF/container.xml": changed.pop("container", _CONTAINER), "book.opf": changed.pop("opf", _OPF)}
    return zipped({"mimetype": "application/epub+zip", **own, "one.xhtml": changed.pop("page", _PAGE), **changed})


def docx(body: str, doctype: str = "") -> bytes:
    document = f"{doctype}<w:document {_WORD}><w:body>{body}</w:body></w:document>"
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document})


def pdf(objects: Sequence[str | bytes], *, trailer: str = "", broken_start: bool = False) -> bytes:
    """The objects under the numbers 1, 2, ..., the first of them the catalog."""
    made = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n" % number + (content.encode("latin-1") if isinstance(content, str) else content)
        made += b"\nendobj\n"
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R{trailer}>>\n".encode()
    return bytes(made + b"startxref\n%d\n%%%%EOF\n" % (0 if broken_start else start))


def stream(content: bytes, entries: str = "") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<</Length %d/Filter/FlateDecode%s>>stream\n" % (len(packed), entries.encode()) + packed + b"\nendstream"


def one_page(contents: bytes, *, page: str = "", catalog: str = "", more: Sequence[str | bytes] = ()) -> bytes:
    """A PDF of one page: 1 catalog, 2 pages, 3 page, 4 contents, 5 font, then the others."""
    return pdf(
        [
            f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>{page}>>>>",
            contents,
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *more,
        ]
    )


def words(text: str = "A page with enough words to be read as text.", times: int = 1) -> bytes:
    shown = "".join(f"1 0 0 1 50 {750 - 12 * (n % 60)} Tm ({text}) Tj\n" for n in range(times))
    return f"BT /F 10 Tf\n{shown}ET\n".encode("latin-1")


_TEXT = stream(words())

MADE: dict[str, Callable[[], bytes]] = {
    # archives
    "bomb-page.epub": lambda: epub(page=b"<p>" + b"0" * (70 << 20)),
    "bomb-many.epub": lambda: epub(**{f"x{n}": b"0" * 1000 for n in range(3000)}),
    "bomb-in-bomb.epub": lambda: epub(page=zipped({"a": b"0" * (20 << 20)})),
    "laughs-page.epub": lambda: epub(page=_LAUGHS + "]><html><body><p>&a11; and words</p></body></html>"),
    "laughs-opf.epub": lambda: epub(opf=_LAUGHS + "]>" + _OPF.replace("<metadata/>", "<metadata>&a11;</metadata>")),
    "laughs-hidden.epub": lambda: epub(
        opf="<!-- <!DOCTYPE x> -->" + _LAUGHS + "]>" + _OPF.replace("<metadata/>", "<metadata>&a11;</metadata>")
    ),
    "doctypes.epub": lambda: epub(opf="<!DOCTYPE [" * 200_000),
    "secret.epub": lambda: epub(page=_SECRET + "<html><body><p>Words &secret; words</p></body></html>"),
    "secret.docx": lambda: docx("<w:p><w:r><w:t>Words &secret; words</w:t></w:r></w:p>", _SECRET),
    "laughs.docx": lambda: docx("<w:p><w:r><w:t>&a11; words</w:t></w:r></w:p>", _LAUGHS + "]>"),
    "deep.docx": lambda: docx("<w:tbl><w:tr><w:tc>" * DEEP + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>"),
    "deep-closed.docx": lambda: docx(
        "<w:tbl><w:tr><w:tc>" * DEEP + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>" + "</w:tc></w:tr></w:tbl>" * DEEP
    ),
    "outside.epub": lambda: epub(
        container=_CONTAINER.replace("book.opf", "../../../../etc/passwd"),
        opf=_OPF.replace("one.xhtml", "../../../../../etc/passwd"),
        **{"../../../../etc/passwd": _PAGE, "/etc/passwd": _PAGE},
    ),
    "deep-opf.epub": lambda: epub(opf="<package>" + "<a>" * 5 * DEEP),
    "deep-nav.epub": lambda: epub(
        opf=_OPF.replace("</manifest>", '<item id="n" href="n.xhtml" properties="nav"/></manifest>'),
        **{"n.xhtml": "<nav>" + '<ol><li><a href="one.xhtml">x</a>' * 3000},
    ),
    "deep-ncx.epub": lambda: epub(
        opf=_OPF.replace("</manifest>", '<item id="n" href="n" media-type="application/x-dtbncx+xml"/></manifest>'),
        n="<ncx><navMap>" + "<navPoint>" * DEEP + "</navPoint>" * DEEP + "</navMap></ncx>",
    ),
    "fallback-loop.epub": lambda: epub(opf=_OPF.replace('media-type="application/xhtml+xml"', 'fallback="one"')),
    "half.epub": lambda: epub()[:-200],
    "no-directory.epub": lambda: epub().replace(b"PK\x05\x06", b"PK\x05\x05"),
    # HTML
    "deep.html": lambda: b"<html><body>" + b"<div>" * 5 * DEEP + b"<p>deep words",
    "deep-inline.html": lambda: b"<html><body><p>" + b"<b><i>" * DEEP + b"deep words",
    "deep-tables.html": lambda: b"<html><body>" + b"<table><tr><td>" * 3000 + b"deep words",
    "attributes.html": lambda: b"<html><body><p " + b" ".join(b"a%d=b" % n for n in range(100_000)) + b">words</p>",
    "open-tags.html": lambda: b"<html><body><p>words</p>" + b"<a " * 300_000,
    "self-closed.html": lambda: b"<html><body><p>words</p>" + b"<x " * 100_000 + b"/>",
    "no-end.html": lambda: b"<html><body><p>words</p><!--" + b"-" * 2_000_000,
    "entities.html": lambda: b"<html><body><p>words " + b"&amp" * 300_000 + b"&#99999999999999999999;&#x0;" * 1000,
    "one-paragraph.html": lambda: b"<html><body><p>" + b"word <b>x</b> " * 100_000,
    "headings.html": lambda: b"<html><body>" + b"<h1>x</h1><p>y</p>" * 20_000,
    # PDF
    "loop-kids.pdf": lambda: pdf(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"]),
    "loop-parents.pdf": lambda: pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1/Parent 3 0 R>>",
            "<</Type/Pages/Kids[2 0 R]/Count 1/Parent 2 0 R>>",
        ]
    ),
    "bomb-kids.pdf": lambda: pdf(
        ["<</Type/Catalog/Pages 2 0 R>>"]
        + [f"<</Type/Pages/Count {10 ** (12 - n)}/Kids[{f'{n + 1} 0 R ' * 10}]>>" for n in range(2, 12)]
        + ["<</Type/Page/MediaBox[0 0 9 9]>>"]
    ),
    "million-pages.pdf": lambda: one_page(_TEXT).replace(b"/Count 1>>", b"/Count 1000000>>"),
    "huge-count.pdf": lambda: one_page(_TEXT).replace(b"/Count 1>>", b"/Count 2147483647>>"),
    "negative-count.pdf": lambda: one_page(_TEXT).replace(b"/Count 1>>", b"/Count -5>>"),
    "loop-outline.pdf": lambda: one_page(
        _TEXT,
        catalog="/Outlines 6 0 R",
        more=[
            "<</Type/Outlines/First 7 0 R/Last 7 0 R>>",
            "<</Title(a)/Next 8 0 R/First 7 0 R/Dest[3 0 R/Fit]>>",
            "<</Title(b)/Next 7 0 R/Dest[3 0 R/Fit]>>",
        ],
    ),
    "loop-labels.pdf": lambda: one_page(_TEXT, catalog="/PageLabels 6 0 R", more=["<</Kids[6 0 R 6 0 R]>>"]),
    "loop-contents.pdf": lambda: one_page(b"[4 0 R 4 0 R]"),
    "loop-forms.pdf": lambda: one_page(
        stream(words() + b"/X Do\n"),
        page="/XObject<</X 6 0 R>>",
        more=[stream(b"/X Do /X Do\n", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>")],
    ),
    "bomb-contents.pdf": lambda: one_page(stream(b" " * (80 << 20))),
    "bomb-twice.pdf": lambda: one_page(
        stream(zlib.compress(zlib.compress(b"0" * (60 << 20), 9), 9)).replace(
            b"/FlateDecode", b"[/FlateDecode/FlateDecode/FlateDecode]"
        )
    ),
    "many-words.pdf": lambda: one_page(stream(words("word", 200_000))),
    "deep-array.pdf": lambda: one_page(_TEXT, catalog="/X " + "[" * DEEP + "]" * DEEP),
    "deep-dictionary.pdf": lambda: one_page(_TEXT, catalog="/X " + "<</A" * DEEP + " 1" + ">>" * DEEP),
    "deep-contents.pdf": lambda: one_page(stream(words() + b"q " * 300_000 + b"[" * 300_000)),
    "loop-prev.pdf": lambda: pdf(["<</Type/Catalog/Pages 9 0 R>>"], trailer="/Prev 9"),
    "loop-xref.pdf": lambda: b"%PDF-1.7\nxref\n0 0\ntrailer\n<</Root 1 0 R/Size 1/Prev 9>>\nstartxref\n9\n%%EOF",
    "huge-xref.pdf": lambda: b"%PDF-1.7\nxref\n0 2000000000\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF",
    "no-xref.pdf": lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 100_000,
    "broken-start.pdf": lambda: pdf(["<</Type/Catalog/Pages 1 0 R>>"], broken_start=True),
    "huge-image.pdf": lambda: one_page(
        stream(words() + b"q 600 0 0 800 0 0 cm /X Do Q\n"),
        page="/XObject<</X 6 0 R>>",
        more=[
            stream(
                b"0",
                "/Type/XObject/Subtype/Image/Width 100000/Height 100000/BitsPerComponent 8/ColorSpace/DeviceRGB",
            )
        ],
    ),
    "huge-page.pdf": lambda: one_page(_TEXT).replace(b"[0 0 600 800]", b"[0 0 1e30 1e30]"),
    "huge-numbers.pdf": lambda: one_page(stream(b"BT /F 1e38 Tf 1e38 0 0 1e38 1e38 1e38 Tm (Words of size) Tj ET")),
    "self-length.pdf": lambda: one_page(b"<</Length 4 0 R>>stream\nBT ET\nendstream"),
    # texts
    "nothing.txt": lambda: b" " * 3_000_000,
    "newlines.txt": lambda: b"\n" * 3_000_000,
    "zeros.txt": lambda: bytes(3_000_000),
    "one-line.txt": lambda: b"x" * 3_000_000,
    "one-line-of-words.txt": lambda: b"word " * 600_000,
    "dots.txt": lambda: b"." * 1_000_000,
    "hyphens.txt": lambda: b"half-\nword " * 100_000,
    "tabs.txt": lambda: b"\t" * 300_000 + b"x",
    "returns.txt": lambda: b"\r" * 1_000_000 + b"x",
    "form-feeds.txt": lambda: b"\f" * 500_000 + b"words",
    "headings.txt": lambda: b"CHAPTER I\n\n" * 30_000,
    "numerals.txt": lambda: b"".join(b"%d.\n\n" % n for n in range(1, 30_000)),
    "gutenberg.txt": lambda: b"*** START OF THE PROJECT GUTENBERG EBOOK \n" * 20_000,
    "marks.txt": lambda: "\N{COMBINING ACUTE ACCENT}".encode() * 200_000,
    "right-to-left.txt": lambda: ("\u202e" * 100_000 + "words").encode(),
    "noise.txt": lambda: random.Random(5).randbytes(300_000),
    "half-characters.txt": lambda: b"words \xe2\x82" * 50_000,
    "marks.md": lambda: b"# x\n\n" + b"*" * 200_000 + b"a" + b"_" * 200_000,
    "brackets.md": lambda: b"# x\n\n- a\n- b\n\n" + b"[" * 100_000 + b"(" * 100_000,
    "links.md": lambda: b"# x\n\n- a\n- b\n\n" + b"[a](" * 50_000,
    "ticks.md": lambda: b"# x\n\n- a\n- b\n\n" + b"`a``b" * 40_000,
    "comments.md": lambda: b"# x\n\n- a\n- b\n\n" + b"<!--" * 50_000,
    "emphasis.md": lambda: b"# x\n\n- a\n- b\n\n" + b"*a " * 100_000,
    "quotes.md": lambda: b"# x\n\n- a\n- b\n\n" + b"> " * 100_000 + b"x",
    "front.md": lambda: b"---\n" + b"title: x\n" * 50_000,
    "table.md": lambda: b"# x\n\n- a\n- b\n\n" + b"|" * 200_000,
    "blank-heading.md": lambda: b"# One" + b" " * 200_000 + b"word\n\n**a** and [b](c)\n",
    "blank-title.md": lambda: b"---\ntitle: One" + b" " * 200_000 + b"word\n---\n# words\n\n**a** and [b](c)\n",
    "blank-voice.vtt": lambda: b"WEBVTT\n\n00:01.000 --> 00:02.000\nwords <v" + b" " * 200_000,
    "half-word.txt": lambda: (
        b"Some words stand in this line of ordinary length.\n" * 60 + b"x" * 200_000 + b"1-\nword."
    ),
    "cues.srt": lambda: b"1\n00:00:01,000 --> 00:00:02,000\n" + b"x" * 1_000_000,
    "tags.srt": lambda: b"1\n00:00:01,000 --> 00:00:02,000\nwords " + b"<i" * 200_000,
    "braces.srt": lambda: b"1\n00:00:01,000 --> 00:00:02,000\nwords " + b"{\\" * 200_000,
    "times.srt": lambda: b"1\n" + b"00:00:01,000 --> " * 50_000,
    "digits.srt": lambda: b"1" * 500_000 + b"\n00:00:01,000 --> 00:00:02,000\nwords",
    "voices.vtt": lambda: b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<v " * 100_000 + b"words",
    "names.vtt": lambda: b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"A" * 200_000 + b": " + b"B c " * 50_000,
    "same-time.vtt": lambda: b"WEBVTT\n\n" + b"00:01.000 --> 00:02.000\nwords here\n\n" * 10_000,
    "fields.ass": lambda: b"[Script Info]\n[Events]\nFormat: " + b"Text, " * 50_000 + b"\nDialogue: " + b"," * 100_000,
}
