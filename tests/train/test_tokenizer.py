"""The tokenizer loses nothing, splits digits, and knows one special token."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.train.tokenizer import END_OF_TEXT, train_tokenizer


@settings(max_examples=200, deadline=None)
@given(
    st.text() | st.text(alphabet="0123456789 .,-—é\n\u200d👩\u0301") | st.text(alphabet=st.characters(codec="utf-8"))
)
def test_any_text_comes_back(text: str) -> None:
    encoding = tiny.tokenizer().encode(text, add_special_tokens=False)
    assert tiny.tokenizer().decode(encoding.ids) == text
    assert 0 not in encoding.ids


def test_offsets_tile_the_text() -> None:
    text = "The keeper’s lantern, 1811 — café.\n\n灯台"
    offsets = tiny.tokenizer().encode(text, add_special_tokens=False).offsets
    assert (offsets[0][0], offsets[-1][1]) == (0, len(text))
    assert all(b[0] in (a[0], a[1]) for a, b in itertools.pairwise(offsets))


def test_no_token_has_two_digits() -> None:
    vocabulary = tiny.tokenizer().get_vocab()
    assert not [token for token in vocabulary if re.search(r"\d.*\d", token)]
    assert len(tiny.tokenizer().encode("20261811").ids) == 8


def test_the_end_of_a_text_is_token_zero() -> None:
    assert tiny.tokenizer().token_to_id(END_OF_TEXT) == 0
    assert tiny.tokenizer().get_vocab_size() == tiny.CONFIG.model.vocab_size


def test_the_same_data_give_the_same_tokenizer(data: Path) -> None:
    assert train_tokenizer(data, tiny.CONFIG).to_str() == tiny.tokenizer().to_str()


def test_documents_kept_back_teach_no_words() -> None:
    assert len(tiny.tokenizer().encode("Zyzzyva").ids) > 3
