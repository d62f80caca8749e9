"""The sentence encoder in numpy is what torch trained, and what the rankers get from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from longdoc.core.errors import ModelUnavailable
from longdoc.search import similarity
from longdoc.search.candidates import candidates
from longdoc.search.encoder import BUCKETS, MAX_WORDS, SentenceEncoder, load
from longdoc.search.index import PassageIndex
from longdoc.train import encoder as training
from longdoc.train.encoder import Network, Size, _padded, save, train_encoder

WORDS = ("tenant", "rent", "pays", "who")
SIZE = Size(dims=16, blocks=2, heads=4, inner=32)
TEXTS = ["Who pays the rent?", "", "The tenant pays " + "rent and " * 80, "Überraschung! 42"]


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    return Network(len(WORDS), SIZE, torch.randn(len(WORDS), SIZE.dims)).eval()


@pytest.fixture
def encoder(network: Network, tmp_path: Path) -> SentenceEncoder:
    save(network, WORDS, SIZE, tmp_path / "encoder.safetensors", {"teacher": "none"})
    return load(tmp_path / "encoder.safetensors")


def in_float64(network: Network, encoder: SentenceEncoder) -> Network:
    """The network with the rounded weights of the file."""
    rounded = {name: torch.from_numpy(array) for name, array in encoder.weights.items()}
    rounded["embedding.weight"] = torch.from_numpy(encoder.table.astype(np.float32) * encoder.scales[:, None])
    network.load_state_dict(rounded)
    return network.double()


def test_vectors_are_those_of_torch_in_float64(network: Network, encoder: SentenceEncoder) -> None:
    with torch.no_grad():
        wanted = in_float64(network, encoder)(_padded([encoder.numbers(text) for text in TEXTS]))
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted.numpy(), atol=2e-5)


def test_a_sentence_has_the_same_vector_in_any_company(encoder: SentenceEncoder) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_array_equal(encoder.encode(TEXTS), alone)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1.0, atol=1e-6)
    assert encoder.encode([]).shape == (0, SIZE.dims)


def test_words_of_the_list_have_rows_of_their_own_and_others_share_buckets(encoder: SentenceEncoder) -> None:
    numbers = encoder.numbers("Who pays Zyzzyva?")
    assert numbers[:2] == [1 + BUCKETS + 3, 1 + BUCKETS + 2]
    assert all(0 < number <= BUCKETS for number in numbers[2:])
    assert len(encoder.numbers("rent " * 100)) == MAX_WORDS
    assert encoder.numbers("") == [1]


def test_a_damaged_file_is_refused(tmp_path: Path, network: Network) -> None:
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelUnavailable, match="not a sentence encoder"):
        load(path)
    save(network, WORDS[:3], SIZE, path, {})
    with pytest.raises(ModelUnavailable):
        load(path)
    for wrong in (replace(SIZE, blocks=3), replace(SIZE, heads=5), replace(SIZE, heads=0)):
        save(network, WORDS, wrong, path, {})
        with pytest.raises(ModelUnavailable):
            load(path)
    with torch.no_grad():
        network.head.weight[0, 0] = torch.nan
    save(network, WORDS, SIZE, path, {})
    with pytest.raises(ModelUnavailable) as refused:
        load(path)
    assert refused.value.why == "its weights are no numbers"


def test_the_student_learns_its_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_BATCH", 64)
    monkeypatch.setattr(training, "_WARM_UP", 20)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    names = [f"word{chr(97 + a)}{chr(97 + b)}" for a in range(8) for b in range(8)]
    truth = torch.randn(len(names), 24)
    rows = rng.integers(0, len(names), (2500, 3)).tolist()
    sentences = [" ".join(names[n] for n in row) for row in rows]
    targets = torch.nn.functional.normalize(torch.stack([truth[row].mean(0) for row in rows]), dim=-1)
    before, after = (
        train_encoder(
            sentences, targets, tuple(names), truth, tmp_path / "encoder.safetensors", num_epochs=epochs, size=SIZE
        )["cosine_held_out"]
        for epochs in (0, 8)
    )
    assert before < 0.5 < after


def test_columns_of_similarity_are_cosines_with_the_question(encoder: SentenceEncoder) -> None:
    text = "The tenant pays the rent.\n\nNobody was there, and nothing else was to be seen.\n\nWho was it that pays?"
    with PassageIndex(text) as index:
        passages = index.propose("Who pays the rent?", 5)
        found = candidates(index, passages)
        columns = similarity.of_sentences("Who pays the rent?", index, found, encoder)
        vectors = encoder.encode([text[c.start : c.end] for c in found])
        asked = encoder.encode(["Who pays the rent?"])[0]
        np.testing.assert_allclose(columns["similarity"], vectors @ asked, atol=1e-6)
        of_passages = similarity.of_passages("Who pays the rent?", index, passages, encoder)
    assert of_passages[0] == pytest.approx(columns["similarity"].max())
