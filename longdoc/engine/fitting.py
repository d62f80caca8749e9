"""What a way of reading takes in memory, and the best way that a limit of memory allows. Loads no weights.

"Best" in this order: weights as they are, then in 8 and in 4 bits; for each of them everything exact where the model
can, then the window of its usual size, that in 8 bits, and smaller ones. What the user chose stays as it is, and so do
the tiers that an adapter was trained with.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from longdoc.core.errors import OutOfMemory
from longdoc.core.plans import PlannedMemory, PlannedMode
from longdoc.core.settings import ModelOptions, Quantize
from longdoc.engine.outline import PROGRAM_BYTES, Outline, outline, reading_bytes
from longdoc.engine.plan import SHARE, ReadingPlan, default_tiers, plan_reading, ring_bytes, ring_segment_tokens
from longdoc.engine.sizes import free_bytes
from longdoc.engine.tiers import KEEP_ALL, Tiers

_TEXT_COPIES = 2  # of the text at once, while it is parsed and cut
_QUANTIZATIONS: tuple[Quantize, ...] = ("none", "8bit", "4bit")
_WINDOWS = (2048, 1024)
_LAST_WINDOWS = (512, 256)  # where nothing else is left
_FLAGS = {
    "quantize": "--quantize",
    "attention": "--attention",
    "window": "--window",
    "segment_tokens": "--segment",
    "kv_bits": "--kv-bits",
}


def document_bytes(text: str) -> int:
    """What a document takes beside the program."""
    return _TEXT_COPIES * sys.getsizeof(text)


def needs(model: Outline, reading: ReadingPlan, num_tokens: int, text: str = "") -> PlannedMemory:
    """What one way of reading takes, each process of a ring. On a GPU the program and the text lie elsewhere."""
    if reading.info.mode == "ring":
        return ring_needs(model, reading.segment_tokens, num_tokens, reading.info.processes, text)
    kept, workspace = reading_bytes(model, reading, num_tokens)
    if model.device.type != "cpu":
        return PlannedMemory(model.weights, kept, workspace, 0)
    return PlannedMemory(model.weights, kept, workspace, PROGRAM_BYTES, document_bytes(text), model.loading)


def ring_needs(model: Outline, segment_tokens: int, num_tokens: int, processes: int, text: str = "") -> PlannedMemory:
    """What each process takes that holds its share of an exact reading: that, and a layer of its neighbour's share."""
    memory = PlannedMemory(model.weights, *ring_bytes(model, num_tokens, segment_tokens, processes), 0)
    if model.device.type != "cpu":
        return memory
    return replace(memory, program=PROGRAM_BYTES, document=document_bytes(text), loading=model.loading)


def ring_tokens(model: Outline, segment_tokens: int, processes: int, memory_limit: int | None) -> int | None:
    """The longest document that so many processes can read exactly, in tokens; 0 when not even a short one.

    memory_limit: bytes that each may take; None for what is free now: on each GPU as on this one, on a processor for
    all of them together.   None when the system does not say what is free. The text itself is not counted.
    """
    fixed = replace(ring_needs(model, segment_tokens, 1, processes), kept=0, workspace=0, loading=0).total
    if memory_limit is not None:
        room = memory_limit - fixed
    else:
        free = free_bytes(model.device)
        if free is None:
            return None
        room = int(SHARE * ((free if model.device.type != "cpu" else free // processes) - fixed))

    def fits(num_tokens: int) -> bool:
        return sum(ring_bytes(model, num_tokens, segment_tokens, processes)) <= room

    if room < model.loading or not fits(1):
        return 0
    longest, too_long = 1, 2
    while fits(too_long):
        longest, too_long = too_long, 2 * too_long
    while too_long - longest > 1:
        middle = (longest + too_long) // 2
        longest, too_long = (middle, too_long) if fits(middle) else (longest, middle)
    return longest


def modes(
    model: Outline,
    options: ModelOptions,
    num_tokens: int,
    text: str,
    processes: int,
    memory_limit: int | None = None,
) -> tuple[PlannedMode, ...]:
    """What reading takes as a stream, exactly, and exactly in a ring of so many processes.

    memory_limit: as for `ring_tokens`.
    """
    stream = plan_reading(model, replace(options, attention="stream"), num_tokens)
    whole = replace(
        stream, tiers=Tiers(0, KEEP_ALL, kv_bits=options.kv_bits), use_memory=False,
        info=replace(stream.info, mode="exact"),
    )  # fmt: skip
    at_a_time = ring_segment_tokens(model, options)
    return (
        PlannedMode("stream", needs(model, stream, num_tokens, text)),
        PlannedMode("exact", needs(model, whole, num_tokens, text)),
        PlannedMode(
            "ring",
            ring_needs(model, at_a_time, num_tokens, processes, text),
            processes,
            ring_tokens(model, at_a_time, processes, memory_limit),
        ),
    )


def fitted(
    model: Outline, options: ModelOptions, num_tokens: int, text: str, most_bytes: int
) -> tuple[Outline, ModelOptions]:
    """The model and the options of the best way of reading that takes `most_bytes` at most.

    Raises OutOfMemory (71) when there is none.
    """
    least: PlannedMemory | None = None
    for quantize in _quantizations(model, options):
        chosen = model if quantize == options.quantize else outline(replace(options, quantize=quantize))
        for tried in _ways(chosen, replace(options, quantize=quantize)):
            try:
                reading = plan_reading(chosen, tried, num_tokens)
            except OutOfMemory:
                continue
            takes = needs(chosen, reading, num_tokens, text)
            if takes.total <= most_bytes:
                return chosen, tried
            if least is None or takes.total < least.total:
                least = takes
    smallest = "" if least is None else f"the least that it takes is about {_megabytes(least.total)}"
    if least is not None:
        program = f", {_megabytes(least.program)} for Python and its libraries" if least.program else ""
        smallest += f": {_megabytes(least.weights)} for the weights{program}"
    raise OutOfMemory(
        f"{num_tokens:,} tokens cannot be read by {options.model} within {_megabytes(most_bytes)}.",
        why=smallest or "nothing fits into the memory that is free",
        fix="a smaller model (longdoc models list), or a larger --memory-limit",
    )


def flags(asked: ModelOptions, chosen: ModelOptions) -> tuple[str, ...]:
    """What differs, as other commands take it: ("--attention stream", "--window 2048")."""
    named = {name: getattr(chosen, name) for name in _FLAGS if getattr(chosen, name) != getattr(asked, name)}
    if named.get("quantize") == "none" and asked.quantize == "auto":
        del named["quantize"]
    return tuple(f"{_FLAGS[name]} {value}" for name, value in named.items())


def _quantizations(model: Outline, options: ModelOptions) -> tuple[Quantize, ...]:
    """As asked; auto: all, but for weights that are saved quantized, beside an adapter's memory, and on a
    processor, where making them takes more than it saves.
    """
    is_open = options.quantize == "auto" and model.info.quantization != "as saved" and not model.has_memory
    if not is_open or model.device.type == "cpu":
        return (options.quantize,)
    return _QUANTIZATIONS


def _ways(model: Outline, options: ModelOptions) -> Iterator[ModelOptions]:
    """Ways of reading, the best first."""
    yield options
    if options.attention == "ring":
        return
    if options.attention == "exact":
        if options.kv_bits == 16:
            yield replace(options, kv_bits=8)
        return
    stream = replace(options, attention="stream")
    if options.attention == "auto":
        yield stream
    if model.adapter is not None:
        return
    short = replace(stream, kv_bits=8)
    yield short
    if options.window is None:
        widest = default_tiers(model.native_tokens).window
        is_last = options.quantize in ("4bit", "as saved") or _quantizations(model, options) == (options.quantize,)
        for window in (*_WINDOWS, *(_LAST_WINDOWS if is_last else ())):
            if window < widest:
                yield replace(short, window=window, segment_tokens=options.segment_tokens or min(window, 1024))


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"
