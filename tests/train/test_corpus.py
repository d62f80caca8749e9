"""Documents, questions and summaries as tokens: what is kept back, what is kept, and how."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from transformers import PreTrainedTokenizerFast

from longdoc.core.errors import InputNotFound
from longdoc.pipeline.plain_text import PlainText
from longdoc.train import corpus as corpus_module
from longdoc.train.config import DataConfig
from longdoc.train.corpus import Array, Corpus, Question, build, documents, encode, is_held_out, rows


def decode(ids: Array) -> str:
    text: str = tiny.tokenizer().decode(ids.tolist(), skip_special_tokens=False)
    return text


def in_transformers() -> PreTrainedTokenizerFast:
    """The tokenizer as the pipeline meets it."""
    return PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer())


def as_lists(corpus: Corpus) -> Any:
    questions = [(q.context.tolist(), q.question.tolist(), q.answer.tolist(), q.answerable) for q in corpus.questions]
    extracts = [(a.tolist(), b.tolist()) for a, b in corpus.extracts]
    return [t.tolist() for t in corpus.texts], corpus.weights, questions, extracts


def test_the_cache_gives_back_what_was_built(corpus: Corpus, cache: Path, tmp_path: Path) -> None:
    assert corpus.questions
    assert corpus.extracts
    again = build(tmp_path / "no data here", tiny.CONFIG.data, tiny.tokenizer(), cache)
    assert as_lists(again) == as_lists(corpus)


def test_nothing_in_the_cache_is_pickled(corpus: Corpus, cache: Path) -> None:
    files = [*cache.iterdir()]
    assert {file.suffix for file in files} == {".npy", ".npz"}
    for file in files:
        loaded = np.load(file, allow_pickle=False)
        arrays = [loaded[name] for name in loaded.files] if file.suffix == ".npz" else [loaded]
        assert all(array.dtype != object for array in arrays)


def test_documents_kept_back_are_in_nothing(corpus: Corpus, data: Path) -> None:
    secret = "Zyzzyva"
    assert secret in (data / "text/stories.txt").read_text()
    held = tiny.prose(60, 5).split("\n\n")[0]
    pieces = [decode(corpus.texts[0]), *(decode(q.context) for q in corpus.questions)]
    pieces += [decode(stretch) for stretch, _ in corpus.extracts]
    for piece in pieces:
        assert secret not in piece
        assert held not in piece


def test_the_end_of_a_text_that_a_text_spells_is_plain_words() -> None:
    tokenizer = tiny.tokenizer()
    spelt, plain = encode(tokenizer, ["He typed <|end|> twice.", "He typed twice."])
    assert 0 not in spelt
    assert tokenizer.decode(spelt.tolist()) == "He typed <|end|> twice."
    plain_text = PlainText(in_transformers())
    assert plain_text.ids("He typed <|end|> twice.") == spelt.tolist()
    assert plain_text.ids("He typed twice.") == plain.tolist()


def test_which_documents_are_kept_back_does_not_change() -> None:
    config = DataConfig((), "", "", held_out=("named",), hold_out_one_in=40)
    names = [f"document-{n}" for n in range(4000)]
    held = [name for name in names if is_held_out(name, config)]
    assert is_held_out("named", config)
    assert 60 < len(held) < 140
    assert held == [name for name in names if is_held_out(name, config)]


def test_texts_end_with_the_end_token_and_hold_no_other(corpus: Corpus, data: Path) -> None:
    stream = corpus.texts[0]
    kept = [i for i, _ in documents(data, "text/*.txt") if not is_held_out(i, tiny.CONFIG.data)]
    assert stream[-1] == 0
    assert int((np.asarray(stream) == 0).sum()) == len(kept)


def test_an_answer_stands_in_its_context(corpus: Corpus) -> None:
    for question in corpus.questions:
        assert len(decode(question.context)) <= 1000
        assert decode(question.question).startswith(" ")
        assert bool(len(question.answer)) == question.answerable
        assert decode(question.answer).strip() in decode(question.context)
    assert {question.answerable for question in corpus.questions} == {True, False}


def test_an_extract_stands_in_its_stretch(corpus: Corpus) -> None:
    for stretch, sentence in corpus.extracts:
        assert decode(sentence).startswith(" The ")
        assert decode(sentence).strip() in decode(stretch)


def test_a_long_context_is_cut_around_its_answer(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(2000)]
    words[1500] = "needle"
    row = {"doc_id": "d", "context": " ".join(words), "question": "What?", "answers": ["needle"], "answerable": True}
    unknown = {**row, "answers": ["nowhere in it"]}
    (tmp_path / "qa.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(unknown)}\n")
    found = corpus_module._questions(tmp_path, DataConfig((), "qa.jsonl", ""), tiny.tokenizer())
    assert len(found) == 1
    context = decode(found[0].context)
    assert "needle" in context
    assert context.split(" ")[0] in words
    assert len(context) <= 1000


def test_nothing_to_keep_is_kept_as_nothing() -> None:
    empty = np.zeros(0, np.uint16)
    assert corpus_module._unpack(corpus_module._pack([], [])) == ([], [])
    question = Question(np.arange(3, dtype=np.uint16), np.arange(2, dtype=np.uint16), empty, False)
    questions, extracts = corpus_module._unpack(corpus_module._pack([question], []))
    assert [len(questions), len(questions[0].answer), questions[0].answerable, extracts] == [1, 0, False, []]


def test_compressed_files_and_unusual_line_separators_are_read(tmp_path: Path) -> None:
    line = json.dumps({"text": "one\u2028two\x85three"}, ensure_ascii=False)
    (tmp_path / "rows.jsonl.xz").write_bytes(lzma.compress(f"{line}\n\n{line}\n".encode()))
    assert [*rows(tmp_path, "*.xz")] == [{"text": "one\u2028two\x85three"}] * 2


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match=r"text/\*\.txt"):
        build(tmp_path, tiny.CONFIG.data, tiny.tokenizer(), tmp_path / "cache")
