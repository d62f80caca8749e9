"""All results on one document as one page, in the forms that `longdoc batch` writes. Knows nothing of files.

Nothing of time, speed or machine is in them, so that the same document gives the same bytes however it came about: at
once, after an interruption, on another worker. Those figures belong into the manifest. A new form is a row of FORMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from longdoc.core.types import Answer, Receipt, Summary
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import Json, answer_json, dumps, summary_json
from longdoc.output.markdown import answers_markdown, summary_markdown
from longdoc.output.text import answers_text, summary_text

DOCUMENT_SCHEMA = "longdoc.document/1"
# The amount of free memory is in the reason for a mode; it is another one each time.
_FREE = re.compile(r", [\d.]+ [GM]B are free")
_OF_THE_MACHINE = ("device", "threads", "offline")


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """A summary, answers, or both. name: of the document in its batch."""

    name: str
    summary: Summary | None
    answers: tuple[Answer, ...]
    quote: bool = False

    @property
    def receipt(self) -> Receipt:
        """What was read."""
        if self.answers:
            return self.answers[-1].receipt
        assert self.summary is not None, "a result has a summary or answers"
        return self.summary.receipt

    @property
    def status(self) -> str:
        """complete, or partial when one of the results is. "Not in the document" is a complete answer."""
        statuses = [*([self.summary.status] if self.summary else []), *(answer.status for answer in self.answers)]
        return "partial" if {"partial", "failed"} & {*statuses} else "complete"

    @property
    def first(self) -> str:
        """The sentence that stands for it in an index."""
        if self.summary is not None:
            return self.summary.statements[0].text if self.summary.statements else ""
        return self.answers[0].text


def timeless(result: DocumentResult) -> DocumentResult:
    """The result without what differs from run to run."""
    summary, answers = result.summary, result.answers
    return replace(
        result,
        summary=replace(summary, receipt=_timeless(summary.receipt)) if summary is not None else None,
        answers=tuple(replace(answer, receipt=_timeless(answer.receipt)) for answer in answers),
    )


def _timeless(receipt: Receipt) -> Receipt:
    attention = replace(receipt.attention, why=_FREE.sub("", receipt.attention.why))
    return replace(
        receipt,
        attention=attention,
        settings={name: value for name, value in receipt.settings.items() if name not in _OF_THE_MACHINE},
        seconds=float("nan"),  # null in JSON
        read_tokens_per_s=float("nan"),
        write_tokens_per_s=float("nan"),
        peak_memory_bytes=0,
        tokens_from_state=0,
    )


def markdown(result: DocumentResult) -> str:
    """The summary, then the answers, each with its receipt."""
    pages = [summary_markdown(result.summary)] if result.summary is not None else []
    pages += [answers_markdown(result.answers, quote=result.quote)] if result.answers else []
    return "\n".join(pages)


def text(result: DocumentResult) -> str:
    """The same without markup."""
    pages = [summary_text(result.summary)] if result.summary is not None else []
    pages += [answers_text(result.answers, quote=result.quote)] if result.answers else []
    return "\n".join(pages)


def document_json(result: DocumentResult) -> Json:
    """`longdoc.document/1`: a `longdoc.summary/1` or null, and a `longdoc.answer/1` for each question."""
    return {
        "schema": DOCUMENT_SCHEMA,
        "name": result.name,
        "status": result.status,
        "summary": summary_json(result.summary) if result.summary is not None else None,
        "answers": [answer_json(answer) for answer in result.answers],
    }


def json_lines(result: DocumentResult) -> str:
    """The summary and each answer on a line of its own."""
    rows: list[dict[str, Any]] = [summary_json(result.summary)] if result.summary is not None else []
    rows += [answer_json(answer) for answer in result.answers]
    return "".join(dumps(row) + "\n" for row in rows)


def html(result: DocumentResult) -> str:
    """Both as one page that needs nothing else."""
    return report_html([Reported(result.summary, result.answers)])


@dataclass(frozen=True, slots=True)
class DocumentForm:
    """ending: of the file.   render: the text of a result."""

    ending: str
    render: Callable[[DocumentResult], str]


FORMS: Mapping[str, DocumentForm] = {
    "md": DocumentForm(".md", markdown),
    "text": DocumentForm(".txt", text),
    "json": DocumentForm(".json", lambda result: dumps(document_json(result), indent=2) + "\n"),
    "jsonl": DocumentForm(".jsonl", json_lines),
    "html": DocumentForm(".html", html),
}
