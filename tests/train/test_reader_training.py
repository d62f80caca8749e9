"""What the reader learns from, and that it learns: from answers, and from a teacher that has learned them."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from transformers import BertConfig, BertModel, BertTokenizerFast

from longdoc.cli import cli, run
from longdoc.core.errors import DamagedInput, UsageError
from longdoc.search.encoder import BUCKETS, SentenceEncoder
from longdoc.search.reader import load
from longdoc.train import reader as training
from longdoc.train import reader_teacher
from longdoc.train.reader import Size, train_reader
from longdoc.train.reader_rows import Asked, Example, asked_rows, made_rows

NAMES = ("Anna", "Bruno", "Clara", "David", "Emma", "Felix", "Greta", "Hugo")
THINGS = ("lamp", "boat", "clock", "violin", "kettle", "ladder", "mirror", "saddle")
WORDS = (*(name.lower() for name in NAMES), *THINGS, "who", "has", "the", "of", "which", "and")


def row(question: str, context: str, answers: list[str], **other: object) -> dict[str, object]:
    return {"question": question, "context": context, "answers": answers, "answerable": bool(answers), **other}


def own_document(num: int) -> str:
    """A name that is not held out."""
    from longdoc.search.joined import is_held_out

    return [f"doc{i}" for i in range(100) if not is_held_out(f"doc{i}")][num]


def test_windows_that_answer_and_those_that_share_most_words_and_do_not() -> None:
    filler = " ".join(f"Nothing of note happened on day {i} of the long voyage." for i in range(20))
    context = f"Anna lost the silver watch in Lisbon. {filler} The silver watch was repaired by Hugo. {filler}"
    asked = asked_rows([row("Where did Anna lose the silver watch?", context, ["Lisbon"], doc_id=own_document(0))])
    assert len(asked) == 1
    right, wrong = asked[0].right, asked[0].wrong
    assert all(e.passage[slice(*e.answers[0])] == "Lisbon" for e in right)
    assert right
    assert "repaired by Hugo" in wrong[0].passage
    assert not any("Lisbon" in e.passage or e.answers for e in wrong)


def test_an_answer_in_other_words_is_the_sentence_that_has_most_of_it() -> None:
    context = "It rained. The old miller was sent away by the angry queen. She slept."
    asked = asked_rows([row("What did she do?", context, ["she sent the miller away angry"], doc_id=own_document(1))])
    example = asked[0].right[0]
    assert example.whole
    assert example.passage[slice(*example.answers[0])].startswith("The old miller")
    assert asked_rows([row("What?", context, ["nothing of the kind at all"], doc_id=own_document(1))]) == []


def test_an_unanswerable_question_has_its_own_paragraph_among_the_wrong_ones() -> None:
    asked = asked_rows([row("Who sold the lamp?", "Anna bought the lamp.", [], doc_id=own_document(2))])
    assert asked[0].right == ()
    assert asked[0].wrong[0].passage == "Anna bought the lamp."


def test_an_answer_is_found_as_a_word_of_its_own() -> None:
    context = "In 2010 there were 10 ships in the bay."
    asked = asked_rows([row("How many ships were there?", context, ["10"], doc_id=own_document(1))])
    assert [context[slice(*span)] for span in asked[0].right[0].answers] == ["10"]
    assert asked[0].right[0].answers[0][0] > context.index("were")


def test_rows_that_are_none_are_refused_at_the_command_line(tmp_path: Path) -> None:
    encoder = tmp_path / "encoder.safetensors"
    encoder.write_bytes(b"")
    for text, said in (('{"question": "Who?"}', "has no doc_id"), ("{", "is not JSON")):
        questions = tmp_path / "questions.jsonl"
        questions.write_text(text)
        arguments = ["train", "reader", "--questions", str(questions), "--teacher", "none", "--encoder", str(encoder)]
        arguments += ["-o", str(tmp_path / "reader.safetensors")]
        told = CliRunner().invoke(cli, arguments, standalone_mode=False)
        assert isinstance(told.exception, DamagedInput)
        assert f"line 1 {said}" in told.exception.what
        assert run(arguments) == 65


def test_held_out_documents_are_not_learned_from() -> None:
    from longdoc.search.joined import is_held_out

    held_out = next(f"doc{i}" for i in range(100) if is_held_out(f"doc{i}"))
    assert asked_rows([row("Who?", "Anna bought the lamp.", ["Anna"], doc_id=held_out)]) == []


def test_made_questions_leave_out_what_the_passage_answers(tmp_path: Path) -> None:
    rng = random.Random(0)
    sentences = [
        f"In {rng.randrange(1700, 1990)} the merchant {rng.choice(NAMES)} of Antwerp sold {rng.randrange(20, 90)} "
        f"barrels of {rng.choice(THINGS)} oil to the {rng.choice(('baker', 'tailor'))}, because trade was slow."
        for _ in range(200)
    ]
    path = tmp_path / "text.txt"
    path.write_text(" ".join(sentences))
    made = made_rows([path], 40)
    assert made == made_rows([path], 40)
    answering = [e for e in made if e.answers]
    assert len(answering) >= 5
    assert len(made) > len(answering)
    for example in answering:
        start, end = example.answers[0]
        answer = example.passage[start:end]
        assert answer.strip()
        assert f" {answer.lower()} " not in f" {example.question.lower()} "


def puzzles(num: int, seed: int) -> list[Asked]:
    """Who has the boat? Two of the three names in a passage have other things; half of them lack the thing."""
    rng = random.Random(seed)
    found = []
    for _ in range(num):
        names, things = rng.sample(NAMES, 4), rng.sample(THINGS, 4)
        passage = " ".join(f"{n} has the {t}." for n, t in zip(names[:3], things[:3], strict=True))
        start = passage.index(names[0])
        right = Example(f"Who has the {things[0]}?", passage, ((start, start + len(names[0])),))
        order = passage.split(". ")
        rng.shuffle(order)
        text = ". ".join(part.rstrip(".") for part in order) + "."
        start = text.index(names[0])
        right = right._replace(passage=text, answers=((start, start + len(names[0])),))
        found.append(Asked((right,), (Example(f"Who has the {things[0]}?", text.replace(things[0], things[3])),)))
    return found


@pytest.fixture
def teacher(tmp_path: Path) -> str:
    folder = tmp_path / "teacher"
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(vocabulary), **size)).save_pretrained(folder)
    return str(folder)


def test_the_reader_learns_who_has_what(teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_BATCH": 32, "_WARM_UP": 5, "_OF_TEACHER": 0.1}.items():
        monkeypatch.setattr(training, name, value)
    table = np.random.default_rng(0).integers(-127, 128, (1 + BUCKETS + len(WORDS), 16)).astype(np.int8)
    encoder = SentenceEncoder(WORDS, {}, table, np.full(len(table), 0.01, np.float32), 1, 0)
    lines: list[dict[str, object]] = []
    figures = train_reader(
        puzzles(400, 0),
        [asked.right[0] for asked in puzzles(200, 1)],
        teacher,
        encoder,
        tmp_path / "reader.safetensors",
        teacher_epochs=1,
        asked_rounds=8,
        taught_rounds=8,
        size=Size(dims=32, blocks=2, heads=4, inner=64),
        threads=1,
        report=lines.append,
    )
    assert figures["loss_taught"] < figures["loss_made"]
    assert {"asked of the teacher", "step"} <= {key for line in lines for key in line}
    reader = load(tmp_path / "reader.safetensors", encoder)
    right = known = 0
    for asked in puzzles(60, 2):
        example, other = asked.right[0], asked.wrong[0]
        sentences = []
        start = 0
        for part in example.passage.split(". "):
            sentences.append((start, min(len(example.passage), start + len(part) + 1)))
            start += len(part) + 2
        odds = reader.of_sentences(example.question, example.passage, sentences)
        best = sentences[int(odds.argmax())]
        right += best[0] <= example.answers[0][0] < best[1]
        known += odds.max() > reader.of_sentences(other.question, other.passage, sentences).max()
    assert right >= 50
    assert known >= 50


def test_too_few_questions_are_refused(tmp_path: Path, teacher: str) -> None:
    encoder = SentenceEncoder(WORDS, {}, np.zeros((0, 0), np.int8), np.zeros(0, np.float32), 1, 0)
    with pytest.raises(UsageError, match="too few"):
        train_reader(puzzles(5, 0), [], teacher, encoder, tmp_path / "reader.safetensors")


def test_what_the_teacher_gives_to_a_piece_goes_to_the_token_it_stands_in() -> None:
    from longdoc.search.reader import Token

    tokens = [Token(0, 7, 1, 0, "walking", "walk"), Token(8, 12, 2, 0, "home", "home")]
    offsets = np.array([(0, 4), (4, 7), (8, 12)])
    pieces = np.array([(0.3, 0.0), (0.2, 0.1), (0.1, 0.5)], np.float32)
    found = reader_teacher._onto(tokens, offsets, np.array([0.4, 0.4], np.float32), pieces)
    np.testing.assert_allclose(found, [[0.4, 0.4], [0.5, 0.1], [0.1, 0.5]], atol=1e-3)
