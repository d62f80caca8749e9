"""Files that hold no text: pictures, sounds, films, fonts, programs. They are known by their first bytes.

Knows nothing of formats that a reader might have been written for: an archive may hold documents.
"""

from __future__ import annotations

from pathlib import Path

HEAD_BYTES = 512
PICTURE, SOUND, FILM, FONT = "a picture", "a sound recording", "a film", "a font"
_MARKS = (
    (0, b"\x89PNG", PICTURE),
    (0, b"\xff\xd8\xff", PICTURE),
    (0, b"GIF87a", PICTURE),
    (0, b"GIF89a", PICTURE),
    (0, b"II*\x00", PICTURE),
    (0, b"MM\x00*", PICTURE),
    (0, b"\x00\x00\x01\x00", PICTURE),
    (8, b"WEBP", PICTURE),
    (4, b"ftypheic", PICTURE),
    (4, b"ftypavif", PICTURE),
    (0, b"ID3\x02", SOUND),
    (0, b"ID3\x03", SOUND),
    (0, b"ID3\x04", SOUND),
    (0, b"fLaC\x00", SOUND),
    (0, b"OggS\x00", SOUND),
    (8, b"WAVE", SOUND),
    (4, b"ftypM4A ", SOUND),
    (4, b"ftyp", FILM),
    (8, b"AVI ", FILM),
    (0, b"\x1aE\xdf\xa3", FILM),
    (0, b"wOFF", FONT),
    (0, b"wOF2", FONT),
    (0, b"OTTO\x00", FONT),
    (0, b"\x00\x01\x00\x00\x00", FONT),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format 3\x00", "a database"),
)
# Beginnings that a text or other data may have as well: only with these endings.
_WITH_ENDING = (
    (b"BM", (".bmp",), PICTURE),
    (b"\xff", (".mp3", ".aac"), SOUND),
    (b"MZ", (".exe", ".dll"), "a program"),
)


def kind_without_text(head: bytes, name: str) -> str | None:
    """`a picture`; None for what may hold text. head: the first HEAD_BYTES bytes."""
    if name.lower().endswith(".svg") and b"<svg" in head:
        return PICTURE
    for at, mark, kind in _MARKS:
        if head.startswith(mark, at) and (at < 8 or head.startswith(b"RIFF")):
            return kind
    for mark, endings, kind in _WITH_ENDING:
        if head.startswith(mark) and name.lower().endswith(endings):
            return kind
    return None


def kind_of_file(path: str) -> str | None:
    """The same of a file on the disk; None also where it cannot be read, which is for its reader to tell."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return kind_without_text(head, path)
