"""How far the engine is from stock attention, and from a plain loop in float64, in the largest error of any logit.

Four comparisons for each family of tiny random models, or for a real model, in float32 and for segments of 1, 7, 32
and 150 tokens:

- a window that covers everything, against transformers' own eager attention in one pass;
- a small window with sinks, against the loop of `reference.py`;
- the same with a memory, of each form that a family may be given or of the model's own adapter;
- both again with highlights.

Stock attention in float32 is itself off from float64: that is `rounding`. The limit is 1e-5 or four times that much,
whichever is more; for the tiny models it is 1e-5.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longdoc.bench.families import ALL, build, random_ids
from longdoc.bench.reference import Rules, family_rules, logits, model_rules
from longdoc.bench.report import Report, Row, report
from longdoc.core.errors import LongdocError, UsageError
from longdoc.core.events import Listener, Writing, ignore
from longdoc.core.settings import ModelOptions
from longdoc.core.types import ModelInfo
from longdoc.engine.attention import attach_memory, install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.load import load_model
from longdoc.engine.memory import MemoryConfig, MemoryForm
from longdoc.engine.rope import fix_length, length_dependent

LIMIT = 1e-5
_ROUNDINGS = 4
SEGMENTS = (1, 7, 32, 150)
_NUM_TOKENS = 157  # so that even the longest segment is not the only one
_SMALL = (Tiers(4, 24), Tiers(4, 24, 10))  # with highlights or without
_FORMS: tuple[MemoryForm, ...] = ("delta", "paper-delta", "paper-linear")
_MEMORY_SEGMENTS = 3  # of a real model's memory that a text must fill, so that what was written is read


@dataclass(frozen=True)
class _Subject:
    """A stock model, the same under longdoc's attention for each kind of memory, and the rules of its reference.

    streaming: by form of memory, "none" without.   rules: (tiers, length) -> the rules of each layer.
    """

    name: str
    stock: Any
    ids: Tensor
    streaming: dict[str, tuple[Any, dict[int, Any]]]
    rules: Callable[[Tiers, int], Sequence[Rules]]


def run(options: ModelOptions | None = None, *, families: Sequence[str] = (), on_event: Listener = ignore) -> Report:
    """One row for each comparison. options: a real model's; without, the tiny ones, all or those that are named.

    Raises UsageError when there is no family of a name.
    """
    if unknown := set(families) - set(ALL):
        raise UsageError(
            f"There is no family {', '.join(sorted(unknown))}.", why="the bench knows these: " + ", ".join(ALL)
        )
    names = tuple(families) or tuple(ALL)
    count = 1 if options else len(names)
    subjects: Iterable[_Subject] = [_given(options)] if options else map(_tiny, names)
    rows: list[dict[str, Any]] = []
    rounding = 0.0
    for number, subject in enumerate(subjects):
        on_event(Writing("exactness", number, count, subject.name))
        rounding = max(rounding, _rounding(subject))
        rows += _measure(subject)
        on_event(Writing("exactness", number + 1, count, subject.name))
    limit = max(LIMIT, _ROUNDINGS * rounding)
    worst = max(row["max_error"] for row in rows)
    info = ModelInfo(options.model) if options else ModelInfo(f"{count} tiny random models")
    return report(
        "exactness", info, rows, dtype="float32", limit=limit, rounding=rounding, worst=worst, passed=worst <= limit
    )


def condensed(result: Report) -> Report:
    """One row for each family, the worst of all segments: a table that can be looked at."""
    rows: dict[str, dict[str, Any]] = {}
    for row in result["results"]:
        name = "covering window" if row["covering"] else f"window of {row['window']}"
        name += ", highlights" if row.get("highlights") else ""
        name += "" if row["memory"] == "none" else f", {row['memory']}"
        errors = rows.setdefault(row["family"], {"family": row["family"]})
        errors[name] = max(errors.get(name, 0.0), row["max_error"])
    return {**result, "results": list(rows.values())}


def check(result: Report) -> None:
    """Raise when an error is above the limit."""
    if not result["passed"]:
        worst: Row = max(result["results"], key=lambda row: float(row["max_error"]))
        raise LongdocError(
            f"The engine is not exact: an error of {worst['max_error']:.1e}, above {result['limit']:.1e}.",
            why=f"{worst['family']}, segments of {worst['segment_tokens']}, window {worst['window']}, "
            f"{worst['highlights']} highlights, memory {worst['memory']}",
            fix="do not rely on this model here, and report it with the result of --json",
        )


def _measure(subject: _Subject) -> Iterator[dict[str, Any]]:
    num_tokens = subject.ids.shape[1]
    with torch.no_grad():
        stock = copy.deepcopy(subject.stock)(subject.ids, use_cache=False).logits
    yield from _rows(subject, "none", Tiers(_SMALL[0].sinks, num_tokens), num_tokens, stock, covering=True)
    for tiers in _SMALL:
        reach = tiers.sinks + tiers.reach
        rules = subject.rules(tiers, reach)
        for form, (_, memories) in subject.streaming.items():
            reference = logits(subject.stock, subject.ids, rules, memories)
            yield from _rows(subject, form, tiers, reach, reference, covering=False)


def _rows(
    subject: _Subject, form: str, tiers: Tiers, reach: int, wanted: Tensor, *, covering: bool
) -> Iterator[dict[str, Any]]:
    model, _ = subject.streaming[form]
    for rotary in length_dependent(model):
        fix_length(rotary, reach)
    for segment_tokens in SEGMENTS:
        cache = StreamingCache(model.config, tiers, use_memory=form != "none")
        with torch.inference_mode():
            pieces = torch.split(subject.ids, segment_tokens, 1)
            ours = torch.cat([model(p, past_key_values=cache, use_cache=True).logits for p in pieces], 1)
        yield {
            "family": subject.name,
            "segment_tokens": segment_tokens,
            "window": tiers.window,
            "covering": covering,
            "highlights": tiers.highlights,
            "memory": form,
            "max_error": float((ours.double() - wanted.double()).abs().max()),
        }


def _rounding(subject: _Subject) -> float:
    """How far stock attention in float32 is from stock attention in float64."""
    with torch.no_grad():
        single = copy.deepcopy(subject.stock)(subject.ids, use_cache=False).logits
        double = copy.deepcopy(subject.stock).double()(subject.ids, use_cache=False).logits
    return float((single.double() - double).abs().max())


def _tiny(name: str) -> _Subject:
    """A family's random model, and it again with a memory of each form whose gates are wide open."""
    model = build(name)
    streaming: dict[str, tuple[Any, dict[int, Any]]] = {}
    for form in (None, *_FORMS):
        own = copy.deepcopy(model)
        install(own)
        if form is None:
            streaming["none"] = own, {}
        else:
            config = MemoryConfig(form, (0, 1), 16, heads=2, key_dim=16, value_dim=16, lags=3, width=16)
            if form == "delta":  # a head of each rule
                config = replace(config, exact_heads=(1,), drift=0.01)
            streaming[form] = own, _random_memories(own, config)
    return _Subject(
        name,
        model,
        random_ids(_NUM_TOKENS),
        streaming,
        lambda tiers, num_tokens: family_rules(name, tiers.sinks, tiers.window, num_tokens, tiers.highlights),
    )


def _random_memories(model: Any, config: MemoryConfig) -> dict[int, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        memories = attach_memory(model, config)
        for memory in memories.values():
            memory.eval().requires_grad_(False)
            for name, parameter in memory.named_parameters():
                if "gate" in name:
                    torch.nn.init.normal_(parameter)
    return dict(memories)


def _given(options: ModelOptions) -> _Subject:
    """A real model in float32 on the CPU, with the memory of its adapter."""
    loaded = load_model(replace(options, quantize="none", device="cpu"), torch.float32)
    if loaded.info.quantization != "none":
        raise UsageError(
            f"The weights of {options.model} are quantized.",
            why="exactness is measured in float32 and float64",
            fix="name the model that they were made of",
        )
    model, memory = loaded.model, loaded.adapter.memory if loaded.adapter else None
    stock = copy.deepcopy(model)
    stock.set_attn_implementation("eager")
    num_tokens = max(_NUM_TOKENS, _MEMORY_SEGMENTS * memory.segment_tokens + 7 if memory else 0)
    memories = {m.layer_idx: m.longdoc_memory for m in model.modules() if hasattr(m, "longdoc_memory")}
    streaming = {"none": (model, {})} | ({memory.form: (model, memories)} if memory else {})

    def rules(tiers: Tiers, num_tokens: int) -> list[Rules]:
        for rotary in length_dependent(model):
            fix_length(rotary, num_tokens)
        return model_rules(model, tiers.sinks, tiers.window, tiers.highlights)

    vocabulary: int = model.get_input_embeddings().weight.shape[0]
    return _Subject(options.model, stock, random_ids(num_tokens, vocabulary), streaming, rules)
