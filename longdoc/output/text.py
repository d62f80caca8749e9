"""Results as plain text, one paragraph a line: no markup to strip, nothing wrapped. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from longdoc.core.types import Answer, Citation, Receipt, Summary
from longdoc.output.markdown import heading_of, question_of
from longdoc.output.receipts import answers_receipt, summary_receipt
from longdoc.output.wording import (
    clean,
    declined_words,
    focus_words,
    incomplete_words,
    is_declined,
    one_line,
    places,
    remark,
    shown_parts,
)


def summary_text(summary: Summary, *, name_source: bool = False, detailed: bool = False) -> str:
    """The whole, the parts under their titles, the receipt. name_source, detailed: as in `summary_markdown`."""
    name = summary.receipt.source.name
    blocks = [one_line(heading_of(summary.receipt, name_source))]
    blocks += _incomplete(summary.status, summary.receipt)
    if summary.focus is not None:
        blocks.append(focus_words(summary.focus, verbatim=summary.verbatim))
    blocks += _whole(summary)
    for part in shown_parts(summary):
        notes = [_with_places(one_line(s.text), s.citations, name) for s in part.statements]
        blocks.append("\n".join([one_line(part.title), *(f"  {note}" for note in notes)]))
    blocks += ["\n".join(summary_receipt(summary, detailed=detailed))]
    return "\n\n".join(blocks) + "\n"


def _whole(summary: Summary) -> list[str]:
    """A paragraph; a statement a line; or `01:23:45  What was said then.`"""
    name = summary.receipt.source.name
    if summary.style == "timeline":
        rows = [(places(s.citations, document=name), one_line(s.text)) for s in summary.statements]
        whole = [f"{', '.join(where)}  {text}" if where else text for where, text in rows]
    else:
        whole = [_with_places(one_line(s.text), s.citations, name) for s in summary.statements]
    return [(" " if summary.style in {"full", "brief"} else "\n").join(whole)] if whole else []


def answers_text(
    answers: Sequence[Answer], *, quote: bool = False, name_source: bool = False, detailed: bool = False
) -> str:
    """Questions and answers on one document, and one receipt for them all. Options as in `answers_markdown`."""
    blocks = []
    for answer in answers:
        name = answer.receipt.source.name
        blocks += [one_line(question_of(answer, name_source)), *_incomplete(answer.status, answer.receipt)]
        if is_declined(answer):
            blocks.append(declined_words(answer))
        elif answer.text:
            shown = one_line if answer.verbatim else lambda text: clean(text).strip()
            said = " ".join(_with_places(shown(s.text), s.citations, name) for s in answer.sayings())
            behind = remark(answer)
            blocks.append(f"{said} ({behind})" if behind else said)
        if quote or not answer.text:
            blocks += [
                f"  {_with_places(one_line(e.citation.quote), [e.citation], name)}"
                for e in answer.evidence
            ]  # fmt: skip
    if answers:
        blocks += ["\n".join(answers_receipt(answers, detailed=detailed))]
    return "\n\n".join(blocks) + "\n"


def _with_places(text: str, citations: Iterable[Citation], document: str) -> str:
    return " ".join([text, *(f"[{where}]" for where in places(citations, document=document))])


def _incomplete(status: str, receipt: Receipt) -> list[str]:
    if status not in {"partial", "failed"}:
        return []
    return [f"{status.upper()}: {incomplete_words(receipt)}."]
