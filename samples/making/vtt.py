"""A speech as captions. The times are made up from the number of words: 130 of them take a minute."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

_WORDS_PER_S = 130 / 60
_LINE = 40  # characters; a caption has two lines
_PAUSE_S = 0.4  # after a sentence
_BREATH_S = 2.2  # after a paragraph


def write_vtt(speech: str, speaker: str, path: Path) -> None:
    now_s = 0.0
    cues = []
    for paragraph in _spoken(speech):
        words = paragraph.split()
        while words:
            lines, words = _two_lines(words)
            end_s = now_s + sum(len(line.split()) for line in lines) / _WORDS_PER_S
            text = "\n".join(escape(line, quote=False) for line in lines)
            cues.append(f"{len(cues) + 1}\n{_stamp(now_s)} --> {_stamp(end_s)}\n<v {speaker}>{text}</v>")
            now_s = end_s + (_PAUSE_S if re.search(r"[.?!][”\"]?$", lines[-1]) else 0)
        now_s += _BREATH_S
    note = f"NOTE\n{speaker}, 25 May 1961. The times are estimated from the number of words."
    path.write_text("\n\n".join(["WEBVTT", note, *cues]) + "\n", encoding="utf-8")


def _spoken(speech: str) -> list[str]:
    """The paragraphs that were spoken: without the title, the headings, and the passage omitted in the reading."""
    speech = re.sub(r"\[At this point.*?\]", "", speech, flags=re.DOTALL)
    start = speech.index("Mr. Speaker, Mr. Vice President")
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", speech[start:]):
        line = " ".join(paragraph.split())
        line = re.sub(r"^[IVX]+\. (?:(?:[A-Z]{2,}[A-Z,'-]* ?)+(?=[A-Z]))?", "", line)
        line = re.sub(r"\s*--\s*", "—", line).replace("gentlemen-and", "gentlemen—and")
        if line:
            paragraphs.append(line)
    return paragraphs


def _two_lines(words: list[str]) -> tuple[list[str], list[str]]:
    """The next caption and the words that are left; sentences run on from one caption to the next."""
    lines: list[str] = []
    while words and len(lines) < 2:
        count = 1
        while count < len(words) and len(" ".join(words[: count + 1])) <= _LINE:
            count += 1
        lines.append(" ".join(words[:count]))
        words = words[count:]
    return lines, words


def _stamp(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return (
        f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:"
        f"{milliseconds // 1000 % 60:02}.{milliseconds % 1000:03}"
    )
