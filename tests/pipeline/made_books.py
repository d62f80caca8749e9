"""A short book in three formats, with one fact in each chapter and prose without sense around it."""

from __future__ import annotations

from pathlib import Path

import tiny
from reportlab.pdfgen.canvas import Canvas

CHAPTERS = ("The Lighthouse", "The Storm", "The Return")
FACTS = (
    "The lighthouse of Corran was built by Magnus Ferrier in 1811.",
    "During the storm the schooner Halcyon lost both masts off Skerry Point.",
    "Agnes Ferrier inherited the observatory and sold it to the town council.",
)


def chapters(sentences_each: int = 30) -> list[tuple[str, str]]:
    """(title, text) three times; the fact of a chapter stands in its middle, in a paragraph of its own."""
    made = []
    for number, (title, fact) in enumerate(zip(CHAPTERS, FACTS, strict=True)):
        paragraphs = tiny.prose(sentences_each, seed=number).split("\n\n")
        paragraphs.insert(len(paragraphs) // 2, fact)
        made.append((title, "\n\n".join(paragraphs)))
    return made


def write_text(path: Path, extra: str = "") -> Path:
    """A book in Markdown; `extra` stands in the second chapter."""
    pieces = [f"# {title}\n\n{text}" for title, text in chapters()]
    pieces[1] += f"\n\n{extra}\n" if extra else ""
    path.write_text("\n\n".join(pieces), encoding="utf-8")
    return path


def write_pdf(path: Path) -> Path:
    """A chapter begins on a new page; the pages are full of short lines."""
    canvas = Canvas(str(path), pagesize=(420, 595), invariant=1)
    for title, text in chapters():
        lines = [f"# {title}"]
        for paragraph in text.split("\n\n"):
            line = ""
            for word in paragraph.split():
                if len(line) + len(word) > 60:
                    lines.append(line)
                    line = ""
                line = f"{line} {word}".strip()
            lines += [line, ""]
        for first in range(0, len(lines), 30):
            height = 540
            for line in lines[first : first + 30]:
                canvas.setFont("Times-Roman", 16 if line.startswith("#") else 10)
                canvas.drawString(50, height, line.strip("# "))
                height -= 16
            canvas.showPage()
    canvas.save()
    return path


def write_vtt(path: Path) -> Path:
    """A cue of four seconds for each sentence."""
    sentences = [s for _, text in chapters(20) for p in text.split("\n\n") for s in p.replace(". ", ".\n").split("\n")]
    cues = [
        f"{n // 15:02}:{n * 4 % 60:02}.000 --> {n // 15:02}:{n * 4 % 60 + 3:02}.500\n{sentence}\n"
        for n, sentence in enumerate(sentences)
    ]
    path.write_text("WEBVTT\n\n" + "\n".join(cues), encoding="utf-8")
    return path
