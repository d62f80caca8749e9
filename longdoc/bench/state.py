"""How many bytes a reading state has against a full key/value cache, by length, from a configuration alone.

Loads no weights and reads nothing: the sizes are those of `longdoc.engine.sizes`, which the tests compare with real
caches. The state is that of the default profile: sinks and window as longdoc chooses them for a model without an
adapter, and a delta memory in two layers with all its pending tokens. Beside it stand the memories alone: that one,
and the matrices of Infini-attention as published, in every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from longdoc.bench.report import Report, report
from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.core.types import ModelInfo
from longdoc.engine.cache import KEEP_ALL, Tiers
from longdoc.engine.memory import MemoryConfig
from longdoc.engine.plan import default_tiers, with_sizes
from longdoc.engine.sizes import cache_bytes, matrix_bytes, memory_bytes, text_config

LENGTHS = (8_192, 32_768, 131_072, 1_000_000)
LEAST_RATIO = 200  # of the full cache over the state at a million tokens
_LONG_TOKENS = 1_000_000
_SHAPE = "a shape like Llama-3-8B"


def run(options: ModelOptions | None = None, *, is_named: bool = True, lengths: Sequence[int] = LENGTHS) -> Report:
    """One row for each length, in bfloat16. options: other sizes than the default ones, and the model.

    is_named: the model's own configuration counts, else a shape like Llama-3-8B's.

    Raises ModelUnavailable (69) when there is no such configuration, or none that can be streamed.
    """
    named = options if options and is_named else None
    config = _configuration(named) if named else _llama_3_8b()
    text = text_config(config)
    tiers = with_sizes(default_tiers(getattr(text, "max_position_embeddings", 2048)), options or ModelOptions())
    layers = tuple(range(text.num_hidden_layers))
    delta = MemoryConfig("delta", layers[1:3])
    infini = MemoryConfig("paper-delta", layers)
    rows = []
    for length in lengths:
        full = cache_bytes(config, Tiers(0, KEEP_ALL), length)
        state = cache_bytes(config, tiers, length) + memory_bytes(config, delta)
        rows.append(
            {
                "tokens": length,
                "full_cache_bytes": full,
                "state_bytes": state,
                "ratio": round(full / state, 2),
                "delta_memory_bytes": memory_bytes(config, delta),
                "infini_memory_bytes": matrix_bytes(config, infini),
            }
        )
    sizes = f"{tiers.sinks} sinks, a window of {tiers.window:,}, {tiers.highlights} highlights"
    more: dict[str, Any] = {"tiers": sizes, "dtype": "bfloat16"}
    if found := [row["ratio"] for row in rows if row["tokens"] == _LONG_TOKENS]:
        more["is_small"] = found[0] >= LEAST_RATIO
    return report("state", ModelInfo(named.model if named else _SHAPE), rows, **more)


def _llama_3_8b() -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
    )


def _configuration(options: ModelOptions) -> Any:
    from transformers import AutoConfig

    from longdoc.engine.load import resolve

    try:
        return AutoConfig.from_pretrained(
            resolve(options.model), revision=options.revision, local_files_only=options.offline
        )
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The configuration of {options.model} cannot be read.",
            why=str(error).strip().split("\n")[0],
            fix="check the id or the folder",
        ) from error
