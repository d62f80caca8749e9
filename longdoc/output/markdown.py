"""Results as Markdown. Knows nothing of where it is written or whether it will be rendered.

Text that comes from a document is escaped: an image link or a tag in a book must not load anything in a
Markdown viewer, and a line that starts with `#` must not become a heading of the summary. What a model
wrote by itself (`verbatim=False`) keeps its lists and emphasis, and loses images and tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from longdoc.core.types import Answer, Citation, Receipt, Statement, Summary
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
    shorten,
    shown_name,
    shown_parts,
)

# Characters that could open code, emphasis, a link, an image, a tag or an entity. An underscore inside a word is only a
# letter to CommonMark, a single ~ a sign, and a row of a table needs a line of dashes below it.
_INLINE = re.compile(r"[\\`*\[\]<]|~(?=~)|(?<=~)~|&(?=[#\w]+;)|(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r"^(?:[#>+=-]|\d{1,9}(?=[.)](?:\s|$)))")
_ACTIVE = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")
_CLOSEST_CHARACTERS = 300


def escape(text: str) -> str:
    """One line that Markdown shows as it stands."""
    line = _within(text)
    start = _BLOCK.match(line)
    if start is None:
        return line
    head = start.group()
    return f"{head}\\{line[len(head) :]}" if head[0].isdigit() else f"\\{line}"


def _within(text: str) -> str:
    """The same, for text that does not begin the line."""
    return _INLINE.sub(r"\\\g<0>", one_line(text))


def tame(text: str) -> str:
    """Markdown that a model wrote, without images and tags."""
    return _ACTIVE.sub(r"\\\g<0>", clean(text)).strip()


def summary_markdown(summary: Summary, *, name_source: bool = False, detailed: bool = False) -> str:
    """The whole first, then the parts in reading order, then the receipt.

    name_source: beside its title.   detailed: the receipt says with what attention it was read.
    """
    receipt = summary.receipt
    name = receipt.source.name
    blocks = [f"# {escape(heading_of(receipt, name_source))}"]
    blocks += _incomplete(summary.status, receipt)
    if summary.focus is not None:
        said = escape(focus_words(summary.focus, verbatim=summary.verbatim))
        blocks.append(said if summary.focus.num_sentences else f"**{said}**")
    blocks += _whole(summary)
    for part in shown_parts(summary):
        blocks.append(f"## {escape(part.title)}")
        notes = [_statement(s, name, summary.verbatim) for s in part.statements]
        blocks.append("\n".join(f"- {note}" for note in notes) if notes else "(nothing noted)")
    blocks += _receipt(summary_receipt(summary, detailed=detailed))
    return "\n\n".join(blocks) + "\n"


def _whole(summary: Summary) -> list[str]:
    """A paragraph, or a list: of statements, or of times and places with what was said there."""
    name = summary.receipt.source.name
    if summary.style == "timeline":
        shown = escape if summary.verbatim else lambda text: one_line(tame(text))
        rows = [(places(s.citations, document=name), shown(s.text)) for s in summary.statements]
        lines = [f"- **{_within(', '.join(where))}** {text}" if where else f"- {text}" for where, text in rows]
        return ["\n".join(lines)] if lines else []
    whole = [_statement(s, name, summary.verbatim) for s in summary.statements]
    if summary.style == "bullets":
        whole = ["\n".join(f"- {statement}" for statement in whole)] if whole else []
    return [" ".join(whole)] if whole else []


def answers_markdown(
    answers: Sequence[Answer],
    *,
    quote: bool = False,
    heading: bool = True,
    receipt: bool = True,
    name_source: bool = False,
    detailed: bool = False,
) -> str:
    """The answers to questions on one document, and one receipt for them all.

    quote: show the passages that were re-read.   heading: repeat each question.   name_source: and say who is asked.
    detailed: as in `summary_markdown`.
    """
    blocks = []
    for answer in answers:
        blocks += [f"## {escape(question_of(answer, name_source))}"] if heading else []
        blocks += _answer(answer, quote=quote)
    if receipt and answers:
        blocks += _receipt(answers_receipt(answers, detailed=detailed))
    return "\n\n".join(blocks) + "\n"


def heading_of(receipt: Receipt, name_source: bool) -> str:
    """The title, or the file's name where there is none; among several sources the path as well."""
    name = shown_name(receipt.source.name)
    if receipt.title is None:
        if receipt.source.name == "-":
            return "Standard input"
        return name if name_source else PurePath(name).name or name
    return f"{receipt.title} ({name})" if name_source else receipt.title


def question_of(answer: Answer, name_source: bool) -> str:
    """The question; among several sources the file that is asked as well."""
    return f"{answer.question} ({shown_name(answer.receipt.source.name)})" if name_source else answer.question


def _answer(answer: Answer, *, quote: bool) -> list[str]:
    name = answer.receipt.source.name
    blocks = _incomplete(answer.status, answer.receipt)
    if is_declined(answer):
        blocks.append(escape(declined_words(answer)))
    elif answer.text:
        shown = escape if answer.verbatim else tame
        said = " ".join(_with_places(shown(s.text), s.citations, name) for s in answer.sayings())
        behind = remark(answer)
        blocks.append(f"{said} *({behind})*" if behind else said)
    closest = is_declined(answer) and bool(answer.evidence)
    if closest or (quote and answer.evidence):
        blocks.append("Closest passages:" if closest else "Passages:")
        quotes = [(evidence.citation.quote, evidence.citation) for evidence in answer.evidence]
        blocks += [f"> {_with_places(escape(q if quote else shorten(q, _CLOSEST_CHARACTERS)), [c], name)}"
                   for q, c in quotes]  # fmt: skip
    return blocks


def _statement(statement: Statement, document: str, verbatim: bool) -> str:
    text = escape(statement.text) if verbatim else one_line(tame(statement.text))
    return _with_places(text, statement.citations, document)


def _with_places(text: str, citations: Iterable[Citation], document: str) -> str:
    """`text [p. 12] [p. 14]`."""
    return " ".join([text, *(f"[{_within(where)}]" for where in places(citations, document=document))])


def _incomplete(status: str, receipt: Receipt) -> list[str]:
    if status not in {"partial", "failed"}:
        return []
    return [f"**{status.capitalize()}: {escape(incomplete_words(receipt))}.**"]


def _receipt(lines: Iterable[str]) -> list[str]:
    return ["---", "  \n".join(map(escape, lines))]  # two spaces keep the lines apart when it is rendered
