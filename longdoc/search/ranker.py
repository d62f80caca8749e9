"""A tiny network over named columns: it turns features of a candidate into one score.

    score = w2 . tanh(w1 (x - mean) / std + b1) + linear . (x - mean) / std

It is a few hundred numbers in a JSON file, named by column, so that a file says what it needs and one
without a language model's columns is always there. Fitted by `longdoc.train.rankers`; numpy is
enough to run it. Knows nothing of what the columns mean.

Shape letters: N candidates, F columns, H hidden units.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from longdoc.core.errors import ModelUnavailable
from longdoc.search.encoder import SentenceEncoder
from longdoc.search.encoder import load as load_encoder
from longdoc.search.reader import Reader
from longdoc.search.reader import load as load_reader

Array = NDArray[np.float64]
FORMAT = "longdoc.rankers/1"
CLIP = 6.0  # standard deviations: a document unlike all those fitted on must not saturate one column


@dataclass(frozen=True, slots=True)
class Ranker:
    """columns: names, F of them.   mean, std, linear: (F,).   w1: (H, F).   b1, w2: (H,).   bias: added to all."""

    columns: tuple[str, ...]
    mean: Array
    std: Array
    linear: Array
    w1: Array
    b1: Array
    w2: Array
    bias: float = 0.0

    def score(self, columns: Mapping[str, Array]) -> Array:
        """(N,) for each column -> (N,). Higher is better."""
        x = np.stack([np.asarray(columns[name], dtype=np.float64) for name in self.columns], axis=-1)
        x = np.clip((x - self.mean) / self.std, -CLIP, CLIP)
        hidden: Array = np.tanh(x @ self.w1.T + self.b1) @ self.w2
        return hidden + x @ self.linear + self.bias

    def to_json(self) -> dict[str, Any]:
        """The fields with lists for arrays, rounded to what JSON readers agree on."""
        arrays = ("mean", "std", "linear", "w1", "b1", "w2")
        lists = {name: np.round(getattr(self, name), 6).tolist() for name in arrays}
        return {"columns": list(self.columns), **lists, "bias": round(self.bias, 6)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; a file whose shapes do not fit its columns is refused."""
        columns = tuple(str(name) for name in fields["columns"])
        mean, std, linear, b1, w2 = (
            np.asarray(fields[name], dtype=np.float64) for name in ("mean", "std", "linear", "b1", "w2")
        )
        w1 = np.asarray(fields["w1"], dtype=np.float64).reshape(len(b1), len(columns))
        if not mean.shape == std.shape == linear.shape == (len(columns),) or w2.shape != b1.shape:
            raise ValueError("the arrays do not fit the columns")
        return cls(columns, mean, std, linear, w1, b1, w2, float(fields.get("bias", 0.0)))


@dataclass(frozen=True, slots=True)
class RankerFile:
    """The rankers of one file by name, and where they come from (sources, licences, held-out figures).

    encoder, reader: beside them, where some of them have columns of what sentences mean, or of what was read in them.
    files: their names in the folder, by what they are.
    """

    rankers: dict[str, Ranker]
    provenance: dict[str, Any]
    encoder: SentenceEncoder | None = None
    reader: Reader | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def best(self, purpose: str, available: Collection[str]) -> Ranker:
        """The ranker for a purpose that uses most of the available columns, and no others.

        Names are "purpose" or "purpose+variant" ("sentence", "sentence+similarity").
        """
        fitting = [
            ranker
            for name, ranker in self.rankers.items()
            if name.partition("+")[0] == purpose and set(ranker.columns) <= set(available)
        ]
        if not fitting:
            raise ModelUnavailable(
                f"The adapter has no ranker for {purpose!r}.",
                why="each of its rankers needs columns that this model does not supply",
                fix="use the adapter that came with longdoc, or fit one with `longdoc train`",
            )
        return max(fitting, key=lambda ranker: len(ranker.columns))


def save(
    path: Path, rankers: Mapping[str, Ranker], provenance: Mapping[str, Any], files: Mapping[str, str] | None = None
) -> None:
    """Writes a ranker file. files: "encoder", "reader": their names in the same folder."""
    content = {
        "format": FORMAT,
        **(files or {}),
        "rankers": {name: ranker.to_json() for name, ranker in rankers.items()},
        "provenance": dict(provenance),
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> RankerFile:
    """Reads a ranker file; one that is missing or damaged is a `ModelUnavailable`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("format") != FORMAT:
            raise ValueError(f"its format is {content.get('format')!r}, not {FORMAT!r}")
        rankers = {name: Ranker.from_json(fields) for name, fields in content["rankers"].items()}
        files = {kind: content[kind] for kind in ("encoder", "reader") if kind in content}
        encoder = load_encoder(path.with_name(files["encoder"])) if "encoder" in files else None
        reader = load_reader(path.with_name(files["reader"]), encoder) if encoder and "reader" in files else None
        return RankerFile(rankers, content.get("provenance", {}), encoder, reader, files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnavailable(
            f"{path} is not a ranker.",
            why=str(error),
            fix="install longdoc again, or fit one with `longdoc train`",
        ) from error
