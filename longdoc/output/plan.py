"""A plan in words and as JSON (`longdoc.plan/1`). Knows nothing of how it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from longdoc.core.plans import Plan, PlannedMemory, PlannedSection
from longdoc.output.json import Json
from longdoc.output.markdown import escape
from longdoc.output.receipts import attention_words, skipped_pages
from longdoc.output.wording import clock, count, duration, memory, one_line, shown_name

PLAN_SCHEMA = "longdoc.plan/1"


def plan_markdown(plan: Plan) -> str:
    """What there is, its sections as a tree with the numbers by which they are chosen, and what reading it takes."""
    return _page(plan, heading="# ", item="- ", escaped=escape)


def plan_text(plan: Plan) -> str:
    """The same without markup."""
    return _page(plan, heading="", item="", escaped=one_line)


def _page(plan: Plan, *, heading: str, item: str, escaped: Callable[[str], str]) -> str:
    name = shown_name(plan.source.name)
    title = f"{plan.title} ({name})" if plan.title else name
    blocks = [f"{heading}{escaped(title)}", "\n".join(escaped(line) for line in _found(plan))]
    if plan.sections:
        blocks.append("\n".join(f"{'  ' * (s.level - 1)}{item}{escaped(_section(s))}" for s in plan.sections))
    blocks.append("\n".join(escaped(line) for line in _takes(plan)))
    return "\n\n".join(blocks) + "\n"


def _found(plan: Plan) -> list[str]:
    """What the document is, what of it is read, and what could not be."""
    said = [plan.source.format]
    said += [count(len(plan.files), "file")] if plan.files else []
    said += [count(plan.num_pages, "page")] if plan.num_pages is not None else []
    said += [count(plan.num_characters, "character"), count(plan.num_tokens, "token")]
    lines = [", ".join(said) + "."]
    lines += [f"Only {plan.source.selection}."] if plan.source.selection else []
    lines += [f"Skipped: {skipped_pages(plan.skipped)}."] if plan.skipped else []
    lines += [f"Partial: {lost}." for lost in plan.source.lost]
    return [*lines, *(f"Note: {warning}" for warning in plan.warnings if warning not in plan.source.lost)]


def _section(section: PlannedSection) -> str:
    """`3 The Milkman, 4,512 tokens, p. 21`."""
    words = f"{section.number} {one_line(section.title)}, {count(section.num_tokens, 'token')}"
    if section.label is not None or section.page is not None:
        return f"{words}, p. {one_line(section.label) if section.label is not None else section.page}"
    return f"{words}, {clock(section.start_s)}" if section.start_s is not None else words


def _takes(plan: Plan) -> list[str]:
    """How it would be read, and what that takes."""
    lines = [
        f"{attention_words(plan.model, plan.attention)}; {plan.segment_tokens:,} tokens at a time.",
        *_limit(plan),
        f"A summary takes notes on {count(plan.num_parts, 'part')}.",
        f"Memory: about {_memory(plan.memory)}.",
        *_other_modes(plan),
        *_longest(plan),
    ]
    if plan.speed is None or plan.seconds is None:
        return [*lines, "Time: not measured yet on this machine."]
    measured = f"{plan.speed.tokens_per_s:,.0f} tokens/s, measured here {plan.speed.measured_at}"
    covered = "with starting and opening the document" if plan.speed.start_s is not None else "once it is open"
    return [*lines, f"Time: reading takes about {duration(plan.seconds)} {covered}, at {measured}."]


def _memory(needs: PlannedMemory) -> str:
    parts = {
        "weights": needs.weights, "kept": needs.kept, "workspace": needs.workspace, "program": needs.program,
        "document": needs.document, "loading": needs.loading,
    }  # fmt: skip
    said = [f"{name} {memory(value)}" for name, value in parts.items() if value or name in ("weights", "kept")]
    return f"{memory(needs.total)} ({', '.join(said)})"


def _limit(plan: Plan) -> list[str]:
    """How the limit is kept: what to give other commands."""
    if plan.memory_limit is None:
        return []
    kept = f"A limit of {memory(plan.memory_limit)} is kept"
    return [f"{kept} with {' '.join(plan.flags)}." if plan.flags else f"{kept} without any change."]


def _other_modes(plan: Plan) -> list[str]:
    """What the other ways of reading would take."""
    said = []
    for mode in plan.modes:
        if mode.mode == plan.attention.mode or mode.memory is None:
            continue
        if mode.mode == "ring":
            each = f"{memory(mode.memory.total)} for each of {mode.processes} processes"
            said.append(f"exact in a ring {each}")
        else:
            said.append(f"{mode.mode} {memory(mode.memory.total)}")
    return [f"Otherwise: {', '.join(said)}."] if said else []


def _longest(plan: Plan) -> list[str]:
    """The longest document that a ring holds."""
    lines = []
    for mode in plan.modes:
        if mode.most_tokens is None:
            continue
        within = "the memory that is free now" if plan.memory_limit is None else f"{memory(plan.memory_limit)} each"
        native = plan.native_tokens
        trained = f"; the model was trained for {native:,}" if native and native < mode.most_tokens else ""
        ring = f"A ring of {mode.processes} process{'' if mode.processes == 1 else 'es'}"
        is_asked = plan.attention.mode == "ring"
        is_on_cpu = mode.memory is not None and mode.memory.program > 0
        which = ", which pays on several GPUs or machines," if is_on_cpu and not is_asked else ""
        most = count(mode.most_tokens, "token")
        lines.append(f"{ring}{which} can read up to {most} exactly, within {within}{trained}.")
    return lines


def plan_json(plan: Plan) -> Json:
    """`longdoc.plan/1`."""
    source = plan.source
    return {
        "schema": PLAN_SCHEMA,
        "source": {
            "path": source.name,
            "sha256": source.sha256,
            "format": source.format,
            "bytes": source.num_bytes,
            "title": plan.title,
            "pages": plan.num_pages,
            "pages_skipped": [asdict(page) for page in plan.skipped],
            "selection": source.selection,
            "characters": plan.num_characters,
            "tokens": plan.num_tokens,
            "warnings": list(plan.warnings),
            "lost": list(source.lost),
        },
        "files": [{"path": f.source.name, "sha256": f.source.sha256, "pages": f.num_pages} for f in plan.files],
        "sections": [
            {
                "number": s.number,
                "title": s.title,
                "level": s.level,
                "tokens": s.num_tokens,
                "page": s.page,
                "label": s.label,
                "start_s": s.start_s,
            }
            for s in plan.sections
        ],
        "parts": plan.num_parts,
        "model": asdict(plan.model),
        "attention": asdict(plan.attention),
        "segment_tokens": plan.segment_tokens,
        "memory": _memory_json(plan.memory),
        "memory_limit_bytes": plan.memory_limit,
        "native_tokens": plan.native_tokens,
        "flags": list(plan.flags),
        "modes": [
            {
                "mode": m.mode,
                "processes": m.processes,
                "memory": _memory_json(m.memory) if m.memory else None,
                "most_tokens": m.most_tokens,
            }
            for m in plan.modes
        ],
        "opening_s": round(plan.opening_s, 3),
        "speed": asdict(plan.speed) if plan.speed is not None else None,
        "seconds": round(plan.seconds, 1) if plan.seconds is not None else None,
        "error": None,
    }


def _memory_json(needs: PlannedMemory) -> Json:
    return {**{f"{name}_bytes": value for name, value in asdict(needs).items()}, "total_bytes": needs.total}
