"""The reader in numpy is what torch trained, knows what a question shares with a passage, and reads it once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from longdoc.core.errors import ModelUnavailable
from longdoc.search import reading
from longdoc.search.candidates import candidates
from longdoc.search.encoder import BUCKETS, SentenceEncoder
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import RankerFile
from longdoc.search.reader import FEATURES, MARKS, MAX_PASSAGE, MAX_QUESTION, NEAR, Reader, distances, load, prepare
from longdoc.train.reader import Network, Size, save

WORDS = ("tenant", "rent", "pays", "who", "the")
SIZE = Size(dims=24, blocks=2, heads=4, inner=32)
QUESTION = "Who pays the rent?"
PASSAGE = 'The tenant pays. "Not I," said Zyzzyva, in 1923: the rents\nare due.'


@pytest.fixture
def encoder() -> SentenceEncoder:
    table = np.random.default_rng(0).integers(-127, 128, (1 + BUCKETS + len(WORDS), 16)).astype(np.int8)
    table[0] = 0
    return SentenceEncoder(WORDS, {}, table, np.full(len(table), 0.01, np.float32), 1, 0)


@pytest.fixture
def network(encoder: SentenceEncoder) -> Network:
    torch.manual_seed(3)
    network = Network(encoder, SIZE).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.fixture
def reader(network: Network, encoder: SentenceEncoder, tmp_path: Path) -> Reader:
    save(network, SIZE, tmp_path / "reader.safetensors", {"teacher": "none", "encoder": encoder.fingerprint})
    return load(tmp_path / "reader.safetensors", encoder)


def test_logits_are_those_of_torch_in_float64(network: Network, reader: Reader) -> None:
    network.load_state_dict({name: torch.from_numpy(array) for name, array in reader.weights.items()})
    network.double()
    network.table = network.table.double()
    own = prepare(QUESTION, PASSAGE, reader.encoder)
    rows, marks, sides = (torch.from_numpy(a.astype(np.int64))[None] for a in (own.rows, own.marks, own.sides))
    features = torch.from_numpy(own.features).double()[None]
    padded = [torch.nn.functional.pad(t, (0, 3)) for t in (rows, marks, sides)]
    there = torch.arange(padded[0].shape[1])[None] < rows.shape[1]
    with torch.no_grad():
        wanted = network(*padded[:2], torch.nn.functional.pad(features, (0, 0, 0, 3)), padded[2], there)[0].numpy()
    begins, ends, none = reader.logits(own)
    first = rows.shape[1] - len(own.tokens)
    np.testing.assert_allclose(begins, wanted[first : rows.shape[1], 0], atol=2e-5)
    np.testing.assert_allclose(ends, wanted[first : rows.shape[1], 1], atol=2e-5)
    np.testing.assert_allclose(none, wanted[0], atol=2e-5)


def test_odds_of_sentences_are_those_of_their_tokens_against_not_here(reader: Reader) -> None:
    spans = [(0, 16), (17, len(PASSAGE))]
    own = prepare(QUESTION, PASSAGE, reader.encoder)
    begins, ends, none = (a.astype(np.float64) for a in reader.logits(own))
    wanted = []
    for start, end in spans:
        inside = [start <= token.start < end for token in own.tokens]
        sums = [np.log(np.exp(side[inside]).sum()) for side in (begins, ends)]
        wanted.append(sum(sums) / 2 - none.mean())
    np.testing.assert_allclose(reader.of_sentences(QUESTION, PASSAGE, spans), wanted, atol=1e-5)


def test_what_is_not_read_gets_the_lowest_odds(reader: Reader) -> None:
    long = "The tenant pays. " * MAX_PASSAGE
    spans = [(0, 16), (len(long) - 17, len(long))]
    read, unread = reader.of_sentences(QUESTION * MAX_QUESTION, long, spans)
    assert unread == -12.0 < read
    assert reader.of_sentences(QUESTION, "", [(0, 0)]).tolist() == [-12.0]


def test_features_say_what_is_shared_and_how_a_token_stands(encoder: SentenceEncoder) -> None:
    own = prepare(QUESTION, PASSAGE, encoder)
    told = dict(zip((t.word for t in own.tokens), own.features[-len(own.tokens) :], strict=True))  # the last of each

    def has(word: str) -> set[str]:
        return {name for name, value in zip(FEATURES, told[word], strict=True) if value}

    assert has("rents") == {"same_stem", "rarity_of_same"}  # another form of "rent"
    assert has("pays") >= {"same_stem", "same_word"}
    assert "same_stem" not in has("the")
    assert {"same_word", "stop_word"} <= has("the")
    assert has("zyzzyva") == {"capital", "capital_inside"}
    assert has("1923") == {"number", "year"}
    assert "begins_line" in has("are")
    assert own.tokens[-1].mark == 1 + MARKS.index(".")
    assert own.tokens[-1].row == 0
    assert own.features[0].sum() == 0
    assert own.sides[0] == 0
    asked = own.features[1 : own.sides.tolist().count(1) + 1]
    assert asked[1, FEATURES.index("same_stem")] == 1.0  # "pays" stands in the passage


def test_distances_count_within_a_side_only() -> None:
    places = distances(np.array([0, 1, 1, 2, 2], np.int8))
    assert places[1, 2] == NEAR + 1
    assert places[2, 1] == NEAR - 1
    assert places[3, 3] == NEAR
    assert places[2, 3] == places[0, 1] == places[4, 1] == 2 * NEAR + 1


def test_a_damaged_file_is_refused(tmp_path: Path, network: Network, encoder: SentenceEncoder) -> None:
    path = tmp_path / "reader.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelUnavailable, match="not a reader"):
        load(path, encoder)
    for wrong in (
        replace(SIZE, blocks=3),
        *(replace(SIZE, heads=heads) for heads in (5, 0, -4)),
        replace(SIZE, blocks=0),
    ):
        save(network, wrong, path, {"encoder": encoder.fingerprint})
        with pytest.raises(ModelUnavailable):
            load(path, encoder)
    save(network, SIZE, path, {"encoder": encoder.fingerprint})
    for other in (replace(encoder, table=encoder.table[:, :8]), replace(encoder, words=WORDS[::-1])):
        with pytest.raises(ModelUnavailable) as refused:
            load(path, other)
        assert refused.value.why == "it was trained with the words of another encoder"
    with torch.no_grad():
        network.answer.weight[0, 0] = torch.nan
    save(network, SIZE, path, {"encoder": encoder.fingerprint})
    with pytest.raises(ModelUnavailable) as refused:
        load(path, encoder)
    assert refused.value.why == "its weights are no numbers"


def test_a_passage_is_read_once_a_question(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The tenant pays the rent. It is due in May.\n\n" * 30
    asked: list[str] = []
    original = Reader.of_sentences

    def counted(self: Reader, question: str, passage: str, sentences: list[tuple[int, int]]) -> np.ndarray:
        asked.append(question)
        return original(self, question, passage, sentences)

    monkeypatch.setattr(Reader, "of_sentences", counted)
    with PassageIndex(text) as index:
        passages = index.search("Who pays the rent?", 3)
        best = reading.of_passages(QUESTION, index, passages, reader)
        found = candidates(index, passages)
        each = reading.of_sentences(QUESTION, index, passages, found, reader)
        assert len(asked) == len(passages)
        for place, passage in enumerate(passages):
            own = [odds for c, odds in zip(found, each, strict=True) if passage.start <= c.start < passage.end]
            assert max(own) >= best[place]  # a sentence may look better in a passage beside it
        assert each.max() == best.max()
        assert np.abs(each).max() <= 8.0


@pytest.mark.parametrize(
    ("asked", "text", "is_read"),
    [
        ("Who pays the rent?", "The tenant pays the rent of the house to the landlord.", True),
        ("tell me when the rent is due", "The tenant pays the rent of the house to the landlord.", True),
        ("rent tenant due", "The tenant pays the rent of the house to the landlord.", False),
        ("Wer zahlt die Miete?", "Der Mieter zahlt die Miete des Hauses an den Vermieter.", False),
    ],
)
def test_it_reads_for_questions_about_english_text(asked: str, text: str, is_read: bool, reader: Reader) -> None:
    with PassageIndex(text * 5) as index:
        found = reading.reader_for(asked, index, RankerFile({}, {}, reader.encoder, reader))
        assert (found is reader) == is_read
        assert reading.reader_for(asked, index, RankerFile({}, {})) is None
