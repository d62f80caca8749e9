"""The formats: which reader each has, which of them the bytes are in, and the readers that other packages bring.

Knows nothing of how a format is parsed. A new format is one file and one line in `FORMATS`, or a package with an entry
point in the group `longdoc.readers`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from longdoc.core.errors import LongdocError, UnknownFormat, UsageError
from longdoc.core.events import Warned
from longdoc.ingest.foreign import refuse_foreign
from longdoc.ingest.parsed import Parsed, Raw

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "longdoc.readers"
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A reader: `module.read(raw) -> Parsed`, and `module.sniff(raw) -> bool` which looks at the content.

    marks: bytes of which one is among the first; without them its module is not imported.
    late: its sniffing looks beyond the first bytes, so what begins with the mark of another format is not asked for.
    plugin: the entry point of another package, whose object stands in the place of the module.
    """

    name: str
    module: str
    read: str = "read"
    sniff: str = "sniff"
    marks: tuple[bytes, ...] = ()
    late: bool = False
    plugin: EntryPoint | None = None

    def _function(self, name: str) -> Callable[[Raw], object]:
        # Readers are imported when a source needs them: --help and the other formats do not wait.
        module: Any = self.plugin.load() if self.plugin else importlib.import_module(f"longdoc.ingest.{self.module}")
        return cast("Callable[[Raw], object]", getattr(module, name))

    def matches(self, raw: Raw) -> bool:
        if self.marks and not any(mark in raw.whole[:_HEAD_BYTES] for mark in self.marks):
            return False
        return bool(self._function(self.sniff)(raw))

    def parse(self, raw: Raw) -> Parsed:
        parsed = self._function(self.read)(raw)
        if not isinstance(parsed, Parsed):
            raise TypeError(f"the reader gave a {type(parsed).__name__} and no Parsed")
        return parsed


# In the order in which they are asked; what is left is plain text.
FORMATS: tuple[Format, ...] = (
    Format("pdf", "pdf", marks=(b"%PDF-",), late=True),
    Format("epub", "epub", marks=(b"PK",)),
    Format("docx", "docx", marks=(b"PK",)),
    Format("odt", "odt", marks=(b"PK", b"<office:document ")),
    Format("rtf", "rtf", marks=(b"{\\rtf",)),
    Format("mbox", "mail", "read_mbox", "sniff_mbox", marks=(b"From ",), late=True),
    Format("eml", "mail", late=True),
    Format("vtt", "transcript", "read_vtt", "sniff_vtt", late=True),
    Format("srt", "transcript", "read_srt", "sniff_srt", late=True),
    Format("sbv", "transcript", "read_sbv", "sniff_sbv", late=True),
    Format("ass", "transcript", "read_ass", "sniff_ass", late=True),
    Format("json", "transcript_json", marks=(b"{", b"["), late=True),
    Format("html", "html", marks=(b"<",), late=True),
    Format("markdown", "markdown", late=True),
    Format("dialogue", "dialogue", late=True),
    Format("text", "text", late=True),
)


def plugins() -> Iterator[Format]:
    """The readers of other packages. One that has the name of a reader here is never asked."""
    from importlib.metadata import entry_points  # dear, and most documents are of a format of ours

    names = {reader.name for reader in FORMATS}
    for entry in entry_points(group=GROUP):
        if entry.name not in names:
            names.add(entry.name)
            yield Format(entry.name, entry.value, plugin=entry)


def format_named(name: str) -> Format:
    """The format that `--format` names. Raises UsageError when there is none of that name."""
    names = []
    for reader in chain(FORMATS, plugins()):
        if reader.name == name.lower():
            return reader
        names.append(reader.name)
    raise UsageError(
        f"There is no format {name!r}.", why=f"the formats are {', '.join(names)}", fix="leave --format away"
    )


def detect(raw: Raw) -> Format:
    """The format of the bytes. Raises UnknownFormat for those of no reader."""
    for reader in FORMATS:
        if not reader.late and reader.matches(raw):
            return reader
    for reader in plugins():
        if _plugin_matches(reader, raw):
            return reader
    refuse_foreign(raw)
    for reader in FORMATS:
        if reader.late and reader.matches(raw):
            return reader
    raise UnknownFormat(
        f"{raw.shown} is in no format that longdoc knows.",
        why="its bytes are neither text nor a document",
        fix=f"file {raw.quoted}  # says what it is",
    )


def _plugin_matches(reader: Format, raw: Raw) -> bool:
    """A broken reader of another package is told, and harms no other."""
    try:
        return reader.matches(raw)
    except LongdocError:
        return False
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raw.on_event(Warned(f"the reader {reader.name} ({reader.module}) does not work and was not asked: {why}"))
        return False
