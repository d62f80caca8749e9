"""What the model's probe says of the part that is being read: one number per token, and their means over sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longdoc.core.types import Segment
from longdoc.segment import Encode


@dataclass(frozen=True, slots=True)
class PartSalience:
    """What the model's probe says of the tokens of the part that is being read.

    ends, values: for each segment, the end of each token in the document and the probe's number for it.
    """

    ends: tuple[npt.NDArray[np.int64], ...] = ()
    values: tuple[npt.NDArray[np.float32], ...] = ()

    def plus(self, encode: Encode, text: str, piece: Segment, values: npt.NDArray[np.float32]) -> PartSalience:
        """With the values of a segment's tokens. Where its text alone gives other tokens, places are even."""
        tokens = list(encode(text[piece.start : piece.end]))
        if len(tokens) == len(values):
            ends = np.array([end for _, _, end in tokens], dtype=np.int64)
        else:
            ends = np.linspace(0, piece.end - piece.start, len(values) + 1)[1:].astype(np.int64)
        return PartSalience((*self.ends, ends + piece.start), (*self.values, values))

    def tensors(self) -> dict[str, Tensor]:
        """For keeping."""
        if not self.ends:
            return {}
        ends, values = np.concatenate(self.ends), np.concatenate(self.values)
        return {"salience_ends": torch.from_numpy(ends), "salience_values": torch.from_numpy(values)}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> PartSalience:
        """What was kept."""
        if "salience_ends" not in tensors:
            return cls()
        return cls((tensors["salience_ends"].cpu().numpy(),), (tensors["salience_values"].cpu().numpy(),))

    def of(self, spans: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64] | None:
        """The mean over the tokens of each span, standardised over the spans; None without a probe."""
        if not self.values or len(spans) < 2:
            return None
        ends = np.concatenate(self.ends)
        total = np.concatenate([[0.0], np.cumsum(np.concatenate(self.values), dtype=np.float64)])
        first = np.searchsorted(ends, [start for start, _ in spans], "right")
        last = np.maximum(first + 1, np.searchsorted(ends, [end for _, end in spans], "right"))
        last = np.minimum(last, len(total) - 1)
        first = np.minimum(first, last - 1)
        mean = (total[last] - total[first]) / (last - first)
        standard: npt.NDArray[np.float64] = (mean - mean.mean()) / max(1e-6, float(mean.std()))
        return standard
