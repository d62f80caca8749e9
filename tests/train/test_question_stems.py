"""Counting which words of questions stand in the text that answers them."""

from __future__ import annotations

from pathlib import Path

from longdoc.search.joined import is_held_out
from longdoc.search.words import expected_share
from longdoc.train.question_stems import train_question_stems


def rows() -> list[dict[str, object]]:
    names = [name for name in (f"set_{n}" for n in range(40)) if not is_held_out(name)][:12]
    return [
        {
            "doc_id": name,
            "context": f"The harbour was built by Otto{n}.",
            "question": f"What happened to the harbour in place{n}?",
            "answerable": True,
        }
        for n, name in enumerate(names)
    ]


def test_words_are_counted_over_questions_and_rare_ones_left_out(tmp_path: Path) -> None:
    out = tmp_path / "stems.txt"
    assert train_question_stems(rows(), out) == 2
    shares = dict(line.split() for line in out.read_text().splitlines())
    assert set(shares) == {"happen", "harbour"}
    assert float(shares["happen"]) < 0.4 < 0.9 < float(shares["harbour"])


def test_documents_that_are_held_out_and_questions_without_an_answer_do_not_count(tmp_path: Path) -> None:
    out = tmp_path / "stems.txt"
    held_out = next(name for name in (f"set_{n}" for n in range(100)) if is_held_out(name))
    assert train_question_stems([row | {"doc_id": held_out} for row in rows()], out) == 0
    assert train_question_stems([row | {"answerable": False} for row in rows()], out) == 0


def test_the_shares_that_ship_tell_empty_words_from_names() -> None:
    assert expected_share("happen") < 0.2
    assert expected_share("king") > 0.9
    assert 0.7 < expected_share("zanzibar") < 0.9
