"""What a result says of its reading: what was read, of how much, by what, at what cost, and what was lost.

Knows nothing of Markdown, JSON or the terminal's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from longdoc.core.types import Answer, AttentionInfo, CitationCount, ModelInfo, Receipt, SkippedPage, Summary
from longdoc.output.wording import count, duration, is_uncited, memory, one_line, percent, shown_name, shown_parts

_MAX_SKIPPED_RANGES = 12
_MAX_LOSSES = 10  # in a receipt; all of them stand in JSON
CHOSEN = "The summary is made of sentences chosen from the document, word for word; nothing in it was rewritten."


def _ranges(pages: Sequence[int]) -> str:
    """`7, 9–12`: sorted pages with neighbours joined; beyond a dozen ranges the rest is counted."""
    runs = [
        [page for _, page in run] for _, run in groupby(enumerate(sorted(set(pages))), lambda pair: pair[1] - pair[0])
    ]
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:_MAX_SKIPPED_RANGES]]
    rest = sum(len(run) for run in runs[_MAX_SKIPPED_RANGES:])
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def skipped_pages(skipped: Sequence[SkippedPage]) -> str:
    """`7, 9–12 (no text layer); 30 (damaged)`; of several files: `book.pdf 7 (no text layer)`."""
    kinds = dict.fromkeys((page.source, page.reason) for page in skipped)
    said = []
    for source, why in kinds:
        ranges = _ranges([page.page for page in skipped if (page.source, page.reason) == (source, why)])
        said.append(f"{shown_name(source) + ' ' if source else ''}{ranges} ({one_line(why)})")
    return "; ".join(said)


def summary_receipt(summary: Summary, *, detailed: bool = False) -> list[str]:
    """What kind of summary it is, and `receipt_lines` with the citations of what is shown."""
    kind = [CHOSEN] if summary.verbatim and any(summary.all_statements()) else []
    return [*kind, *receipt_lines(summary.receipt, shown_citations(summary), detailed=detailed)]


def answers_receipt(answers: Sequence[Answer], *, detailed: bool = False) -> list[str]:
    """`receipt_lines` of answers on one document."""
    return receipt_lines(answers[-1].receipt, count_citations(answers), detailed=detailed)


def shown_citations(summary: Summary) -> CitationCount:
    """The citations of a summary without those of a part that is not shown, because it repeats the whole."""
    shown = {id(part) for part in shown_parts(summary)}
    hidden = [s for part in summary.parts if id(part) not in shown for s in part.statements]
    made = summary.citations
    return CitationCount(
        total=made.total - sum(len(s.citations) for s in hidden),
        verified=made.verified - sum(c.verified for s in hidden for c in s.citations),
        statements=made.statements - len(hidden),
        statements_cited=made.statements_cited - sum(any(c.verified for c in s.citations) for s in hidden),
    )


def count_citations(answers: Iterable[Answer]) -> CitationCount:
    """The citations of answers; how many answers have one is counted only where some have none."""
    told = [answer for answer in answers if answer.text]
    citations = [citation for answer in told for citation in answer.citations]
    uncited = sum(is_uncited(answer) for answer in told)
    return CitationCount(
        total=len(citations),
        verified=sum(citation.verified for citation in citations),
        statements=len(told) if uncited else 0,
        statements_cited=len(told) - uncited,
    )


def receipt_lines(receipt: Receipt, citations: CitationCount, *, detailed: bool = False) -> list[str]:
    """What was read, of how much, by what and at what cost: one sentence a line, without markup.

    detailed: and with what attention, which JSON always says.
    """
    read = f"Read {receipt.tokens_read:,} of {receipt.num_tokens:,} tokens"
    read += f" ({percent(receipt.tokens_read, receipt.num_tokens)})"
    if receipt.tokens_from_state:
        known = "all" if receipt.tokens_from_state == receipt.tokens_read else f"{receipt.tokens_from_state:,}"
        read += f", {known} of them in an earlier run that kept its state"
    read += f" of {count(len(receipt.files), 'file')}" if receipt.files else ""
    if receipt.source.selection is not None:
        read += f", {one_line(receipt.source.selection)}"
    elif receipt.num_pages is not None:
        skipped = len({(page.source, page.page) for page in receipt.skipped})
        read += f", {receipt.num_pages - skipped:,} of {count(receipt.num_pages, 'page')}"
    if receipt.skipped:
        read += f"; skipped: {skipped_pages(receipt.skipped)}"
    cost = ""
    if receipt.peak_memory_bytes:  # else the result tells no costs: it is to be the same each time
        cost = f" {duration(receipt.seconds)}"
        cost += f", {receipt.read_tokens_per_s:,.0f} tokens/s" if receipt.read_tokens_per_s else ""
        cost += f", {memory(receipt.peak_memory_bytes)}."
    kv_bits = receipt.settings.get("kv_bits")
    by = attention_words(receipt.model, receipt.attention, kv_bits=kv_bits) if detailed else model_words(receipt.model)
    warnings = [warning for warning in receipt.warnings if warning not in receipt.source.lost]
    return [
        f"{read}.{cost}",
        f"{by}.",
        *(one_line(f"Note: {warning}") for warning in warnings),
        *_losses(receipt),
        f"{_checked(citations)}; {shown_name(receipt.source.name)}, sha256 {receipt.source.sha256[:16]}….",
    ]


def _losses(receipt: Receipt) -> list[str]:
    lost = receipt.source.lost
    more = len(lost) - _MAX_LOSSES
    said = [f"Not complete: {one_line(words)}" for words in lost[:_MAX_LOSSES]]
    return [*said, f"Not complete: {more:,} more, all named with --to json"] if more > 0 else said


def _checked(citations: CitationCount) -> str:
    """`Citations: 4 of 4 quotes stand at the place they name, 3 of 4 statements cited`, or that there is none."""
    if not citations.total:
        none = f", for {count(citations.statements, 'statement')}" if citations.statements else ""
        return f"No quotes to check{none}"
    said = f"Citations: {citations.verified:,} of {citations.total:,} quotes stand at the place they name"
    if citations.statements:
        said += f", {citations.statements_cited:,} of {count(citations.statements, 'statement')} cited"
    return said


def model_words(model: ModelInfo) -> str:
    """`Model a/b, nf4`."""
    return one_line(f"Model {model.id}" + (f", {model.quantization}" if model.quantization != "none" else ""))


def attention_words(model: ModelInfo, attention: AttentionInfo, *, kv_bits: int | None = None) -> str:
    """`Model embedded, adapter embedded; attention stream (sinks 4, window 512, memory on): the reason`."""
    words = model_words(model)
    words += f", adapter {model.adapter}" if model.adapter else ""
    words += f"; attention {attention.mode}"
    if attention.mode == "ring":
        words += f" of {attention.processes} {'process' if attention.processes == 1 else 'processes'}"
    elif attention.mode != "exact":
        tiers = [f"sinks {attention.sinks:,}", f"window {attention.window:,}"]
        tiers += [f"highlights {attention.highlights:,}"] if attention.highlights else []
        words += f" ({', '.join(tiers)}, memory {'on' if attention.memory else 'off'})"
    words += ", keys and values in 8 bits" if kv_bits == 8 else ""
    return one_line(f"{words}: {attention.why.rstrip('.')}")
