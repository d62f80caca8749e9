"""The models that longdoc recommends, by memory, and what they take. From a small table: no network, no torch.

The table (`known_models.toml`) holds the few numbers of each configuration; all else is computed from them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from types import SimpleNamespace

from longdoc.core.plans import PlannedMemory
from longdoc.core.settings import ModelOptions, Quantize
from longdoc.core.types import ModelInfo
from longdoc.engine.fitting import needs
from longdoc.engine.outline import Outline, PlainConfig
from longdoc.engine.plan import default_tiers, plan_reading
from longdoc.engine.sizes import cache_bytes, dense_weight_bytes
from longdoc.engine.tiers import KEEP_ALL, Tiers

_LONG_TOKENS = 1_000_000  # a document for which the window is full


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One recommendation. gpu_gb: of the smallest usual GPU.   quantize: how it reads there."""

    id: str
    licence: str
    gpu_gb: int
    quantize: Quantize
    config: PlainConfig

    @property
    def native_tokens(self) -> int:
        """The context that it was trained for."""
        return int(self.config.max_position_embeddings)

    @property
    def weights(self) -> int:
        """Bytes of the weights as it is recommended."""
        return dense_weight_bytes(self.config, self.quantize)

    def exact_bytes(self, num_tokens: int) -> int:
        """Keys and values of a document that is read exactly."""
        return cache_bytes(self.config, Tiers(sinks=0, window=KEEP_ALL), num_tokens)

    def stream_bytes(self, num_tokens: int) -> int:
        """What is kept of a document that is read as a stream with the usual window."""
        return cache_bytes(self.config, default_tiers(self.native_tokens), num_tokens)

    def needs(self, device: str) -> PlannedMemory:
        """What reading a long document as a stream takes. device: "cuda" or "cpu"."""
        loading = dense_weight_bytes(self.config, "none") if self.quantize != "none" else 0
        outline = Outline(
            info=ModelInfo(self.id, quantization=self.quantize),
            config=self.config,
            adapter=None,
            native_tokens=self.native_tokens,
            element_bytes=2,
            device=SimpleNamespace(type=device),
            weights=self.weights,
            encode=_no_tokenizer,
            loading=loading if device == "cpu" else 0,
        )
        reading = plan_reading(outline, ModelOptions(self.id, attention="stream"), _LONG_TOKENS)
        return needs(outline, reading, _LONG_TOKENS)


def known_models() -> tuple[KnownModel, ...]:
    """The table, the smallest first."""
    text = files("longdoc.engine").joinpath("known_models.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["models"]
    return tuple(KnownModel(**{**row, "config": PlainConfig(**row["config"])}) for row in rows)


def known(model: str) -> KnownModel | None:
    """The first recommendation of that id."""
    return next((one for one in known_models() if one.id == model), None)


def _no_tokenizer(text: str) -> Iterable[tuple[int, int, int]]:
    raise NotImplementedError("what is known of a model does not tell its tokens")
