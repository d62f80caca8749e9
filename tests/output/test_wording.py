"""Numbers, places and receipts in words."""

from __future__ import annotations

from typing import Any

import pytest
from handmade import make_citation, make_receipt

from longdoc.core.types import AttentionInfo, CitationCount, ModelInfo, SkippedPage
from longdoc.output.markdown import heading_of
from longdoc.output.receipts import receipt_lines, skipped_pages
from longdoc.output.wording import (
    clean,
    clock,
    duration,
    memory,
    one_line,
    percent,
    place,
    places,
    shorten,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (7_805, "2 h 10 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_memory_is_in_decimal_units() -> None:
    assert [memory(n) for n in (512_000_000, 999_400_000, 999_600_000, 9_100_000_000)] == [
        "512 MB", "999 MB", "1.0 GB", "9.1 GB",
    ]  # fmt: skip


def test_only_all_of_it_is_a_hundred_percent() -> None:
    assert [percent(1, 3), percent(99_999, 100_000), percent(5, 5), percent(0, 0)] == ["33%", "99%", "100%", "100%"]


def test_times_are_written_as_players_show_them() -> None:
    assert clock(5_025.9) == "01:23:45"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, "p. 12"),
        ({"label": "xii"}, "p. xii"),
        ({"page": None, "start_s": 5_025.0, "section": "Chapter 2"}, "Chapter 2, 01:23:45"),
        ({"page": None, "start_s": 0.0}, "00:00:00"),
        ({"page": None, "section": "Chapter 2"}, "Chapter 2"),
        ({"page": None, "section": "word " * 40}, "word word word word word word word word word word word…"),
        ({"page": None}, "character 100"),
    ],
)
def test_a_place_is_the_most_exact_that_a_reader_can_turn_to(changes: dict[str, Any], where: str) -> None:
    assert place(make_citation(**changes)) == where


def test_a_citation_from_another_file_names_it() -> None:
    assert place(make_citation(source="b.pdf"), document="a.pdf") == "b.pdf, p. 12"


@pytest.mark.parametrize(
    ("quote", "speaker", "where"),
    [
        ("It rained.", "Ann Lee", "p. 12, Ann Lee"),
        ("Ann Lee: It rained.", "Ann Lee", "p. 12"),
        ("It rained.", "Ann\x1b[31m\nLee", "p. 12, Ann[31m Lee"),
        ("It rained.", None, "p. 12"),
        ("It rained.", "", "p. 12"),
    ],
)
def test_who_speaks_is_named_unless_the_quote_begins_with_the_name(quote: str, speaker: str | None, where: str) -> None:
    assert place(make_citation(quote, speaker=speaker)) == where


def test_places_are_each_named_once_and_only_when_verified() -> None:
    cited = [make_citation(), make_citation("Other."), make_citation(page=3, verified=False)]
    assert places(cited) == ["p. 12"]


def test_control_characters_are_dropped_and_words_kept() -> None:
    assert clean("a\x1b[31mb\x9b2Jc\x7f\r\td\n") == "a[31mbc".replace("bc", "b2Jc") + "\td\n"
    assert one_line("a\r\nb\x0cc\x00d") == "a b cd"


def test_shortening_ends_at_a_word() -> None:
    assert shorten("one two three", 10) == "one two…"
    assert shorten("x" * 20, 10) == "x" * 9 + "…"
    assert shorten("in " + "x" * 20, 10) == "in xxxxxx…"


def test_skipped_pages_are_grouped_by_reason_and_never_silently_cut() -> None:
    skipped = [SkippedPage(p, "no text layer") for p in (7, 9, 10, 11)] + [SkippedPage(30, "damaged")]
    assert skipped_pages(skipped) == "7, 9–11 (no text layer); 30 (damaged)"
    many = skipped_pages([SkippedPage(p, "no text layer") for p in range(1, 61, 2)])
    assert many.endswith("23 and 18 more (no text layer)")


def test_the_receipt_tells_what_was_read_by_what_and_at_what_cost() -> None:
    receipt = make_receipt(warnings=("2 undecodable bytes",))
    assert receipt_lines(receipt, CitationCount(41, 40, 38, 37))[1] == "Model embedded."
    assert receipt_lines(receipt, CitationCount(41, 40, 38, 37), detailed=True) == [
        "Read 56,812 of 56,812 tokens (100%), 215 of 216 pages; skipped: 7 (no text layer). "
        "12 s, 9,100 tokens/s, 512 MB.",
        "Model embedded, adapter memory; attention stream (sinks 4, window 512, memory on): "
        "longer than the model's context.",
        "Note: 2 undecodable bytes",
        "Citations: 40 of 41 quotes stand at the place they name, 37 of 38 statements cited; "
        "book.pdf, sha256 0123456789abcdef….",
    ]


def test_the_receipt_says_what_an_earlier_run_had_read() -> None:
    some = make_receipt(num_pages=None, skipped=(), tokens_from_state=50_000)
    assert receipt_lines(some, CitationCount())[0].startswith(
        "Read 56,812 of 56,812 tokens (100%), 50,000 of them in an earlier run that kept its state. 12 s, 9,100"
    )
    every = make_receipt(num_pages=None, skipped=(), tokens_from_state=56_812, read_tokens_per_s=0.0)
    assert receipt_lines(every, CitationCount())[0] == (
        "Read 56,812 of 56,812 tokens (100%), all of them in an earlier run that kept its state. 12 s, 512 MB."
    )


def test_the_receipt_of_exact_attention_has_no_tiers_and_of_text_no_pages() -> None:
    receipt = make_receipt(
        num_pages=None,
        skipped=(),
        model=ModelInfo("a/b", quantization="nf4"),
        attention=AttentionInfo("exact", 0, 0, False, "it fits"),
    )
    first, second, _ = receipt_lines(receipt, CitationCount(), detailed=True)
    assert "page" not in first
    assert second == "Model a/b, nf4; attention exact: it fits."
    assert receipt_lines(receipt, CitationCount())[1] == "Model a/b, nf4."


def test_the_receipt_says_that_the_window_is_in_eight_bits() -> None:
    line = receipt_lines(make_receipt(settings={"kv_bits": 8}), CitationCount(), detailed=True)[1]
    assert "memory on), keys and values in 8 bits: longer than" in line
    assert "8 bits" not in receipt_lines(make_receipt(settings={"kv_bits": 16}), CitationCount(), detailed=True)[1]


@pytest.mark.parametrize(
    ("name", "several", "heading"),
    [
        ("/home/ann/papers/notes.txt", False, "notes.txt"),
        ("/home/ann/papers/notes.txt", True, "/home/ann/papers/notes.txt"),
        ("papers/", False, "papers"), ("-", False, "Standard input"), ("-", True, "Standard input"),
    ],
)  # fmt: skip
def test_what_has_no_title_is_headed_by_the_name_of_its_file(name: str, several: bool, heading: str) -> None:
    assert heading_of(make_receipt(name, title=None), several) == heading
