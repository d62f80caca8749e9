"""A PDF that is cut short: the pages that are whole in its bytes, in a file with a table of objects and a page tree.

What names the objects of a PDF stands at its end. Without it no parser opens the file, and the objects are all the
same there: they are looked up one by one, those in compressed object streams are written out, and a page counts as
whole when its contents, fonts and forms are there. Knows nothing of text. Time and memory grow with the file.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

_OBJECT = re.compile(rb"(?<!\d)(\d{1,8})\s{1,4}(\d{1,5})\s{1,4}obj\b")
_STREAM = re.compile(rb">>\s{0,8}stream\r?\n?")
_REFERENCE = re.compile(rb"(\d{1,8})\s{1,4}\d{1,5}\s{1,4}R\b")
_PAGE = re.compile(rb"/Type\s{0,4}/Page(?![A-Za-z])")
_NODE = re.compile(rb"/Type\s{0,4}/Pages\b")
_TOKEN = re.compile(rb"<<|>>|[\[\]]|/[^\s/<>\[\]()%]*|\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f\s]*>|[^\s/<>\[\]()]+", re.DOTALL)
_NUMBER = rb"\s{0,4}(\d{1,8})"
_END_BYTES = 2048  # readers look for the end of a PDF in the last kilobyte, and some in more
_MOST_BYTES = 256 << 20
_MOST_OBJECTS = 500_000
_MOST_PAGES = 20_000
_MOST_UNPACKED = 64 << 20


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """data: a file that parsers open.   missing: indices of pages that are not whole.   num_named: pages it had."""

    data: bytes
    num_pages: int
    missing: frozenset[int]
    num_named: int | None

    @property
    def num_whole(self) -> int:
        return self.num_pages - len(self.missing)


@dataclass(slots=True)
class _Objects:
    """What is whole in the bytes. heads: number -> the object, of a stream its dictionary; in the order of the file.

    known: resources of pages -> whether all of them is there; pages share them.
    """

    heads: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)  # offset and generation; not of unpacked ones
    known: dict[bytes, bool] = field(default_factory=dict)

    def target(self, value: bytes) -> bytes:
        """What a value stands for: itself, or the object that it refers to, empty when that is not there."""
        match = _REFERENCE.fullmatch(value)
        return self.heads.get(int(match[1]), b"") if match else value

    def has(self, value: bytes) -> bool:
        """Whether all that a value refers to is there."""
        return all(int(match[1]) in self.heads for match in _REFERENCE.finditer(value))


def is_cut_short(data: bytes | mmap.mmap) -> bool:
    """Whether the end of a PDF is missing; what a broken download fills up with zeros has none either."""
    return data.rfind(b"%%EOF", max(0, len(data) - _END_BYTES)) < 0


def rebuilt(data: bytes | mmap.mmap) -> Rebuilt | None:
    """The file made whole, or None when no page of it is, or when it is encrypted."""
    if len(data) > _MOST_BYTES:
        return None
    objects = _scan(data)
    if any(b"/Standard" in head and entries(head).get(b"/Filter") == b"/Standard" for head in objects.heads.values()):
        return None
    named, num_named = _named_pages(objects)
    pages = [number if number is not None and _is_whole(objects, number) else None for number in named]
    while pages and pages[-1] is None:
        pages.pop()
    if not pages:
        return None
    missing = frozenset(index for index, number in enumerate(pages) if number is None)
    return Rebuilt(_written(data, objects, pages), len(pages), missing, num_named)


def _scan(data: bytes | mmap.mmap) -> _Objects:
    objects = _Objects()
    packed: dict[int, tuple[int, int]] = {}  # object stream -> the bytes of it
    match = _OBJECT.search(data)
    while match is not None and len(objects.heads) < _MOST_OBJECTS:
        end = data.find(b"endobj", match.end())
        stream = _STREAM.search(data, match.end(), end) if end >= 0 else None
        head_end = end
        if stream is not None:
            head_end = stream.start() + 2
            stream_end = data.find(b"endstream", stream.end())
            end = data.find(b"endobj", stream_end) if stream_end >= 0 else -1
        if end < 0:
            break
        number = int(match[1])
        objects.heads.pop(number, None)  # a later one takes its place, and its turn
        objects.heads[number] = head = data[match.end() : head_end]
        objects.places[number] = match.start(), int(match[2])
        if stream is not None and b"/ObjStm" in head:
            packed[number] = stream.end(), stream_end
        match = _OBJECT.search(data, end)
    budget = _MOST_UNPACKED
    for number, (start, end) in packed.items():
        plain = _unpacked(objects.heads[number], data[start:end], budget)
        budget -= len(plain)
        for inner, body in _inner_objects(objects.heads[number], plain):
            objects.heads.setdefault(inner, body)
    return objects


def _unpacked(head: bytes, raw: bytes, most_bytes: int) -> bytes:
    if b"/Filter" not in head:
        return raw
    if b"/FlateDecode" not in head or b"/DecodeParms" in head:
        return b""
    try:
        return zlib.decompressobj().decompress(raw, max(most_bytes, 1))
    except zlib.error:
        return b""


def _inner_objects(head: bytes, plain: bytes) -> Iterator[tuple[int, bytes]]:
    count, first = (re.search(name + _NUMBER, head) for name in (rb"/N", rb"/First"))
    if count is None or first is None:
        return
    values = plain[: int(first[1])].split()[: 2 * int(count[1])]
    if not all(value.isdigit() for value in values):
        return
    starts = [int(first[1]) + int(value) for value in values[1::2]]
    for number, start, end in zip(values[::2], starts, [*starts[1:], len(plain)], strict=False):
        yield int(number), plain[start:end]


def entries(body: bytes) -> dict[bytes, bytes]:
    """The keys of a dictionary with their values as they are written."""
    found: dict[bytes, bytes] = {}
    depth, key, start = 0, b"", -1
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in (b">>", b"]"):
            depth -= 1
            if depth > 0:
                continue
        is_key = depth == 1 and token.startswith(b"/") and (not key or start >= 0)
        if key and start >= 0 and (is_key or depth == 0):
            found.setdefault(key, body[start : match.start()].strip())
        if depth == 0 and token == b">>":
            break
        if is_key:
            key, start = token, -1
        elif depth == 1 and start < 0:
            start = match.start()
        depth += token in (b"<<", b"[")
    return found


def _named_pages(objects: _Objects) -> tuple[list[int | None], int | None]:
    """The pages in their order, None for one that is not there; and how many the file had, where it says so."""
    nodes = {number: entries(head) for number, head in objects.heads.items() if _NODE.search(head)}
    for number, node in nodes.items():
        count = re.fullmatch(rb"\d{1,8}", node.get(b"/Count", b""))
        if b"/Parent" not in node and count is not None:
            found: list[int | None] = []
            if _walk(objects, nodes, number, set(), found) and any(page is not None for page in found):
                return found, int(count[0])
    pages = [number for number, head in objects.heads.items() if number not in nodes and _PAGE.search(head)]
    return [*pages[:_MOST_PAGES]], None


def _walk(
    objects: _Objects, nodes: dict[int, dict[bytes, bytes]], root: int, seen: set[int], found: list[int | None]
) -> bool:
    """Append the pages below a node, as far as they can be counted. -> False for a tree that is none."""
    waiting = [root]
    while waiting and len(found) < _MOST_PAGES:
        number = waiting.pop()
        if number in seen:
            return False
        seen.add(number)
        node = nodes.get(number)
        if node is None:
            found.append(number if number in objects.heads else None)
            continue
        kids = [int(match[1]) for match in _REFERENCE.finditer(objects.target(node.get(b"/Kids", b"")))]
        are_pages = node.get(b"/Count") == b"%d" % len(kids)
        for place, kid in enumerate(kids):
            if kid not in objects.heads and not are_pages:  # nobody knows how many pages are below it
                kids = kids[:place]
                waiting.clear()
                break
        waiting += reversed(kids)
    return True


def _is_whole(objects: _Objects, number: int) -> bool:
    """Whether the contents of a page are there, its fonts with their codes, and the forms and pictures on it."""
    page = entries(objects.heads[number])
    contents = page.get(b"/Contents", b"")
    if not (objects.has(contents) and objects.has(objects.target(contents) if b"[" not in contents else b"")):
        return False
    owner: dict[bytes, bytes] = page
    for _ in range(20):
        if b"/Resources" in owner or not owner:
            break
        owner = entries(objects.target(owner.get(b"/Parent", b"")))
    value = owner.get(b"/Resources")
    if value is None:
        return False
    if value not in objects.known:
        objects.known[value] = objects.has(value) and _has_fonts_and_forms(objects, objects.target(value))
    return objects.known[value]


def _has_fonts_and_forms(objects: _Objects, body: bytes) -> bool:
    resources = entries(body)
    listed = [resources.get(name, b"") for name in (b"/Font", b"/XObject")]
    fonts, forms = (objects.target(value) for value in listed)
    if not all(objects.has(value) for value in (*listed, fonts, forms)):
        return False
    for font in entries(fonts).values():
        codes = entries(objects.target(font))
        needed = [codes.get(name, b"") for name in (b"/Encoding", b"/ToUnicode", b"/DescendantFonts")]
        if not all(objects.has(value) for value in [*needed, objects.target(needed[-1])]):
            return False
    return True


def _written(data: bytes | mmap.mmap, objects: _Objects, pages: list[int | None]) -> bytes:
    """The bytes, and behind them what was packed, a page tree, and the table of all objects."""
    header = max(data.find(b"%PDF-", 0, 1024), 0)  # offsets count from it
    made = bytearray(data)
    places = {number: (offset - header, generation) for number, (offset, generation) in objects.places.items()}

    def add(number: int, body: bytes) -> None:
        places[number] = len(made) - header, 0
        made.extend(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    made += b"\n"
    for number, head in objects.heads.items():
        if number not in places:
            add(number, head)
    inherited = [entries(objects.heads[number]) for number in pages if number is not None]
    parents = {int(m[1]) for page in inherited if (m := _REFERENCE.fullmatch(page.get(b"/Parent", b"")))}
    size = next((page[b"/MediaBox"] for page in inherited if b"/MediaBox" in page), b"[0 0 2000 2000]")
    for number in parents - objects.heads.keys():
        add(number, b"<< /Type /Pages /Kids [] /Count 0 /MediaBox %b >>" % size)
    free = max([*objects.heads, *parents]) + 1
    blank = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 10 10] >>" % (free + 1)
    kids = [free + 2 if number is None else number for number in pages]
    listed = b" ".join(b"%d %d R" % (number, places.get(number, (0, 0))[1]) for number in kids)
    catalog = next((entries(head) for head in objects.heads.values() if b"/Catalog" in head), {})
    kept = b" ".join(b"%b %b" % (key, catalog[key]) for key in (b"/PageLabels", b"/Outlines") if key in catalog)
    add(free, b"<< /Type /Catalog /Pages %d 0 R %b >>" % (free + 1, kept))
    add(free + 1, b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(kids), listed))
    add(free + 2, blank)
    table = len(made) - header
    made += b"xref\n0 1\n0000000000 65535 f \n"
    for number in sorted(places):
        made += b"%d 1\n%010d %05d n \n" % (number, *places[number])
    made += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (free + 3, free, table)
    return bytes(made)
