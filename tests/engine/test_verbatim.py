"""Whatever the logits say, what is decoded under the constraint is a span of a candidate."""

from __future__ import annotations

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.engine.verbatim import TokenSpan, VerbatimConstraint

END = 0
WORDS = ["the", "keeper’s", "lantern,", "1811", "—", "café", "fell:", "Übermut!", "灯台", "the", "end\n"]


@st.composite
def passages(draw: st.DrawFn) -> tuple[str, list[TokenSpan]]:
    """A text of few words, so that passages share beginnings, and spans of it with drawn starts and ends."""
    text = " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=4, max_size=30)))
    encoding = tiny.tokenizer().encode(text, add_special_tokens=False)
    tokens, offsets = encoding.ids, encoding.offsets
    places = range(len(tokens))
    # a character of several tokens is begun at its first and ended at its last
    may_start = {i for i in places if i == 0 or offsets[i][0] >= offsets[i - 1][1]}
    may_end = {i for i in places if i + 1 == len(tokens) or offsets[i + 1][0] >= offsets[i][1]}
    spans = []
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(tokens) - 1))
        last = draw(st.integers(first, min(len(tokens) - 1, first + 12)))
        starts = {i - first for i in may_start if first <= i <= last}
        ends = {i - first for i in may_end if first <= i <= last}
        if starts and ends:
            spans.append(
                TokenSpan(
                    tuple(tokens[first : last + 1]),
                    tuple(offsets[first : last + 1]),
                    frozenset(draw(st.sets(st.sampled_from(sorted(starts)), min_size=1))),
                    frozenset(draw(st.sets(st.sampled_from(sorted(ends)), min_size=1))),
                )
            )
    return text, spans


def decode(constraint: VerbatimConstraint, seed: int) -> list[int]:
    """Follow random logits until the end token or a dead end."""
    generator = torch.Generator().manual_seed(seed)
    emitted: list[int] = []
    while constraint.allowed():
        masked = constraint.mask(torch.randn(tiny.VOCABULARY, generator=generator))
        assert set(masked.isfinite().nonzero()[:, 0].tolist()) == set(constraint.allowed())
        token = int(masked.argmax())
        if token == END:
            break
        constraint.advance(token)
        emitted.append(token)
    return emitted


@settings(max_examples=80, deadline=None)
@given(passages(), st.integers(0, 2**20))
def test_what_is_decoded_is_a_span_of_a_candidate_from_a_start_to_an_end(
    made: tuple[str, list[TokenSpan]], seed: int
) -> None:
    text, candidates = made
    constraint = VerbatimConstraint(candidates, END)
    emitted = decode(constraint, seed)
    if not emitted:  # no candidate has an end after a start
        assert not any(start <= end for c in candidates for start in c.starts for end in c.ends)
        return
    assert any(list(c.ids[start : end + 1]) == emitted for c in candidates for start in c.starts for end in c.ends)
    span = constraint.span()
    assert span is not None
    assert text[span[0] : span[1]] == tiny.tokenizer().decode(emitted)


def test_a_sentence_is_emitted_whole() -> None:
    encoding = tiny.tokenizer().encode("The keeper fell.", add_special_tokens=False)
    constraint = VerbatimConstraint([TokenSpan.whole(encoding.ids, encoding.offsets)], END)
    assert decode(constraint, 1) == encoding.ids
    assert constraint.span() == (0, 16)


def test_nothing_is_allowed_when_there_is_nothing_to_say() -> None:
    assert VerbatimConstraint([], END).allowed() == []
    assert VerbatimConstraint([TokenSpan((), (), frozenset(), frozenset())], END).allowed() == []


def test_there_is_no_span_before_an_end_is_reached() -> None:
    constraint = VerbatimConstraint([TokenSpan.whole((5, 6), ((0, 1), (1, 2)))], END)
    assert constraint.span() is None
    constraint.advance(5)
    assert constraint.span() is None
    assert constraint.allowed() == [6]
    constraint.advance(6)
    assert constraint.span() == (0, 2)


def test_a_token_that_no_candidate_has_is_a_bug_of_the_caller() -> None:
    constraint = VerbatimConstraint([TokenSpan.whole((5, 6), ((0, 1), (1, 2)))], END)
    with pytest.raises(AssertionError, match="not one that"):
        constraint.advance(7)
