"""Frozen data comes back from a text as it was; a text of another kind is refused."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from handmade import make_answer, make_receipt, make_summary

from longdoc.core.memory_use import MemoryUse
from longdoc.core.records import from_text, to_text
from longdoc.core.types import Answer, Citation, File, Focus, Source, Summary


@dataclass(frozen=True)
class Leaf:
    number: float
    word: str | None = None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...] = ()
    best: Leaf | None = None
    tags: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    "tree",
    [
        Tree(),
        Tree((Leaf(0.1), Leaf(1e-300, "\u2028 \x00 é")), Leaf(2.0), ("a", "b"), {"x": [1, None, {"y": True}]}),
        Tree((Leaf(1 / 3), Leaf(math.inf))),
        Tree(tags=(os.fsdecode(b"caf\xe9"),)),
    ],
)
def test_data_comes_back(tree: Tree) -> None:
    text = to_text(tree)
    assert text.isascii()
    assert "\n" not in text
    assert from_text(Tree, text) == tree


def test_results_come_back_with_all_that_they_hold() -> None:
    file = File(Source("a.txt", "0" * 64, "text", 3, lost=("a page",), selection="pages 1-2 of 3"), 0, 9, "A", 3, 7)
    use = MemoryUse(1, 10, (3, 0), (0.25, 0.0))
    receipt = make_receipt(files=(file, file), memory=(use,), warnings=("w",), tokens_from_state=5)
    summary = make_summary(receipt=receipt, focus=Focus("rain", 2, ("snow",)), style="bullets")
    assert from_text(Summary, to_text(summary)) == summary
    answer = make_answer(receipt=receipt)
    back = from_text(Answer, to_text(answer))
    assert back == answer
    assert isinstance(back.evidence[0].citation, Citation)
    nan = from_text(Answer, to_text(replace(answer, receipt=replace(receipt, seconds=math.nan))))
    assert math.isnan(nan.receipt.seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "3", "null", '{"leaves": 3}', '{"leaves": [{"none": 1}]}', '{"leaves": [3]}',
        '{"other": 1}', '{"best": {"word": "x"}}',
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"this is no Tree|Expecting|line 1"):
        from_text(Tree, text)


def test_a_field_that_a_later_version_has_and_a_text_has_not_gets_its_default() -> None:
    assert from_text(Leaf, json.dumps({"number": 1.0})) == Leaf(1.0)
