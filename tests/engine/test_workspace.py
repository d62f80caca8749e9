"""What reading a segment is estimated to take, against what is allocated while one is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from longdoc.bench.families import SHAPE
from longdoc.engine import highlights, kernels, products, sizes
from longdoc.engine.attention import install
from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.sizes import cache_bytes, workspace_bytes

# One layer each: the workspace is one layer's, whatever their number.
TINY = {**SHAPE, "num_hidden_layers": 1}
WIDE = {  # the proportions of Llama-3-8B
    **TINY, "hidden_size": 256, "intermediate_size": 896, "num_attention_heads": 8, "num_key_value_heads": 2,
    "head_dim": 32,
}  # fmt: skip
MODELS: dict[str, Callable[[], Any]] = {
    "tiny": lambda: LlamaForCausalLM(LlamaConfig(**TINY)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**WIDE)),
    "soft cap": lambda: Gemma2ForCausalLM(Gemma2Config(**WIDE, layer_types=["full_attention"])),
}


def peak_bytes(call: Callable[[], Any]) -> int:
    """The most that was allocated at once in a call; what it returns is still held at its end."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        held = call()
    assert held is not None
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    assert most > 0
    return most


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("num_highlights", [0, 64])
@pytest.mark.parametrize(("window", "segment_tokens"), [(256, 256), (768, 128)])
@pytest.mark.parametrize("name", MODELS)
def test_the_estimate_is_not_below_what_is_allocated(
    name: str, window: int, segment_tokens: int, num_highlights: int, dtype: torch.dtype
) -> None:
    """By no more than a tenth, and not above six times of it: what a fused operator does is counted as products."""
    torch.manual_seed(0)
    model = MODELS[name]().to(dtype).eval().requires_grad_(False)
    install(model)
    tiers = Tiers(4, window, num_highlights)
    cache = StreamingCache(model.config, tiers, use_memory=False)

    def read(cache: StreamingCache, num_tokens: int) -> StreamingCache:
        with torch.inference_mode():
            ids = torch.randint(3, 97, (1, num_tokens))
            model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return cache

    read(cache, 1024)
    read(cache.fork(), segment_tokens)  # tables that are kept
    measured = peak_bytes(lambda: read(cache.fork(), segment_tokens))
    kept = cache_bytes(model.config, tiers, 1024 + segment_tokens, dtype.itemsize)
    num_keys = tiers.sinks + tiers.window + tiers.highlights
    work = workspace_bytes(model.config, segment_tokens, num_keys, dtype.itemsize, highlights=num_highlights)
    assert 0.9 * measured <= kept + work <= 6 * measured, f"{(kept + work) / measured:.2f}"


def test_it_counts_with_the_sizes_of_the_kernels() -> None:
    assert kernels._BLOCK_ROWS == sizes._BLOCK_ROWS
    assert products._SCORES == sizes._PRODUCT_SCORES
    assert Tiers(4, 1 << 20, 8).turn // highlights.WITNESS_EVERY == sizes._MOST_WITNESSES
