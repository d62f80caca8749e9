"""One chapter as plain text, as an EPUB and as a PDF with hyphens and running heads: the same words from all three."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from longdoc.bench.same_text import agreement, run, words_of
from longdoc.core.errors import UsageError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ingest"))
from made_sources import epub, page_html, pdf

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "the-thirty-nine-steps.txt"
LINES_A_PAGE = 36
VOWELS = "aeiouy"


def chapter() -> list[str]:
    """The paragraphs of the first chapter, each on one line, below its heading."""
    text = SAMPLE.read_text(encoding="utf-8")
    begin = text.index("CHAPTER I\n\nThe Man Who Died")
    return [" ".join(part.split()) for part in text[begin : text.index("CHAPTER II\n\n")].split("\n\n") if part.strip()]


def broken(paragraph: str, width: int = 62) -> list[str]:
    """Lines as a printer breaks them: an indent, and a hyphen in long words that do not fit."""
    lines = [" "]
    for word in paragraph.split():
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}" if lines[-1].strip() else word
            continue
        room = width - len(lines[-1]) - 2
        cut = next((n for n in range(min(room, len(word) - 3), 2, -1) if _may_part(word, n)), 0)
        if cut:
            lines[-1] += f" {word[:cut]}-"
        lines.append(word[cut:])
    return lines


def _may_part(word: str, n: int) -> bool:
    return word.isalpha() and word.islower() and word[n] not in VOWELS and any(v in word[:n] for v in VOWELS)


def made_pdf(path: Path, paragraphs: list[str]) -> Path:
    lines = [line for paragraph in paragraphs for line in broken(paragraph)]
    pages = [lines[start : start + LINES_A_PAGE] for start in range(0, len(lines), LINES_A_PAGE)]
    heads = [("The Thirty-Nine Steps", "The Man Who Died")[number % 2] for number in range(len(pages))]
    assert sum(line.endswith("-") for line in lines) > 20
    return pdf(path, pages, heads=heads, feet=[str(number) for number in range(1, len(pages) + 1)])


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("forms")
    paragraphs = chapter()
    (folder / "one.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    body = "".join(f"<p>{paragraph.replace('&', '&amp;')}</p>" for paragraph in paragraphs)
    nav = page_html('<nav epub:type="toc"><ol><li><a href="c1.xhtml">The Man Who Died</a></li></ol></nav>')
    epub(folder / "one.epub", {"c1": page_html(body)}, nav=nav)
    made_pdf(folder / "one.pdf", paragraphs)
    return [folder / name for name in ("one.txt", "one.epub", "one.pdf")]


def test_three_forms_of_a_chapter_agree_in_their_words(forms: list[Path]) -> None:
    result = run(forms)
    assert [(row["file"], row["other"]) for row in result["results"]] == [
        ("one.txt", "one.epub"),
        ("one.txt", "one.pdf"),
        ("one.epub", "one.pdf"),
    ]
    assert min(row["words"] for row in result["results"]) > 4500
    assert result["results"][0]["agreement"] == 1
    assert result["least_agreement"] >= 0.995
    assert result["passed"]


def test_other_words_do_not_agree() -> None:
    row = agreement(words_of("One two three, four five."), words_of("One TWO four; five six seven"))
    assert (row["words"], row["other_words"], row["differences"]) == (5, 6, 2)
    assert row["agreement"] == pytest.approx(4 / 6)
    assert row["first_of_them"] == "three / —; — / six seven"


def test_hyphens_inside_of_words_count_and_the_form_of_quotes_does_not() -> None:
    assert words_of("the well-known shepherd’s “hut”—here") == ["the", "well-known", "shepherd's", "hut", "here"]
    assert agreement(words_of("well-known"), words_of("wellknown"))["agreement"] == 0


def test_one_file_has_nothing_to_agree_with(forms: list[Path]) -> None:
    with pytest.raises(UsageError, match="nothing to agree"):
        run(forms[:1])
