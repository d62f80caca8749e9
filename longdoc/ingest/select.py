"""What is read of a document: chosen pages, sections or times. The rest is cut away, and the anchors stay true.

Knows nothing of formats. What is chosen is said in words (`Source.selection`), so that a receipt can repeat it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Anchors, Document, File, Section
from longdoc.ingest.choice import Span, chosen_pages, chosen_sections
from longdoc.ingest.choice_times import chosen_times
from longdoc.ingest.offered import nothing_in_common
from longdoc.ingest.parsed import PARAGRAPH_BREAK


def select_places(document: Document, options: SourceOptions) -> Document:
    """The document cut to the chosen pages and times. Raises NotThere when there are none of them."""
    kept: list[Span] | None = None
    words: list[str] = []
    if options.pages is not None:
        pages = chosen_pages(document, options.pages)
        kept, words = pages.spans, [pages.words]
        inside = tuple(page for page in document.skipped if page.page in pages.numbers)
        source = document.source
        if document.skipped and not inside:  # what was lost are pages that nobody asked for
            source = replace(source, lost=())
        document = replace(document, skipped=inside, source=source)
    if options.times is not None:
        spans, said = chosen_times(document, options.times)
        kept = spans if kept is None else _common(kept, spans)
        words.append(said)
    return document if kept is None else _chosen(document, kept, words)


def select_sections(document: Document, wanted: str | None) -> Document:
    """The document, or several that are joined, cut to the chosen sections. Raises NotThere when there are none."""
    if wanted is None:
        return document
    spans, words = chosen_sections(document, wanted)
    return _chosen(document, spans, [words])


def _chosen(document: Document, spans: Sequence[Span], words: Sequence[str]) -> Document:
    before = [document.source.selection] if document.source.selection else []
    said = ", ".join([*before, *words])
    if not any(document.text[start:end].strip() for start, end in spans):
        raise nothing_in_common(document, said)
    return cut(replace(document, source=replace(document.source, selection=said)), spans)


def cut(document: Document, spans: Sequence[Span]) -> Document:
    """The text of the spans, one after the other, with the anchors, sections and files that lie in them."""
    kept = [span for start, end in merged(spans) if (span := _trimmed(document.text, start, end)) is not None]
    moved: list[int] = []  # where each of them begins in the new text
    length = 0
    for start, end in kept:
        length += len(PARAGRAPH_BREAK) if moved else 0
        moved.append(length)
        length += end - start
    sections = [(s, _image(s, kept, moved)) for s in document.sections]
    files = [(f, _image(f, kept, moved)) for f in document.files]
    return replace(
        document,
        text=PARAGRAPH_BREAK.join(document.text[start:end] for start, end in kept),
        anchors=Anchors(a for span, to in zip(kept, moved, strict=True) for a in _anchors(document, span, to)),
        sections=tuple(replace(s, start=start, end=end) for s, (start, end) in sections if end > start),
        files=tuple(replace(f, start=start, end=end) for f, (start, end) in files if end > start),
    )


def merged(spans: Sequence[Span]) -> list[Span]:
    """In the order of the text, each character once."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _common(first: Sequence[Span], second: Sequence[Span]) -> list[Span]:
    """What lies in both."""
    return [(max(a, c), min(b, d)) for a, b in first for c, d in second if max(a, c) < min(b, d)]


def _trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without white space at its ends; None when there is nothing else."""
    piece = text[start:end]
    first = start + len(piece) - len(piece.lstrip())
    return (first, first + len(piece.strip())) if piece.strip() else None


def _image(old: Section | File, kept: Sequence[Span], moved: Sequence[int]) -> Span:
    """What is left of a span, in the new text; empty when nothing is."""
    inside = [n for n, (start, end) in enumerate(kept) if start < old.end and old.start < end]
    if not inside:
        return 0, 0
    first, last = inside[0], inside[-1]
    begin = moved[first] + max(old.start, kept[first][0]) - kept[first][0]
    return begin, moved[last] + min(old.end, kept[last][1]) - kept[last][0]


def _anchors(document: Document, span: Span, to: int) -> list[Anchor]:
    """The anchors of a span whose text now begins at `to`: the one that it lies under, and those inside it."""
    first = document.anchor_at(span[0])
    begin = bisect_left(document.anchors, span[0] + 1, key=lambda anchor: anchor.offset)
    stop = bisect_left(document.anchors, span[1], key=lambda anchor: anchor.offset)
    inside = [replace(anchor, offset=anchor.offset - span[0] + to) for anchor in document.anchors[begin:stop]]
    return [*([replace(first, offset=to)] if first is not None else []), *inside]
