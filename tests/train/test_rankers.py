"""Fitting the rankers of answers on a few made documents, with and without an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longdoc.search.encoder import load as load_encoder
from longdoc.search.joined import is_held_out, join, read_rows
from longdoc.search.ranker import Ranker, load
from longdoc.train import rankers as module
from longdoc.train import reader as reading
from longdoc.train.encoder import Network, Size, save
from longdoc.train.rankers import _singles, _with, train_answer_ranker

KINDS = {"ships": ("captain", "sails"), "farms": ("farmer", "barns")}
PLACES = ("Arhus", "Bergen", "Calais", "Dover", "Esbjerg")


def rows() -> list[dict[str, object]]:
    """Of two kinds, 24 documents, five paragraphs with a question each; a quarter and more held out."""
    found: list[dict[str, object]] = []
    for kind, (who, what) in KINDS.items():
        for number in range(24):
            for place in PLACES:
                name = f"{place}{number}"
                context = (
                    f"The {what} of {name} were seen from far away on that morning. Nobody knew why it was so. "
                    f"The {who} of {name} was called Otto{number}{place.lower()}. It rained for the rest of the day."
                )
                found.append(
                    {"id": f"{kind}{name}", "doc_id": f"{kind}{number}", "source": kind, "context": context,
                     "question": f"What was the {who} of {name} called?", "answers": [f"Otto{number}{place.lower()}"],
                     "answerable": True}
                )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lexical")
    torch.manual_seed(0)
    words = ("captain", "farmer", "sails", "barns", "called")
    size = Size(dims=16, blocks=1, heads=2, inner=16)
    save(Network(len(words), size, torch.randn(5, 16)), words, size, folder / "encoder.safetensors", {})
    small = reading.Size(dims=16, blocks=1, heads=2, inner=16)
    network_encoder = load_encoder(folder / "encoder.safetensors")
    network = reading.Network(network_encoder, small)
    known = {"encoder": network_encoder.fingerprint}
    reading.save(network, small, folder / "reader.safetensors", known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NUM_ASKED", 8)
        patch.setattr(module, "_NUM_SINGLES", 3)
        patch.setattr(module, "_NUM_OF_SINGLE", 2)
        train_answer_ranker(
            rows(),
            folder / "ranker.json",
            encoder=folder / "encoder.safetensors",
            reader=folder / "reader.safetensors",
            num_steps=40,
            questions_per_document=55,
        )
    return folder


def test_rankers_with_and_without_similarity_stand_in_one_file(folder: Path) -> None:
    found = load(folder / "ranker.json")
    assert found.encoder is not None
    assert found.reader is not None
    assert found.files == {"encoder": "encoder.safetensors", "reader": "reader.safetensors"}
    assert set(found.rankers) == {
        *("passage", "sentence", "answerability"),
        *("passage+similarity", "sentence+similarity", "answerability+similarity"),
        *("sentence+read", "answerability+read"),
    }
    words = found.rankers["sentence"]
    assert found.best("sentence", words.columns) is words
    assert found.best("sentence", [*words.columns, "similarity"]) is found.rankers["sentence+similarity"]
    assert found.best("sentence", [*words.columns, "similarity", "read"]) is found.rankers["sentence+read"]
    assert "best_similarity" in found.rankers["answerability+similarity"].columns
    assert "best_read" in found.rankers["answerability+read"].columns


def test_a_cosine_is_added_to_the_score_of_words() -> None:
    rng = np.random.default_rng(0)
    ranker = Ranker(("a", "b"), *(rng.random(n) for n in (2, 2, 2)), rng.random((3, 2)), rng.random(3), rng.random(3))
    columns = {name: rng.random(7) for name in ("a", "b", "similarity")}
    got = _with(ranker, "similarity", 3.0).score(columns)
    np.testing.assert_allclose(got, ranker.score(columns) + 3.0 * columns["similarity"])


def test_short_documents_are_asked_by_themselves() -> None:
    own = [row for row in rows() if row["source"] == "ships"]
    (document,) = join(own, "ships", max_words=10**6)
    singles = _singles([document])
    assert len(singles) == 24
    for single in singles[:3]:
        assert len(single.questions) == 5
        for question in single.questions:
            assert question.answers[0] in single.text[question.start : question.end]


def test_a_question_without_a_context_has_that_of_the_row_before(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"doc_id": "a", "question": "1?", "context": "A."}\n{"doc_id": "a", "question": "2?"}\n'
        '{"doc_id": "b", "question": "3?", "context": "B."}\n{"doc_id": "b", "question": "4?"}\n'
        '{"doc_id": "c", "question": "5?"}\n'
    )
    found = list(read_rows([path]))
    assert [row.get("context") for row in found] == ["A.", "A.", "B.", "B.", None]


def test_the_rows_are_held_out_by_document() -> None:
    kept = {row["doc_id"] for row in rows() if is_held_out(str(row["doc_id"]))}
    assert 4 <= len(kept) <= 20
