"""The frequencies of rotary positions and of their scalings, from the published formulas, in Python's floats.

For the reference of `reference.py`: uses neither transformers nor the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

# settings as in a configuration's `rope_parameters`, rotated dims, length of the text -> frequency of each pair, and
# the factor that queries and keys are multiplied by.
_Formula = Callable[[Mapping[str, Any], int, int], tuple[list[float], float]]


def frequencies(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """num_tokens: the length of the text; only `dynamic` and `longrope` depend on it."""
    return _FORMULAS[settings.get("rope_type", "default")](settings, dims, num_tokens)


def _default(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Su et al. 2021 (arXiv 2104.09864)."""
    return [settings["rope_theta"] ** (-2 * i / dims) for i in range(dims // 2)], 1.0


def _linear(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Position interpolation: Chen et al. 2023 (arXiv 2306.15595)."""
    return [f / settings["factor"] for f in _default(settings, dims, 0)[0]], 1.0


def _dynamic(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Dynamic NTK: the base grows with the text once that is longer than the training's."""
    native, factor = settings["native_tokens"], settings["factor"]
    grown = max(num_tokens, native) * factor / native - (factor - 1)
    base = settings["rope_theta"] * grown ** (dims / (dims - 2))
    return _default({"rope_theta": base}, dims, 0)[0], 1.0


def _yarn(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Peng et al. 2023 (arXiv 2309.00071): slow pairs interpolated, fast ones kept, a ramp between the two."""
    theta, factor, native = settings["rope_theta"], settings["factor"], settings["original_max_position_embeddings"]

    def pair_that_turns(times: float) -> float:
        return dims * math.log(native / (times * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(pair_that_turns(settings.get("beta_fast", 32))), 0)
    high = min(math.ceil(pair_that_turns(settings.get("beta_slow", 1))), dims - 1)
    found = []
    for i, f in enumerate(_default(settings, dims, 0)[0]):
        ramp = min(1.0, max(0.0, (i - low) / max(high - low, 0.001)))
        found.append(f / factor * ramp + f * (1 - ramp))
    return found, 0.1 * math.log(factor) + 1.0


def _llama3(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Llama 3.1: by wavelength; long ones interpolated, short ones kept, a ramp between the two."""
    factor, native = settings["factor"], settings["original_max_position_embeddings"]
    low, high = settings["low_freq_factor"], settings["high_freq_factor"]
    found = []
    for f in _default(settings, dims, 0)[0]:
        turns = native * f / (2 * math.pi)
        ramp = min(1.0, max(0.0, (turns - low) / (high - low)))
        found.append(f / factor * (1 - ramp) + f * ramp)
    return found, 1.0


def _longrope(settings: Mapping[str, Any], dims: int, num_tokens: int) -> tuple[list[float], float]:
    """Ding et al. 2024 (arXiv 2402.13753): a factor for each pair, other ones for texts longer than the training's."""
    native = settings["original_max_position_embeddings"]
    factors = settings["long_factor" if num_tokens > native else "short_factor"]
    found = [f / factor for f, factor in zip(_default(settings, dims, 0)[0], factors, strict=True)]
    return found, math.sqrt(1 + math.log(settings["native_tokens"] / native) / math.log(native))


_FORMULAS: dict[str, _Formula] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "llama3": _llama3,
    "longrope": _longrope,
}
