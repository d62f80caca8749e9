"""Numbers, spans and citations in words. Knows nothing of Markdown, JSON or the terminal's size.

`clean` stands here because a document's text is data: it must not reach a terminal with its control
characters, or a book could move the cursor, set the title or hide what was printed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from longdoc.core.errors import BUG_EXIT_CODE
from longdoc.core.types import (
    Answer,
    Citation,
    Focus,
    Receipt,
    Summary,
    SummaryPart,
)

# C0 except tab and newline, DEL, and C1: U+009B alone starts an escape sequence in several terminals.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
UNCITED = "no citation: it does not stand in the document as it is said here"
UNSURE = "not sure that this answers it"
_MAX_SECTION_CHARACTERS = 60
_MAX_SPEAKER_CHARACTERS = 40
_MAX_FOCUS_CHARACTERS = 120
_MAX_NEAR = 3  # places that are named where nothing was found
_MAX_REASONS = 2  # that are said where a result begins; the receipt and JSON have them all


def clean(text: str) -> str:
    """`text` without control characters other than tab and newline."""
    return _CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """`text` cleaned, with every run of white space as one space."""
    return " ".join(clean(text.replace("\r", " ").replace("\f", " ").replace("\v", " ")).split())


def failure_words(error: Mapping[str, Any]) -> str:
    """What went wrong and why, on one line. error: as `longdoc.output.json.error_json` gives it.

    Of a bug the kind alone: its message may hold a piece of the document, and these lines go to logs too.
    """
    if error["exit_code"] == BUG_EXIT_CODE:
        return f"a bug in longdoc: {str(error['what']).partition(':')[0]}"
    return one_line(f"{error['what']} ({error['why']})" if error.get("why") else str(error["what"]))


def shorten(text: str, max_characters: int) -> str:
    """`text` on one line, with an ellipsis where it is longer: at a word, unless that is far back."""
    line = one_line(text)
    if len(line) <= max_characters:
        return line
    cut = line[: max_characters - 1]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > max_characters // 2 else cut).rstrip(" ,;:") + "…"


def percent(part: int, whole: int) -> str:
    """Rounded down, so that 100% means all of it."""
    return "100%" if part >= whole else f"{100 * part // whole}%"


def count(number: int, noun: str) -> str:
    """`1 page`, `2,000 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest_s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest_s:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def memory(num_bytes: int) -> str:
    """`512 MB`, `9.1 GB`: decimal units."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 999_500_000 else f"{num_bytes / 1e6:.0f} MB"


def file_size(num_bytes: int) -> str:
    """`1.6 MB`, `545 MB`: of a file, with a decimal where it is small."""
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes < 99_950_000 else memory(num_bytes)


def clock(seconds: float) -> str:
    """`01:23:45`, as players of recordings show it."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def place(citation: Citation, *, document: str | None = None) -> str:
    """Where a citation points: `p. xii`, `01:23:45, Ann`, `21/11/2026, 17:03:12`, `Chapter 2, line 812`, `paragraph 3`.

    document: name of the document being read; a citation from another file names that file too.
    """
    if citation.label is not None or citation.page is not None:
        where = f"p. {one_line(citation.label) if citation.label is not None else citation.page}"
    elif citation.start_s is not None:  # the day of a chat is its section
        where = ", ".join([*_section(citation), clock(citation.start_s)])
    else:
        said = _section(citation)
        said += [f"line {citation.line}"] if citation.line is not None else []
        said += [f"paragraph {citation.paragraph}"] if citation.paragraph is not None else []
        where = ", ".join(said) or f"character {citation.start:,}"
    where = ", ".join([where, *_speaker(citation)])
    if document is not None and citation.source != document:
        return f"{shown_name(citation.source)}, {where}"
    return where


def _speaker(citation: Citation) -> list[str]:
    """Who says the quote, unless it begins with the name."""
    name = one_line(citation.speaker or "")
    return [shorten(name, _MAX_SPEAKER_CHARACTERS)] if name and not one_line(citation.quote).startswith(name) else []


def _section(citation: Citation) -> list[str]:
    return [shorten(citation.section, _MAX_SECTION_CHARACTERS)] if citation.section else []


def shown_name(source: str) -> str:
    """The name of a source in a result: a dash is standard input."""
    return "standard input" if source == "-" else one_line(source)


def shown_parts(summary: Summary) -> tuple[SummaryPart, ...]:
    """The parts; none when the only one says nothing that the summary does not say already."""
    if len(summary.parts) == 1 and summary.parts[0].statements:
        return () if set(summary.parts[0].statements) <= set(summary.statements) else summary.parts
    return summary.parts


def places(citations: Iterable[Citation], *, document: str | None = None) -> list[str]:
    """The places of the verified citations, each once, in order."""
    return list(dict.fromkeys(place(c, document=document) for c in citations if c.verified))


def is_uncited(answer: Answer) -> bool:
    """Whether an answer stands without proof: given without a search, and not found in the document."""
    return bool(answer.text) and not any(citation.verified for citation in answer.citations)


def remark(answer: Answer) -> str | None:
    """What is said behind an answer: that it is not sure; without the search where it comes from, and no proof."""
    said = [UNCITED] if is_uncited(answer) else []
    if answer.text and answer.sure is False:
        said.append(UNSURE)
    if answer.text and answer.provenance and not answer.receipt.settings.get("search", True):
        said.append(f"from the {' and the '.join(answer.provenance)}")
    return "; ".join(said) or None


def is_declined(answer: Answer) -> bool:
    """Whether there is no answer, and that is the result."""
    return answer.status == "not_found" or (answer.status == "partial" and not answer.text)


def declined_words(answer: Answer) -> str:
    """What is said instead of an answer that there is not."""
    if answer.not_found_in == "passage":
        return "This asks about the whole document, which no passage of it answers: longdoc summarize does."
    if answer.not_found_in == "memory":
        return f"{_held(answer)} does not say."
    if answer.sure is False:
        return _perhaps_there(answer)
    said = "Not in what was read of the document." if answer.status == "partial" else "Not in the document."
    if answer.evidence and answer.verbatim:  # found by words: in other words it may stand there all the same
        said += " That is as far as the search can tell; read what comes nearest."
    return said


def _perhaps_there(answer: Answer) -> str:
    """Not found, and where to look."""
    where = "what was read of the document" if answer.status == "partial" else "the document"
    said = f"Not found in {where}; it may be there in other words."
    name = answer.receipt.source.name
    near = list(dict.fromkeys(place(e.citation, document=name) for e in answer.evidence))[:_MAX_NEAR]
    if not near:
        return said
    between = "; " if any("," in words for words in near) else ", "
    listed = near[0] if len(near) == 1 else f"{between.join(near[:-1])} and {near[-1]}"
    return f"{said} The nearest passages are at {listed}: look there."


def _held(answer: Answer) -> str:
    """What an answer without the search comes from."""
    attention = answer.receipt.attention
    if attention.mode != "stream":
        return "The model alone, without a search,"
    return "The memory alone" if attention.memory else "The window alone"


def no_passages(answer: Answer) -> str:
    """Why there are no passages beside an answer."""
    is_searched = answer.receipt.settings.get("search", True)
    return "No passage shares a word with the question." if is_searched else "Nothing was looked up (--without search)."


def focus_words(focus: Focus, *, verbatim: bool) -> str:
    """`Focus: the escape (18 sentences touch it)`, or that nothing does. verbatim: as in `Summary`."""
    asked = shorten(focus.asked, _MAX_FOCUS_CHARACTERS)
    if not focus.num_sentences:
        instead = "so this is the summary without it" if verbatim else "so the model may have found nothing of it"
        return f"No sentence of the document has a word of the focus “{asked}”, {instead}."
    touch = "1 sentence touches it" if focus.num_sentences == 1 else f"{focus.num_sentences:,} sentences touch it"
    missing = shorten(", ".join(focus.missing), _MAX_FOCUS_CHARACTERS)
    return f"Focus: {asked} ({touch}{f'; not in the document: {missing}' if missing else ''})"


def reasons(receipt: Receipt) -> list[str]:
    """Why a result is partial, one thing each: `1,000 of 56,812 tokens were read`, `1 of 9 pages are damaged`."""
    read = f"{receipt.tokens_read:,} of {receipt.num_tokens:,} tokens were read"
    said = [read] if receipt.tokens_read != receipt.num_tokens else []
    return [*said, *map(one_line, receipt.source.lost)] or [read]


def incomplete_words(receipt: Receipt, most: int = _MAX_REASONS) -> str:
    """The reasons on one line, and how many more there are: `a.pdf was not read; b.pdf was not read; and 3 more`."""
    said = reasons(receipt)
    more = [f"and {len(said) - most:,} more"] if len(said) > most else []
    return "; ".join([*said[:most], *more])
