"""EPUB 2 and 3: the spine's documents as one text, the table of contents as sections, page-list labels.

Knows nothing of zip files and packages (epub_package) or of tags (html). An EPUB has no pages of its own: a
citation carries the section, and the printed page's label where the book has a page list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from longdoc.core.errors import DamagedInput, EmptyInput, InputError, NoTextLayer
from longdoc.core.events import Opening
from longdoc.core.types import Anchor
from longdoc.ingest.archive import Archive, ZipBomb, all_named, damaged, member_names, words_of
from longdoc.ingest.epub_package import NavPoint, Package, read_package, resolve
from longdoc.ingest.flow import Block, with_notes
from longdoc.ingest.headings import find_headings
from longdoc.ingest.html import notes_in, parse, walk
from longdoc.ingest.parsed import Heading, Parsed, Raw, TextBuilder, sections_from

_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg")
_DRAWING = ".svg"
_PICTURE = re.compile(r"<(?:img|image|svg|object|video)\b", re.IGNORECASE)
_MOST_NAMED = 10


def sniff(raw: Raw) -> bool:
    """A zip with the EPUB mimetype, or with a container that names a package."""
    if not raw.data.startswith(b"PK"):
        return False
    return b"application/epub+zip" in raw.data[:200] or "META-INF/container.xml" in member_names(raw)


def read(raw: Raw) -> Parsed:
    """The whole book as one text."""
    archive = Archive.open(raw)
    with archive.zip:
        package = read_package(archive)
        if not package.spine and not package.unread:
            raise damaged(raw, "its reading order names no document that is there")
        builder = TextBuilder()
        places: dict[str, int] = {}  # "path" and "path#id" -> offset
        marked: list[Anchor] = []
        inner: list[Heading] = []
        paragraphs: list[tuple[str, int]] = []
        lost: list[tuple[str, str]] = []  # (path, why) of documents that could not be read
        pictures = list(package.unread)  # documents without a word
        notes = {path: _notes(archive, path) for path in package.nonlinear}
        outside = {target: words for found in notes.values() for target, words in found.items()}
        for number, path in enumerate(package.spine):
            raw.on_event(Opening(raw.name, number, len(package.spine)))
            try:
                document = archive.text(path)
                blocks = _drawn(archive, path) if path.lower().endswith(_DRAWING) else _blocks(document, path, outside)
            except ZipBomb:
                raise
            except DamagedInput as error:
                lost.append((path, error.why or error.what))
                continue
            before = builder.next_offset
            places.setdefault(path, before)
            for block in with_notes(blocks):
                if not block.text:
                    continue
                start = builder.paragraph(block.text)
                paragraphs.append((block.text, start))
                places.update({f"{path}#{name}": start + at for name, at in block.ids.items()})
                marked.extend(Anchor(start + at, label=label) for at, label in sorted(block.pages.items()))
                if block.level:
                    inner.append(Heading(" ".join(block.text.split()), start, block.level))
            if builder.next_offset == before and _PICTURE.search(document):
                pictures.append(path)
    text = builder.text()
    if not text and lost:
        raise damaged(raw, lost[0][1])
    if not text:
        raise _wordless(raw, archive)
    missing = _missing(package, lost, archive.losses)
    said = _said_of_pictures(package, pictures)
    if len(pictures) * 2 > len(package.spine) + len(package.unread):
        missing += said
        said = ()
    headings = _headings(package.contents, places) or _ranked(inner) or find_headings(paragraphs)
    return Parsed(
        text=text,
        title=package.title,
        anchors=_anchors(package, places, marked),
        sections=sections_from([heading for heading in headings if heading.start < len(text)], len(text)),
        warnings=said + _warnings(package, missing, sum(not found for found in notes.values())),
        lost=missing,
    )


def _wordless(raw: Raw, archive: Archive) -> InputError:
    """Pages that are pictures are as good as a scan."""
    if any(name.lower().endswith(_PICTURES) for name in archive.names()):
        return NoTextLayer(
            f"{raw.shown} has no text.",
            why="its pages are pictures",
            fix=f"ebook-convert {raw.quoted} book.pdf && ocrmypdf book.pdf out.pdf && longdoc summarize out.pdf",
        )
    return EmptyInput(f"{raw.shown} has no text.", why="its documents hold no words", fix=f"unzip -l {raw.quoted}")


def _notes(archive: Archive, path: str) -> dict[str, str]:
    """ "path#id" -> the note that stands there, in a document outside the reading order; {} when it holds no notes."""
    try:
        return {f"{path}#{name}": words for name, words in notes_in(archive.text(path)).items()}
    except ZipBomb:
        raise
    except DamagedInput:
        return {}


def _blocks(markup: str, path: str, outside: dict[str, str]) -> Iterable[Block]:
    """The blocks of a document; notes that it calls and that stand outside the reading order come with them."""
    body = parse(markup).body
    if body is None:
        return ()
    links = {link.attributes.get("href") or "" for link in body.css("a[href]")} if outside else ()
    targets = {link: resolve(path, link) for link in links}
    return walk(body, {link: outside[target] for link, target in targets.items() if target in outside})


def _drawn(archive: Archive, path: str) -> list[Block]:
    """The words of a page that is a drawing. Raises DamagedInput."""
    return [Block(words) for element in all_named(archive.xml(path), "text") if (words := words_of(element))]


def _headings(contents: tuple[NavPoint, ...], places: dict[str, int]) -> list[Heading]:
    """The entries of the table of contents whose target is in the text; a lost "#id" falls back to its document."""
    headings = []
    for point in contents:
        place = places.get(point.target, places.get(point.target.partition("#")[0]))
        if place is not None:
            headings.append(Heading(point.title, place, point.level))
    return headings if len(headings) > 1 else []


def _ranked(inner: list[Heading]) -> list[Heading]:
    """h2 and h4 become levels 1 and 2."""
    ranks = {level: rank for rank, level in enumerate(sorted({heading.level for heading in inner}), start=1)}
    return [Heading(heading.title, heading.start, ranks[heading.level]) for heading in inner]


def _anchors(package: Package, places: dict[str, int], marked: list[Anchor]) -> tuple[Anchor, ...]:
    """Printed page labels: from the page list, or from page breaks marked in the text."""
    listed = [Anchor(places[point.target], label=point.title) for point in package.page_list if point.target in places]
    anchors = sorted(listed or marked, key=lambda anchor: anchor.offset)
    if anchors and anchors[0].offset > 0:
        anchors.insert(0, Anchor(0))
    return tuple(anchors)


def _titles(package: Package) -> dict[str, str]:
    """Path of a document -> its title in the table of contents."""
    titles: dict[str, str] = {}
    for point in package.contents:
        titles.setdefault(point.target.partition("#")[0], point.title)
    return titles


def _said_of_pictures(package: Package, pictures: Sequence[str]) -> tuple[str, ...]:
    """Which documents of the reading order are pictures, and hold no text that could be read."""
    if not pictures:
        return ()
    titles = _titles(package)
    named = [f'"{titles.get(path, path)}"' for path in pictures[:_MOST_NAMED]]
    rest = f" and {len(pictures) - len(named):,} more" if len(pictures) > len(named) else ""
    what = "1 document of the book is a picture" if len(pictures) == 1 else f"{len(pictures):,} documents are pictures"
    return (f"{what} without text: {', '.join(named)}{rest}",)


def _missing(package: Package, lost: list[tuple[str, str]], losses: dict[str, str]) -> tuple[str, ...]:
    """What of the reading order could not be read: documents that are damaged, under their titles, and characters."""
    titles = _titles(package)
    missing = [
        f'"{titles.get(path, path)}" is damaged and was not read ({why}); '
        f"{len(package.spine) - len(lost)} of {len(package.spine)} documents of the book were"
        for path, why in lost
    ]
    missing += [f'"{titles.get(path, path)}" is missing in the archive' for path in package.missing]
    missing += [f'in "{titles.get(path, path)}" {losses[path]}' for path in package.spine if path in losses]
    return tuple(missing)


def _warnings(package: Package, missing: tuple[str, ...], num_outside: int) -> tuple[str, ...]:
    """What was left out: what could not be read, and documents outside the reading order."""
    warnings = [*missing, *(f"the table of contents {path} is damaged and was not used" for path in package.lost)]
    if num_outside:
        said = "1 document outside the reading order was" if num_outside == 1 else ""
        warnings.append(f"{said or f'{num_outside} documents outside the reading order were'} left out")
    return tuple(warnings)
