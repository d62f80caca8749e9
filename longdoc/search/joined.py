"""Many short texts with questions joined into one long document, to fit and measure search on.

Question sets come with a paragraph that holds the answer; nobody who asks a book does. Joined, the
paragraphs of hundreds of documents make one text in which the right one must be found first. Each
document becomes a section. Knows nothing of rankers.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from longdoc.core.errors import DamagedInput
from longdoc.core.sentences import Span
from longdoc.core.types import Section

Row = Mapping[str, Any]
_FIELDS = ("doc_id",)


@dataclass(frozen=True, slots=True)
class JoinedQuestion:
    """start, end: the paragraph that the question was written for. belongs: False for one about another document.

    is_trick: written for the paragraph so that it has no answer there (SQuAD 2).
    """

    question: str
    answers: tuple[str, ...]
    start: int
    end: int
    belongs: bool = True
    is_trick: bool = False

    def is_found_in(self, passage: Span) -> bool:
        """Whether a passage holds more than half of the paragraph, or lies more than half in it."""
        shared = min(passage[1], self.end) - max(passage[0], self.start)
        return shared > 0.5 * min(passage[1] - passage[0], self.end - self.start)


@dataclass(frozen=True, slots=True)
class JoinedDocument:
    """A long text, its sections (one for each document joined) and its questions."""

    name: str
    text: str
    sections: tuple[Section, ...]
    questions: tuple[JoinedQuestion, ...]


def read_rows(paths: Iterable[Path]) -> Iterator[Row]:
    """The rows of JSONL files. Only "\\n" ends a row: texts hold other line separators.

    A question without a context has that of the row before it, which is on the same document. Raises DamagedInput for
    what is no row.
    """
    for path in paths:
        last: dict[str, Any] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if line:
                row = _row(line, f"{path}, line {number}")
                if "question" in row and "context" not in row and row["doc_id"] == last.get("doc_id"):
                    row["context"] = last["context"]
                yield (last := row)


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DamagedInput(f"{place} is not JSON.", why=str(error), fix="give one JSON object a line") from error
    missing = [name for name in _FIELDS if not isinstance(row, dict) or name not in row]
    if missing:
        raise DamagedInput(
            f"{place} has no {' and no '.join(missing)}.",
            why="a row belongs to a document",
            fix="give rows with question or summary, context or document, source and doc_id",
        )
    found: dict[str, Any] = row
    return found


def is_of_the_whole(row: Row) -> bool:
    """Whether a summary is one of the whole document: in some sets others answer a narrower query."""
    if row["source"] == "qmsum":
        return bool(row.get("scope") == "full")
    return row["source"] != "squality" or "plot" in (row.get("query") or "").lower()


def is_held_out(doc_id: str, share: float = 0.25) -> bool:
    """Whether a document is kept for measuring: by a checksum of its name, the same on every machine."""
    return zlib.crc32(doc_id.encode()) % 1000 < 1000 * share


def join(
    rows: Sequence[Row], name: str, *, max_words: int = 120_000, max_questions: int = 400, naming: bool = False
) -> list[JoinedDocument]:
    """Long documents of at most about `max_words`, each with at most `max_questions` evenly drawn questions.

    naming: questions are asked with the title ('Who is the king? (in "Snow Man")'), as one must in a
    collection where every tale has a king.
    """
    groups: list[list[Row]] = [[]]
    num_words = 0
    seen: set[str] = set()
    by_document: dict[str, list[Row]] = {}
    for row in rows:
        by_document.setdefault(row["doc_id"], []).append(row)
    for document in by_document.values():
        new = {row["context"] for row in document} - seen
        size = sum(len(context.split()) for context in new)
        if num_words and num_words + size > max_words:
            groups.append([])
            num_words = 0
        groups[-1].extend(document)
        num_words += size
        seen |= new
    return [_join(group, f"{name}-{i}", max_questions, naming) for i, group in enumerate(groups) if group]


def strangers(document: JoinedDocument, others: Sequence[JoinedDocument], num: int) -> list[JoinedQuestion]:
    """Questions of other documents, evenly drawn: this one must decline them."""
    pool = [q for other in others if other.name != document.name for q in other.questions if not q.is_trick]
    step = max(1, len(pool) // max(1, num))
    return [JoinedQuestion(q.question, q.answers, 0, 0, belongs=False) for q in pool[::step][:num]]


def rotated(document: JoinedDocument, share: float) -> JoinedDocument:
    """The same short documents in the same order, begun with the one at that share of the text: for other places."""
    if not share:
        return document
    first = next(n for n, s in enumerate(document.sections) if s.end > share * len(document.text))
    order = [*document.sections[first:], *document.sections[:first]]
    cut = order[0].start
    length = len(document.text)

    def moved(offset: int) -> int:
        return (offset - cut) % length

    sections = tuple(replace(s, start=moved(s.start), end=moved(s.start) + s.end - s.start) for s in order)
    questions = tuple(
        replace(q, start=moved(q.start), end=moved(q.start) + q.end - q.start) for q in document.questions
    )
    text = document.text[cut:] + document.text[:cut]
    return JoinedDocument(f"{document.name}, from {share:.0%}", text, sections, questions)


def _join(rows: Sequence[Row], name: str, max_questions: int, naming: bool) -> JoinedDocument:
    parts: list[str] = []
    offset = 0
    sections: list[Section] = []
    spans: dict[str, tuple[int, int]] = {}
    by_document: dict[str, list[Row]] = {}
    for row in rows:
        by_document.setdefault(row["doc_id"], []).append(row)
    for doc_id, document in by_document.items():
        title = title_of(doc_id)
        start = offset
        parts.append(title + "\n\n")
        offset += len(title) + 2
        for row in document:
            context = row["context"]
            if context not in spans:
                spans[context] = (offset, offset + len(context))
                parts.append(context + "\n\n")
                offset += len(context) + 2
        sections.append(Section(title, start, offset))
    step = max(1.0, len(rows) / max_questions)
    drawn = [rows[int(i * step)] for i in range(int(len(rows) / step))]
    questions = tuple(
        JoinedQuestion(
            row["question"] + (f' (in "{title_of(row["doc_id"])}")' if naming else ""),
            tuple(row["answers"]),
            *spans[row["context"]],
            is_trick=not row.get("answerable", True),
        )
        for row in drawn
    )
    return JoinedDocument(name, "".join(parts), tuple(sections), questions)


def title_of(doc_id: str) -> str:
    """ "squad_Nikola_Tesla" -> "Nikola Tesla"."""
    name = re.sub(r"[_\-]+", " ", doc_id.partition("_")[2] or doc_id).strip()
    return name if name != name.lower() else name.title()
