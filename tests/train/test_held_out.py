"""What was kept back is all that is measured on."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from longdoc.train.corpus import is_held_out
from longdoc.train.held_out import held_out_questions, held_out_texts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny.write_data(tmp_path / "data")


def test_only_documents_that_were_kept_back_are_given(root: Path) -> None:
    kept = {name for name in [*(f"story-{i}" for i in range(5)), "kept-back"] if is_held_out(name, tiny.CONFIG.data)}
    assert "kept-back" in kept
    texts = list(held_out_texts(root, tiny.CONFIG.data))
    assert len(texts) == len(kept)
    assert texts[-1].endswith("Zyzzyva quokka.")
    questions = list(held_out_questions(root / "qa" / "rows.jsonl", tiny.CONFIG.data))
    assert {row["doc_id"] for row in questions} == kept


def test_a_document_is_cut_at_its_length(root: Path) -> None:
    assert {len(text) for text in held_out_texts(root, tiny.CONFIG.data, characters=100)} == {100}
