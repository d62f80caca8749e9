"""4-bit weights on a processor: one layout for reading, another for writing.

bitsandbytes has a packed kernel for processors with AVX512-BF16: nine times as fast for a single token, and nine times
slower for a thousand. It packs a layer's weights in place at the first step with the kernel on. So the kernel is off
while reading and on while writing, and what was packed is unpacked again before the next reading, bit for bit: the
layout by bitsandbytes' own inverse, the scales by keeping the ones from before (its inverse would round them anew).

Where that inverse is missing (it is not part of the public interface; bitsandbytes 0.49 to 0.50 have it) the kernel
stays off: slow writing, right results.
"""

from __future__ import annotations

import copy
from typing import Any

_BLOCK = 32  # rows that the packed layout needs a multiple of


class FourBitKernel:
    """Switches the packed kernel of a model's 4-bit layers. A model without such layers has nothing to switch."""

    def __init__(self, model: Any) -> None:
        self._layers: list[Any] = []
        self._is_on = False
        for module in model.modules():
            if getattr(module, "support_avx512bf16_for_cpu", False):
                if _inverse() is not None and module.out_features % _BLOCK == 0 and module.weight.device.type == "cpu":
                    self._layers.append(module)
                module.support_avx512bf16_for_cpu = False
        self._states: list[Any] = []

    def for_writing(self) -> None:
        """On: each layer packs itself at its next step."""
        if self._is_on or not self._layers:
            return
        self._states = [copy.copy(layer.weight.quant_state) for layer in self._layers]
        for layer in self._layers:
            layer.support_avx512bf16_for_cpu = True
        self._is_on = True

    def for_reading(self) -> None:
        """Off, and every weight as it was loaded."""
        if not self._is_on:
            return
        unpack = _inverse()
        assert unpack is not None
        for layer, state in zip(self._layers, self._states, strict=True):
            layer.support_avx512bf16_for_cpu = False
            if getattr(layer.weight.quant_state, "packing_format_for_cpu", False):
                layer.weight.data, _ = unpack(layer.weight.data, layer.weight.quant_state)
                layer.weight.quant_state = layer.quant_state = state
        self._states = []
        self._is_on = False


def _inverse() -> Any:
    """bitsandbytes' way back from the packed layout, None where it has none."""
    try:
        from bitsandbytes import functional
    except ImportError:
        return None
    return getattr(functional, "_convert_weight_packed_for_cpu_inverse", None)
