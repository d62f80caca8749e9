"""How a document of a given length will be read: exactly when that fits, else in constant memory.

What fits is estimated from the model's configuration (`sizes.py`) against the memory that is free now, with the
weights in place; and a document fits the model when it is not longer than the context that it was trained for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from longdoc.core.errors import OutOfMemory, UsageError
from longdoc.core.settings import ModelOptions
from longdoc.core.started import size_here
from longdoc.core.types import AttentionInfo
from longdoc.engine.adapter_file import AdapterInfo
from longdoc.engine.sizes import cache_bytes, free_bytes, kv_dims, text_config, workspace_bytes
from longdoc.engine.tiers import KEEP_ALL, Tiers

DEFAULT_TIERS = Tiers(sinks=64, window=4096)
DEFAULT_SEGMENT_TOKENS = 1024
_RING_SEGMENT_TOKENS = {"cpu": 16_384, "cuda": 65_536}  # of all processes together
SHARE = 0.9  # of the free memory that a reading may count on


class Planned(Protocol):
    """What is known of a model before or after its weights are there: a `LoadedModel`, or an `Outline`."""

    @property
    def adapter(self) -> AdapterInfo | None: ...

    @property
    def native_tokens(self) -> int: ...

    @property
    def has_memory(self) -> bool: ...

    @property
    def config(self) -> Any: ...

    @property
    def element_bytes(self) -> int: ...

    @property
    def device(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How a document of a given length will be read.

    reach_tokens: the largest distance between two tokens that attention will ask for, plus one.
    warnings: what the user should know of a choice that was forced.
    """

    tiers: Tiers
    segment_tokens: int
    use_memory: bool
    info: AttentionInfo
    reach_tokens: int
    warnings: tuple[str, ...] = ()


def plan_reading(loaded: Planned, options: ModelOptions, num_tokens: int, reserve_tokens: int = 1024) -> ReadingPlan:
    """Choose mode and tiers: the user's word, else the adapter's, else `exact` when the document fits.

    reserve_tokens: room for prompts and answers on top of the document.
    Raises OutOfMemory (71) when the user asks for `exact` and the cache would not fit.
    """
    adapter = loaded.adapter
    if options.attention == "ring":
        return _plan_ring(loaded, options, num_tokens, num_tokens + reserve_tokens)
    segment_tokens = options.segment_tokens or (adapter.segment_tokens if adapter else DEFAULT_SEGMENT_TOKENS)
    total = num_tokens + reserve_tokens
    mode, why = _mode(loaded, options, num_tokens, total, segment_tokens)
    native = loaded.native_tokens
    warnings: tuple[str, ...] = ()
    if mode == "exact":
        tiers, reach = Tiers(sinks=0, window=KEEP_ALL, kv_bits=options.kv_bits), total
        warnings = _beyond(num_tokens, total, native)
    else:
        tiers = _tiers(loaded, options)
        reach = tiers.sinks + tiers.reach
        if reach > native:
            kept = f"the window of {tiers.window:,} tokens and the {tiers.sinks:,} sinks"
            if tiers.highlights:
                kept = (
                    f"the window of {tiers.window:,} tokens, {tiers.highlights:,} highlights and {tiers.sinks:,} sinks"
                )
            warnings = (
                f"{kept} exceed the {native:,} tokens that the model was trained for: what it says may be nonsense",
            )
    if warnings:
        why = f"{why}, beyond the native context of {native:,}"
    memory = loaded.has_memory and options.memory and mode == "stream"
    window = 0 if mode == "exact" else tiers.window
    info = AttentionInfo(mode, tiers.sinks, window, memory, why, tiers.highlights)
    return ReadingPlan(tiers, segment_tokens, memory, info, reach, warnings)


def _beyond(num_tokens: int, total: int, native: int) -> tuple[str, ...]:
    """The warning of an exact reading that is too long for the model; nothing else."""
    if total <= native:
        return ()
    room = f" and {total - num_tokens:,} for prompts and answers" if num_tokens <= native else ""
    return (
        f"{num_tokens:,} tokens{room} are read exactly, more than the {native:,} that the model was trained for: "
        "what it says of them may be nonsense",
    )


def _plan_ring(loaded: Planned, options: ModelOptions, num_tokens: int, total: int) -> ReadingPlan:
    """Exact, with keys and values shared out among processes. Raises OutOfMemory when a share does not fit."""
    if options.kv_bits == 8:
        raise UsageError("--kv-bits 8 is not for a ring.", why="blocks travel as they are stored", fix="leave it out")
    if options.window or options.sinks or options.highlights:
        raise UsageError(
            "--window, --sinks and --highlights are not for a ring.",
            why="it keeps every token exactly",
            fix="leave them out, or read with --attention stream",
        )
    processes = num_processes(loaded, options)
    device = "cpu" if loaded.device.type == "cpu" else "cuda"
    segment_tokens = ring_segment_tokens(loaded, options)
    needed, free = sum(ring_bytes(loaded, total, segment_tokens, processes)), free_bytes(loaded.device)
    here = size_here(processes) if device == "cpu" else 1
    needed *= here
    if free is not None and needed > SHARE * free:
        where = f"all {processes} processes" if device == "cpu" else f"each of {processes} processes"
        raise OutOfMemory(
            f"{num_tokens:,} tokens cannot be read exactly in a ring of {processes}.",
            why=f"{where} would take about {_gigabytes(needed)} for keys, values and workspace, "
            f"{_gigabytes(free)} are free",
            fix="more GPUs (--gpus), or --attention stream, which reads any length in constant memory",
        )
    warnings = _beyond(num_tokens, total, loaded.native_tokens)
    why = "asked for" + (f", beyond the native context of {loaded.native_tokens:,}" if warnings else "")
    info = AttentionInfo("ring", 0, 0, False, why, processes=processes)
    return ReadingPlan(Tiers(sinks=0, window=KEEP_ALL), segment_tokens, False, info, total, warnings)


def num_processes(loaded: Planned, options: ModelOptions) -> int:
    """Of a ring: those that are there, else those that are asked for."""
    group = getattr(loaded, "group", None)
    return int(group.size) if group is not None else options.processes or 1


def ring_segment_tokens(loaded: Planned, options: ModelOptions) -> int:
    """Tokens that all processes of a ring read at a time, together."""
    return options.segment_tokens or _RING_SEGMENT_TOKENS["cpu" if loaded.device.type == "cpu" else "cuda"]


def ring_bytes(loaded: Planned, num_tokens: int, segment_tokens: int, processes: int) -> tuple[int, int]:
    """What each process takes on top of the weights: its share of the cache, and its workspace.

    The workspace has three blocks of one layer, its own, the one that is attended to and the one on its way, and the
    activations of its part of a segment. States before a segment share what was read.
    """
    config, element_bytes = loaded.config, loaded.element_bytes
    share = -(-num_tokens // processes)
    heads, dim = kv_dims(config)
    one_layer = 2 * heads * dim * share * element_bytes
    kept = text_config(config).num_hidden_layers * one_layer  # nothing leaves, also where a window slides
    part = min(-(-segment_tokens // processes), share)
    return kept, 3 * one_layer + workspace_bytes(config, part, share, element_bytes, whole=True)


def _mode(
    loaded: Planned, options: ModelOptions, num_tokens: int, total: int, segment_tokens: int
) -> tuple[Literal["stream", "exact"], str]:
    """The mode and the reason for it."""
    adapter, asked, native = loaded.adapter, options.attention, loaded.native_tokens
    if asked == "stream":
        return "stream", "asked for"
    if asked == "auto" and adapter is not None and adapter.attention == "stream":
        return "stream", "the adapter was trained for it"
    if asked == "auto" and adapter is not None and adapter.attention == "exact":
        asked, why = "exact", "the adapter was trained for it"
    else:
        why = "asked for"
    if asked == "auto" and total > native:
        return "stream", f"{num_tokens:,} tokens exceed the native context of {native:,}"
    needed, free = exact_bytes(loaded, total, segment_tokens, options.kv_bits), free_bytes(loaded.device)
    if free is not None and needed > SHARE * free:
        sizes = f"about {_gigabytes(needed)} for keys, values and workspace, {_gigabytes(free)} are free"
        if asked == "exact":
            raise OutOfMemory(
                f"{num_tokens:,} tokens cannot be read exactly.",
                why=f"that takes {sizes} on {loaded.device}",
                fix="--attention stream, which reads any length in constant memory",
            )
        return "stream", f"{num_tokens:,} tokens would take {sizes}"
    if asked == "exact":
        return "exact", why
    return "exact", f"{num_tokens:,} tokens fit the native context of {native:,} and the free memory"


def exact_bytes(loaded: Planned, num_tokens: int, segment_tokens: int, kv_bits: int = 16) -> int:
    """What an exact reading takes on top of the weights: the cache and the workspace.

    Three times the cache: the document's, and while something is written that of the fork and its rotated keys and
    values. These are in the model's precision also for a cache in 8 bits, of which one layer at a time is decoded in
    float32 besides.
    """
    config = loaded.config
    element_bytes = loaded.element_bytes
    kept, wide = (
        cache_bytes(config, Tiers(sinks=0, window=KEEP_ALL, kv_bits=bits), num_tokens, element_bytes)
        for bits in (kv_bits, 16)
    )
    heads, dim = kv_dims(config)
    decoded = heads * dim * num_tokens * 4 if kv_bits == 8 else 0
    workspace = workspace_bytes(config, min(segment_tokens, num_tokens), num_tokens, element_bytes)
    return 2 * kept + wide + workspace + decoded


def default_tiers(native_tokens: int) -> Tiers:
    """The default sizes, as far as a model was trained for them."""
    window = min(DEFAULT_TIERS.window, max(1, native_tokens // 2))
    return replace(DEFAULT_TIERS, sinks=min(DEFAULT_TIERS.sinks, window // 2), window=window)


def _tiers(loaded: Planned, options: ModelOptions) -> Tiers:
    """The user's sizes, else the adapter's, else the default ones as far as the model was trained for them."""
    return with_sizes(loaded.adapter.tiers if loaded.adapter else default_tiers(loaded.native_tokens), options)


def with_sizes(tiers: Tiers, options: ModelOptions) -> Tiers:
    """The sizes that the user gave in the place of others."""
    return replace(
        tiers,
        sinks=tiers.sinks if options.sinks is None else options.sinks,
        window=tiers.window if options.window is None else options.window,
        highlights=tiers.highlights if options.highlights is None else options.highlights,
        kv_bits=options.kv_bits,
    )


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
