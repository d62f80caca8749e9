"""A plan: what would be read of a document, how, and what that takes. Loads no weights.

Tokens are counted as a reading counts them. Minutes come from the last measured speed of this model on this machine,
and from what opening the document takes now, or are not given.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from longdoc.core.events import Listener, ignore
from longdoc.core.plans import Plan, PlannedSection
from longdoc.core.settings import ModelOptions, SourceOptions
from longdoc.core.types import Anchor, Document
from longdoc.engine.fitting import fitted, flags, modes, needs
from longdoc.engine.outline import Outline, outline
from longdoc.engine.plan import plan_reading
from longdoc.ingest import Together, read_source
from longdoc.pipeline.speeds import recall
from longdoc.pipeline.states import folder_of
from longdoc.segment import parts, token_starts


def plan(
    source: str | Together,
    *,
    source_options: SourceOptions,
    model_options: ModelOptions,
    state_dir: str | None = None,
    on_event: Listener = ignore,
    model: Outline | None = None,
    memory_limit: int | None = None,
) -> Plan:
    """Open a source, or several as one document, and say what reading it would take.

    state_dir: where speeds are kept, with the states.   model: what was seen of it already.
    memory_limit: bytes, of each process of a ring; sizes and quantization are chosen that keep it.
    Raises what `read_source` raises, ModelUnavailable, and OutOfMemory for `exact` or `ring` that cannot fit and for a
    limit that nothing keeps.
    """
    began = time.perf_counter()
    document = read_source(source, source_options, on_event)
    opening_s = time.perf_counter() - began
    model = model or outline(model_options)
    began = time.perf_counter()
    starts = array("q", token_starts(document, model.encode))
    opening_s += 2 * (time.perf_counter() - began)  # counted, and once more when they are read
    processes = ring_size(model, model_options)
    options, text = model_options, document.text
    if options.attention == "ring":
        options = replace(options, processes=processes)
    if memory_limit is not None:
        model, options = fitted(model, options, len(starts), text, memory_limit)
    reading = plan_reading(model, options, len(starts))
    return Plan(
        source=document.source,
        title=document.title,
        num_pages=document.num_pages,
        skipped=document.skipped,
        warnings=document.warnings + reading.warnings,
        files=document.files,
        sections=tuple(_sections(document, starts)),
        num_characters=len(text),
        num_tokens=len(starts),
        num_parts=len(parts(document)),
        model=model.info,
        attention=reading.info,
        segment_tokens=reading.segment_tokens,
        memory=needs(model, reading, len(starts), text),
        speed=recall(folder_of(state_dir), model.info, model.device.type, reading.info.mode),
        opening_s=opening_s,
        modes=modes(model, options, len(starts), text, processes, memory_limit),
        memory_limit=memory_limit,
        flags=flags(model_options, options),
        native_tokens=model.native_tokens,
    )


def ring_size(model: Outline, options: ModelOptions) -> int:
    """Processes of a ring: those asked for, else one for each GPU; two where there are fewer, for an estimate."""
    if options.processes is not None:
        return options.processes
    found = 1
    if model.device.type != "cpu":
        from longdoc.engine.machine import gpus

        found = max(1, len(gpus()))
    return found if options.attention == "ring" else max(2, found)


def _sections(document: Document, starts: array[int]) -> Iterator[PlannedSection]:
    for number, section in enumerate(document.sections, start=1):
        anchor = document.anchor_at(section.start) or Anchor(0)
        yield PlannedSection(
            number=number,
            title=section.title,
            level=section.level,
            num_tokens=bisect_left(starts, section.end) - bisect_left(starts, section.start),
            page=anchor.page,
            label=anchor.label,
            start_s=anchor.start_s,
        )
