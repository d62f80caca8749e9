"""Segments tile the text, fit, cut no word and follow the parts; parts tile the text. With two tokenizers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.core.settings import SourceOptions
from longdoc.core.types import Anchor, Document, Section, Source
from longdoc.ingest import Together, read_document, read_source
from longdoc.segment import Encode, count_tokens, file_tiles, parts, segment
from longdoc.segment.parts import FRONT_MATTER

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
TRAINING_TEXT = (
    "It was a dark and stormy night; the rain fell in torrents. He said: “No.”\n\nAnd then, in 1915, all was quiet. "
) * 20


def words(text: str) -> list[tuple[int, int, int]]:
    """A fake tokenizer: a token is a piece of at most four letters with the space before it, a mark, or white space."""
    return [(hash(m[0]) % 1000, *m.span()) for m in re.finditer(r" ?\w{1,4}|[^\w\s]|\s", text)]


@cache
def byte_level() -> Encode:
    """A byte-level BPE: characters of several bytes become several tokens with the same offsets."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([TRAINING_TEXT], trainer)

    def encode(text: str) -> list[tuple[int, int, int]]:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return [(token, start, end) for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)]

    encode.decode = tokenizer.decode  # type: ignore[attr-defined]
    return encode


TOKENIZERS: list[Callable[[], Encode]] = [lambda: words, byte_level]
tokenizers = pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["words", "byte-level"])


def document_of(text: str, sections: tuple[Section, ...] = (), anchors: tuple[Anchor, ...] = ()) -> Document:
    return Document(text, Source("book.txt", "0" * 64, "text", len(text)), sections=sections, anchors=anchors)


text_pieces = st.one_of(
    st.sampled_from(
        ["Mr. Smith went home. ", "He left!", "\n\n", " ", "\n", "a-b", "don't", "漢字の文。", "été ", "👩‍👩‍👧 "]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    st.from_regex(r"[a-z]{1,9} ", fullmatch=True),
)
texts = st.lists(text_pieces, min_size=1, max_size=120).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any text with chapters at any places, some of them with sub-sections."""
    text = draw(texts)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    sections = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        sections.append(Section(f"Chapter {number}", start, end, 1))
        middle = draw(st.integers(start, end))
        if start < middle < end and draw(st.booleans()):
            sections.append(Section(f"Half of {number}", start, middle, 2))
            sections.append(Section(f"Rest of {number}", middle, end, 2))
    return document_of(text, tuple(sorted(sections, key=lambda s: (s.start, s.level))))


@tokenizers
@settings(max_examples=80, deadline=None)
@given(document=documents(), max_tokens=st.integers(1, 40), small=st.integers(0, 60))
def test_segments_tile_the_text_and_fit(
    tokenizer: Callable[[], Encode], document: Document, max_tokens: int, small: int
) -> None:
    encode = tokenizer()
    chosen = parts(document, min_characters=small, max_characters=200)
    found = list(segment(document, encode, max_tokens, parts=chosen))
    assert [s.index for s in found] == list(range(len(found)))
    assert "".join(document.text[s.start : s.end] for s in found) == document.text
    assert all(a.end == b.start for a, b in pairwise(found))
    longest = max((encode_count(encode, c) for c in document.text), default=1)
    assert all(s.num_tokens <= max(max_tokens, longest) for s in found)
    assert [i for s in found for i in s.token_ids] == [i for i, _, _ in encode(document.text)]
    assert sum(s.num_tokens for s in found) == count_tokens(document, encode)
    for s in found:
        part = chosen[s.part]
        assert part.start <= s.start
        assert s.end <= part.end
        assert s.closes_part == (s.end == part.end)


def encode_count(encode: Encode, text: str) -> int:
    return sum(1 for _ in encode(text))


@tokenizers
@settings(max_examples=80, deadline=None)
@given(text=st.lists(st.from_regex(r"[a-zé]{1,9}[.,]?[ \n]", fullmatch=True), min_size=1, max_size=150).map("".join))
def test_no_word_is_cut(tokenizer: Callable[[], Encode], text: str) -> None:
    document = document_of(text)
    for s in segment(document, tokenizer(), 24):
        assert s.start == 0 or not (text[s.start - 1].isalnum() and text[s.start].isalnum())


@settings(max_examples=80, deadline=None)
@given(text=texts)
def test_the_ids_of_a_segment_spell_its_text(text: str) -> None:
    encode = byte_level()
    document = document_of(text)
    for s in segment(document, encode, 16):
        spelt = encode.decode(list(s.token_ids))  # type: ignore[attr-defined]
        if "\ufffd" not in spelt:  # a character of more than 16 tokens does not exist; one cut off would show
            assert spelt == document.text[s.start : s.end]
        else:
            assert "\ufffd" in document.text[s.start : s.end]


@settings(max_examples=80, deadline=None)
@given(document=documents(), small=st.integers(0, 80), large=st.integers(20, 400))
def test_parts_tile_the_text(document: Document, small: int, large: int) -> None:
    chosen = parts(document, min_characters=small, max_characters=large)
    assert chosen[0].start == 0
    assert chosen[-1].end == len(document.text)
    assert all(a.end == b.start for a, b in pairwise(chosen))
    assert all(part.start < part.end for part in chosen)


def test_a_word_longer_than_a_segment_is_cut_between_characters() -> None:
    document = document_of("x" * 50 + " " + "é" * 30)
    found = list(segment(document, byte_level(), 8))
    assert "".join(document.text[s.start : s.end] for s in found) == document.text
    assert all(0 < s.num_tokens <= 8 for s in found)


def test_a_segment_ends_at_a_paragraph_or_a_sentence_when_one_is_near() -> None:
    paragraph = "One two three four. Five six seven. Eight nine ten eleven twelve. "
    text = "\n\n".join([paragraph.strip()] * 30)
    ends = [text[: s.end].rstrip()[-1] for s in segment(document_of(text), words, 40)]
    assert set(ends) == {"."}
    at_paragraph = [s for s in segment(document_of(text), words, 40) if text[: s.end].endswith("\n\n")]
    assert len(at_paragraph) >= 8


def test_a_long_text_is_read_in_blocks_that_stay_small() -> None:
    text = "A sentence of some words that says nothing at all. " * 8_000
    sizes: list[int] = []

    def encode(piece: str) -> list[tuple[int, int, int]]:
        sizes.append(len(piece))
        return words(piece)

    document = document_of(text)
    first = next(iter(segment(document, encode, 512, parts=(Section("All", 0, len(text)),))))
    assert first.num_tokens <= 512
    assert len(sizes) == 1  # lazy: one block for the first segment
    assert sum(s.num_tokens for s in segment(document, encode, 512)) == count_tokens(document, words)
    assert max(sizes) <= 65_536


def test_the_section_of_a_segment_is_the_innermost_one() -> None:
    text = "word " * 400
    sections = (Section("Chapter", 0, 2000, 1), Section("Half", 1000, 2000, 2))
    document = document_of(text, sections)
    found = list(segment(document, words, 50, parts=parts(document, min_characters=0, max_characters=1500)))
    assert {s.section for s in found if s.start < 1000} == {0}
    assert {s.section for s in found if s.start >= 1000} == {1}


def test_title_pages_are_joined_with_a_neighbour_and_named_after_the_chapter() -> None:
    text = "T" * 100 + "D" * 300 + "1" * 9000 + "2" * 8000 + "E" * 200
    spans = (
        ("Title", 0, 100),
        ("Dedication", 100, 400),
        ("One", 400, 9400),
        ("Two", 9400, 17400),
        ("End", 17400, 17600),
    )
    document = document_of(text, tuple(Section(*span) for span in spans))
    assert [(p.title, p.start, p.end) for p in parts(document)] == [("One", 0, 9400), ("Two", 9400, 17600)]


@pytest.mark.parametrize(
    ("lengths", "title"),
    [
        ({"Finances": 300, "Staff": 350, "Outlook": 200}, "Finances – Outlook"),
        ({"Dedication": 20, "Finances": 600, "Staff": 500}, "Finances – Staff"),
        ({FRONT_MATTER: 150, "1. The pier": 300, "2. Fees": 200}, "1. The pier – 2. Fees"),
        ({FRONT_MATTER: 900, "Notes": 200}, "Front matter – Notes"),
        ({"Colophon": 20, "Thanks": 1}, "Colophon – Thanks"),
    ],
)
def test_a_joined_part_is_named_after_what_it_holds(lengths: dict[str, int], title: str) -> None:
    sections, text = [], ""
    for name, length in lengths.items():
        start, text = len(text), text + ("" if name == FRONT_MATTER else f"{name}\n\n") + "x" * length + "\n\n"
        sections += [Section(name, start, len(text))] if name != FRONT_MATTER else []
    assert [part.title for part in parts(document_of(text, tuple(sections)))] == [title]


def test_the_lead_under_the_title_of_an_article_is_named_with_its_sections_and_a_bare_title_is_not() -> None:
    lead, section = "The bridge is closed. " * 10, "What it costs\n\n" + "It costs a lot. " * 10
    for text, title in ((f"The bridge\n\n{lead}", "The bridge – What it costs"), ("The bridge\n\n", "What it costs")):
        whole = Section("The bridge", 0, len(text + section), 1)
        found = parts(document_of(text + section, (whole, Section("What it costs", len(text), whole.end, 2))))
        assert [part.title for part in found] == [title]


def test_files_that_share_a_part_are_all_named_in_its_title(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("long.txt", "short.txt")]
    for name, text in zip(names, ("A word or two. " * 75, "Thanks."), strict=True):
        Path(name).write_text(text)
    document = read_source(Together("two", tuple(names), "two"), SourceOptions())
    assert [part.title for part in parts(document)] == ["long.txt – short.txt"]


def test_a_book_in_parts_is_taken_chapter_by_chapter() -> None:
    sections = []
    for number in range(2):
        sections.append(Section(f"Part {number}", number * 70_000, (number + 1) * 70_000, 1))
        for chapter in range(7):
            start = number * 70_000 + chapter * 10_000
            sections.append(Section(f"Chapter {number}.{chapter}", start, start + 10_000, 2))
    document = document_of("word " * 28_000, tuple(sections))
    assert [p.title for p in parts(document)] == [f"Chapter {n}.{c}" for n in range(2) for c in range(7)]


def test_hundreds_of_small_sections_are_joined_to_few_parts() -> None:
    text = "word " * 60_000
    sections = tuple(Section(f"§{n}", n * 500, (n + 1) * 500) for n in range(600))
    chosen = parts(document_of(text, sections))
    assert 20 <= len(chosen) <= 48
    assert chosen[0].title.startswith("§0 – §")


def test_a_document_without_sections_has_even_parts_with_their_pages() -> None:
    text = "\n\n".join("A paragraph of words that is long enough. " * 10 for _ in range(240))
    pages = tuple(Anchor(offset, page=n + 1) for n, offset in enumerate(range(0, len(text), 2000)))
    chosen = parts(document_of(text, anchors=pages))
    assert len(chosen) == 5
    assert chosen[1].title.startswith("Part 2 of 5 (pages 10-")
    assert all(text[: part.end].endswith("\n\n") for part in chosen[:-1])


def test_a_transcript_has_parts_with_their_times() -> None:
    document = read_document(str(SAMPLES / "urgent-national-needs.vtt"))
    titles = [part.title for part in parts(document)]
    assert re.fullmatch(r"Part 1 of 2 \(0:00:00-0:2\d:\d\d\)", titles[0])


@pytest.mark.parametrize("kind", ["pdf", "epub", "txt"])
def test_the_sample_book_has_ten_parts_named_after_its_chapters(kind: str) -> None:
    document = read_document(str(SAMPLES / f"the-thirty-nine-steps.{kind}"))
    titles = [part.title.upper() for part in parts(document)]
    assert len(titles) == 10
    assert titles[0] == "CHAPTER I. THE MAN WHO DIED"
    found = list(segment(document, words, 512))
    assert sum(s.closes_part for s in found) == 10
    assert sum(s.num_tokens for s in found) / len(found) > 400


@tokenizers
@settings(max_examples=80, deadline=None)
@given(document=documents(), max_tokens=st.integers(1, 40))
def test_a_text_has_the_same_tokens_whatever_its_parts(
    tokenizer: Callable[[], Encode], document: Document, max_tokens: int
) -> None:
    encode = tokenizer()
    whole = (Section("All", 0, len(document.text)),)
    by_part = parts(document, min_characters=0, max_characters=100)
    ids = [[i for s in segment(document, encode, max_tokens, parts=p) for i in s.token_ids] for p in (by_part, whole)]
    assert ids[0] == ids[1]


def test_a_token_that_reaches_into_the_next_part_goes_where_its_letters_are() -> None:
    text = "One two. Three four."
    parts_of_it = (Section("A", 0, 8), Section("B", 8, 11), Section("C", 11, len(text)))
    found = [*segment(document_of(text), words, 50, parts=parts_of_it)]
    assert [s.num_tokens for s in found] == [3, 1, 3]  # " Thre" begins in the second part
    at_space = (Section("A", 0, 9), Section("B", 9, len(text)))
    assert [s.num_tokens for s in segment(document_of(text), words, 50, parts=at_space)] == [3, 4]


def test_the_tokens_of_a_file_do_not_depend_on_the_files_before_it(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for name in names:
        Path(name).write_text("A word or two. " * 30)
    both = read_source(Together("two", tuple(names), "two"), SourceOptions())
    alone = count_tokens(read_document(names[0]), byte_level())
    first, second = (count_tokens(both, byte_level(), tiles=(tile,)) for tile in file_tiles(both))
    assert first == alone
    assert first + second == count_tokens(both, byte_level())
    assert sum(s.num_tokens for s in segment(both, byte_level(), 50, parts=parts(both))) == first + second
