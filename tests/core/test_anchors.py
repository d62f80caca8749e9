"""Packed anchors against a plain tuple of them: the same places, in a few bytes each."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longdoc.core.anchors import Anchor, Anchors
from longdoc.core.types import Document, Source

SOURCE = Source(name="a.txt", sha256="0" * 64, format="text", num_bytes=1)
WORDS = st.none() | st.sampled_from(["i", "ii", "Ann", "a\nb", "", "\ud800"])
SECONDS = st.none() | st.floats(0, 1e6) | st.integers(0, 9)
NUMBERS = st.none() | st.integers(1, 1 << 40)


@st.composite
def sorted_anchors(draw: st.DrawFn) -> tuple[Anchor, ...]:
    """Anchors of which each field is in use, or in none of them."""
    used = draw(st.sets(st.sampled_from(["page", "label", "start_s", "end_s", "speaker", "source", "line"])))
    kinds = {"page": NUMBERS, "line": NUMBERS, "start_s": SECONDS, "end_s": SECONDS}
    offsets = sorted(draw(st.lists(st.integers(0, 1 << 33), max_size=12)))
    return tuple(Anchor(offset, **{name: draw(kinds.get(name, WORDS)) for name in used}) for offset in offsets)


@given(sorted_anchors(), st.integers(-15, 15), st.integers(-15, 15), st.integers(-3, 3).filter(bool))
def test_packed_anchors_are_those_that_went_in(plain: tuple[Anchor, ...], start: int, stop: int, step: int) -> None:
    packed = Anchors(plain)
    assert packed == plain
    assert plain == packed
    assert hash(packed) == hash(plain)
    assert [*packed] == [*plain]
    assert repr(packed) == repr(plain)  # 5 and 5.0 stay what they were
    assert packed[start:stop:step] == plain[start:stop:step]
    assert Anchors.of_columns(packed.columns()) == packed
    for place in range(-len(plain), len(plain)):
        assert packed[place] == plain[place]
    for beyond in (len(plain), -len(plain) - 1):
        with pytest.raises(IndexError):
            packed[beyond]


@given(sorted_anchors(), st.integers(-1, 1 << 33))
def test_a_document_finds_the_anchor_that_looking_at_each_finds(plain: tuple[Anchor, ...], offset: int) -> None:
    document = Document("x", SOURCE, anchors=plain)
    assert document.anchors == plain
    before = [anchor for anchor in plain if anchor.offset <= offset]
    assert document.anchor_at(offset) == (before[-1] if before else None)
    assert replace(document, title="Other").anchors is document.anchors
    assert document == Document("x", SOURCE, anchors=[*plain])


def test_other_anchors_are_not_equal() -> None:
    packed = Anchors([Anchor(0, page=1), Anchor(9, page=2)])
    assert packed != (Anchor(0, page=1), Anchor(9, page=3))
    assert packed != (Anchor(0, page=1),)
    assert packed != Anchors()
    assert packed != "two"


def test_anchors_that_are_not_sorted_are_refused() -> None:
    with pytest.raises(AssertionError, match="sorted by offset"):
        Document("x", SOURCE, anchors=(Anchor(4), Anchor(3)))


@pytest.mark.parametrize(
    "columns", [{}, {"offset": [0, 1], "page": [1]}, {"offset": [0], "colour": ["red"]}, {"offset": [2, 1]}]
)
def test_columns_that_are_no_anchors_are_refused(columns: dict[str, list[int | str]]) -> None:
    with pytest.raises(AssertionError):
        Anchors.of_columns(columns)


@pytest.mark.parametrize(
    ("fields", "most_bytes"),
    [({"line": 1}, 9), ({"start_s": 0.5, "end_s": 1.5, "speaker": "Ann"}, 26), ({"line": 1, "source": "b.txt"}, 13)],
)
def test_an_anchor_takes_a_few_bytes(fields: dict[str, float | str], most_bytes: int) -> None:
    num = 20_000
    numbers = {name: value for name, value in fields.items() if not isinstance(value, str)}
    made = (
        replace(Anchor(n, **fields), **{name: value + n for name, value in numbers.items()})  # type: ignore[arg-type]
        for n in range(num)
    )
    tracemalloc.start()
    try:
        packed = Anchors(made)
        num_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(packed) == num
    assert num_bytes < num * most_bytes


def test_the_last_of_several_anchors_at_one_place_counts() -> None:
    document = Document("xyz", SOURCE, anchors=(Anchor(0, page=1), Anchor(1, page=2), Anchor(1, page=3)))
    found = document.anchor_at(1)
    assert found is not None
    assert found.page == 3
