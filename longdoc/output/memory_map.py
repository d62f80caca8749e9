"""What a compressive memory did with a document, as a picture: a row for each layer, a field for each head.

Geometry and words only; the page's template draws them. Knows nothing of how a memory works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longdoc.core.memory_use import MemoryUse
from longdoc.core.types import Receipt

_LABEL_WIDTH, _HEAD_HEIGHT = 56, 20
_WIDE, _HIGH = 76, 44  # of a field with words in it
_NARROW, _LOW = 12, 18  # of one without, at the least
_FIELDS_WIDTH = 640  # of a row without words, if its fields are not narrower than _NARROW then
_MOST_WITH_WORDS = 8  # heads
_MOST_SAID = 32  # fields that are told one by one to those who do not see them
_DARKEST = 0.45  # opacity: words on it must stay legible


@dataclass(frozen=True, slots=True)
class Field:
    """One head of one layer. shade: opacity, by the share written.   bar: width of the gate's, at its bottom.

    written, gate: in words.   title: both, with the place.
    """

    x: float
    y: int
    shade: float
    bar: float
    written: str
    gate: str
    title: str


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """Sizes in pixels. rows: (y of the middle, what stands at it).   heads: (x of the middle, what stands at it).

    has_words: whether there is room for words in the fields.   most: the largest share written, in words.
    label: for those who do not see it.
    """

    width: float
    height: int
    field_width: float
    field_height: int
    rows: tuple[tuple[float, str], ...]
    heads: tuple[tuple[float, str], ...]
    fields: tuple[Field, ...]
    has_words: bool
    num_tokens: int
    most: str
    label: str


def memory_map(uses: Sequence[MemoryUse]) -> MemoryMap | None:
    """The picture; None where nothing was counted."""
    num_heads = max((len(use.written) for use in uses), default=0)
    if not num_heads or not all(use.num_tokens for use in uses):
        return None
    has_words = num_heads <= _MOST_WITH_WORDS
    width, height = (_WIDE, _HIGH) if has_words else (max(_NARROW, round(_FIELDS_WIDTH / num_heads, 1)), _LOW)
    most = max(written / use.num_tokens for use in uses for written in use.written)
    fields = []
    for row, use in enumerate(uses):
        for head, (written, gate) in enumerate(zip(use.written, use.gate, strict=True)):
            share = written / use.num_tokens
            said = f"{_percent(share)} written, gate {gate:.2f}"
            fields.append(
                Field(
                    x=round(_LABEL_WIDTH + head * width, 1),
                    y=_HEAD_HEIGHT + row * height,
                    shade=round(_DARKEST * share / most, 3) if most else 0.0,
                    bar=round(min(max(gate, 0.0), 1.0) * width, 1),
                    written=_percent(share),
                    gate=f"gate {gate:.2f}",
                    title=f"layer {use.layer}, head {head}: {said}",
                )
            )
    step = 1 if has_words else max(1, round(2 * _LABEL_WIDTH / width))
    return MemoryMap(
        width=_LABEL_WIDTH + num_heads * width,
        height=_HEAD_HEIGHT + len(uses) * height,
        field_width=width,
        field_height=height,
        rows=tuple((_HEAD_HEIGHT + (row + 0.5) * height, f"layer {use.layer}") for row, use in enumerate(uses)),
        heads=tuple(
            (round(_LABEL_WIDTH + (head + 0.5) * width, 1), f"head {head}") for head in range(0, num_heads, step)
        ),
        fields=tuple(fields),
        has_words=has_words,
        num_tokens=max(use.num_tokens for use in uses),
        most=_percent(most),
        label=_label(fields, most),
    )


def no_memory_words(receipt: Receipt) -> str:
    """Why there is no picture."""
    if receipt.attention.memory:
        return "What the memory took is not known: the reading went on from a state in which it was not counted."
    if receipt.attention.mode in {"exact", "ring"}:
        return "No compressed memory was used: everything was kept exactly."
    if receipt.settings.get("memory") is False:
        return "No compressed memory was used: it was switched off."
    return "No compressed memory was used: the model has none."


def _label(fields: Sequence[Field], most: float) -> str:
    about = "What the memory took, by layer and head"
    if len(fields) <= _MOST_SAID:
        return f"{about}. " + "; ".join(field.title for field in fields)
    return f"{about}: {len(fields)} fields, at most {_percent(most)} of the tokens written"


def _percent(share: float) -> str:
    """`3.1 %`; what is more than nothing is not said to be nothing, and what lacks a little not to be all."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if 0 < share < 1 else f"{100 * share:.0f} %"
