"""Plain text, Markdown and HTML: encodings, paragraphs, chapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from longdoc.ingest import read_document

WRAPPED = """THE BOOK

by

SOMEBODY

CONTENTS

CHAPTER I
CHAPTER II

CHAPTER I

The Start of It

It was a dark and stormy night; the rain fell in torrents, except at
occasional intervals, when it was checked by a violent gust of wind
which swept up the streets of the well-known town, and it was a well-
known wind.

    Tiger, tiger, burning bright
    In the forests of the night

Another paragraph follows here, and it goes on for long enough to be
wrapped as well, twice in fact, because it has so much to say about it,
and about other things which I shall not go into here and now.

CHAPTER II

The End of It

It ended, as these things do, rather suddenly, on a Tuesday afternoon
in the month of March, with a noise that nobody could quite explain to
the constable who came later.
"""


def read(tmp_path: Path, content: str | bytes, name: str = "book.txt") -> object:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return read_document(str(path))


def test_hard_wraps_are_undone_and_verse_keeps_its_lines(tmp_path: Path) -> None:
    paragraphs = read(tmp_path, WRAPPED).text.split("\n\n")
    assert "the well-known town, and it was a well-known wind." in paragraphs[7]
    assert "\n" not in paragraphs[7]
    assert paragraphs[8] == "Tiger, tiger, burning bright\nIn the forests of the night"
    assert paragraphs[9].endswith("here and now.")


def test_chapters_are_found_and_the_table_of_contents_is_none(tmp_path: Path) -> None:
    document = read(tmp_path, WRAPPED)
    assert [s.title for s in document.sections] == [
        "CONTENTS",
        "CHAPTER I. The Start of It",
        "CHAPTER II. The End of It",
    ]
    assert document.text[document.sections[1].start :].startswith("CHAPTER I\n\nThe Start of It\n\nIt was")
    assert document.title == "THE BOOK"


BODY = "\n\nSome words that stand below the heading and are long enough.\n\n" * 5


@pytest.mark.parametrize(
    ("headings", "titles"),
    [
        (
            ["CHAPTER ONE. The Beginning", "CHAPTER TWO. The End"],
            ["CHAPTER ONE. The Beginning", "CHAPTER TWO. The End"],
        ),
        (["I. A Start", "II. A Middle", "III. An End"], ["I. A Start", "II. A Middle", "III. An End"]),
        (["I", "II", "III"], ["I", "II", "III"]),
        (["Chapter 1: Snow", "Chapter 2: Ice"], ["Chapter 1: Snow", "Chapter 2: Ice"]),
        (["LETTER I", "LETTER II"], ["LETTER I", "LETTER II"]),
        (
            ["PREFACE", "CHAPTER THE FIRST", "CHAPTER THE SECOND"],
            ["PREFACE", "CHAPTER THE FIRST", "CHAPTER THE SECOND"],
        ),
    ],
)
def test_headings_of_many_kinds_are_chapters(tmp_path: Path, headings: list[str], titles: list[str]) -> None:
    document = read(tmp_path, "".join(heading + BODY for heading in headings))
    assert [s.title for s in document.sections] == titles


def test_parts_hold_chapters(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "".join(f"{heading}{BODY}" for heading in ("PART I", "CHAPTER 1", "CHAPTER 2", "PART II", "CHAPTER 3")),
    )
    assert [(s.title, s.level) for s in document.sections] == [
        ("PART I", 1),
        ("CHAPTER 1", 2),
        ("CHAPTER 2", 2),
        ("PART II", 1),
        ("CHAPTER 3", 2),
    ]


def test_prose_that_begins_with_a_chapter_number_is_no_heading(tmp_path: Path) -> None:
    text = "Part one of the plan was to leave.\n\nChapter 7 of that law says nothing.\n\nI was glad.\n\nII hosts met."
    assert read(tmp_path, text).sections == ()


def test_project_gutenberg_s_licence_is_left_out_and_said(tmp_path: Path) -> None:
    text = (
        "The Project Gutenberg eBook of X\n\nTitle: A Study\n  of Things\n\nAuthor: N.\n\n"
        "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\nThe text.\n\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\nLICENCE WORDS\n"
    )
    document = read(tmp_path, text)
    assert document.text == "The text."
    assert document.title == "A Study of Things"
    assert "Project Gutenberg" in document.warnings[0]


RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 5


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "koi8-r", "cp1251"]
)
def test_encodings_are_told_apart(tmp_path: Path, codec: str) -> None:
    text = RUSSIAN if codec not in ("utf-16-le", "utf-16-be") else "All happy families are alike, he wrote. " * 5
    document = read(tmp_path, text.encode(codec))
    assert document.text == text.strip()


def test_a_guessed_encoding_is_admitted(tmp_path: Path) -> None:
    assert "guessed" in read(tmp_path, RUSSIAN.encode("koi8-r")).warnings[0]


def test_western_letters_without_utf_8_are_read(tmp_path: Path) -> None:
    text = "Der Vogel sa\u00df gem\u00fctlich in der K\u00fcche und fra\u00df \u00c4pfel. " * 20
    assert read(tmp_path, text.encode("cp1252")).text == text.strip()


FRENCH = "Le garçon s'est levé tôt; à l'école où l'on apprenait déjà l'hébreu, il était très «bête» et naïf. " * 5
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗い所でニャーニャー泣いていた。" * 2
)
CHINESE = "我们的祖国是花园，花园里花朵真鲜艳。这是一个很长的句子，用来测试编码的检测。\n" * 2


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *((FRENCH, codec) for codec in ("cp1252", "latin-1", "mac-roman", "utf-32-be")),
        *((JAPANESE, codec) for codec in ("cp932", "euc_jp")),
        *((CHINESE, codec) for codec in ("gb18030", "big5hkscs", "utf-16-le", "utf-16-be")),
        *((RUSSIAN, codec) for codec in ("iso8859-5", "cp866")),
        ("Iğdır'ın ılık ışığı altında yaşlı kadın, ağır ağır yürüyüp çarşıya indi. " * 5, "cp1254"),
    ],
)
def test_encodings_without_any_mark_are_told_by_their_letters(tmp_path: Path, text: str, codec: str) -> None:
    if codec == "big5hkscs":
        text = "我們的祖國是花園，花園裡花朵真鮮豔。這是一個很長的句子，用來測試編碼的檢測。" * 2
    assert "".join(read(tmp_path, text.encode(codec)).text.split()) == "".join(text.split())


def test_one_broken_byte_does_not_change_the_encoding(tmp_path: Path) -> None:
    document = read(tmp_path, RUSSIAN.encode() + b"\xff." + RUSSIAN.encode())
    assert document.text.count("\ufffd") == 1
    assert "could not be decoded" in document.warnings[0]


def test_utf_8_with_many_broken_bytes_is_still_utf_8(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xff. ".join([RUSSIAN.encode()] * 9))
    assert document.text.count("\ufffd") == 8
    assert document.source.lost == ("8 characters could not be decoded as UTF-8",)


@pytest.mark.parametrize(("data", "text"), [(b"It is Caf\xe9", "It is Café"), (b"He said it\x92", "He said it’")])
def test_a_last_letter_beyond_ascii_is_no_cut_utf_8(tmp_path: Path, data: bytes, text: str) -> None:
    document = read(tmp_path, data)
    assert document.text == text
    assert not document.source.lost


def test_odd_characters_are_normalised_before_offsets_are_taken(tmp_path: Path) -> None:
    text = "The o\ufb03ce\u00a0was\u2009soft\u00adened by cafe\u0301 light\u200b and\r\n\ufb01re."
    assert read(tmp_path, text).text == "The office was softened by caf\u00e9 light and fire."


def test_markdown_headings_are_sections_and_marks_are_gone(tmp_path: Path) -> None:
    text = (
        "---\ntitle: Notes\n---\n# One\n\nSome *plain* and **bold** text with a [link](http://x.y)\nover two lines.\n\n"
        "- first\n- second\n  goes on\n\n```\ncode  stays\n  as it is\n```\n\n"
        "Two\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    document = read(tmp_path, text, "notes.md")
    assert document.source.format == "markdown"
    assert document.title == "Notes"
    assert document.text == (
        "One\n\nSome plain and bold text with a link over two lines.\n\n- first\n- second goes on\n\n"
        "code  stays\n  as it is\n\nTwo\n\na | b\n1 | 2"
    )
    assert [(s.title, s.level) for s in document.sections] == [("One", 1), ("Two", 2)]


def test_html_gives_paragraphs_and_headings_without_scripts(tmp_path: Path) -> None:
    page = (
        "<!DOCTYPE html><html><head><title>A Page</title><style>p{}</style></head><body><h1>Top</h1>"
        "<p>One\n <b>bold</b> word&nbsp;&mdash; here.</p><script>var x = '<p>no</p>';</script>"
        "<ul><li>a</li><li>b</li></ul><table><tr><td>1</td><td>2</td></tr></table><pre>x\n  y</pre></body></html>"
    )
    document = read(tmp_path, page, "page")
    assert document.source.format == "html"
    assert document.title == "A Page"
    assert document.text == "Top\n\nOne bold word — here.\n\na\n\nb\n\n1 | 2\n\nx\n  y"
    assert [s.title for s in document.sections] == ["Top"]


@pytest.mark.parametrize(
    ("declared", "real", "words"),
    [
        ("shift_jis", "cp932", "①彅髙"),
        ("iso-8859-1", "cp1252", "“quoted” – so"),
        ("euc-kr", "cp949", "똠방각하"),
        ("gb2312", "gb18030", "镕喆"),
    ],
)
def test_a_declared_encoding_means_what_browsers_take_it_for(
    declared: str, real: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(f'<html><meta charset="{declared}"><p>{words}</p></html>'.encode(real))
    document = read_document(str(path))
    assert document.text == words
    assert not document.source.lost


def test_korean_mail_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("안녕하세요 여러분\n".encode("iso2022_kr") * 3)
    assert read_document(str(path)).text.startswith("안녕하세요 여러분")


def test_html_is_decoded_as_it_declares(tmp_path: Path) -> None:
    page = f'<html><head><meta charset="windows-1251"></head><body><p>{RUSSIAN}</p></body></html>'
    assert read(tmp_path, page.encode("cp1251"), "page.html").text == RUSSIAN.strip()
