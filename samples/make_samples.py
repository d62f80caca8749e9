"""Make the sample files from two collections of public-domain texts. The same input gives the same bytes.

    python samples/make_samples.py BOOKS SPEECHES [--out samples]

BOOKS and SPEECHES are text files in which a line `<<<DOC id=... | ...>>>` stands before each document.
Needs reportlab.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from making.book import parse_book
from making.epub import write_epub
from making.pdf import write_pdf
from making.text import write_text
from making.vtt import write_vtt

BOOK_ID = "eltec_ENG19150_Buchan"
SPEECH_ID = "nltk_state_union_1961-Kennedy"


def document(collection: Path, identifier: str) -> str:
    """The text below the line that names the document, up to the next such line."""
    lines: list[str] = []
    inside = False
    with collection.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("<<<DOC "):
                if inside:
                    break
                inside = line.startswith(f"<<<DOC id={identifier} ")
            elif inside:
                lines.append(line)
    if not lines:
        raise SystemExit(f"{collection} has no document {identifier}")
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", type=Path)
    parser.add_argument("speeches", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    book = parse_book(document(arguments.books, BOOK_ID))
    write_text(book, arguments.out / "the-thirty-nine-steps.txt")
    write_pdf(book, arguments.out / "the-thirty-nine-steps.pdf")
    write_epub(book, arguments.out / "the-thirty-nine-steps.epub")
    write_vtt(document(arguments.speeches, SPEECH_ID), "John F. Kennedy", arguments.out / "urgent-national-needs.vtt")


if __name__ == "__main__":
    main()
