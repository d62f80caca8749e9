"""The book as plain text, wrapped by hand at 72 characters."""

from __future__ import annotations

import textwrap
from pathlib import Path

from making.book import Book

_WIDTH = 72


def write_text(book: Book, path: Path) -> None:
    blocks = [book.title.upper(), f"by\n{book.author.upper()}", *_wrapped(book.dedication), "CONTENTS"]
    blocks.append("\n".join(f"{c.heading:<15}{c.title}" for c in book.chapters))
    for chapter in book.chapters:
        blocks.extend([f"\n\n{chapter.heading}", f"{chapter.title}\n", *_wrapped(chapter.paragraphs)])
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _wrapped(paragraphs: tuple[str, ...]) -> list[str]:
    wrapped = []
    for paragraph in paragraphs:
        if "\n" in paragraph:
            wrapped.append(textwrap.indent(paragraph, "    "))
        else:
            wrapped.append(textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False))
    return wrapped
