"""Several files as one document: what was typed to the files it means, and their texts one after the other.

Each file is a section of level 1 with its own sections below it, and every anchor names its file. A file that cannot
be read is named, and the others are read. Knows nothing of formats.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longdoc.core.errors import EmptyInput, InputError, InputNotFound, LongdocError, NotThere, UsageError
from longdoc.core.events import Listener, Warned, ignore
from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Anchors, Document, File, Section, SkippedPage, Source
from longdoc.ingest.folder import look_below, shortened
from longdoc.ingest.parsed import PARAGRAPH_BREAK, STDIN
from longdoc.ingest.read import read_document
from longdoc.ingest.select import select_places, select_sections

MIXED = "mixed"  # the format of files of several formats
_DIGITS = re.compile(r"(\d+)")
_SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Together:
    """Files that are read as one document.

    name: of all of them, in messages and results.   kept_as: the path that kept states are named by.
    left_out: what lies in the folders and is no document, in words for a warning each.
    """

    name: str
    files: tuple[str, ...]
    kept_as: str
    left_out: tuple[str, ...] = ()


def expand(typed: Sequence[str]) -> list[str]:
    """The files that are meant, in reading order: a folder stands for every file below it that is not hidden.

    Folders, and sources that come in alphabetical order as a shell writes `*.txt`, are put in natural order: chapter2
    before chapter10. Any other order is kept. Raises InputNotFound for a folder without files, or that cannot be read.
    """
    return look_into(typed)[0]


def look_into(typed: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The files as `expand` gives them, and what else lies in the folders, in words for a warning each."""
    names = [*typed]
    if names in (sorted(names), sorted(names, key=str.casefold)):
        names.sort(key=natural_key)
    files: list[str] = []
    left_out: list[str] = []
    for name in names:
        if name != STDIN and Path(name).is_dir():
            below = look_below(name)
            files += sorted(below.files, key=lambda path: (natural_key(path), path))
            left_out += below.left_out
        else:
            files.append(name)
    return files, tuple(shortened(left_out))


def natural_key(path: str) -> list[list[tuple[str, int]]]:
    """For sorting: numbers by their value, words without regard to case, folder by folder."""
    return [
        [(piece.casefold(), 0) if index % 2 == 0 else ("", int(piece)) for index, piece in enumerate(pieces)]
        for pieces in (_DIGITS.split(name) for name in Path(path).parts)
    ]


def together(typed: Sequence[str]) -> Together | None:
    """What was typed as one reading; None when it is a single file, which is read as itself."""
    files, left_out = look_into(typed)
    if len(typed) == 1:
        return Together(typed[0], tuple(files), typed[0], left_out) if files != [*typed] else None
    return Together(_named(files), tuple(files), f"{files[0]}+", left_out)


def _named(files: Sequence[str]) -> str:
    """`a.txt and 2 more`."""
    return f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else files[0]


def read_source(source: str | Together, options: SourceOptions, on_event: Listener = ignore) -> Document:
    """A file, or several as one document, cut to what the options choose.

    Raises what `read_document` raises, and NotThere when there is nothing of what was chosen.
    """
    if isinstance(source, Together):
        document = read_together(source, options, on_event)
    else:
        document = select_places(read_document(source, options, on_event), options)
    return select_sections(document, options.sections)


def read_together(sources: Together, options: SourceOptions, on_event: Listener = ignore) -> Document:
    """The files that can be read, as one document; the others are named in `lost`, which makes every result partial.

    One worker parses them one after the other, for as long as none of them ends it.

    Raises the error of the only file, and InputError, InputNotFound or NotThere when none can be read.
    """
    from longdoc.ingest.sandboxed import worker_for_many

    documents: list[Document] = []
    lost: list[str] = []
    kinds: set[type[LongdocError]] = set()
    fixes: list[str | None] = []
    empty: list[str] = []
    for said in sources.left_out:
        on_event(Warned(said))
    with worker_for_many() as worker:
        for name in sources.files:
            try:
                documents.append(select_places(read_document(name, options, on_event, worker=worker), options))
            except LongdocError as error:
                is_elsewhere = isinstance(error, NotThere)  # in other files may be what was chosen
                if len(sources.files) == 1 or (isinstance(error, UsageError) and not is_elsewhere):
                    raise
                said = "" if is_elsewhere else f"{_shown(name)} could not be read: "
                said += error.what.rstrip(".") + (f" ({error.why})" if error.why else "")
                (empty if isinstance(error, EmptyInput) else lost).append(said)
                fixes.append(error.fix)
                kinds.add(next((kind for kind in (InputNotFound, NotThere) if isinstance(error, kind)), InputError))
                on_event(Warned(said))
    if not documents:
        why = "; ".join([*lost, *empty][:_SHOWN_FAILURES])
        if kinds == {NotThere}:
            raise NotThere(f"None of the {len(sources.files)} files has what was chosen.", why=why, fix=fixes[0])
        raise (kinds.pop() if len(kinds) == 1 else InputError)(
            f"None of the {len(sources.files)} files could be read.", why=why, fix="longdoc summarize FILE, one by one"
        )
    return joined(documents, sources, lost=lost, warnings=[*sources.left_out, *empty])


def joined(
    documents: Sequence[Document], sources: Together, *, lost: Sequence[str] = (), warnings: Sequence[str] = ()
) -> Document:
    """One document of several. lost, warnings: of files that are not among them."""
    texts = [document.text for document in documents]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + len(PARAGRAPH_BREAK))
    ends = [*starts[1:-1], starts[-1] - len(PARAGRAPH_BREAK)]  # a section reaches up to the next: they tile the text
    placed = [*zip(documents, starts, strict=False)]
    sections: list[Section] = []
    for title, document, start, end in zip(_titles(documents), documents, starts, ends, strict=False):
        sections.append(Section(title, start, end, 1))
        sections += [replace(s, start=s.start + start, end=s.end + start, level=s.level + 1) for s in document.sections]
    pages = [document.num_pages for document in documents if document.num_pages is not None]
    return Document(
        text=PARAGRAPH_BREAK.join(texts),
        source=_source(documents, sources, lost),
        anchors=Anchors(anchor for document, start in placed for anchor in _anchors(document, start)),
        sections=tuple(sections),
        num_pages=sum(pages) if pages else None,
        skipped=tuple(SkippedPage(p.page, p.reason, d.source.name) for d in documents for p in d.skipped),
        warnings=(*warnings, *(f"{_shown(d.source.name)}: {warning}" for d in documents for warning in d.warnings)),
        files=tuple(File(d.source, start, start + len(d.text), d.title, d.num_pages) for d, start in placed),
    )


def _titles(documents: Sequence[Document]) -> list[str]:
    """What the section of each file is called: its title, with the file's name when another has the same title."""
    titles = [document.title or Path(document.source.name).name for document in documents]
    return [
        f"{title} ({_shown(document.source.name)})" if titles.count(title) > 1 else title
        for title, document in zip(titles, documents, strict=True)
    ]


def _anchors(document: Document, start: int) -> Iterator[Anchor]:
    """Those of one file, with its name; the first stands at its beginning."""
    name = document.source.name
    if not document.anchors or document.anchors[0].offset > 0:
        yield Anchor(start, source=name)
    for anchor in document.anchors:
        yield replace(anchor, offset=anchor.offset + start, source=name)


def _source(documents: Sequence[Document], sources: Together, lost: Sequence[str]) -> Source:
    """That of the whole: its hash is over the names and hashes of the files in their order."""
    parts = [document.source for document in documents]
    listed = json.dumps([[part.name, part.sha256, part.selection] for part in parts])
    formats = {part.format for part in parts}
    selections = dict.fromkeys(part.selection for part in parts)
    is_named_by_files = sources.name == _named(sources.files)  # and not by a folder
    return Source(
        name=_named([part.name for part in parts]) if is_named_by_files else sources.name,
        sha256=hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest(),
        format=formats.pop() if len(formats) == 1 else MIXED,
        num_bytes=sum(part.num_bytes for part in parts),
        lost=(*lost, *(f"{_shown(part.name)}: {what}" for part in parts for what in part.lost)),
        selection="; ".join(f"{_shown(p.name)}: {p.selection}" for p in parts) if any(selections) else None,
        kept_as=sources.kept_as,
    )


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name
